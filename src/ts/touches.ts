import type { Inside } from './database.js'
import { decodeCell } from './decoder.js'
import { report } from './dispatch.js'
import { EddylineError, codedError } from './errors.js'
import { exactText } from './keys.js'
import type { TableLayout } from './layout.js'
import type { Port } from './port.js'
import { answered, keyText, layoutOf } from './row-by-key.js'
import type { QueryJson } from './query/types.js'
import type { SchemaJson } from './schema.js'

/** Asks the backend for one row. `null`: the row is gone; undefined, as a forgotten `return` gives, is FETCH_FAILED. */
export type FetchRow = (table: string, key: any, context: { tenant?: string; signal: AbortSignal }) => Promise<object | null>

interface Flight {
  readonly touch: Touch
  /** The answer to the request under way is old. */
  again: boolean
  /** The row has come since it was touched, by other means. */
  known: boolean
  /** Of the request under way: a signal that several share would gather listeners. */
  abort: AbortController | undefined
}

/** What the backend said of a touched row; null: it is gone. */
export interface Answer { readonly touch: Touch; readonly row: object | null }

/** An answer that is there, and who waits for it: false means that it is old. */
interface Landing extends Answer {
  readonly name: string
  readonly flight: Flight
  done(stored: boolean): void
  failed(error: unknown): void
}

/** A touched row; `name`: equal for touches of one row, whichever spelling of its key they have. */
export interface Touch { name: string; table: string; key: unknown; tenant: string | undefined }

/** Reads the touch records of a report. Must run before the next call of the engine. */
export function readTouches(port: Port, at: number, count: number, tables: readonly TableLayout[]): Touch[] {
  const touches: Touch[] = []
  for (let i = 0; i < count; i++) {
    const table = tables[port.i32[at]]
    const bytes = port.i32[at + 1]
    const row = (at + 2) * 4
    const parts = table.key.map(c => exactCell(port, table, row, c))
    const tenant = table.tenanted ? decodeCell(port, table.layout, row, table.layout.shown) as string : undefined
    touches.push({ name: JSON.stringify([table.name, tenant, exactText(table.keyTypes, parts)]), table: table.name, key: parts.length === 1 ? parts[0] : parts, tenant })
    at += 2 + ((bytes + 3) >> 2)
  }
  return touches
}

/** A cell of a key. A moment that no `Date` can name is its text. */
function exactCell(port: Port, { layout }: TableLayout, row: number, c: number): unknown {
  const cell = decodeCell(port, layout, row, c)
  if (!(cell instanceof Date)) return cell
  const rest = Number(port.view.getBigInt64(row + layout.slots[c], true) - BigInt(cell.getTime()) * 1000n)
  return rest === 0 ? cell : cell.toISOString().replace('Z', `${String(rest).padStart(3, '0')}Z`)
}

/** Throws FETCH_FAILED if an answer is another row than the one that was asked for. What has no key is left to `apply`. */
export function checkAnswer(inside: Inside, { table, key }: Touch, row: object): void {
  const layout = layoutOf(inside, table)
  const values = layout.keyNames.map(name => (row as Record<string, unknown>)[name])
  if (values.some(v => v == null) || exactText(layout.keyTypes, values) === keyText(layout, key)) return
  throw new EddylineError('FETCH_FAILED', `the answer is another row: (${values.map(String).join(', ')})`, { offending: table })
}

/** A row that could not be fetched. */
export interface Failed {
  readonly touch: Touch
  readonly error: EddylineError
}

/** Without `fetchRow` a touched row is one that cannot be fetched. */
const nobody: FetchRow = offending => { throw new EddylineError('NO_FETCH_ROW', `a row of \`${offending}\` was touched, but createDatabase got no fetchRow`, { offending }) }

/** What the fetcher asks and tells. */
export interface FetchHost {
  /** Calls `came` when a batch brings the row. */
  waitFor(touch: Touch, came: () => void): void
  /** Throws if `row` is another row than the one that was asked for. */
  check(touch: Touch, row: object): void
  /** Stores answers, as one version: all or, when it throws, none. */
  store(answers: readonly Answer[]): void
  /** The row could not be fetched, and is as it was; without an error: it was fetched after all. */
  told(name: string, touch: Touch, error: EddylineError | undefined): void
}

/**
 * One request in flight per row, newest wins: a touch during a request makes its answer old, and so does whatever else brings
 * the row meanwhile (a write of one's own, a delete, be it of what is not there), so the answer is dropped and the row asked for again. Answers that
 * are there at the same moment are stored as one version. A failure leaves the row as it is, is told, and remembered until
 * the row is fetched.
 */
export class RowFetcher {
  readonly #flights = new Map<string, Flight>()
  readonly #failed = new Map<string, Failed>()
  #closed = false
  #landing: Landing[] = []

  constructor(readonly fetchRow: FetchRow = nobody, readonly host: FetchHost, readonly onError: ((error: unknown) => void) | undefined) {}

