// Runs programs: streamed to the terminal, captured when someone counts what they said.
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, statSync } from 'node:fs'
import { delimiter, isAbsolute, join } from 'node:path'
import { root } from './place.mjs'

/** What a user can mend: shown as one message, without the stack of the script. */
export class SetupError extends Error {}

export const say = (text) => process.stdout.write(`${text}\n`)

/** Runs to the end. Resolves to the exit code and, with `capture`, everything the program wrote. */
export function run(program, args, { env, cwd = root, capture = false } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd, env: { ...process.env, ...env }, stdio: ['ignore', capture ? 'pipe' : 'inherit', capture ? 'pipe' : 'inherit'],
    })
    let output = ''
    if (capture) {
      for (const [from, to] of [[child.stdout, process.stdout], [child.stderr, process.stderr]]) {
        from.setEncoding('utf8').on('data', (text) => { output += text; to.write(text) })
      }
    }
    child.on('error', reject)
    child.on('close', (code, signal) => resolve({ code: code ?? 128, signal, output }))
  })
}

/** Runs and insists on success. */
export async function must(program, args, options) {
  const { code } = await run(program, args, options)
  if (code !== 0) throw new SetupError(`failed with exit code ${code}: ${[program, ...args].join(' ')}`)
}

/** What a short question to a program answers, or undefined when the program is absent or refuses. */
export function ask(program, args, options) {
  const { status, stdout } = spawnSync(program, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 26, ...options })
  return status === 0 ? stdout.trim() : undefined
}

/** The executable file behind a name on PATH or an absolute path. */
export function which(name, path = process.env.PATH ?? '') {
  const candidates = isAbsolute(name) ? [name] : path.split(delimiter).filter(Boolean).map((folder) => join(folder, name))
  return candidates.find((file) => {
    try { accessSync(file, constants.X_OK); return statSync(file).isFile() } catch { return false }
  })
}

/** Reports the error of a script the way its reader can act on it. */
export function complain(error) {
  process.stderr.write(`\n${error instanceof SetupError ? error.message : error?.stack ?? error}\n`)
  process.exitCode = 1
}
