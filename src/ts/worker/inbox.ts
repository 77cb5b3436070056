// What the worker tells of its engine: taken in message by message, large ones in slices.
import { slices } from '../breathe.js'
import type { Report } from '../changes.js'
import type { Dispatcher } from '../dispatch.js'
import { EddylineError } from '../errors.js'
import { QueryEvent, type SharedQuery } from '../live-query.js'
import type { ViewInfo } from '../port.js'
import { FILL, FREED, HEAD, KIND, ReportReader, SECTIONS } from '../report.js'
import type { CellTable } from '../rows.js'
import { View } from '../view.js'
import type { Contents, farPort } from './far-engine.js'
import type { RowHeap } from './heap.js'
import { type Told, errorOf } from './messages.js'
import type { FarQueries } from './queries.js'

/** Numbers about rows in a message from which it is read in slices, and how long these last. */
const LARGE = 6000, SLICE_MS = 4

/** What takes part in what is told. */
interface InboxHost {
  /** Nothing more is taken in. */
  over(): boolean
  /** A message is taken in: what else it says can be done. */
  shown(told: Told): void
  crashed(error: EddylineError): void
}

/** Rows, views and versions of a page come from here, in the order of the messages. */
export class Inbox {
  readonly #reader: ReportReader
  /** Rows that could not be fetched. */
  readonly #missed = new Map<string, { table: string; tenant: string | undefined; error: EddylineError }>()
  /** Messages that wait for the first of them to be read. */
  readonly #queue: Told[] = []
  readonly port: FarQueries['port']

  constructor(readonly queries: FarQueries, readonly heap: RowHeap, readonly contents: Contents, readonly done: ReturnType<typeof farPort>['done'], readonly dispatcher: Dispatcher, readonly host: InboxHost) {
    this.port = queries.port
    this.#reader = new ReportReader(queries.port, queries.relations, queries.views)
  }

  take(told: Told): void {
    if (told.words === undefined && told.contents === undefined && told.rows === undefined && told.replies === undefined && told.opened === undefined &&
      told.failures === undefined && told.forgotten === undefined && told.fetched === undefined && told.sourced === undefined && told.n === undefined) return
    if (this.#queue.length > 0 || (told.rows !== undefined && told.rows.packed.length + told.rows.pairs.length > LARGE)) {
      this.#queue.push(told)
      if (this.#queue.length === 1) void this.#prepared()
    } else this.#shown(told)
  }

  /** Large messages are read in slices, so that the page draws meanwhile: rows first, which nobody sees before all of them are there. */
  async #prepared(): Promise<void> {
    const breathe = slices(SLICE_MS)
    while (this.#queue.length > 0) {
      const told = this.#queue[0]
      try {
        for (const _ of this.#prepare(told)) {
          const pause = breathe()
          if (pause === undefined) continue
          await pause
          if (this.host.over()) return
        }
      } catch (error) { this.host.crashed(this.port.failure(error)); return }
      this.#queue.shift()
      this.#shown(told)
      if (this.host.over()) return
    }
  }

