// The live queries of a database, their views, and what a version tells them.
import { later } from './breathe.js'
import type { Report } from './changes.js'
import type { Dispatcher } from './dispatch.js'
import { EddylineError } from './errors.js'
import { Forms } from './forms.js'
import { QueryEvent, type QueryHost, SharedQuery } from './live-query.js'
import { type Family, OpenQueries } from './open-queries.js'
import type { LiveOptions } from './options.js'
import type { Port } from './port.js'
import { type Form, planKey } from './query/builder.js'
import { type AnyParams, type ParamSpec, paramsJson } from './query/params.js'
import type { QueryJson } from './query/types.js'
import { ReportReader } from './report.js'
import type { Relations } from './rows.js'
import type { SchemaJson } from './schema.js'
import { isSliced, letIn } from './sliced.js'
import { View } from './view.js'

/** An operator that may have no value for a row: all but those that always have one, as the engine's `Function::is_total` has it. */
const MAY_FAIL = /"op":"(?!col|lit|param|and|or|not|in|is|[=<>!]|(?:i?like|lower|upper|length|between|coalesce|nullif|case|caseOf|greatest|least|exists|any|agg","name":"(?:count|min|max))")/

/** Milliseconds of a slice. */
const SLICE = 4

/** What queries need of their database. */
interface Host {
  closed: () => boolean
  /** Publishes a version that no change of rows made. */
  moved: (move: () => number) => void
  /** A query begins: what could not be fetched of its tables shows on it. */
  opened(query: SharedQuery): void
  /** An error that has no caller. */
  failed: (error: unknown) => void
}

export class Queries implements QueryHost {
  readonly open: OpenQueries
  readonly #views = new Map<number, View>()
  readonly #reader: ReportReader
  readonly #forms: Forms

  readonly #port: Port
  readonly #relations: Relations
  readonly #dispatcher: Dispatcher
  readonly #host: Host
  /** Conditions of associations may fail. */
  readonly #mayFail: boolean
  /** Cells that nothing shows are being let go. */
  #pruning = false

