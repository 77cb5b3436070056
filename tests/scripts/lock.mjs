// One build at a time in a checkout: `npm start` and `npm test` may be typed in two terminals.
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { say } from './command.mjs'
import { cache } from './place.mjs'

function isAlive(pid) {
  try { process.kill(pid, 0); return true } catch (error) { return error.code === 'EPERM' }
}

/** Whose a lock is, and a mark that no other lock has; undefined when it has just gone. */
function read(lock) {
  try {
    const [pid, mark = pid] = readFileSync(lock, 'utf8').split(' ')
    return { pid: Number(pid), mark }
  } catch { return undefined }
}

/** Makes a lock with what is in it, in one step, unless there is one. */
function made(lock, text) {
  const own = `${lock}.${text.replace(' ', '.')}`
  writeFileSync(own, text)
  try { linkSync(own, lock); return true } catch (error) {
    if (error.code === 'EEXIST') return false
    throw error
  } finally { rmSync(own, { force: true }) }
}

/**
 * Takes the lock; the process that has it now, undefined if that is to be asked again. Who finds its owner dead makes `lock.<mark>`, which one alone
 * can do; if that one is dead as well, the next makes the one of its mark. It becomes `lock`, unless `lock` is another by now: removing it would
 * remove what somebody else has made meanwhile.
 */
function take(file) {
  const text = `${process.pid} ${Math.random().toString(36).slice(2)}`
  const names = [file]
  let dead
  while (!made(names.at(-1), text)) {
    const held = read(names.at(-1))
    if (held === undefined) return undefined
    // Its own number is that of one before, as in a container: what this process has it knows.
    if (held.pid > 0 && held.pid !== process.pid && isAlive(held.pid)) return held.pid
    dead ??= held.mark
    names.push(`${file}.${held.mark}`)
  }
  const [, ...others] = names
  const last = others.pop()
  if (last === undefined) return process.pid
  if (read(file)?.mark !== dead) { rmSync(last, { force: true }); return undefined }
  renameSync(last, file)
  for (const name of others) rmSync(name, { force: true })
  return process.pid
}

/** Locks that this process has: another part of it waits, too. */
const own = new Set()

async function acquire(file) {
  mkdirSync(dirname(file), { recursive: true })
  for (let hasTold = false; ;) {
    const pid = own.has(file) ? process.pid : take(file)
    if (pid === process.pid && !own.has(file)) { own.add(file); return }
    if (pid && !hasTold) { say(`Waiting for the build of process ${pid}`); hasTold = true }
    await sleep(pid ? 100 : 0)
  }
}

export async function exclusively(work, file = join(cache, 'lock')) {
  await acquire(file)
  try { return await work() } finally {
    rmSync(file, { force: true })
    own.delete(file)
  }
}
