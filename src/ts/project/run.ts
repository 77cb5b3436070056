// One run: levels of projections within a lens, read at one version, written as one.
import type { LooseChange } from '../changes.js'
import { EddylineError } from '../errors.js'
import { from } from '../query/builder.js'
import { Draft } from './draft.js'
import { type Engine, type Job, type Operation, derive, engineOf, isPromise } from './engines.js'
import { type Node, nameOf } from './graph.js'
import { type Filter, type Lens, chosen, judged, lens as lensOf, matches, narrowed } from './lens.js'
import type { Runner } from './projections.js'
import { type Rows, areEqual, rowsOf } from './rows.js'
import type { Scope } from './scope.js'
import { Scratch } from './scratch.js'
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

interface Read { readonly rows: readonly object[]; readonly changed: boolean }

export class Run {
  readonly drafts = new Map<Node, Draft>()
  /** Changes of each scope that it sees. */
  readonly seen = new Map<Scope, number>()
  /** Functions that ran, with the rows that they have read; undefined for lists. */
  readonly read = new Map<Node, (readonly object[] | undefined)[]>()
  readonly version: number
  /** Rows that are other than before. */
  changed = 0
  readonly #abort = new AbortController()
  readonly #inputs = new Map<Node, (readonly object[] | undefined)[]>()
  readonly #outputs = new Map<Node, readonly object[]>()
  readonly #scratch: Scratch | undefined
  readonly #changed = new Set<Node>()
  readonly #due = new Set<Node>()
  /** Functions whose inputs are not those that they have read. */
  readonly #dirty = new Set<Node>()
  readonly #reads = new Map<Node, Map<number, Read>>()
  #level = 0
  #rowsIn = 0

