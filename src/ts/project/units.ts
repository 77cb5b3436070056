import { report } from '../dispatch.js'
import { EddylineError } from '../errors.js'
import type { State } from '../reduce/state.js'
import type { Draft } from './draft.js'
import { type Node, levels } from './graph.js'
import { type Lens, restored, stored } from './lens.js'
import type { Run } from './run.js'
import { Scope, type ScopeHost, printOf } from './scope.js'
import { tableRows } from './upkeep.js'

/** A projection with a lens, and all that it reads within it. */
export interface Unit { readonly terminal: Node; readonly lens: Lens; readonly levels: readonly (readonly Node[])[]; readonly scopes: ReadonlyMap<Node, Scope>; failedAt?: number }
const changesOf = (unit: Unit): number => [...unit.scopes.values()].reduce((n, s) => n + s.changes, 0)
/** Values by space and key, written with a version. */
export type Writes = Record<string, Record<string, unknown>>

const VERSION = '$version', SCOPE = 's:', UNIT = 'u:'
const versionOf = (node: Node): string => (node.definition.options.version as string | undefined) ?? '1'
const keyOf = (node: Node, lens: Lens): string => `${node.name}\n${lens.key}`

/**
 * Units that stay live, and what is stored of them: in the space of the last projection that it is there, in those of functions
 * what they have read, and of which version they are. Functions of several units with one lens are one scope.
 */
export class Units {
  readonly #scopes = new Map<string, Scope>()
  readonly #units = new Map<string, Unit>()
  /** Scopes that have changed, and may have run since. */
  readonly #marked = new Set<Scope>()
  readonly #of = new Map<Scope, Set<Unit>>()
  /** Functions whose rows are of another version. */
  readonly #anew = new Set<Node>()

  constructor(readonly host: ScopeHost, readonly state: State) {}

