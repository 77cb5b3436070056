// One build at a time in a checkout: `npm start` and `npm test` may be typed in two terminals.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { say } from './command.mjs'
import { cache } from './place.mjs'

const file = join(cache, 'lock')

function isAlive(pid) {
  try { process.kill(pid, 0); return true } catch (error) { return error.code === 'EPERM' }
}

function holder() {
  try { return Number(readFileSync(file, 'utf8')) } catch { return undefined }
}

async function acquire() {
  mkdirSync(dirname(file), { recursive: true })
  let hasTold = false
  for (let empty = 0; ;) {
    try { writeFileSync(file, String(process.pid), { flag: 'wx' }); return } catch (error) { if (error.code !== 'EEXIST') throw error }
    const pid = holder()
    // An empty file is one whose writer is between creating and writing, for a moment only.
    if (pid ? !isAlive(pid) : ++empty > 20) { rmSync(file, { force: true }); empty = 0; continue }
    if (pid && !hasTold) { say(`Waiting for the build of process ${pid}`); hasTold = true }
    await sleep(100)
  }
}

export async function exclusively(work) {
  await acquire()
  try { return await work() } finally { if (holder() === process.pid) rmSync(file, { force: true }) }
}
