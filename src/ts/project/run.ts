// One run: levels of projections within a lens, read at one version, written as one.
import type { LooseChange } from '../changes.js'
import { EddylineError } from '../errors.js'
import { later } from '../limits.js'
import type { Draft } from './draft.js'
import { type Engine, type Job, type Operation, derive, engineOf, isPromise } from './engines.js'
import type { Node } from './graph.js'
import { type Lens, checkFilter, judged, lens as lensOf, matches, narrowed } from './lens.js'
import { Reading } from './reading.js'
import { failedIn } from './checks.js'
import { type Rows, rowsOf } from './rows.js'
import type { Scope, ScopeHost } from './scope.js'
import type { Telemetry } from './telemetry.js'
import { reconcile, tableRows } from './upkeep.js'

/** What is to be run. */
export interface Task {
  readonly terminal: Node
  readonly lens: Lens
  readonly levels: readonly (readonly Node[])[]
  readonly scopes: ReadonlyMap<Node, Scope>
  /** All of it; else only what is dirty, and what reads what changed. */
  readonly all: boolean
  /** Inputs are read from their tables, and not run. */
  readonly shallow: boolean
  /** It stays: its functions run again when their inputs change. */
  readonly live: boolean
  readonly engine: Engine | undefined
  readonly timeoutMs: number | undefined
  /** Projections whose tables stay as they are. */
  readonly paused: ReadonlySet<Node>
}

/** What runs need of where they run. */
export interface Runner extends ScopeHost {
  readonly engine: Engine
  readonly telemetry: Telemetry
  draftOf(node: Node): Draft
  /** Its rows are of another version of the function: none of them stays. */
  isAnew(node: Node): boolean
  /** Why a view's table is not what its query says. */
  viewError(node: Node): unknown
  /** Writes what a run has; the version after it. */
  commit(run: Run): number
}

/** What a run gives. */
export interface Result<R = any> {
  /** Rows of the projection within the lens. */
  readonly rows: readonly R[]
  /** Rows that are other than before, of all projections that ran. */
  readonly changed: number
  /** The version after it. */
  readonly version: number
}

export class Run {
  readonly drafts = new Map<Node, Draft>()
  /** Functions that ran, with the rows that they have read; undefined for lists. */
  readonly read = new Map<Node, (readonly object[] | undefined)[]>()
  readonly version: number
  /** Rows that are other than before. */
  changed = 0
  /** Projections whose rows are other than before. */
  readonly changedNodes = new Set<Node>()
  /** Where it failed. */
  #culprit: Node | undefined
  readonly #abort = new AbortController()
  readonly #reading: Reading
  #level = 0
  #rowsIn = 0

