/** The built page, from disk, with the types browsers insist on (`application/wasm` for streaming compilation). */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { extname, join, normalize, sep } from 'node:path'

/** @type {Record<string, string>} */
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.wasm': 'application/wasm', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png', '.ico': 'image/x-icon',
  '.map': 'application/json', '.woff2': 'font/woff2',
}

/**
 * @param {string} root
 * @param {string} pathname
 * @param {import('node:http').ServerResponse} response
 * @param {boolean} headOnly
 * @returns {Promise<boolean>} false if there is no such file
 */
export async function sendFile(root, pathname, response, headOnly) {
  /** @type {string} */ let path
  try {
    path = normalize(join(root, decodeURIComponent(pathname)))
  } catch {
    return false
  }
  if (path.includes('\0') || (path !== root && !path.startsWith(root + sep))) return false
  let info = await stat(path).catch(() => undefined)
  if (info?.isDirectory()) {
    path = join(path, 'index.html')
    info = await stat(path).catch(() => undefined)
  }
  if (!info?.isFile()) return false
  response.setHeader('content-type', TYPES[extname(path)] ?? 'application/octet-stream')
  response.setHeader('content-length', info.size)
  // Built assets carry a hash in their name and never change; the page itself must be asked for each time.
  response.setHeader('cache-control', pathname.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache')
  if (headOnly) {
    response.end()
    return true
  }
  await new Promise(resolve => {
    const file = createReadStream(path)
    file.on('error', () => response.destroy())
    response.on('close', () => {
      file.destroy()
      resolve(undefined)
    })
    file.pipe(response)
  })
  return true
}
