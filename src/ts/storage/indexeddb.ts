import { EddylineError } from '../errors.js'
import { type Medium, PATIENCE, corrupt, storageError } from './medium.js'

export interface IndexedDbOptions {
  /**
   * `'strict'`: a durable transaction is on the disk (default). `'relaxed'`: it survives a crash of the browser, perhaps not one
   * of the machine, and is faster.
   */
  durability?: 'strict' | 'relaxed' | undefined
}

/** Records are read in portions of so many: an answer is one task of the page. */
const PORTION = 16
/** The end of a stamp where there are records. */
const FILLED = ' filled'

/**
 * One database of IndexedDB with `log` and `pieces` (keys `[generation, n]`) and `state` (`published`: generation of the
 * checkpoint; `pieces`: how many it has; `stamp`: who has written last, and whether there are records then). The browser's transactions are the atomic step; a checkpoint is published by the one that
 * drops what it replaces.
 *
 * A Web Lock keeps others out while it is open. Where there are none, and whatever becomes of the lock, nobody writes after another: each
 * transaction looks whether the stamp is its own, or still the one that was there when it was opened, and puts its own.
 */
export class IndexedDbMedium implements Medium {
  readonly kind = 'indexeddb'
  #db: IDBDatabase | undefined
  #generation = 0
  #published = 0
  /** Of a checkpoint that may be published, or not: nobody was told. */
  #perhaps = 0
  #log = 0
  #pieces = 0
  /** Of this opening; the stamps that it puts begin so. */
  #mark = ''
  #stamps = 0
  /** Whether records are stored, of a log or a published checkpoint. */
  #isFilled = false
  /** The stamp that was there when it was opened. */
  #found: string | undefined
  #release: (() => void) | undefined
  /** What the browser says of a database that it has deleted. */
  #lost: string | undefined

  constructor(readonly name: string, readonly options: IndexedDbOptions = {}) {}

  async open(): Promise<void> {
    try {
      if (typeof indexedDB === 'undefined') throw new EddylineError('STORAGE_UNAVAILABLE', 'there is no IndexedDB here')
      await this.#lock()
      const opening = indexedDB.open(`eddyline:${this.name}`, 1)
      opening.onupgradeneeded = event => {
        for (const store of ['log', 'pieces', 'state']) opening.result.createObjectStore(store)
        // Chromium deletes what it takes for damaged, and tells it nowhere but here.
        const { dataLoss, dataLossMessage } = event as { dataLoss?: string; dataLossMessage?: string }
        if (dataLoss === 'total') this.#lost = dataLossMessage ?? ''
      }
      const db = this.#db = await result(opening)
      // Somebody deletes the database: let go, what comes fails with a typed error.
      db.onversionchange = db.onclose = () => { this.#letGo() }
      this.#mark = `${Math.random().toString(36).slice(2)} `
      this.#found = await result(db.transaction(['state'], 'readonly').objectStore('state').get('stamp') as IDBRequest<string | undefined>)
    } catch (error) {
      this.#letGo()
      throw storageError(error, 'the storage cannot be opened', 'STORAGE_UNAVAILABLE')
    }
  }

  /** Takes the Web Lock, which is held until it lets go. Tabs and workers that are killed let theirs go as well. */
  async #lock(): Promise<void> {
    if (typeof navigator === 'undefined' || navigator.locks === undefined) return
    const patience = new AbortController()
    // A browser that does other work answers late, whoever has the lock: once it answers this, it has given the lock or somebody has it.
    const timer = setTimeout(() => { void navigator.locks.query().catch(() => {}).then(() => { patience.abort() }) }, PATIENCE)
    try {
      await new Promise<void>((held, refused) => {
        navigator.locks.request(`eddyline.indexeddb:${this.name}`, { signal: patience.signal }, () => new Promise<void>(release => {
          this.#release = release
          held()
        })).catch(refused)
      })
    } catch (error) {
      throw patience.signal.aborted ? new EddylineError('STORAGE_LOCKED', `\`${this.name}\` is used by another tab or database`, { cause: error }) : error
    } finally { clearTimeout(timer) }
  }

