// A folder that is deleted, or taken, beneath a database that has it: nothing is told to be durable that is nowhere.
import { existsSync, mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type StoreOptions, files } from '../../../pkg/storage/index.js'
import { fed, feed, open, oracle, shut, stateOf } from './stream.js'

const root = mkdtempSync(join(tmpdir(), 'eddyline-beneath-'))
afterAll(() => { rmSync(root, { recursive: true, force: true }) })
let next = 0
const fresh = (): string => join(root, String(next++))
const kept = (path: string, options?: StoreOptions) => files(path, { onWarning: () => {}, checkpointBytes: Infinity, ...options })
const found = async (path: string): Promise<unknown[]> => {
  const db = await open(kept(path))
  const state = [db.durability!.status, db.cursor('s'), stateOf(db)]
  await shut(db)
  return state
}
const code = (work: Promise<unknown>): Promise<string> => work.then(() => 'done', error => (error as { code: string }).code)

describe.skipIf(process.platform === 'win32')('a folder', () => {
  const gone: Record<string, (path: string) => void> = {
    'that is deleted': path => { rmSync(path, { recursive: true }) },
    'whose log is deleted': path => { for (const name of readdirSync(path)) if (name.startsWith('log-')) rmSync(join(path, name)) },
    'that is moved away': path => { renameSync(path, `${path}-away`) },
  }
  for (const [name, lose] of Object.entries(gone)) {
    it.each(['a version', 'a checkpoint'])(`${name}: %s is not told to be durable, and \`retry\` writes all`, async what => {
      const path = fresh()
      const db = await fed(kept(path), 10)
      lose(path)
      if (what === 'a version') feed(db, 12)
      // A checkpoint needs no log but its own.
      if (what === 'a checkpoint' && name === 'whose log is deleted') {
        await db.durability!.checkpoint()
        await shut(db)
        expect(await found(path)).toEqual(['ready', '10', oracle(10)])
        return
      }
      expect(await code(what === 'a version' ? db.flush() : db.durability!.checkpoint())).toMatch(/^STORAGE_(FAILED|LOCKED)$/)
      expect(db.durability!.status).toBe('memory')
      await db.durability!.retry()
      feed(db, 20)
      await shut(db)
      expect(await found(path)).toEqual(['ready', '20', oracle(20)])
    })
  }

  const others: Record<string, (path: string) => void> = {
    'deleted and made anew': path => { rmSync(path, { recursive: true }) },
    'whose lock somebody has removed': path => { rmSync(join(path, 'lock')) },
    // Of another container, where this process is not to be seen.
    'whose owner was taken for dead': path => { writeFileSync(join(path, 'lock.x'), '999999999 y'); renameSync(join(path, 'lock.x'), join(path, 'lock')) },
  }
  for (const [name, lose] of Object.entries(others)) {
    it(`${name}, and had by another: the first writes nothing more and removes nothing, and the lock is the other's`, async () => {
      const path = fresh()
      const first = await fed(kept(path), 10)
      lose(path)
      const second = await open(kept(path))
      expect(second.durability!.status).toBe('ready')
      feed(second, 20)
      await second.flush()
      const before = readdirSync(path).map(name => [name, readFileSync(join(path, name), 'hex')])
      expect(await code(first.durability!.checkpoint())).toMatch(/^STORAGE_(FAILED|LOCKED)$/)
      feed(first, 15)
      expect(await code(first.flush())).toMatch(/^STORAGE_(FAILED|LOCKED)$/)
      expect(readdirSync(path).map(name => [name, readFileSync(join(path, name), 'hex')])).toEqual(before)
      expect(await code(first.durability!.retry())).toBe('STORAGE_LOCKED')
      await shut(first)
      expect(existsSync(join(path, 'lock'))).toBe(true)
      expect((await found(path))[0]).toBe('memory')
      feed(second, 30)
      await second.durability!.checkpoint()
      await shut(second)
      expect(await found(path)).toEqual(['ready', '30', oracle(30)])
    })
  }
})
