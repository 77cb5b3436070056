/** How the page gets to the browser: built once and served from disk, or through Vite while it is being worked on. */
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { sendFile } from './static-files.mjs'

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */
/** @typedef {(request: Request, response: Response) => Promise<void>} Handler */

export const CONFIG = fileURLToPath(new URL('../vite.config.mjs', import.meta.url))
const DIST = fileURLToPath(new URL('../dist', import.meta.url))

/** The pages below `/demos/`. */
export const demos = readdirSync(new URL('../demos', import.meta.url), { withFileTypes: true }).filter(entry => entry.isDirectory()).map(entry => entry.name)

/** @returns {Promise<void>} */
export async function buildPage() {
  const { build } = await import('vite')
  await build({ configFile: CONFIG, logLevel: 'warn' })
}

/** @type {Handler} */
export async function builtPage(request, response) {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost')
  if (await sendFile(DIST, pathname, response, request.method === 'HEAD')) return
  response.writeHead(404, { 'content-type': 'text/plain' })
  response.end('There is nothing here.')
}

/**
 * Vite in the server's own process: no build, a reload shows what was edited.
 * @returns {Promise<{ handler: Handler, close: () => Promise<void> }>}
 */
export async function livePage() {
  const { createServer } = await import('vite')
  const vite = await createServer({ configFile: CONFIG, server: { middlewareMode: true, ws: false }, appType: 'spa' })
  return {
    handler: (request, response) => new Promise(resolve => {
      response.on('close', () => resolve(undefined))
      vite.middlewares(request, response)
    }),
    close: () => vite.close(),
  }
}