  #letGo(): void {
    this.#db?.close()
    this.#db = undefined
    this.#release?.()
    this.#release = undefined
  }

  async *read(): AsyncIterable<Uint8Array> {
    const lost = this.#lost
    this.#lost = undefined
    if (lost !== undefined) throw corrupt(`the browser has deleted the database (${lost})`)
    const published = await this.#stored('published') as number | undefined ?? 0
    const pieces = await this.#stored('pieces') as number | undefined
    this.#generation = this.#published = published
    this.#perhaps = this.#log = this.#pieces = 0
    this.#isFilled = false
    for await (const { bytes } of this.#keyed('pieces', IDBKeyRange.bound([published], [published + 1]))) {
      this.#pieces++
      yield bytes
    }
    // Nothing may come back as less than it was, and be taken for all.
    if (pieces !== undefined && this.#pieces !== pieces) throw corrupt(`${this.#pieces} of ${pieces} pieces of checkpoint ${published} are there`)
    this.#isFilled = published > 0
    for await (const { key, bytes } of this.#keyed('log', IDBKeyRange.lowerBound([published]))) {
      this.#generation = key[0]
      this.#log = key[1] + 1
      this.#isFilled = true
      yield bytes
    }
    if (!this.#isFilled && this.#found?.endsWith(FILLED)) throw corrupt('what was stored is not there any more')
  }

  append(records: readonly Uint8Array[]): Promise<void> {
    return this.#write(['log'], t => {
      const log = t.objectStore('log')
      records.forEach((record, i) => { log.add(record, [this.#generation, this.#log + i]) })
      return true
    }, () => { this.#log += records.length })
  }

  async begin(): Promise<void> {
    const next = this.#generation + 1
    // With it goes what one that was not finished has left, now or before a crash.
    const kept = Math.max(this.#published, this.#perhaps)
    await this.#write(['pieces'], t => { t.objectStore('pieces').delete(IDBKeyRange.lowerBound([kept + 1])) }, () => {
      this.#generation = next
      this.#pieces = this.#log = 0
    })
  }

  piece(record: Uint8Array): Promise<void> {
    return this.#write(['pieces'], t => { t.objectStore('pieces').add(record, [this.#generation, this.#pieces]) }, () => { this.#pieces++ }, 'relaxed')
  }

  publish(): Promise<void> {
    const before = IDBKeyRange.upperBound([this.#generation], true)
    this.#perhaps = this.#generation
    return this.#write(['pieces', 'log'], t => {
      t.objectStore('state').put(this.#generation, 'published')
      t.objectStore('state').put(this.#pieces, 'pieces')
      t.objectStore('pieces').delete(before)
      t.objectStore('log').delete(before)
      return true
    }, () => { this.#published = this.#generation }, 'strict')
  }

  clear(): Promise<void> {
    return this.#write(['pieces', 'log'], t => {
      for (const store of ['pieces', 'log', 'state']) t.objectStore(store).clear()
      return false
    }, () => { this.#generation = this.#published = this.#perhaps = this.#log = this.#pieces = 0 })
  }

  async close(): Promise<void> { this.#letGo() }

  async *#keyed(store: string, range: IDBKeyRange): AsyncIterable<{ key: [number, number]; bytes: Uint8Array }> {
    for (;;) {
      const [keys, values] = await this.#two(store, range)
      for (let i = 0; i < keys.length; i++) yield { key: keys[i], bytes: values[i] }
      if (keys.length < PORTION) return
      const last = keys[keys.length - 1]
      range = range.upper === undefined ? IDBKeyRange.lowerBound(last, true) : IDBKeyRange.bound(last, range.upper, true, range.upperOpen)
    }
  }

  async #two(store: string, range: IDBKeyRange): Promise<[[number, number][], Uint8Array[]]> {
    try {
      const s = this.#database().transaction([store], 'readonly').objectStore(store)
      return await Promise.all([result(s.getAllKeys(range, PORTION) as unknown as IDBRequest<[number, number][]>), result(s.getAll(range, PORTION) as IDBRequest<Uint8Array[]>)])
    } catch (error) { throw storageError(error, 'the storage cannot be read') }
  }

  async #stored(name: string): Promise<unknown> {
    try { return await result(this.#database().transaction(['state'], 'readonly').objectStore('state').get(name)) } catch (error) { throw storageError(error, 'the storage cannot be read') }
  }

  /** `run` says whether there are records by it, if it changes that. */
  async #write(stores: string[], run: (t: IDBTransaction) => boolean | void, done: () => void, durability: 'strict' | 'relaxed' = this.options.durability ?? 'strict'): Promise<void> {
    try {
      const t = this.#database().transaction(['state', ...stores], 'readwrite', { durability })
      let refused: unknown
      const ended = new Promise<void>((resolve, reject) => {
        t.oncomplete = () => { resolve() }
        t.onabort = () => { reject(refused ?? t.error ?? new Error('the transaction was aborted')) }
      })
      // Errors of requests abort the transaction, which says so.
      ended.catch(() => {})
      const state = t.objectStore('state')
      const stamp = state.get('stamp') as IDBRequest<string | undefined>
      stamp.onsuccess = () => {
        try {
          // One of its own is not always the last that it knows of: it may have been told that what is there is not.
          if (stamp.result !== this.#found && !stamp.result?.startsWith(this.#mark)) throw new EddylineError('STORAGE_LOCKED', `another tab or database has written to \`${this.name}\``)
          t.commit?.()
        } catch (error) { refused = error; t.abort() }
      }
      let isFilled = this.#isFilled
      try {
        isFilled = run(t) ?? isFilled
        state.put(`${this.#mark}${this.#stamps++}${isFilled ? FILLED : ''}`, 'stamp')
      } catch (error) { t.abort(); throw error }
      await ended
      this.#isFilled = isFilled
      done()
    } catch (error) { throw storageError(error, 'a transaction could not be written') }
  }

  #database(): IDBDatabase {
    if (this.#db === undefined) throw new EddylineError('STORAGE_FAILED', 'the storage was closed or deleted')
    return this.#db
  }
}

function result<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => { resolve(request.result) }
    request.onerror = () => { reject(request.error ?? new Error('a request failed')) }
  })
}