  constructor(readonly host: Runner, readonly task: Task) {
    this.version = host.db.version
    try { this.#reading = new Reading(host, task, this) } catch (error) { this.#unanswered(); throw error }
  }

  /** Changes of each scope that it sees. */
  get seen(): ReadonlyMap<Scope, number> { return this.#reading.seen }

  /** Projections that run, or do if what they read has changed. */
  get due(): ReadonlySet<Node> { return this.#reading.due }

  /** Runs and commits. What it throws or rejects with has left everything as it was. */
  start(): Result | Promise<Result> {
    const { task, host } = this
    const span = host.telemetry.begin('project', { projection: task.terminal.name, lens: String(task.lens), version: this.version })
    const begun = performance.now()
    const timeoutMs = task.timeoutMs ?? (task.terminal.definition.options.timeoutMs as number | undefined) ?? 60_000
    const late = (): EddylineError => new EddylineError('PROJECTION_TIMEOUT', `the run of \`${task.terminal.name}\` took longer than ${timeoutMs} ms`, { offending: task.terminal.name })
    let timer: ReturnType<typeof setTimeout> | undefined
    const finish = (): Result => {
      clearTimeout(timer)
      this.check()
      if (performance.now() - begun > timeoutMs) throw late()
      const version = host.commit(this)
      const { changed } = this
      const result = { rows: task.all ? this.#result() : [], changed, version }
      span.stop({ rowsIn: this.#rowsIn, rowsOut: result.rows.length, changed, version })
      return result
    }
    const fail = (error: unknown): never => {
      clearTimeout(timer)
      if (!this.#abort.signal.aborted) this.#abort.abort(error)
      for (const node of this.due) {
        const scope = task.scopes.get(node)
        // Of a run that somebody asked for, functions may be part whose rows are right as they are.
        if (scope !== undefined && (!task.all || scope.dirty || node === this.#culprit)) scope.error = error
      }
      this.#unanswered()
      span.fail(error)
      throw error
    }
    let done: unknown
    try { done = this.#levels(0) } catch (error) {
      this.#reading.end()
      return fail(error)
    }
    if (!isPromise(done)) {
      try { return finish() } catch (error) { return fail(error) } finally { this.#reading.end() }
    }
    const over = new Promise<never>((_, reject) => {
      this.#abort.signal.addEventListener('abort', () => { reject(this.#abort.signal.reason as Error) })
      timer = later(() => { this.#abort.abort(late()) }, timeoutMs)
    })
    over.catch(() => {})
    return Promise.race([done, over]).then(finish).catch(fail).finally(() => { this.#reading.end() })
  }

  #unanswered(): void { for (const scope of this.task.scopes.values()) scope.answered(false) }

  /** Rows of the inputs of a function that ran, or would have if they had changed; undefined for lists. */
  saw(node: Node): readonly (readonly object[] | undefined)[] {
    return this.read.get(node) ?? node.inputs.map((input, i) => this.#reading.isList(input) ? undefined : this.#reading.read(node, i).rows)
  }

  /** Ends it from outside. */
  abort(reason: unknown): void { this.#abort.abort(reason) }

  check(): void { if (this.#abort.signal.aborted) throw this.#abort.signal.reason as Error }

  get stopped(): unknown { return this.#abort.signal.aborted ? this.#abort.signal.reason : undefined }

  #levels(at: number): unknown {
    for (let i = at; i < this.task.levels.length; i++) {
      this.check()
      this.#level = i
      const done = this.#runLevel(this.task.levels[i])
      if (isPromise(done)) return done.then(() => this.#levels(i + 1))
    }
    return undefined
  }

  #runLevel(level: readonly Node[]): unknown {
    const nodes = level.filter(n => this.due.has(n) && this.#mustRun(n))
    if (nodes.length === 0) return undefined
    const about = { projection: this.task.terminal.name, lens: String(this.task.lens), level: this.#level, version: this.version }
    const span = this.host.telemetry.begin('level', about)
    const totals = { rowsIn: 0, rowsOut: 0, changed: 0 }
    const jobs: { node: Node; outcome: unknown; end: (o: any) => void; fail: (e: unknown) => never }[] = []
    const begin = (node: Node) => {
      const open = this.host.telemetry.begin('derive', { ...about, projection: node.name })
      return {
        end: (counts: { rowsIn: number; rowsOut: number; changed: number }) => {
          for (const k of ['rowsIn', 'rowsOut', 'changed'] as const) totals[k] += counts[k]
          open.stop(counts)
        },
        fail: (error: unknown): never => { this.#culprit = node; open.fail(error); throw error },
      }
    }
    try {
      for (const node of nodes) {
        const { end, fail } = begin(node)
        let outcome: unknown
        try { outcome = this.#exec(node) } catch (error) { fail(error) }
        jobs.push({ node, outcome, end, fail })
      }
    } catch (error) {
      span.fail(error)
      for (const j of jobs) if (isPromise(j.outcome)) j.outcome.catch(() => {})
      throw error
    }
    const settle = (outcomes: readonly PromiseSettledResult<any>[]): void => {
      this.check()
      try {
        // In the order of the plan, whoever was first.
        outcomes.forEach((o, i) => {
          const { node, end, fail } = jobs[i]
          if (o.status === 'rejected') fail(o.reason)
          try { end(this.#take(node, (o as PromiseFulfilledResult<any>).value)) } catch (error) { fail(error) }
        })
      } catch (error) { span.fail(error); throw error }
      this.#rowsIn += totals.rowsIn
      span.stop(totals)
    }
    if (!jobs.some(j => isPromise(j.outcome))) return settle(jobs.map(j => ({ status: 'fulfilled', value: j.outcome })))
    return Promise.allSettled(jobs.map(j => j.outcome)).then(settle)
  }

  /** Something that it reads has changed in this run, or since its last one. */
  #mustRun(node: Node): boolean {
    const { task } = this
    if (task.all || this.#reading.dirty.has(node) || this.#reading.judged.has(node) || this.#reading.isList(node)) return true
    if (node.kind !== 'derive') {
      const changed = node.inputs.some(i => this.changedNodes.has(i as Node))
      const isWritten = node.kind === 'view' && !task.paused.has(node)
      // What reads it reads its query, whose rows may be others.
      if (changed && !isWritten) this.changedNodes.add(node)
      return changed && isWritten
    }
    return node.inputs.some((_, i) => this.#reading.read(node, i).changed)
  }

  /** Starts what a projection does; what `take` gets. */
  #exec(node: Node): unknown {
    const { task, host } = this
    if (node.kind === 'virtual') return this.#reading.outputs.has(node) ? this.#reading.output(node).rows : this.#reading.collect(node)
    if (node.kind === 'view') return this.#reading.output(node).rows
    const inputs: Record<string, Rows> = {}
    const lists = node.inputs.map((_, i) => this.#reading.read(node, i).rows)
    lists.forEach((rows, i) => { inputs[node.names[i]] = rowsOf(rows) })
    this.read.set(node, node.inputs.map((input, i) => this.#reading.isList(input) ? undefined : lists[i]))
    const { definition } = node
    const signal = this.#abort.signal
    const job: Job = { projection: definition, lens: task.lens, level: this.#level, inputs, signal, run: () => derive(definition, inputs, task.lens, signal, asLens) }
    const engine = task.engine ?? (definition.options.engine === undefined ? host.engine : engineOf(definition.options.engine))
    const wrong = (error: unknown): never => { throw failed(node, error) }
    try {
      const outcome = engine.fetch(engine.exec(job))
      return isPromise(outcome) ? outcome.catch(wrong) : outcome
    } catch (error) { return wrong(error) }
  }

  /** What a projection gave, into its draft. */
  #take(node: Node, outcome: any): { rowsIn: number; rowsOut: number; changed: number } {
    const { host, task } = this
    if (node.kind === 'virtual') {
      if (!this.#reading.outputs.has(node)) this.#reading.outputs.set(node, outcome)
      return { rowsIn: 0, rowsOut: outcome.length, changed: 0 }
    }
    const { options } = node.definition
    const table = node.table!
    const draft = host.draftOf(node)
    const about = { projection: node.name, lens: String(task.lens), level: this.#level, version: this.version }
    const rowsIn = (this.read.get(node) ?? []).reduce((n, rows, i) => n + (rows ?? this.#reading.outputs.get(node.inputs[i] as Node) ?? []).length, 0)
    if (node.kind === 'view') {
      const span = host.telemetry.begin('materialize', about)
      const filters = this.#own(node, task.lens)
      reconcile(draft, table, outcome, tableRows(host.db, table.name, filters, host.tenant))
      span.stop({ rowsIn: outcome.length, rowsOut: outcome.length, changed: draft.count })
    } else {
      if (!Array.isArray(outcome)) throw new EddylineError('PROJECTION_INVALID', `the engine gave no operations for \`${node.name}\`: \`fetch\` returns what \`job.run()\` did`, { offending: node.name, path: 'engine' })
      if (host.isAnew(node)) draft.remove(tableRows(host.db, table.name, q => q, host.tenant))
      for (const operation of outcome as Operation[]) {
        const span = host.telemetry.begin(operation.op, about)
        try {
          if (operation.op === 'materialize') {
            draft.put(operation.rows, operation.onConflict ?? options.onConflict ?? 'replaceAll')
            span.stop({ rowsIn: operation.rows.length })
          } else span.stop({ rowsOut: this.#dematerialize(node, draft, operation.lens) })
        } catch (error) { span.fail(error); throw error }
      }
    }
    this.drafts.set(node, draft)
    const changed = draft.count
    this.changed += changed
    if (changed > 0) this.changedNodes.add(node)
    return { rowsIn, rowsOut: draft.taken, changed }
  }

  #dematerialize(node: Node, draft: Draft, l: Lens): number {
    const { db, tenant } = this.host
    const rows = tableRows(db, node.table!.name, this.#own(node, l), tenant)
    if (draft.hasWritten) {
      const filters = l.filters.filter(f => node.table!.columns.some(c => c.name === f.field))
      if (l.reducer !== undefined || !filters.every(judged)) throw new EddylineError('LENS_INVALID', `\`${node.name}\` dematerializes what it has just materialized, by a lens that only the engine can apply: do it first`, { offending: node.name, path: 'lens' })
      draft.removeWritten(row => matches(filters, node.table!, row))
    }
    draft.removeOthers(rows)
    return rows.length
  }

  /** The rows of its own table that a lens means: by the fields that it has. */
  #own(node: Node, l: Lens, strict = true): (q: any) => any {
    const table = node.table!
    if (l.reducer !== undefined) return q => narrowed(l, q, table.columns, node.name)
    const filters = l.filters.filter(f => {
      const column = table.columns.find(c => c.name === f.field)
      if (column !== undefined) checkFilter(f, column.type, node.name)
      return column !== undefined
    })
    if (strict && filters.length === 0 && !l.isEmpty && !l.ignoreUnknown) {
      throw new EddylineError('LENS_FIELD', `\`${table.name}\` has none of the lens's fields (${l.filters.map(f => f.field).join(', ')}): all its rows would be meant`, { offending: l.filters[0].field, path: `lens.${l.filters[0].field}` })
    }
    return q => filters.reduce((out, f) => out.where(f.field, f.op, f.value), q)
  }

  #result(): readonly object[] {
    const { terminal, lens: l } = this.task
    if (terminal.kind === 'virtual') return this.#reading.output(terminal).rows
    return tableRows(this.host.db, terminal.table!.name, this.#own(terminal, l, false), this.host.tenant)
  }

  /** Changes of all drafts, in the order of the plan. */
  changes(): LooseChange[] { return this.task.levels.flat().flatMap(n => this.drafts.get(n)?.changes() ?? []) }
}

const asLens = (given: any): Lens => typeof given?.key === 'string' && Array.isArray(given.filters) ? given : lensOf(given)

/** They say what they are about. */
const PLAIN: readonly string[] = ['CLOSED', 'PROJECTION_TIMEOUT', 'UNKNOWN_PROJECTION', 'OUTSIDE_DERIVE']

/** An error of `derive`, with its place. Errors of ours keep their code. */
function failed(node: Node, error: unknown): unknown {
  return error instanceof EddylineError && (error.offending === node.name || PLAIN.includes(error.code)) ? error : failedIn('DERIVE_FAILED', `\`${node.name}\``, node.name, error)
}
