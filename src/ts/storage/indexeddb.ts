import { EddylineError } from '../errors.js'
import { type Medium, storageError } from './medium.js'

export interface IndexedDbOptions {
  /**
   * `'strict'`: a durable transaction is on the disk (default). `'relaxed'`: it survives a crash of the browser, perhaps not one
   * of the machine, and is faster.
   */
  durability?: 'strict' | 'relaxed'
}

/** Records are read in portions of so many: an answer is one task of the page. */
const PORTION = 16

/**
 * One database of IndexedDB with `log` and `pieces` (keys `[generation, n]`) and `state` (`published`: generation of the
 * checkpoint). The browser's transactions are the atomic step; a checkpoint is published by the one that drops what it replaces.
 */
export class IndexedDbMedium implements Medium {
  readonly kind = 'indexeddb'
  #db: IDBDatabase | undefined
  #generation = 0
  #log = 0
  #pieces = 0

  constructor(readonly name: string, readonly options: IndexedDbOptions = {}) {}

  async open(): Promise<void> {
    try {
      if (typeof indexedDB === 'undefined') throw new EddylineError('STORAGE_UNAVAILABLE', 'there is no IndexedDB here')
      const opening = indexedDB.open(`eddyline:${this.name}`, 1)
      opening.onupgradeneeded = () => { for (const store of ['log', 'pieces', 'state']) opening.result.createObjectStore(store) }
      const db = this.#db = await result(opening)
      // Somebody deletes the database: let go, what comes fails with a typed error.
      db.onversionchange = () => { db.close(); this.#db = undefined }
      db.onclose = () => { this.#db = undefined }
    } catch (error) { throw storageError(error, 'the storage cannot be opened', 'STORAGE_UNAVAILABLE') }
  }

  async *read(): AsyncIterable<Uint8Array> {
    const state = await this.#do(['state'], 'readonly', t => t.objectStore('state').get('published'))
    const published = (state as number | undefined) ?? 0
    this.#generation = published
    // What a checkpoint that was not finished has left.
    await this.#do(['pieces'], 'readwrite', t => t.objectStore('pieces').delete(IDBKeyRange.lowerBound([published + 1])))
    yield* this.#all('pieces', published)
    for await (const { key, bytes } of this.#keyed('log', published)) {
      this.#generation = key[0]
      this.#log = key[1] + 1
      yield bytes
    }
  }

  append(records: readonly Uint8Array[]): Promise<void> {
    return this.#write(['log'], t => {
      const log = t.objectStore('log')
      records.forEach((record, i) => { log.add(record, [this.#generation, this.#log + i]) })
    }, () => { this.#log += records.length })
  }

  async begin(): Promise<void> {
    const next = this.#generation + 1
    await this.#write(['pieces'], t => { t.objectStore('pieces').delete(IDBKeyRange.lowerBound([next])) }, () => {
      this.#generation = next
      this.#pieces = this.#log = 0
    })
  }

  piece(record: Uint8Array): Promise<void> {
    return this.#write(['pieces'], t => { t.objectStore('pieces').add(record, [this.#generation, this.#pieces]) }, () => { this.#pieces++ }, 'relaxed')
  }

  publish(): Promise<void> {
    const before = IDBKeyRange.upperBound([this.#generation], true)
    return this.#write(['pieces', 'log', 'state'], t => {
      t.objectStore('state').put(this.#generation, 'published')
      t.objectStore('pieces').delete(before)
      t.objectStore('log').delete(before)
    }, () => {}, 'strict')
  }

  clear(): Promise<void> {
    return this.#write(['pieces', 'log', 'state'], t => { for (const store of ['pieces', 'log', 'state']) t.objectStore(store).clear() },
      () => { this.#generation = this.#log = this.#pieces = 0 })
  }

  async close(): Promise<void> {
    this.#db?.close()
    this.#db = undefined
  }

  async *#all(store: string, generation: number): AsyncIterable<Uint8Array> {
    for await (const { key, bytes } of this.#keyed(store, generation)) if (key[0] === generation) yield bytes
  }

  async *#keyed(store: string, generation: number): AsyncIterable<{ key: [number, number]; bytes: Uint8Array }> {
    let range = IDBKeyRange.lowerBound([generation])
    for (;;) {
      const [keys, values] = await this.#two(store, range)
      for (let i = 0; i < keys.length; i++) yield { key: keys[i], bytes: values[i] }
      if (keys.length < PORTION) return
      range = IDBKeyRange.lowerBound(keys[keys.length - 1], true)
    }
  }

  async #two(store: string, range: IDBKeyRange): Promise<[[number, number][], Uint8Array[]]> {
    try {
      const s = this.#database().transaction([store], 'readonly').objectStore(store)
      return await Promise.all([result(s.getAllKeys(range, PORTION) as unknown as IDBRequest<[number, number][]>), result(s.getAll(range, PORTION) as IDBRequest<Uint8Array[]>)])
    } catch (error) { throw storageError(error, 'the storage cannot be read') }
  }

  async #do<T>(stores: string[], mode: IDBTransactionMode, run: (t: IDBTransaction) => IDBRequest<T>): Promise<T> {
    try { return await result(run(this.#database().transaction(stores, mode))) } catch (error) { throw storageError(error, 'the storage cannot be read') }
  }

  async #write(stores: string[], run: (t: IDBTransaction) => void, done: () => void, durability: 'strict' | 'relaxed' = this.options.durability ?? 'strict'): Promise<void> {
    try {
      const t = this.#database().transaction(stores, 'readwrite', { durability })
      const ended = new Promise<void>((resolve, reject) => {
        t.oncomplete = () => { resolve() }
        t.onabort = () => { reject(t.error ?? new Error('the transaction was aborted')) }
      })
      // Errors of requests abort the transaction, which says so.
      ended.catch(() => {})
      run(t)
      t.commit?.()
      await ended
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
