// The counters of a scope: from the storage or from elsewhere, counted on, and kept again.
import type { Database } from '../database.js'
import type { Keeper } from '../durability.js'
import { codedError } from '../errors.js'
import { checkSaved } from './checks.js'
import type { Target } from './feed.js'
import type { Hub, Keeping } from './hub.js'
import { type Counters, KINDS, type Rule, ruleName } from './kinds.js'
import { checkByOf } from './options.js'
import { type TableJson, tableOf } from './row-keys.js'
import type { Count } from './row-set.js'

/** Counters to be kept somewhere else: plain data. */
export interface SavedCounters { table: string; by?: Record<string, unknown>; upsertAs?: Rule['upsertAs']; noop?: Rule['noop']; counts: Counters }

/** Where the storage keeps counters, each with its tenant. */
const COUNTERS = 'eddyline counters'

const savedOf = (target: Target, { rule, values }: Count): SavedCounters => ({
  table: target.feed.table.name, ...(target.by === undefined ? {} : { by: target.by }), ...rule, counts: { ...values },
})

export class ScopeCounters implements Keeping {
  readonly #counted = new Set<Target>()
  #keeps = false
  /** Counters that changed, and are not written yet. */
  readonly #unkept = new Map<Count, Target>()

  /** `scope` is held by what counts for it. */
  constructor(readonly db: Database<any>, readonly hub: Hub, readonly id: string | undefined, readonly scope: object) {}

  counters(table: string, by: object | undefined, rule: Rule): Counters { return { ...this.#count(table, by, rule).values } }

  clear(json: TableJson, by: object | undefined): void {
    const target = this.hub.known(json, this.id, by as never)
    for (const count of target?.counts(this) ?? []) {
      for (const kind of KINDS) count.values[kind] = 0
      this.#changed(target!, count)
    }
  }

  saved(): SavedCounters[] {
    return [...this.#counted].flatMap(target => [...target.counts(this)].map(count => savedOf(target, count)))
  }

  restore(saved: readonly SavedCounters[]): void {
    checkSaved(saved, (one, path) => {
      const json = tableOf(this.db.schema, one.table as string, `${path}.table`)
      if (one.by !== undefined) checkByOf(json, one.by, `${path}.`)
    })
    const found = saved.map(({ table, by, upsertAs, noop }) => this.#count(table, by, { upsertAs, noop }))
    saved.forEach(({ counts }, i) => {
      for (const kind of KINDS) found[i].values[kind] += counts[kind]
      found[i].changed?.()
    })
  }

  /** Counters live in the storage from now on: what is there is counted on. */
  keepAll(): void {
    if (this.#keeps) return
    for (const saved of this.db.durability?.entries(COUNTERS).values() ?? []) {
      const { tenant, ...one } = saved as SavedCounters & { tenant?: string }
      if (tenant !== this.id) continue
      try { this.restore([one]) } catch (error) {
        // Of another version of the schema.
        if (codedError(error)?.code !== 'UNKNOWN_TABLE' && codedError(error)?.code !== 'UNKNOWN_COLUMN') throw error
      }
    }
    this.#keeps = true
    // What was counted before goes on with what was kept.
    for (const target of this.#counted) for (const count of target.counts(this)) if (count.values.changes > 0) this.#changed(target, count)
  }

  /** Writes counters that changed: with the rows of a version, one transaction, or by themselves. */
  keep(version: number | undefined): void {
    this.hub.keeping.delete(this)
    const { keeper } = this.db
    const changed = [...this.#unkept]
    this.#unkept.clear()
    if (changed.length === 0 || keeper === undefined || keeper.status === 'closed' || !writes(keeper)) return
    const plain = ({ by, ...rest }: SavedCounters): SavedCounters => by === undefined ? rest
      : { ...rest, by: Object.fromEntries(Object.entries(by).map(([c, v]) => [c, v instanceof Date ? v.toISOString() : v])) }
    const named = changed.map(([count, target]) => [
      JSON.stringify([this.id ?? null, target.feed.table.name, target.name, ruleName(count.rule)]),
      { ...(this.id === undefined ? {} : { tenant: this.id }), ...plain(savedOf(target, count)) },
    ])
    const entries = { [COUNTERS]: Object.fromEntries(named) as Record<string, unknown> }
    if (version === undefined) keeper.commit(undefined, entries)
    else keeper.amend(version, entries)
  }

  /** Nothing is counted any more. */
  end(): void {
    for (const target of this.#counted) {
      target.uncount(this)
      this.hub.leave()
    }
    this.#counted.clear()
  }

  #count(table: string, by: object | undefined, rule: Rule): Count {
    const target = this.#target(table, by as never)
    const count = target.count(this, rule)
    count.changed ??= () => { this.#changed(target, count) }
    return count
  }

  /** What a version changed is written with it; what a call changed, by the end of its task. */
  #changed(target: Target, count: Count): void {
    if (!this.#keeps) return
    if (this.#unkept.size === 0) queueMicrotask(() => { this.keep(undefined) })
    this.#unkept.set(count, target)
    this.hub.keeping.add(this)
  }

  #target(table: string, by: Record<string, unknown> | undefined): Target {
    const json = tableOf(this.db.schema, table)
    if (by !== undefined) checkByOf(json, by)
    const target = this.hub.target(table, this.id, by)
    if (!this.#counted.has(target)) {
      this.#counted.add(target)
      this.hub.enter()
    }
    return target
  }
}

/** Whether this tab writes: it may follow another one, or do neither that nor lead, as when its engine has crashed. */
function writes(keeper: Keeper): boolean {
  try { keeper.guard() } catch { return false }
  return true
}
