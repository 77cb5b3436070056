// Every write of a run fails in turn, in six ways; what is there afterwards is a state that was, and nothing acknowledged is lost.
import { describe, expect, it } from 'vitest'
import { type File, MemoryFolder, memory } from '../../../pkg/storage/index.js'
import { random } from '../real/support.js'
import { batch, open, oracle, shut, stateOf } from './stream.js'

type Way = 'refused' | 'half' | 'power' | 'flush lies' | 'no count' | 'too little'

/**
 * A disk that fails at its `at`th operation. `refused`: the operation throws, the next ones work. `half`: half of a write is
 * done. `power`: from there on nothing works, and of what was not flushed a random part is there. `flush lies`: as power,
 * but the failing operation was done. `no count`: half of a write is done, and the number of an error is given as what was written,
 * as Chromium does with OPFS. `too little`: half of it is done, and all of it is claimed.
 */
class Faulty extends MemoryFolder {
  operations = 0
  dead = false
  readonly durable = new Map<string, Uint8Array>()
  constructor(readonly at: number, readonly way: Way) { super() }

  #step(done?: () => void): boolean {
    if (this.dead) throw new Error('the machine is off')
    if (this.operations++ !== this.at) return true
    if (this.way === 'flush lies') done?.()
    if (this.way === 'power' || this.way === 'flush lies') this.dead = true
    throw new Error('it failed')
  }
  #content(name: string): Uint8Array { const f = this.files.get(name)!; return f.bytes.slice(0, f.size) }

  override file(name: string): File {
    if (!this.files.has(name)) { this.#step(); this.durable.set(name, new Uint8Array()) }
    const file = super.file(name)
    return {
      ...file,
      write: (bytes, at) => {
        try { this.#step(() => file.write(bytes, at)) } catch (error) {
          if (this.dead) throw error
          if (['half', 'no count', 'too little'].includes(this.way)) file.write(bytes.subarray(0, bytes.length >> 1), at)
          if (this.way === 'no count') return 2 ** 32 - 8
          if (this.way === 'too little') return bytes.length
          throw error
        }
        return file.write(bytes, at)
      },
      truncate: size => { if (size < file.size()) this.#step(() => { file.truncate(size) }); file.truncate(size) },
      flush: () => {
        const flushed = (): void => { this.durable.set(name, this.#content(name)) }
        this.#step(flushed)
        flushed()
      },
    }
  }
  override remove(name: string): void { this.#step(() => { super.remove(name); this.durable.delete(name) }); super.remove(name); this.durable.delete(name) }

  /** What the next process finds. */
  after(rnd: (n: number) => number): MemoryFolder {
    const found = new MemoryFolder()
    for (const name of this.files.keys()) {
      const now = this.#content(name), safe = this.durable.get(name)!
      // Of an append that was not flushed: any prefix. Otherwise the file as it was flushed.
      const content = this.dead ? now.length > safe.length ? now.slice(0, safe.length + rnd(now.length - safe.length + 1)) : safe : now
      found.files.set(name, { bytes: content.slice(), size: content.length })
    }
    return found
  }
}

/** Applies batches 1 to 40, waiting for some; the last one that was acknowledged. */
async function run(folder: MemoryFolder): Promise<number> {
  const db = await open(memory(folder, { onWarning: () => {}, checkpointBytes: 2500 }))
  let acknowledged = 0
  for (let n = 1; n <= 40; n++) {
    db.durability!.commit(batch(n), { e: { at: n } })
    if (n % 3 === 0) await db.flush().then(() => { acknowledged = n }, () => {})
  }
  await db.flush().then(() => { acknowledged = 40 }, () => {})
  await new Promise(resolve => { setTimeout(resolve, 2) })
  await shut(db)
  return acknowledged
}

describe('failing at every write in turn', () => {
  for (const way of ['refused', 'half', 'power', 'flush lies', 'no count', 'too little'] as Way[]) {
    it(`${way}: a state that was, at least the acknowledged one, and it goes on from there`, async () => {
      const whole = new Faulty(-1, way)
      expect(await run(whole)).toBe(40)
      expect(whole.operations).toBeGreaterThan(40)
      const cursors = new Set<number>()
      for (let at = 0; at < whole.operations; at++) {
        const folder = new Faulty(at, way)
        const acknowledged = await run(folder).catch(() => 0)
        const found = folder.after(random(at))
        const told: string[] = []
        const db = await open(memory(found, { onWarning: w => { told.push(w.code) } }))
        const cursor = Number(db.cursor('s') ?? 0)
        const where = `failing at operation ${at}`
        expect(told, where).toEqual([])
        expect(cursor, where).toBeGreaterThanOrEqual(acknowledged)
        expect(db.durability!.entries('e').get('at') ?? 0, where).toBe(cursor)
        expect(stateOf(db), where).toBe(oracle(cursor))
        for (let n = cursor + 1; n <= 50; n++) db.durability!.commit(batch(n), { e: { at: n } })
        await shut(db)
        const end = await open(memory(found))
        expect(stateOf(end), where).toBe(oracle(50))
        expect(end.durability!.entries('e').get('at'), where).toBe(50)
        await shut(end)
        cursors.add(cursor)
      }
      expect(cursors.size).toBeGreaterThan(3)
    }, 180_000)
  }
})
