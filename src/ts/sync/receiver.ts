// Messages of a backend go into the tables: what they carry at once, the rest after it was fetched.
import type { Database } from '../database.js'
import { EddylineError, codedError } from '../errors.js'
import { said } from '../option-kinds.js'
import { report } from '../dispatch.js'
import { checkTenant } from '../values.js'
import { type AnyRow, keyText } from './compare.js'
import { type Arrived, type Fetch, Fetcher } from './fetcher.js'
import { type Node, graphOf, rowName } from './graph.js'
import { hubOf } from './hub.js'
import { type Message, type Names, type ReadMessage, ours, readMessage, readNames } from './messages.js'
import { Refs } from './refs.js'
import { checkDatabase, checkOptions, isPlain } from './value.js'

export interface ReceiverOptions {
  /** Asks the backend for a row as it is now; null: it is gone. Undefined is FETCH_FAILED. */
  fetchRow: Fetch
  /** Tables of the backend's schemas: `{ 'Blog.Post': 'posts' }`. */
  schemas?: Readonly<Record<string, string>> | undefined
  /** The backend's names of columns, where they are others: `{ posts: { person_id: 'personId' } }`. In messages and in rows. */
  columns?: Readonly<Record<string, Readonly<Record<string, string>>>> | undefined
  tenant?: string | undefined
  /** `origin` of the batches that come of it. */
  origin?: string | undefined
  /** Of how many rows the newest ref is remembered; 10,000 by default. */
  remember?: number | undefined
  /** Gets errors of `fetchRow` beside the subscriptions, as FETCH_FAILED. */
  onError?: ((error: EddylineError) => void) | undefined
}

/** What `receiver` returns. */
export interface Receiver {
  /**
   * Takes a message or several, as arrays or JSON text. Deletes and rows that are carried whole are applied at once, as
   * one version; others are fetched. Returns how many were not news: older than, or the same as, what was seen of the row.
   * Throws CLOSED, MESSAGE_INVALID, UNKNOWN_TABLE, UNKNOWN_LABEL, EVENT_INVALID, MISSING_KEY; then nothing has happened.
   */
  receive(messages: string | Message | readonly Message[]): { readonly ignored: number }
  /** Asks again for rows that could not be fetched. */
  retry(): void
  /** Resolves when nothing is being fetched. */
  readonly idle: Promise<void>
  /** Ends requests. Rows that were fetched stay. */
  close(): void
}

/**
 * Feeds a database from messages of EctoWatch or EctoSync.
 *
 * ```ts
 * const backend = receiver(db, { fetchRow: (table, id) => fetch(`/${table}/${id}`).then(r => r.json()) })
 * socket.onmessage = ({ data }) => backend.receive(data)       // '[["posts","updated"],{"id":1}]'
 * ```
 * Of a row one request is in flight, however many messages and subscriptions wait for it; the newest `ref` wins. A
 * request that fails leaves the row as it is and shows on the subscriptions that follow it, until another succeeds.
 * Throws UNKNOWN_TABLE, UNKNOWN_COLUMN for names that there are not, CLOSED for a database that is.
 */
export function receiver(db: Database<any>, options: ReceiverOptions): Receiver {
  checkDatabase(db)
  db.inside.port.alive()
  checkOptions('INVALID_ARGUMENT', options, ['fetchRow', 'schemas', 'columns', 'tenant', 'origin', 'remember', 'onError'])
  const { fetchRow, schemas = {}, columns = {}, tenant, origin, remember, onError } = options
  const wrong = (path: string, what: string, offending: unknown): never => { throw new EddylineError('INVALID_ARGUMENT', `\`${path}\` is ${what}`, { path, offending: said(offending) }) }
  if (typeof fetchRow !== 'function') wrong('fetchRow', 'a function', fetchRow)
  if (onError !== undefined && typeof onError !== 'function') wrong('onError', 'a function', onError)
  if (origin !== undefined && typeof origin !== 'string') wrong('origin', 'a text', origin)
  if (remember !== undefined && !(Number.isInteger(remember) && remember >= 0)) wrong('remember', 'a whole number from 0', remember)
  if (tenant !== undefined) checkTenant(tenant, 'tenant')
  for (const [path, names] of [['schemas', schemas], ['columns', columns], ...Object.entries(columns ?? {}).map(([table, renamed]) => [`columns.${table}`, renamed])] as [string, unknown][]) {
    if (!isPlain(names)) wrong(path, 'an object of names', names)
  }
  return new Feeding(db, options)
}

class Feeding implements Receiver {
  readonly #refs: Refs
  readonly #fetcher: Fetcher
  readonly #names: Names
  readonly #end = (): void => { this.close() }
  #closed = false

