// One connection of an adapter: what it writes goes to the session a transaction at a time, and stays at hand as it was written,
// because adapters compare what comes with what they sent before.
import { EddylineError, said } from '../errors.js'
import { valuesText } from '../keys.js'
import type { CellType } from '../port.js'
import type { SchemaJson } from '../schema.js'
import type { Source, SourceConnection, SyncSession, TypedWrite } from '../source.js'
import { standIn } from './stand-in.js'
import type { TanStackOptions, TanStackStarted } from './index.js'

export type Key = string | number
export type RowObject = Record<string, unknown>
/** What adapters give: a row, of deletes perhaps its key alone. */
interface Message { type: 'insert' | 'update' | 'delete'; key?: Key; value?: RowObject }

/** A transaction of the adapter, with the names that adapters read. */
export interface Transaction {
  operations: (Message & { key: Key | undefined })[]
  truncate: boolean
  /** Whether its rows are all there is, so that the source is ready. */
  truncateMarkReady: boolean
  committed: boolean
  /** The adapter may take back what it noted until then. */
  applicationStarted: boolean
  /** Why it cannot be applied. */
  wrong?: EddylineError
  /** What the rows are after it; undefined: gone. */
  readonly rows: Map<Key, RowObject | undefined>
}

export class Feed {
  status: 'loading' | 'ready' | 'error' = 'loading'
  /** Rows that are applied. */
  readonly rows = new Map<Key, RowObject>()
  /** Transactions that are not applied yet: those that a worker has, then the open ones, which end in the order of a stack. */
  readonly pending: Transaction[] = []
  /** Keys of transactions that were refused. Until they are written again, nothing is ready. */
  readonly #missing = new Set<Key>()
  #saidReady = false
  /** The adapter has told an error, and not that it is over. */
  #failed = false
  /** What has to end before the first rows are there: `sync` itself, loads of subsets. */
  #waits = 1
  #loadSubset: ((options: object) => unknown) | undefined
  readonly #key: readonly string[]
  readonly #types: readonly CellType[]
  /** Keys of the adapter, by texts of the table's: of rows whose are not the same. */
  readonly #names = new Map<string, Key>()

  constructor(readonly options: TanStackOptions, readonly table: string, readonly name: string, readonly session: SyncSession) {
    const { tables } = (session as SourceConnection).db.schema.json as SchemaJson
    const { key = [], columns = [] } = tables.find(t => t.name === table) ?? {}
    this.#key = key
    this.#types = key.map(k => columns.find(c => c.name === k)!.type)
  }

  /** Starts the adapter. Returns what ends it. */
  start(): ReturnType<Source['sync']> {
    let started: TanStackStarted | Promise<TanStackStarted>
    try {
      started = this.options.sync.sync({
        collection: standIn(this),
        begin: () => { this.begin() },
        write: message => { this.write(message) },
        commit: signal => this.commit(signal as AbortSignal | undefined),
        truncate: options => { this.truncate(options as { markReady?: boolean } | undefined) },
        markReady: () => { this.markReady() },
        markError: error => { this.markError(error) },
        // For windows of ordered subsets. Here all is loaded.
        invalidateLoadedSubsets: () => {},
        // Without it adapters keep nothing for a next start: what they kept would speak of rows that the stand-in has no more.
        metadata: undefined,
      })
    } catch (error) { throw this.#typed(error) }
    // Those of TanStack DB give no promise; of one's own they may be `async`.
    if (!(started instanceof Promise)) return this.#started(started)
    return started.then(each => this.#started(each), error => { throw this.#typed(error) })
  }

  /** The adapter runs. Returns what ends it. */
  #started(started: TanStackStarted): (() => void) | undefined {
    const { cleanup, loadSubset } = typeof started === 'function' ? { cleanup: started } : started ?? {}
    this.#loadSubset = loadSubset
    this.#load()
    this.#waits--
    this.#ready()
    return cleanup === undefined ? undefined : () => cleanup()
  }

  /** Closed: adapters that end delete what they wrote, and it stays. */
  get ended(): boolean { return this.session.signal.aborted }

  /** The transaction that is written to: the last begun. Electric loads a part while its stream's is open. */
  get #open(): Transaction | undefined {
    const last = this.pending.at(-1)
    return last?.committed === false ? last : undefined
  }

  begin(): void {
    if (this.ended) return
    this.pending.push({ operations: [], truncate: false, truncateMarkReady: true, committed: false, applicationStarted: false, rows: new Map() })
  }