  /** `version`: the one that the queries show. */
  constructor(port: Port, relations: Relations, dispatcher: Dispatcher, schema: SchemaJson, graceMs: number, host: Host, public version: number) {
    this.#port = port
    this.#relations = relations
    this.#dispatcher = dispatcher
    this.#host = host
    this.#forms = new Forms(port)
    this.#mayFail = MAY_FAIL.test(planKey(schema as never))
    this.#reader = new ReportReader(port, relations, this.#views)
    this.open = new OpenQueries({
      open: (key, json, types, form, sliced, family) => this.#register(key, json, types, form, sliced, family),
      whole: query => { this.#whole(query) },
      drop: ({ view }) => {
        for (const cells of view.cells()) relations.made += cells.length
        this.#views.delete(view.id)
        port.forget(view.id)
        this.#prune()
      },
      ended: () => host.closed() || port.dead !== undefined,
    }, dispatcher, schema, graceMs)
  }

  setParams(query: SharedQuery, values: AnyParams): void {
    const params = paramsJson(values, query.types)
    this.#host.moved(() => this.#port.call('set_params', query.view.id, { params }))
  }

  show(query: SharedQuery, start: number, count: number): void {
    this.#host.moved(() => this.#port.call('show', query.view.id, start, count))
  }

  total(query: SharedQuery): number { return this.#port.call('total', query.view.id) }

  tell(query: SharedQuery): void { this.open.tell([query]) }

  retire(query: SharedQuery): void { this.open.retire(query) }

  /** Lets all mirrors absorb a report; the word where its touched rows begin. */
  absorb(address: number): number {
    const { links } = this.#relations
    links.open()
    this.#reader.absorb(address)
    links.close()
    this.#prune()
    return this.#reader.touchesAt
  }

  /** Rows that nothing shows any more are let go, in slices, once there may be as many of them as of others. */
  #prune(): void {
    const relations = this.#relations
    if (this.#pruning || relations.made <= relations.most) return
    this.#pruning = true
    const steps = relations.pruning(this.#views.values())
    const go = (): void => {
      if (this.#port.dead !== undefined) return
      for (const end = performance.now() + SLICE; performance.now() < end && this.#pruning;) this.#pruning = steps.next().done !== true
      if (this.#pruning) later(go)
    }
    later(go)
  }

  /** Tells the listeners of the queries that a report changed, and those of versions. */
  news(report: Report): void {
    let first: QueryEvent | undefined
    let events: QueryEvent[] | undefined
    const reader = this.#reader
    const batch = report.replayed ? undefined : report
    for (let i = 0; i < reader.count; i++) {
      const view = reader.changed[i]!
      reader.changed[i] = undefined
      const query = view.query!
      if ((view.failed || query.broken) && !this.#evaluated(query, view)) continue
      query.changed()
      if (query.listeners.size > 0) {
        const event = new QueryEvent(query, view.diff, report)
        if (first === undefined) first = event
        else if (events === undefined) events = [first, event]
        else events.push(event)
      }
      view.diff = undefined
    }
    const dispatcher = this.#dispatcher
    if (events !== undefined) dispatcher.push(events, batch)
    else if (first !== undefined) dispatcher.pushOne(first, batch)
    else if (batch !== undefined && dispatcher.hasReportListeners) dispatcher.push([], batch)
  }

  #register(key: string, json: QueryJson, types: ParamSpec | undefined, form: Form, sliced: LiveOptions['sliced'], family: Family): SharedQuery {
    const port = this.#port
    const view = new View(port, this.#relations, this.#forms.register(json, form, isSliced(sliced)), this.version)
    const query = new SharedQuery(this, view, key, family, types)
    view.windowed = query.windowed
    this.#views.set(view.id, view)
    view.query = query
    // Steps into an error are taken back, but what is below a row that went nobody says: so its rows are known before.
    if (!view.flat && (this.#mayFail || MAY_FAIL.test(form.form))) view.build()
    port.tidy()
    if (isSliced(sliced)) {
      query.slicing = true
      query.loading()
    } else this.#check(query)
    this.#host.opened(query)
    if (query.slicing) {
      const { moved, failed, closed } = this.#host
      const door = {
        open: () => !closed() && port.dead === undefined && this.#views.has(view.id),
        moved, failed,
        loaded: () => { this.#loaded(query) },
      }
      letIn(port, view.id, door, typeof sliced === 'object' ? sliced?.onProgress : undefined).catch(failed)
    }
    return query
  }

  #loaded(query: SharedQuery): void {
    if (!query.slicing) return
    query.loaded()
    this.#check(query)
    this.#port.tidy()
    this.tell(query)
  }

  /** Somebody wants all rows of a sliced query now. */
  #whole(query: SharedQuery): void {
    const { id } = query.view
    while (query.slicing && this.#port.call('pending', id) > 0) this.#host.moved(() => this.#port.call('admit', id, 0xffffffff))
    this.#loaded(query)
  }

  /** Why the engine cannot evaluate a view, if it cannot. */
  #failure(view: View): EddylineError | undefined {
    const failure = this.#port.call('view_error', view.id)
    return failure == null ? undefined : new EddylineError(failure.code, failure.message, failure)
  }

  /** Looks whether a query can be evaluated, when it is opened or all of its rows are there. */
  #check(query: SharedQuery): void {
    const error = this.#failure(query.view)
    if (error === undefined) return
    query.view.fail()
    query.fail(error)
  }

  /** Whether there is news of a query that is in error or was: not if it is the same error still. */
  #evaluated(query: SharedQuery, view: View): boolean {
    if (!view.failed) {
      view.recover()
      query.recovered()
      return true
    }
    view.stand()
    const error = this.#failure(view)
    return error !== undefined && query.fail(error)
  }
}
