/** The demo's server in a process of its own, for tests that end it. */
import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const SERVER = fileURLToPath(new URL('feed-server.mjs', import.meta.url))

export class ServerProcess {
  /** @type {import('node:child_process').ChildProcess | undefined} */ #child
  /** @type {string[]} */ said = []

  /** @param {number} port @param {string[]} args as those of `feed-server.mjs` */
  constructor(port, args) {
    this.args = [String(port), ...args]
  }

  /** Starts it, again and again while it cannot, as when the database is away. */
  async start() {
    for (;;) {
      const child = this.#child = fork(SERVER, this.args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
      child.stderr?.on('data', text => { this.said.push(String(text)) })
      const isReady = await new Promise(resolve => {
        child.once('message', () => resolve(true))
        child.once('exit', () => resolve(false))
      })
      if (isReady) return
    }
  }

  get isRunning() {
    return this.#child?.exitCode === null && this.#child.signalCode === null
  }

  /** @param {NodeJS.Signals} signal */
  async end(signal) {
    const child = this.#child
    if (!child || !this.isRunning) return
    const ended = new Promise(resolve => child.once('exit', resolve))
    child.kill(signal)
    await ended
  }
}