  write(message: Message): void {
    if (this.ended) return
    const open = this.#open
    if (open === undefined) { this.begin(); this.write(message); void this.commit(); return }
    const { type, value } = message
    if (type !== 'insert' && type !== 'update' && type !== 'delete') throw new EddylineError('CHANGE_INVALID', `unknown write type \`${said(type)}\``, { offending: said(type) })
    const key = message.key ?? (value == null ? undefined : this.keyOf(value))
    const before = key === undefined ? undefined : this.accepted(key)
    // Electric sends a row that it sent before as an update, refused or not.
    const whole = type === 'insert' || this.options.sync.rowUpdateMode === 'full' || (before === undefined && this.#missing.has(key!))
    const operation = { type: type === 'update' && whole ? 'insert' : type, key, value: whole && type !== 'delete' ? value : this.#named(value, before) } as const
    open.operations.push(operation)
    const row = written(operation, before)
    if (this.options.getKey !== undefined) open.wrong ??= this.#disagrees(key, row, before)
    if (key !== undefined) open.rows.set(key, row)
  }

  /** What came before in the transaction counts no more. */
  truncate(options?: { markReady?: boolean }): void {
    if (this.ended) return
    const open = this.#open
    if (open === undefined) { this.begin(); this.truncate(options); void this.commit(); return }
    open.operations = []
    open.rows.clear()
    open.wrong = undefined
    open.truncate = true
    open.truncateMarkReady = options?.markReady !== false
  }

  /** True, or a promise of it: of a worker, or one that rejects. A throw would reach nobody: adapters call from streams and timers. */
  commit(signal?: AbortSignal): true | Promise<void> {
    const transaction = this.#open
    if (transaction === undefined || this.ended) return true
    if (signal?.aborted === true) {
      this.#giveUp(transaction)
      return rejected(new DOMException('the transaction was given up', 'AbortError'))
    }
    const { session } = this
    if (transaction.operations.length === 0 && !transaction.truncate) {
      this.#settle(transaction)
      return true
    }
    transaction.committed = true
    transaction.applicationStarted = true
    // Those that were begun before and are open still come after it.
    this.#settle(transaction)
    const behind = this.pending.findIndex(each => !each.committed)
    this.pending.splice(behind < 0 ? this.pending.length : behind, 0, transaction)
    this.#replay()
    try {
      if (transaction.wrong !== undefined) throw transaction.wrong
      session.begin()
      if (transaction.truncate) session.truncate(this.table)
      for (const each of transaction.operations) session.write(each as TypedWrite)
      // Of a database in a worker it is a promise.
      const applied: unknown = session.commit()
      if (!(applied instanceof Promise)) { this.#applied(transaction); return true }
      // A refusal of the worker is told by the connection.
      const receipt = applied.then(() => { this.#applied(transaction) }, error => { this.#refuse(transaction); throw error })
      receipt.catch(() => {})
      return receipt
    } catch (error) {
      this.#refuse(transaction)
      session.markError(error)
      return rejected(error)
    }
  }

  markReady(): void {
    this.#saidReady = true
    this.#failed = false
    this.#ready()
  }

  markError(error: unknown): void {
    if (this.ended) return
    this.status = 'error'
    this.#failed = true
    this.session.markError(this.#typed(error))
  }

  keyOf(row: RowObject): Key | undefined {
    if (this.options.getKey !== undefined) return this.options.getKey(row) as Key
    const parts = this.#key.map(k => row[k])
    return parts.length === 1 ? parts[0] as Key : JSON.stringify(parts)
  }

  /** What is wrong where two rows have one key of the adapter, or one row has two: a delete by it would be of another row, or of both. */
  #disagrees(key: Key | undefined, row: RowObject | undefined, before: RowObject | undefined): EddylineError | undefined {
    const own = this.#key.length === 1 ? row?.[this.#key[0]] as Key : undefined
    // Most have the key of the table: nothing can disagree while all have.
    if (this.#names.size === 0 && (row === undefined || (key !== undefined && key === own && (before === undefined || before[this.#key[0]] === own)))) return undefined
    const was = this.#text(before)
    if (row === undefined) return undefined
    const wrong = (what: string): EddylineError => new EddylineError('INVALID_ARGUMENT', `\`getKey\` gives ${what} of \`${this.table}\`: what it gives is to tell rows apart as their key does (${this.#key.join(', ')})`, { path: 'getKey', offending: said(key) })
    if (key === undefined) return wrong('undefined for a row')
    const text = this.#text(row)
    if (text === undefined) return undefined
    if (was !== undefined && was !== text) return wrong(`${said(key)} for two rows`)
    for (const other of [this.#names.get(text), own]) {
      if (other !== undefined && other !== key && this.#text(this.accepted(other)) === text) return wrong(`${said(key)}, and ${said(other)} before, for one row`)
    }
    if (key !== own) this.#names.set(text, key)
    return undefined
  }

  /** Text of the table's key of a row; undefined where it lacks a part: applying it says so. */
  #text(row: RowObject | undefined): string | undefined {
    const values = this.#key.map(k => row?.[k])
    return values.some(v => v == null) ? undefined : valuesText(this.#types, values)
  }

  /** A row as it is with all transactions that are on their way. */
  accepted(key: Key, transactions = this.pending.length): RowObject | undefined {
    for (let i = transactions; i-- > 0;) {
      const { rows, truncate } = this.pending[i]
      if (rows.has(key)) return rows.get(key)
      if (truncate) return undefined
    }
    return this.rows.get(key)
  }

  /** Of adapters that compare all rows with what is to be: they send what is missing. */
  acceptedRows(): Map<Key, RowObject> {
    this.#missing.clear()
    const rows = new Map(this.rows)
    for (const each of this.pending) into(rows, each)
    return rows
  }

  /** The columns of the key with it: they name the row where an adapter has a key of its own, or gives no more than what changed. */
  #named(value: RowObject | undefined, before: RowObject | undefined): RowObject | undefined {
    if (before === undefined) return value
    return { ...Object.fromEntries(this.#key.map(k => [k, before[k]])), ...value }
  }

  /** Everything, where an adapter loads what is asked for. */
  #load(): void {
    if (this.#loadSubset === undefined || this.ended) return
    this.#waits++
    const loaded = (async () => { await this.#loadSubset?.({}) })()
    loaded.then(() => { this.#waits--; this.#ready() }, error => { this.#waits--; this.markError(error) })
  }

  #ready(): void {
    if (this.ended || !this.#saidReady || this.#missing.size > 0 || this.#waits > 0) return
    this.status = 'ready'
    this.session.markReady()
  }

  #applied(transaction: Transaction): void {
    this.#settle(transaction)
    const gone = this.#names.size === 0 ? [] : [...transaction.truncate ? this.rows : transaction.rows].map(([key]) => [key, this.#text(this.rows.get(key))] as const)
    into(this.rows, transaction)
    // Not before: what is given up or refused deletes nothing.
    for (const [key, text] of gone) if (text !== undefined && this.#names.get(text) === key && this.accepted(key) === undefined) this.#names.delete(text)
    if (transaction.truncate) this.#missing.clear()
    for (const key of transaction.rows.keys()) this.#missing.delete(key)
    if (!transaction.truncate) {
      // Of a worker adapters may not wait to say that they are ready.
      if (this.status === 'error' && !this.#failed) this.#ready()
      return
    }
    this.#load()
    if (transaction.truncateMarkReady) this.markReady()
  }

  #refuse(transaction: Transaction): void {
    this.#giveUp(transaction)
    transaction.applicationStarted = false
    for (const key of transaction.rows.keys()) this.#missing.add(key)
    if (transaction.truncate) for (const key of this.rows.keys()) this.#missing.add(key)
    this.status = 'error'
    this.#replay()
  }

  /** What rows are after transactions that are open, when others come before them, or do not. */
  #replay(): void {
    this.pending.forEach((each, at) => {
      if (each.committed) return
      each.rows.clear()
      for (const operation of each.operations) {
        const { key } = operation
        if (key !== undefined) each.rows.set(key, written(operation, this.accepted(key, at + 1)))
      }
    })
  }

  /** Not applied: the rows that it deleted, and that came in it under other keys, have theirs again. */
  #giveUp(transaction: Transaction): void {
    this.#settle(transaction)
    if (this.#names.size === 0) return
    const known = transaction.truncate ? [this.rows, ...this.pending.map(each => each.rows)] : [transaction.rows]
    for (const key of known.flatMap(rows => [...rows.keys()])) {
      const row = this.accepted(key), text = this.#text(row)
      if (text !== undefined && key !== row![this.#key[0]]) this.#names.set(text, key)
    }
  }

  #settle(transaction: Transaction): void { this.pending.splice(this.pending.indexOf(transaction), 1) }

  #typed(error: unknown): unknown {
    if (error instanceof EddylineError) return error
    const why = error instanceof Error ? `: ${error.message}` : ''
    return new EddylineError('SOURCE_FAILED', `the adapter of \`${this.name}\` failed${why}`, { offending: this.name, cause: error })
  }
}

/** A row after an operation on it; undefined: gone. */
function written({ type, value }: Message, before: RowObject | undefined): RowObject | undefined {
  return type === 'delete' ? undefined : type === 'insert' ? value : { ...before, ...value }
}

function into(rows: Map<Key, RowObject>, { truncate, rows: changed }: Transaction): void {
  if (truncate) rows.clear()
  for (const [key, row] of changed) {
    if (row === undefined) rows.delete(key)
    else rows.set(key, row)
  }
}

/** Whoever does not look at it is told by the connection. */
function rejected(error: unknown): Promise<void> {
  const promise = Promise.reject(error)
  promise.catch(() => {})
  return promise
}
