/**
 * A port for a server that is started by its number, and again by the same one.
 *
 * Below those that systems give away by themselves (Linux from 32768 on, others from 49152): while the server is down no connection
 * of anybody has it, not even one that looks for the server, which could else meet itself.
 */
import { createServer } from 'node:net'

const FIRST = 20_000, COUNT = 12_000

/** @param {number} port @returns {Promise<boolean>} */
const isFree = port => new Promise(resolve => {
  const probe = createServer()
  probe.once('error', () => resolve(false))
  probe.listen(port, '127.0.0.1', () => { probe.close(() => resolve(true)) })
})

/** @returns {Promise<number>} */
export async function freePort() {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT)
    if (await isFree(port)) return port
  }
}