  /** Rows that could not be fetched, by name. */
  get failed(): ReadonlyMap<string, Failed> { return this.#failed }

  touch(touch: Touch): void {
    const { name } = touch
    const flight = this.#flights.get(name)
    if (flight !== undefined) {
      flight.again = true
      flight.known = false
    } else void this.#fetch(touch, name)
  }

  /** Asks again for what could not be fetched; the number of rows. */
  retry(): number {
    const touches = [...this.#failed.values()]
    for (const { touch } of touches) this.touch(touch)
    return touches.length
  }

  /** A row came, by whatever way: what was asked of it before is old, and if it could not be fetched, it is known again. */
  #came(name: string, touch: Touch): void {
    const flight = this.#flights.get(name)
    if (flight !== undefined) flight.again = flight.known = true
    if (this.#failed.delete(name)) this.host.told(name, touch, undefined)
  }

  close(): void {
    this.#closed = true
    for (const { abort } of this.#flights.values()) abort?.abort()
  }

  async #fetch(touch: Touch, name: string): Promise<void> {
    const flight: Flight = { touch, again: false, known: false, abort: undefined }
    this.#flights.set(name, flight)
    let waits = false
    const wait = (): void => {
      if (waits) return
      waits = true
      this.host.waitFor(touch, () => {
        waits = false
        this.#came(name, touch)
      })
    }
    try {
      // From now on: the row may be applied right behind the touch.
      wait()
      // What is touched in one go is asked for once.
      await undefined
      if (this.#closed) return
      for (;;) {
        flight.again = false
        const { signal } = flight.abort = new AbortController()
        wait()
        const context = touch.tenant === undefined ? { signal } : { tenant: touch.tenant, signal }
        let row: object | null
        try { row = answered(await this.fetchRow(touch.table, touch.key, context)) } catch (error) {
          if (flight.again && !this.#closed) continue
          throw error
        }
        if (this.#closed) return
        if (!await this.#land({ touch, row, name, flight })) continue
        return
      }
    } catch (cause) {
      if (this.#closed) return
      const why = cause instanceof Error ? cause.message : String(cause)
      const error = new EddylineError('FETCH_FAILED', `a row of \`${touch.table}\` could not be fetched: ${why}`, { offending: touch.table, cause })
      // It is waited for still. Where nobody is asked, who touched it may have it: it has come since.
      if (!flight.known || codedError(cause)?.code !== 'NO_FETCH_ROW') {
        this.#failed.set(name, { touch, error })
        this.host.told(name, touch, error)
      }
      // What is no error says nothing of itself.
      report(cause instanceof Error ? cause : error, this.onError)
    } finally {
      if (this.#flights.get(name) === flight) this.#flights.delete(name)
    }
  }

  /** Stores an answer, with those that are there at the same moment; false if it is old. */
  #land(answer: Omit<Landing, 'done' | 'failed'>): Promise<boolean> {
    return new Promise((done, failed) => {
      this.#landing.push({ ...answer, done, failed })
      if (this.#landing.length > 1) return
      queueMicrotask(() => {
        const landing = this.#landing
        this.#landing = []
        if (!this.#closed) this.#store(landing.filter(one => this.#isNews(one)))
      })
    })
  }

  #isNews({ touch, row, flight, done, failed }: Landing): boolean {
    try {
      const news = !flight.again
      if (!news) done(false)
      else if (row !== null) this.host.check(touch, row)
      return news
    } catch (error) {
      failed(error)
      return false
    }
  }

  /** One that is refused must not take the others with it. */
  #store(news: readonly Landing[]): void {
    if (news.length === 0) return
    // Removed first: storing may touch the rows again.
    for (const { name, flight } of news) if (this.#flights.get(name) === flight) this.#flights.delete(name)
    try { this.host.store(news) } catch (error) {
      if (news.length > 1) for (const one of news) this.#store([one])
      else news[0].failed(error)
      return
    }
    for (const { done } of news) done(true)
  }
}

/** Whether a query reads a table, in any of its parts. Cost: the size of the query; asked only when a fetch fails. */
export function readsTable(schema: SchemaJson, json: QueryJson, table: string): boolean {
  const seen = new Set<string>()
  const enter = (owner: string, name: string): string => {
    const relation = schema.tables.find(t => t.name === owner)?.relations.find(r => r.name === name) as { kind: string; table: string; join?: string; path?: string[] } | undefined
    if (relation === undefined) return ''
    if (relation.join !== undefined) seen.add(relation.join)
    const target = relation.path?.reduce(enter, owner) ?? relation.table
    seen.add(target)
    return target
  }
  const walk = (part: unknown, owner: string): void => {
    if (Array.isArray(part)) { for (const p of part) walk(p, owner); return }
    if (typeof part !== 'object' || part === null) return
    const { from, table: joined, relation } = part as { from?: unknown; table?: unknown; relation?: unknown }
    if (typeof from === 'string') seen.add(owner = from)
    if (typeof joined === 'string') seen.add(joined)
    if (typeof relation === 'string') owner = enter(owner, relation)
    for (const below of Object.values(part)) walk(below, owner)
  }
  walk(json, '')
  return seen.has(table)
}