  constructor(readonly db: Database<any>, readonly options: ReceiverOptions) {
    this.#names = readNames(graphOf(db.schema), options.schemas, options.columns)
    this.#refs = new Refs(options.remember ?? 10_000)
    this.#fetcher = new Fetcher(options.fetchRow, options.tenant, {
      waitFor: (table, key, came) => {
        // What cannot be looked up cannot be stored either, and that is told then.
        try { this.db.arrivals.wait(this.#fetcher, table.name, key, table.tenanted ? this.options.tenant : undefined, came) } catch { /* see above */ }
      },
      recovered: (table, key) => { this.#recovered(table, key) },
      arrived: rows => { this.#store(rows) },
      failed: (table, key, error) => { this.#failed(table, key, error) },
      stale: (table, key, ref) => this.#refs.passed(rowName(table, key), ref),
    })
    db.closers.add(this.#end)
  }

  receive(input: string | Message | readonly Message[]): { ignored: number } {
    if (this.#closed) throw new EddylineError('CLOSED', 'this receiver is closed')
    const { graph, watchers } = this.#hub()
    const list = messagesIn(input)
    const read = list.map((m, i) => readMessage(graph, watchers, this.#names, m, `messages[${i}]`))
    const changes: object[] = []
    const fetches: ReadMessage[] = []
    let ignored = 0
    const news = this.#refs.trial()
    for (const message of read) {
      const { table, event, key, ref, whole, identifiers } = message
      if (!news.take(rowName(table, key), event, ref)) { ignored++; continue }
      if (event === 'deleted') changes.push({ op: 'delete', table: table.name, id: idOf(key), ...this.#of(table) })
      else if (whole) changes.push({ op: 'upsert', table: table.name, row: identifiers, ...this.#of(table) })
      else fetches.push(message)
    }
    if (changes.length > 0) this.#apply(changes)
    news.keep()
    for (const { table, key, event, whole } of read) {
      if (event !== 'deleted' && !whole) continue
      this.#fetcher.settled(table, key)
      this.#recovered(table, key)
    }
    for (const { table, key, ref } of fetches) this.#fetcher.want(table, key, ref)
    return { ignored }
  }

  retry(): void { this.#fetcher.retry() }
  get idle(): Promise<void> { return this.#fetcher.idle }

  close(): void {
    this.#closed = true
    this.#fetcher.close()
    this.db.arrivals.leave(this.#fetcher)
    this.db.closers.delete(this.#end)
  }

  #hub(): ReturnType<typeof hubOf> { return hubOf(this.db, this.options.tenant) }

  #of(table: Node): { tenant?: string } { return table.tenanted && this.options.tenant !== undefined ? { tenant: this.options.tenant } : {} }

  #apply(changes: object[]): void {
    this.db.apply((this.options.origin === undefined ? changes : { changes, origin: this.options.origin }) as never)
  }

  /** Rows that arrived together are one version. One that is refused must not take the others with it. */
  #store(rows: readonly Arrived[]): void {
    const change = ({ table, key, row }: Arrived): object => row === null
      ? { op: 'delete', table: table.name, id: idOf(key), ...this.#of(table) }
      : { op: 'upsert', table: table.name, row: ours(this.#names, table, row as AnyRow), ...this.#of(table) }
    for (const { table, key, row, refused } of rows) {
      if (row === null) continue
      let other: readonly unknown[] | undefined
      try { other = this.#hub().graph.keyOf(table, ours(this.#names, table, row as AnyRow)) } catch { /* no key: applying it says so */ }
      if (other === undefined || keyText(table, other) === keyText(table, key)) continue
      const answered = rows.filter(r => rowName(r.table, r.key) !== rowName(table, key))
      refused(new Error(`the answer is another row: (${other.map(String).join(', ')})`))
      if (answered.length > 0) this.#store(answered)
      return
    }
    try {
      this.#apply(rows.map(change))
    } catch (error) {
      if (rows.length === 1) { rows[0].refused(error); return }
      for (const row of rows) this.#store([row])
    }
  }

  #failed(table: Node, key: readonly unknown[], cause: unknown): void {
    const why = codedError(cause)?.message ?? (cause instanceof Error ? cause.message : said(cause))
    const error = new EddylineError('FETCH_FAILED', `a row of \`${table.name}\` could not be fetched: ${why}`, { offending: table.name, cause })
    this.#tell(() => { this.#hub().failed(table, key, error) })
    // Where nobody listens the subscriptions know.
    if (this.options.onError !== undefined) report(error, this.options.onError as never)
  }

  #recovered(table: Node, key: readonly unknown[]): void { this.#tell(() => { this.#hub().recovered(table, key) }) }

  /** What listeners throw stops nothing of what is being done. */
  #tell(tell: () => void): void {
    try { tell() } catch (error) { report(error, this.options.onError as never) }
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Receiver' }
}

function messagesIn(input: string | Message | readonly Message[]): readonly unknown[] {
  let given: unknown = input
  if (typeof input === 'string') {
    try { given = JSON.parse(input) } catch (cause) { throw new EddylineError('JSON_MALFORMED', 'the message is not JSON', { cause }) }
  }
  if (!Array.isArray(given)) return [given]
  // A message begins with a label or [schema, event]; a list of messages with a message.
  const [first] = given
  const one = typeof first === 'string' || (Array.isArray(first) && first.length === 2 && typeof first[0] === 'string' && typeof first[1] === 'string' && given.length === 2 && !Array.isArray(given[1]))
  return one ? [given] : given
}

function idOf(key: readonly unknown[]): unknown { return key.length === 1 ? key[0] : key }