  /** Takes hold of everything that it may read: all of the present version. */
  constructor(readonly host: Runner, readonly task: Task) {
    const { db, composer } = host
    this.version = db.version
    for (const scope of task.scopes.values()) this.seen.set(scope, scope.changes)
    for (const level of task.levels) {
      for (const node of level) {
        const scope = task.scopes.get(node)
        // A paused function: its rows are what they are.
        if (node.kind === 'derive' && scope === undefined) continue
        if (scope?.dirty === true) this.#dirty.add(node)
        if (task.all || this.#dirty.has(node) || node.inputs.some(i => this.#due.has(i as Node))) this.#due.add(node)
      }
    }
    // Lists have no rows of their own: whoever reads one pulls it.
    for (const node of [...this.#due]) for (const input of node.inputs) if (node.kind === 'derive' && this.#isList(input)) this.#due.add(input as Node)
    const beside = new Set<string>()
    for (const node of this.#due) {
      if (node.kind === 'derive') {
        const scope = task.scopes.get(node)!
        try { this.#inputs.set(node, scope.rows()) } catch (error) { scope.error = error; throw error }
        for (const input of node.inputs) if (typeof input !== 'string' && this.#needsScratch(input)) for (const t of composer.tablesOf(composer.scoped(input, task.lens, task.shallow) ?? composer.readable(input)!.query)) beside.add(t)
      } else {
        const query = this.#scoped(node)
        if (query === undefined) continue
        this.#outputs.set(node, this.#rowsOf(query))
        if (this.#needsScratch(node)) for (const t of composer.tablesOf(query)) beside.add(t)
      }
    }
    if (beside.size > 0) this.#scratch = new Scratch(db, [...beside])
  }

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
      this.#check()
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
      for (const node of this.#due) {
        const scope = task.scopes.get(node)
        if (scope !== undefined) scope.error = error
      }
      span.fail(error)
      throw error
    }
    let done: unknown
    try { done = this.#levels(0) } catch (error) {
      this.#scratch?.end()
      return fail(error)
    }
    if (!isPromise(done)) {
      try { return finish() } catch (error) { return fail(error) } finally { this.#scratch?.end() }
    }
    const over = new Promise<never>((_, reject) => {
      this.#abort.signal.addEventListener('abort', () => { reject(this.#abort.signal.reason as Error) })
      timer = setTimeout(() => { this.#abort.abort(late()) }, timeoutMs)
    })
    over.catch(() => {})
    return Promise.race([done, over]).then(finish).catch(fail).finally(() => { this.#scratch?.end() })
  }

  /** Projections that ran, or would have if what they read had changed. */
  get due(): ReadonlySet<Node> { return this.#due }

  /** Ends it from outside. */
  abort(reason: unknown): void { this.#abort.abort(reason) }

  #check(): void { if (this.#abort.signal.aborted) throw this.#abort.signal.reason as Error }

  #levels(at: number): unknown {
    for (let i = at; i < this.task.levels.length; i++) {
      this.#check()
      this.#level = i
      const done = this.#runLevel(this.task.levels[i])
      if (isPromise(done)) return done.then(() => this.#levels(i + 1))
    }
    return undefined
  }

  #runLevel(level: readonly Node[]): unknown {
    const nodes = level.filter(n => this.#due.has(n) && this.#mustRun(n))
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
        fail: (error: unknown): never => { open.fail(error); throw error },
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
      this.#check()
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
    if (task.all || this.#dirty.has(node) || this.#isList(node)) return true
    if (node.kind !== 'derive') {
      const changed = node.inputs.some(i => this.#changed.has(i as Node))
      if (changed && node.kind === 'virtual') this.#changed.add(node)
      return changed && node.kind === 'view'
    }
    return node.inputs.some((_, i) => this.#read(node, i).changed)
  }

  /** Starts what a projection does; what `take` gets. */
  #exec(node: Node): unknown {
    const { task, host } = this
    if (node.kind === 'virtual') return this.#outputs.has(node) ? this.#output(node).rows : this.#collect(node)
    if (node.kind === 'view') return this.#output(node).rows
    const inputs: Record<string, Rows> = {}
    const lists = node.inputs.map((_, i) => this.#read(node, i).rows)
    lists.forEach((rows, i) => { inputs[node.names[i]] = rowsOf(rows) })
    this.read.set(node, node.inputs.map((input, i) => this.#isList(input) ? undefined : lists[i]))
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
      if (!this.#outputs.has(node)) this.#outputs.set(node, outcome)
      return { rowsIn: 0, rowsOut: outcome.length, changed: 0 }
    }
    const { options } = node.definition
    const table = node.table!
    const draft = host.draftOf(node)
    const about = { projection: node.name, lens: String(task.lens), level: this.#level, version: this.version }
    const rowsIn = (this.read.get(node) ?? []).reduce((n, rows, i) => n + (rows ?? this.#outputs.get(node.inputs[i] as Node) ?? []).length, 0)
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
    if (changed > 0) this.#changed.add(node)
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
    draft.remove(rows)
    return rows.length
  }

  /** The rows of its own table that a lens means: by the fields that it has. */
  #own(node: Node, l: Lens, strict = true): (q: any) => any {
    const table = node.table!
    if (l.reducer !== undefined) return q => narrowed(l, q, table.columns, node.name)
    const filters = l.filters.filter(f => table.columns.some(c => c.name === f.field))
    if (strict && filters.length === 0 && !l.isEmpty && !l.ignoreUnknown) {
      throw new EddylineError('LENS_FIELD', `\`${table.name}\` has none of the lens's fields (${l.filters.map(f => f.field).join(', ')}): all its rows would be meant`, { offending: l.filters[0].field, path: `lens.${l.filters[0].field}` })
    }
    return q => filters.reduce((out, f) => out.where(f.field, f.op, f.value), q)
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  /** Rows of an input of a function, with what this run has written; and whether they are others than before. */
  #read(node: Node, at: number): Read {
    let known = this.#reads.get(node)
    if (known === undefined) this.#reads.set(node, known = new Map())
    let read = known.get(at)
    if (read === undefined) known.set(at, read = this.#readNow(node, at))
    return read
  }

  #readNow(node: Node, at: number): Read {
    const { task, host } = this
    const input = node.inputs[at]
    const before = this.#inputs.get(node)![at]
    if (typeof input === 'string' || task.shallow) {
      if (before !== undefined) return { rows: before, changed: false }
      return { rows: this.#outputs.get(input as Node) ?? [], changed: false }
    }
    if (before === undefined) return { rows: this.#outputs.get(input) ?? [], changed: false }
    if (input.kind !== 'derive') return this.#afterwards(input, before)
    const draft = this.drafts.get(input)
    if (draft === undefined || !this.#changed.has(input)) return { rows: before, changed: false }
    const filters = this.#judged(input)
    if (filters === undefined) return this.#beside(host.composer.scoped(input, task.lens), before)
    const within = (row: Record<string, unknown> | null): boolean => row !== null && matches(filters, input.table!, row)
    for (const { old, row } of draft.changed()) if (within(old) || within(row)) return { rows: draft.over(before, within), changed: true }
    return { rows: before, changed: false }
  }

  /** The output of a virtual projection or view, as it is now. */
  #output(node: Node): Read { return this.#afterwards(node, this.#outputs.get(node)!) }

  /** Rows of a query, over what has been written so far. */
  #afterwards(node: Node, before: readonly object[]): Read {
    if (this.task.shallow || ![...this.host.composer.madeBelow(node)].some(n => this.#changed.has(n))) return { rows: before, changed: false }
    return this.#beside(this.host.composer.scoped(node, this.task.lens), before)
  }

  #beside(query: any, before: readonly object[]): Read {
    const rows = this.#scratch!.rows(query, this.drafts.values(), this.host.tenant)
    return { rows, changed: !areEqual(rows, before) }
  }

  /** Filters over the table of an input that can be judged without the engine. */
  #judged(input: Node): Filter[] | undefined {
    const { lens: l } = this.task
    const filters = l.filters.filter(f => input.table!.columns.some(c => c.name === f.field))
    return l.reducer !== undefined || !filters.every(judged) ? undefined : filters
  }

  /** Whether its rows may depend on what this run writes, and only a query can tell. */
  #needsScratch(input: Node): boolean {
    if (this.task.shallow) return false
    if (input.kind === 'derive') return this.#due.has(input) && this.#judged(input) === undefined
    return !this.#isList(input) && [...this.host.composer.madeBelow(input)].some(n => this.#due.has(n))
  }

  #isList(input: Node | string): boolean { return typeof input !== 'string' && input.kind === 'virtual' && this.host.composer.queryOf(input) === undefined }

  #scoped(node: Node): any {
    const { composer } = this.host
    if (this.task.shallow && node.kind === 'view') {
      const source = composer.shallowOf(node).as(node.name)
      return narrowed(this.task.lens, from(source), source.sourceTable().columns, node.name)
    }
    return composer.scoped(node, this.task.lens)
  }

  #rowsOf(query: any): readonly object[] {
    const { db, tenant } = this.host
    const live = db.live<any>(query, tenant === undefined ? undefined : { tenant })
    try {
      if (live.error !== undefined) throw live.error
      return live.rows
    } finally { live.dispose() }
  }

  /** The elements of a list or stream, once. */
  #collect(node: Node): readonly object[] | Promise<readonly object[]> {
    const { output } = node.definition.options
    const list = typeof output === 'function' ? this.host.composer.listOf(node) : output
    const { lens: l } = this.task
    if (Array.isArray(list)) return chosen(l, list, node.name)
    if (Symbol.iterator in Object(list)) return chosen(l, [...list as Iterable<object>], node.name)
    if (Symbol.asyncIterator in Object(list)) {
      return (async () => {
        const out: object[] = []
        for await (const row of list as AsyncIterable<object>) {
          this.#check()
          out.push(row)
        }
        return chosen(l, out, node.name)
      })()
    }
    if (isPromise(list)) return list.then((rows: Iterable<object>) => chosen(l, [...rows], node.name))
    throw new EddylineError('PROJECTION_INVALID', `the output of \`${node.name}\` is neither a query nor a list or stream of rows`, { offending: node.name, path: 'output' })
  }

  #result(): readonly object[] {
    const { terminal, lens: l } = this.task
    if (terminal.kind === 'virtual') return this.#output(terminal).rows
    return tableRows(this.host.db, terminal.table!.name, this.#own(terminal, l, false), this.host.tenant)
  }

  /** Changes of all drafts, in the order of the plan. */
  changes(): LooseChange[] { return this.task.levels.flat().flatMap(n => this.drafts.get(n)?.changes() ?? []) }
}

const asLens = (given: any): Lens => typeof given?.key === 'string' && Array.isArray(given.filters) ? given : lensOf(given)

/** An error of `derive`, with its place. Errors of ours are what they are. */
function failed(node: Node, error: unknown): unknown {
  if (error instanceof EddylineError) return error
  return new EddylineError('DERIVE_FAILED', `\`${nameOf(node)}\` failed: ${(error as { message?: string } | null)?.message ?? String(error)}`, { offending: node.name, cause: error })
}