  *#prepare(told: Told): Generator<void, void, void> {
    this.#forget(told)
    // Handles that were freed meanwhile may be those of other rows now: then it must wait.
    if (told.net === true && told.words !== undefined) return
    const { rows, words } = told
    if (rows === undefined) return
    yield* this.heap.load(rows)
    told.rows = undefined
    const cells = new Map<CellTable, Int32Array>()
    for (const { info } of told.opened ?? []) {
      const handles = told.contents?.find(([view]) => view === info.view)?.[1]
      const relation = this.queries.relations.get(info.levels[0].rel)
      if (info.flat && info.levels[0].plain && handles !== undefined && relation !== undefined) cells.set(relation.rows, handles)
    }
    for (let s = 0, at = HEAD; words !== undefined && s < words[SECTIONS]; s++) {
      const view = this.queries.views.get(words[at])
      if (view?.flat === true && words[at + 1] === 0 && words[at + 2] === 1 && (words[at + 4] & KIND) === FILL) cells.set(view.levels[0].table, words.subarray(at + 12, at + 4 + words[at + 3]))
      at += 4 + words[at + 3]
    }
    for (const [table, handles] of cells) {
      for (let i = 0; i < handles.length; i++) {
        table.at(handles[i])
        if ((i & 1023) === 0) yield
      }
    }
  }

  /** A message is taken in; then the database answers what was asked. */
  #shown(told: Told): void {
    try { this.#absorb(told) } catch (error) { this.host.crashed(this.port.failure(error)); return }
    this.host.shown(told)
  }

  /** Lets all mirrors take a message in, then tells the listeners. */
  #absorb(told: Told): void {
    const { report, words, net } = told
    const version = told.version ?? this.queries.version
    this.#forget(told)
    if (told.contents !== undefined || words !== undefined) this.dispatcher.pin()
    for (const [view, content] of told.contents ?? []) this.contents.set(view, content)
    const failures = new Map((told.failures ?? []).map(([view, failure]) => [view, new EddylineError(failure.code, failure.message, failure)]))
    const changed: SharedQuery[] = []
    const views: View[] = []
    if (net === true) for (const view of [...this.contents.keys(), ...failures.keys()]) {
      const known = this.queries.views.get(view)
      if (known !== undefined) views.push(known)
    }
    // Several versions in one: what leaves is held first, because handles that were freed may be those of other rows by now.
    for (const view of views) if (view.built) view.hold()
    if (net !== true && told.rows !== undefined) for (const _ of this.heap.load(told.rows));
    if (words !== undefined) this.#report(words, net === true ? undefined : changed, failures)
    if (net === true && told.rows !== undefined) for (const _ of this.heap.load(told.rows));
    for (const view of views) {
      const query = this.queries.byView.get(view.id)!
      const failure = failures.get(view.id)
      if (failure !== undefined) {
        view.absorb(EMPTY, 0, 0, version, true)
        if (query.fail(failure)) changed.push(query)
        continue
      }
      const broken = query.broken
      if (!view.renew(version) && !broken) continue
      query.changed()
      if (broken) query.recovered()
      changed.push(query)
    }
    const loaded = told.opened?.flatMap(({ query, info }) => this.#opened(query, info, version, failures)) ?? []
    this.contents.clear()
    this.done()
    for (const [view, total] of told.totals ?? []) this.queries.totals.set(view, total)
    this.queries.version = version
    const fetched = this.#fetched(told)
    const events = changed.filter(q => q.listeners.size > 0).map(q => new QueryEvent(q, q.view.diff, report ?? NO_BATCH(version)))
    for (const query of changed) query.view.diff = undefined
    const batch = report !== undefined && !report.replayed ? report : undefined
    if (events.length > 0 || (batch !== undefined && this.dispatcher.hasReportListeners)) this.dispatcher.push(events, batch)
    this.queries.open.tell([...loaded, ...fetched])
  }

  /** Relations go before rows come: in one message with its end, one may be there again, of a query that was dropped and opened anew. */
  #forget(told: Told): void {
    for (const rel of told.forgotten ?? []) this.heap.forget(rel)
    told.forgotten = undefined
  }

  /** Takes in a report of the engine; the freed rows go. */
  #report(words: Int32Array<ArrayBuffer>, changed: SharedQuery[] | undefined, failures: ReadonlyMap<number, EddylineError>): void {
    const heap = this.heap
    const at = heap.putWords(words)
    const reader = this.#reader
    reader.absorb(at)
    for (let i = 0; i < reader.count; i++) {
      const view = reader.changed[i]!
      reader.changed[i] = undefined
      const query = this.queries.byView.get(view.id)!
      if (view.failed && !query.fail(failures.get(view.id) ?? new EddylineError('EVALUATION_FAILED', 'the query could not be evaluated'))) continue
      query.changed()
      if (!view.failed && query.broken) { view.recover(); view.build(); query.recovered() }
      changed?.push(query)
    }
    let place = HEAD
    for (let s = 0; s < words[SECTIONS]; s++) place += 4 + words[place + 3]
    for (let s = 0; s < words[FREED]; s++) {
      const rel = words[place], end = place + 2 + words[place + 1]
      for (place += 2; place < end; place++) heap.free(rel, words[place])
    }
    heap.release(at, words.length * 4 + 4)
  }

  #opened(number: number, info: ViewInfo, version: number, failures: ReadonlyMap<number, EddylineError>): SharedQuery[] {
    const query = this.queries.numbers.get(number)
    // Nobody wants it any more: the worker knows by now.
    if (query === undefined) return []
    const view = new View(this.port, this.queries.relations, info, version)
    view.comesWhole = true
    this.queries.views.set(info.view, view)
    this.queries.byView.set(info.view, query)
    const failure = failures.get(info.view)
    if (failure === undefined) view.build()
    else view.fail()
    query.opened(view)
    if (failure !== undefined) query.fail(failure)
    for (const [name, { table, tenant, error }] of this.#missed) if (this.queries.open.reads(query, table, tenant)) query.fetched(name, error)
    return [query]
  }

  #fetched(told: Told): SharedQuery[] {
    const changed: SharedQuery[] = []
    for (const [name, table, tenant, json] of told.fetched ?? []) {
      const error = json === undefined ? undefined : errorOf(json) as EddylineError
      if (error === undefined) this.#missed.delete(name)
      else this.#missed.set(name, { table, tenant, error })
      changed.push(...this.queries.open.fetched(name, table, tenant, error))
    }
    return changed
  }
}

const EMPTY = /* @__PURE__ */ new Int32Array(0)
/** Of versions that no batch made. */
const NO_BATCH = (version: number): Report => ({ version, applied: 0, ignored: 0, replayed: false, micros: 0 })