  get(node: Node, lens: Lens): Unit | undefined { return this.#units.get(keyOf(node, lens)) }
  of(terminal: Node): Unit[] { return [...this.#units.values()].filter(u => u.terminal === terminal) }
  scope(node: Node, lens: Lens): Scope | undefined { return this.#scopes.get(keyOf(node, lens)) }
  scopesOf(node: Node): Scope[] { return [...this.#scopes.values()].filter(s => s.node === node) }

  /** A unit, that stays or is let go after its run. Functions that are live have their scope already. */
  open(terminal: Node, lens: Lens, plan: readonly (readonly Node[])[], shallow: boolean, live: boolean): Unit {
    const known = live ? this.get(terminal, lens) : undefined
    if (known !== undefined) return known
    const scopes = new Map<Node, Scope>()
    const unit: Unit = { terminal, lens, levels: plan, scopes }
    try {
      for (const node of plan.flat()) {
        if (node.kind !== 'derive') continue
        const scope = (shallow ? undefined : this.scope(node, lens)) ?? new Scope(this.host, node, lens, shallow)
        if (live) this.#scopes.set(keyOf(node, lens), scope)
        scope.users++
        scopes.set(node, scope)
      }
    } catch (error) { this.letGo(unit); throw error }
    if (!live) return unit
    this.#units.set(keyOf(terminal, lens), unit)
    for (const scope of scopes.values()) {
      const units = this.#of.get(scope)
      if (units === undefined) this.#of.set(scope, new Set([unit]))
      else units.add(unit)
    }
    return unit
  }

  /** Ends the scopes that nobody else uses. */
  letGo(unit: Unit): void {
    for (const scope of unit.scopes.values()) {
      const units = this.#of.get(scope)
      units?.delete(unit)
      if (units?.size === 0) this.#of.delete(scope)
      if (--scope.users > 0) continue
      scope.end()
      if (this.scope(scope.node, scope.lens) === scope) this.#scopes.delete(keyOf(scope.node, scope.lens))
    }
  }

  /** A run is about to begin: what to call if it fails. It is tried again when something has changed since it began. */
  attempt(unit: Unit): () => void {
    const at = changesOf(unit)
    return () => { unit.failedAt = at }
  }

  /** What has failed with this projection is tried again, now that it is left out, or no more. */
  anew(node: Node): void {
    for (const unit of this.#units.values()) {
      if (!unit.levels.some(level => level.includes(node))) continue
      unit.failedAt = undefined
      for (const scope of unit.scopes.values()) if (!scope.dirty) scope.error = undefined
    }
  }

  /** A unit does not stay live. */
  abandon(unit: Unit): void {
    if (this.get(unit.terminal, unit.lens) !== unit) return
    this.#units.delete(keyOf(unit.terminal, unit.lens))
    this.letGo(unit)
    const writes: Writes = {}
    const forget = (node: Node, name: string): void => {
      const space = this.space(node)
      if (this.state.entries(space).has(name)) (writes[space] ??= {})[name] = undefined
    }
    forget(unit.terminal, UNIT + unit.lens.key)
    for (const scope of unit.scopes.values()) if (scope.users === 0) forget(scope.node, SCOPE + unit.lens.key)
    if (Object.keys(writes).length > 0) this.state.commit([], writes)
  }

  /** A scope has changed. */
  mark(scope: Scope): void { this.#marked.add(scope) }

  /** A unit with something to run again: of several that include most. Cost: what has changed, however many are live. */
  dirty(paused: ReadonlySet<Node>): Unit | undefined {
    let found: Unit | undefined
    for (const scope of this.#marked) {
      const units = this.#of.get(scope)
      if (!scope.dirty || units === undefined) { this.#marked.delete(scope); continue }
      if (paused.has(scope.node)) continue
      for (const unit of units) if ((found === undefined || unit.levels.length > found.levels.length) && unit.failedAt !== changesOf(unit)) found = unit
    }
    return found
  }

  end(): void {
    for (const s of this.#scopes.values()) s.end()
    this.#scopes.clear()
    this.#units.clear()
    this.#marked.clear()
    this.#of.clear()
  }

  // ---- what is stored ----------------------------------------------------------------------------------------------

  /** Where the state of a projection is. */
  space(node: Node): string { return `projection:${node.name}${this.host.tenant === undefined ? '' : `@${this.host.tenant}`}` }

  isAnew(node: Node): boolean { return this.#anew.has(node) }

  /** Throws NEEDS_REBUILD for rows that another version of the function made. */
  check(node: Node): void {
    const known = this.state.entries(this.space(node)).get(VERSION)
    if (known === undefined || known === versionOf(node)) return
    if (node.definition.options.autoRebuild !== true) {
      throw new EddylineError('NEEDS_REBUILD', `the rows of \`${node.name}\` are of version ${String(known)}, the projection of ${versionOf(node)}: \`autoRebuild\` makes them anew`, { offending: node.name })
    }
    this.#anew.add(node)
  }

  forget(node: Node): void { this.#anew.delete(node) }

  /** What is to be written with the rows of a run. */
  writes({ task, read }: Run): Writes {
    const { terminal, lens, shallow, live, scopes } = task
    const writes: Writes = {}
    const write = (node: Node, values: Record<string, unknown>): void => { Object.assign(writes[this.space(node)] ??= {}, values) }
    const state = stored(lens)
    // Released while it ran, it does not come back with a restart.
    if (live && state !== undefined && this.get(terminal, lens)?.scopes === scopes) write(terminal, { [UNIT + lens.key]: { lens: state } })
    for (const [node, rows] of shallow ? [] : read) {
      // Of other lenses nothing is left.
      if (this.#anew.has(node)) for (const key of this.state.entries(this.space(node)).keys()) if (key.startsWith(SCOPE)) write(node, { [key]: undefined })
      write(node, { [VERSION]: versionOf(node) })
      if (state === undefined || this.scope(node, lens) !== scopes.get(node)) continue
      const prints = this.host.db.durability === undefined ? undefined : rows.map(r => r === undefined ? null : printOf(r))
      write(node, { [SCOPE + lens.key]: { prints } })
    }
    return writes
  }

  /** A run is committed. `moved`: others wrote meanwhile, so with what it has written its inputs may be others than those that it saw. */
  done(run: Run, moved: boolean): void {
    const { due, read, seen, task } = run
    for (const node of due) {
      const scope = task.scopes.get(node)
      if (scope === undefined) continue
      const { error } = scope
      scope.error = undefined
      scope.dirty = scope.changes !== seen.get(scope) || (moved && !scope.shows(run.saw(node)))
      if (scope.dirty) this.mark(scope)
      if (error !== undefined) this.#forgive(scope)
    }
    for (const [node, scope] of task.scopes) scope.answered(read.has(node))
    for (const node of read.keys()) this.#anew.delete(node)
  }

  /** A function that failed has run: what had failed with it, in other runs, is tried again, and what had only waited for it is right. */
  #forgive(scope: Scope): void {
    for (const unit of this.#of.get(scope) ?? []) {
      unit.failedAt = undefined
      const all = [...unit.scopes.values()]
      if (!all.some(s => s.dirty)) for (const s of all) s.error = undefined
    }
  }

  /** Makes live again what was before a restart; what has changed since is dirty. `commit` takes away what nobody makes anew. */
  restore(nodes: readonly Node[], onError: ((error: unknown) => void) | undefined, commit: (draft: Draft, writes: Writes) => void, draftOf: (node: Node) => Draft): void {
    for (const node of nodes) {
      for (const [key, value] of [...this.state.entries(this.space(node))]) {
        if (!key.startsWith(UNIT)) continue
        try { this.#restore(node, restored((value as { lens: unknown }).lens)) } catch (error) { report(error, onError) }
      }
    }
    for (const node of this.#anew) {
      if (this.scopesOf(node).length > 0) continue
      const draft = draftOf(node)
      draft.remove(tableRows(this.host.db, node.table!.name, q => q, this.host.tenant))
      this.#anew.delete(node)
      commit(draft, { [this.space(node)]: { [VERSION]: versionOf(node) } })
    }
  }

  #restore(terminal: Node, lens: Lens): void {
    const plan = levels(terminal)
    this.host.composer.check(plan, lens)
    for (const [node, scope] of this.open(terminal, lens, plan, false, true).scopes) {
      const known = this.state.entries(this.space(node)).get(SCOPE + lens.key) as { prints?: (string | null)[] } | undefined
      const rows = scope.rows()
      scope.dirty ||= this.#anew.has(node) || known?.prints === undefined || known.prints.length !== rows.length || rows.some((r, i) => r !== undefined && known.prints![i] !== printOf(r))
      this.mark(scope)
    }
  }
}
