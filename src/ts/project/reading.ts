// What a run reads: everything of the version that it began with, and over that what it has written.
import { EddylineError } from '../errors.js'
import { shown } from '../option-kinds.js'
import { from } from '../query/builder.js'
import { failedIn } from './checks.js'
import type { Draft } from './draft.js'
import { isPromise } from './engines.js'
import type { Node } from './graph.js'
import { type Filter, chosen, judged, matches, narrowed } from './lens.js'
import { areEqual } from './rows.js'
import type { Runner, Task } from './run.js'
import type { Scope } from './scope.js'
import { Scratch } from './scratch.js'

/** Rows, and whether they are others than when the run began. */
export interface Read { readonly rows: readonly object[]; readonly changed: boolean }

/** What a run has written so far. */
export interface Written {
  readonly drafts: ReadonlyMap<Node, Draft>
  /** Projections whose rows are others than before. */
  readonly changedNodes: ReadonlySet<Node>
  /** Throws when the run is over. */
  check(): void
  /** Why it is over, if it is. */
  readonly stopped: unknown
}

export class Reading {
  /** Projections that run, or do if what they read has changed. */
  readonly due = new Set<Node>()
  /** Functions whose inputs are not those that they have read. */
  readonly dirty = new Set<Node>()
  /** Views in error that a function reads: they run with it, so that a lens in which they are not right is refused. */
  readonly judged = new Set<Node>()
  /** Changes of each scope that are seen. */
  readonly seen = new Map<Scope, number>()
  /** Rows of virtual projections and views. */
  readonly outputs = new Map<Node, readonly object[]>()
  readonly #inputs = new Map<Node, (readonly object[] | undefined)[]>()
  readonly #reads = new Map<Node, Map<number, Read>>()
  readonly #scratch: Scratch | undefined

  /** Takes hold of everything that it may read: all of the present version. */
  constructor(readonly host: Runner, readonly task: Task, readonly written: Written) {
    const { db, composer } = host
    for (const scope of task.scopes.values()) {
      this.seen.set(scope, scope.changes)
      scope.asked(db.version)
    }
    for (const level of task.levels) {
      for (const node of level) {
        const scope = task.scopes.get(node)
        // A paused function: its rows are what they are.
        if (node.kind === 'derive' && scope === undefined) continue
        if (scope?.dirty === true) this.dirty.add(node)
        if (task.all || this.dirty.has(node) || node.inputs.some(i => this.due.has(i as Node))) this.due.add(node)
      }
    }
    // Lists have no rows of their own: whoever reads one pulls it.
    for (const node of [...this.due]) for (const input of node.inputs) if (node.kind === 'derive' && this.isList(input)) this.due.add(input as Node)
    if (!task.all) {
      for (const node of this.due) if (node.kind === 'derive') for (const view of composer.viewsBelow(node)) if (host.viewError(view) !== undefined) this.judged.add(view)
      for (const view of this.judged) this.due.add(view)
    }
    const beside = new Set<string>()
    for (const node of this.due) {
      if (node.kind === 'derive') {
        const scope = task.scopes.get(node)!
        try { this.#inputs.set(node, scope.rows()) } catch (error) { scope.error = error; throw error }
        for (const input of node.inputs) if (typeof input !== 'string' && this.#needsScratch(input)) for (const t of composer.tablesOf(composer.scoped(input, task.lens, task.shallow))) beside.add(t)
      } else {
        const query = this.#scoped(node)
        if (query === undefined) continue
        this.outputs.set(node, this.#rowsOf(query))
        if (this.#needsScratch(node)) for (const t of composer.tablesOf(query)) beside.add(t)
      }
    }
    if (beside.size > 0) this.#scratch = new Scratch(db, [...beside])
  }

  /** Rows of an input of a function, with what this run has written; and whether they are others than before. */
  read(node: Node, at: number): Read {
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
      return { rows: this.outputs.get(input as Node) ?? [], changed: false }
    }
    if (before === undefined) return { rows: this.outputs.get(input) ?? [], changed: false }
    if (input.kind !== 'derive') return this.#afterwards(input, before)
    const draft = this.written.drafts.get(input)
    if (draft === undefined || !this.written.changedNodes.has(input)) return { rows: before, changed: false }
    const filters = this.#judged(input)
    if (filters === undefined) return this.#beside(host.composer.scoped(input, task.lens), before)
    const within = (row: Record<string, unknown> | null): boolean => row !== null && matches(filters, input.table!, row)
    for (const { old, row } of draft.changed()) if (within(old) || within(row)) return { rows: draft.over(before, within), changed: true }
    return { rows: before, changed: false }
  }

  /** The output of a virtual projection or view, as it is now. */
  output(node: Node): Read { return this.#afterwards(node, this.outputs.get(node)!) }

  /** Rows of a query, over what has been written so far. */
  #afterwards(node: Node, before: readonly object[]): Read {
    if (this.task.shallow || ![...this.host.composer.madeBelow(node)].some(n => this.written.changedNodes.has(n))) return { rows: before, changed: false }
    return this.#beside(this.host.composer.scoped(node, this.task.lens), before)
  }

  #beside(query: any, before: readonly object[]): Read {
    const rows = this.#scratch!.rows(query, this.written.drafts.values(), this.host.tenant)
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
    if (input.kind === 'derive') return this.due.has(input) && this.#judged(input) === undefined
    return !this.isList(input) && [...this.host.composer.madeBelow(input)].some(n => this.due.has(n))
  }

  isList(input: Node | string): boolean { return typeof input !== 'string' && input.kind === 'virtual' && this.host.composer.queryOf(input) === undefined }

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
  collect(node: Node): readonly object[] | Promise<readonly object[]> {
    const { output } = node.definition.options
    const { lens: l } = this.task
    const within = (rows: Iterable<object>): readonly object[] => chosen(l, Array.isArray(rows) ? rows : [...rows], node.name)
    const wrong = (error: unknown): never => { throw error === this.written.stopped ? error : failedIn('DERIVE_FAILED', `the output of \`${node.name}\``, node.name, error) }
    try {
      const list = typeof output === 'function' ? this.host.composer.listOf(node) : output
      if (isPromise(list)) return list.then(within).catch(wrong)
      if (Symbol.asyncIterator in Object(list)) return this.#streamed(list as AsyncIterable<object>).then(within).catch(wrong)
      if (typeof list === 'object' && Symbol.iterator in Object(list)) return within(list as Iterable<object>)
      throw new EddylineError('PROJECTION_INVALID', `\`${node.name}\` gives ${shown(list)}, which is neither a query nor a list or stream of rows`, { offending: node.name, path: 'output' })
    } catch (error) { return wrong(error) }
  }

  async #streamed(stream: AsyncIterable<object>): Promise<object[]> {
    const out: object[] = []
    for await (const row of stream) {
      this.written.check()
      out.push(row)
    }
    return out
  }

  /** Lets go of what was held. */
  end(): void { this.#scratch?.end() }
}
