// OPFS without a browser: its files over a file system in memory, and pages whose worker does not run. In browsers: tests/e2e/storage.test.mjs.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Generations, MemoryFolder, decodeTransaction, encodeTransaction, opfs, opfsMedium } from '../../../pkg/storage/index.js'
// @ts-expect-error -- plain JavaScript, which pages load, too
import { lawsOf } from './conformance.mjs'
import { Origin } from './origin.js'
import { feed, open, oracle, shut, stateOf } from './stream.js'

afterEach(() => { vi.unstubAllGlobals() })

describe('files of the origin', () => {
  let next = 0
  const disk = () => { const name = `law${next++}`; return { exclusive: true, open: () => opfsMedium(name) } }
  for (const [law, run] of Object.entries(lawsOf({ encode: encodeTransaction, decode: decodeTransaction }, disk) as Record<string, () => Promise<void>>)) {
    it(law, () => { new Origin().enter(); return run() })
  }

  it('a quota that is used up is STORAGE_FULL, for versions and checkpoints, and takes nothing away', async () => {
    const origin = new Origin().enter()
    const told: string[] = []
    const db = await open(opfs('app', { onWarning: w => { told.push(w.code) } }))
    feed(db, 100)
    await db.flush()
    // Room for the files of a checkpoint, not for what is in it.
    origin.quota = origin.used() + 100
    await expect(db.durability!.checkpoint()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    expect([db.durability!.status, told]).toEqual(['ready', ['STORAGE_FULL']])
    feed(db, 120)
    await expect(db.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    expect([db.durability!.status, told]).toEqual(['memory', ['STORAGE_FULL', 'STORAGE_FULL']])
    await shut(db)

    origin.quota = Infinity
    const again = await open(opfs('app', { onWarning: w => { told.push(w.code) } }))
    expect([again.cursor('s'), stateOf(again), told.length]).toEqual(['100', oracle(100), 2])
    feed(again, 130)
    origin.quota = origin.used() + 100
    await expect(again.flush()).rejects.toMatchObject({ code: 'STORAGE_FULL' })
    origin.quota = Infinity
    await again.durability!.retry()
    await shut(again)
    const end = await open(opfs('app'))
    expect([end.cursor('s'), stateOf(end)]).toEqual(['130', oracle(130)])
    await shut(end)
  })
})

/** A worker that does not come to run, as one whose script is not there or not allowed. */
class Dead {
  onmessage: unknown
  onerror: ((event: object) => void) | undefined
  isTold = false
  postMessage(): void {
    if (this.isTold) return
    this.isTold = true
    queueMicrotask(() => { this.onerror?.({}) })
  }
  terminate(): void {}
}

/** A worker with a folder in memory, by the messages of `opfs-worker`. Ended, it answers nothing. */
class Running {
  onmessage: ((event: { data: unknown }) => void) | undefined
  onerror: ((event: object) => void) | undefined
  isEnded = false
  #medium: any
  #records: Uint8Array[] = []
  constructor(readonly folder: MemoryFolder) {}

  async #answer(method: string, argument: unknown): Promise<unknown> {
    if (method === 'open') {
      this.#medium = new Generations(this.folder)
      await this.#medium.open()
      return 'alive'
    }
    if (method !== 'read') return this.#medium[method](argument)
    if (argument === true) for await (const record of this.#medium.read()) this.#records.push(record)
    return this.#records.splice(0)
  }
  postMessage([id, method, argument]: [number, string, unknown]): void {
    const tell = (data: unknown[]): void => { if (!this.isEnded) this.onmessage?.({ data }) }
    this.#answer(method, argument).then(value => { tell([id, value]) }, ({ code, message }) => { tell([id, undefined, { code, message }]) })
  }
  terminate(): void { this.isEnded = true }
}

describe('from a page', () => {
  const told: string[] = []
  afterEach(() => { told.length = 0 })
  const at = (name: string, worker: unknown) => open(opfs(name, { worker: worker as never, onWarning: w => { told.push(w.code) } }))

  it('a worker that cannot be loaded: `retry` rejects, it closes, and the next database is told the same', async () => {
    for (const worker of [() => new Dead(), new Dead()]) {
      const db = await at('dead', worker)
      expect([db.durability!.status, told.splice(0)]).toEqual(['memory', ['STORAGE_UNAVAILABLE']])
      await expect(db.durability!.retry()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
      await shut(db)
      const again = await at('dead', worker)
      expect([again.durability!.status, told.splice(0)]).toEqual(['memory', ['STORAGE_UNAVAILABLE']])
      await shut(again)
    }
  })

  it('a worker that was given is there for the next database, and for one at a time', async () => {
    const worker = new Running(new MemoryFolder())
    const db = await at('given', worker)
    feed(db, 10)
    await db.flush()
    // Another place: of the same one a second database is locked out by itself.
    const second = await at('other', worker)
    expect([second.durability!.status, told.splice(0)]).toEqual(['memory', ['STORAGE_LOCKED']])
    await shut(second)
    feed(db, 20)
    await shut(db)
    const again = await at('given', worker)
    expect([again.durability!.status, again.cursor('s'), told, worker.isEnded]).toEqual(['ready', '20', [], false])
    await again.durability!.retry()
    await shut(again)
  })

  it('a worker that is ended by who gave it: what waits for it rejects, and it closes', async () => {
    const waiting: (() => void)[] = []
    vi.stubGlobal('navigator', { locks: { request: async (_: string, __: object, fn: () => void) => { waiting.push(fn) } } })
    const worker = new Running(new MemoryFolder())
    const db = await at('ended', worker)
    feed(db, 10)
    await db.flush()
    worker.terminate()
    feed(db, 20)
    const flushed = db.flush()
    for (const gone of waiting) gone()
    await expect(flushed).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    expect(told.splice(0)).toEqual(['STORAGE_UNAVAILABLE'])
    await expect(db.durability!.retry()).rejects.toMatchObject({ code: 'STORAGE_UNAVAILABLE' })
    expect(stateOf(db)).toBe(oracle(20))
    await shut(db)
  })

  it('a worker that was made is ended, and one that has ended is refused', async () => {
    const folder = new MemoryFolder()
    const workers: Running[] = []
    for (const cursor of [10, 20]) {
      const db = await at('made', () => { workers.push(new Running(folder)); return workers.at(-1) })
      feed(db, cursor)
      await shut(db)
    }
    expect(workers.map(w => w.isEnded)).toEqual([true, true])
    const db = await at('made', () => workers[1])
    expect([db.durability!.status, told]).toEqual(['memory', ['STORAGE_UNAVAILABLE']])
    await shut(db)
  })
})

describe('the worker itself', () => {
  it('leaves no file open for who does not read to the end', async () => {
    new Origin().enter()
    const worker = {
      onmessage: undefined as ((event: { data: unknown }) => void) | undefined,
      postMessage(data: unknown): void { setImmediate(() => { (globalThis as unknown as { onmessage(event: { data: unknown }): void }).onmessage({ data }) }) },
    }
    vi.stubGlobal('onmessage', undefined)
    vi.stubGlobal('postMessage', (data: unknown) => { setImmediate(() => { worker.onmessage?.({ data }) }) })
    await import('../../../pkg/storage/opfs-worker.js')
    const medium = opfsMedium('unread', { worker: worker as never })
    const first = async (): Promise<number | undefined> => {
      for await (const record of medium.read()) return decodeTransaction(record).number
      return undefined
    }
    await medium.open()
    expect(await first()).toBe(undefined)
    for (const number of [1, 2, 3, 4]) await medium.append([encodeTransaction({ number, batch: new Uint8Array(800_000) })])
    await medium.close()
    for (let times = 0; times < 2; times++) {
      await medium.open()
      expect(await first()).toBe(1)
      if (times === 1) await medium.clear()
      await medium.close()
    }
    await medium.open()
    expect(await first()).toBe(undefined)
    await medium.close()
  })
})
