// What an editor shows: the language server of the TypeScript that we test with, asked at places of a file.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import { inRoot } from '../scripts/place.mjs'

/** Opens a file; `completions` and `hover` take the index of a character. */
export async function editor(folder, file) {
  const server = spawn(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), '--lsp', '--stdio'], { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] })
  const asked = new Map()
  const send = (message) => {
    const text = JSON.stringify({ jsonrpc: '2.0', ...message })
    server.stdin.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }
  const ask = (method, params) => new Promise((done, failed) => {
    asked.set(asked.size, ({ result, error }) => { error ? failed(new Error(error.message)) : done(result) })
    send({ id: asked.size - 1, method, params })
  })
  const received = ({ id, method, result, error, params }) => {
    // It asks as well, about settings that there are none of.
    if (method !== undefined && id !== undefined) send({ id, result: params?.items?.map(() => null) ?? null })
    else if (id !== undefined) asked.get(id)({ result, error })
  }
  let bytes = Buffer.alloc(0)
  server.stdout.on('data', (more) => {
    bytes = Buffer.concat([bytes, more])
    for (;;) {
      const head = bytes.indexOf('\r\n\r\n')
      const length = head < 0 ? NaN : Number(/Content-Length: (\d+)/i.exec(bytes.subarray(0, head))[1])
      if (!(bytes.length >= head + 4 + length)) return
      const message = JSON.parse(bytes.subarray(head + 4, head + 4 + length))
      bytes = bytes.subarray(head + 4 + length)
      received(message)
    }
  })
  const text = readFileSync(file, 'utf8'), uri = pathToFileURL(file).href
  const place = (at) => {
    const before = text.slice(0, at).split('\n')
    return { textDocument: { uri }, position: { line: before.length - 1, character: before.at(-1).length } }
  }
  await ask('initialize', { processId: process.pid, rootUri: pathToFileURL(folder).href, capabilities: { textDocument: { hover: { contentFormat: ['plaintext'] }, completion: {} } } })
  send({ method: 'initialized', params: {} })
  send({ method: 'textDocument/didOpen', params: { textDocument: { uri, languageId: 'typescript', version: 1, text } } })
  return {
    text,
    completions: async (at) => {
      const found = await ask('textDocument/completion', place(at))
      return (found?.items ?? found ?? []).map(({ label }) => label).sort()
    },
    hover: async (at) => (await ask('textDocument/hover', place(at)))?.contents?.value ?? '',
    close: () => { server.kill() },
  }
}
