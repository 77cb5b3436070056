import type { LooseBatch, LooseChange, Report } from '../changes.js'
import type { Database } from '../database.js'
import type { EntryWrites } from '../durability.js'

/** Where positions are kept: with the rows in storage, or in memory where there is none. */
export interface State {
  commit(changes: readonly LooseChange[], entries: EntryWrites): Report | undefined
  /** A packed batch as one version, and entries with it. */
  swap(batch: Uint8Array, entries: EntryWrites): Report
  entries(space: string): ReadonlyMap<string, unknown>
  /** Resolves when everything is durable; at once where nothing ever is. */
  flush(): Promise<void>
  readonly leading: Promise<void>
}

const states = /* @__PURE__ */ new WeakMap<Database<any>, State>()

/** The state of a database: one, whoever asks. */
export function stateOf(db: Database<any>): State {
  let state = states.get(db)
  if (state === undefined) states.set(db, state = db.durability === undefined ? inMemory(db) : durable(db))
  return state
}

function durable(db: Database<any>): State {
  const d = db.durability!
  return {
    commit: (changes, entries) => d.commit(changes, entries),
    swap: (batch, entries) => db.keeper!.commitPacked(batch, entries),
    entries: space => d.entries(space),
    flush: () => d.status === 'memory' ? Promise.resolve() : d.flush(),
    get leading() { return d.leading },
  }
}

function inMemory(db: Database<any>): State {
  const spaces = new Map<string, Map<string, unknown>>()
  const enter = (entries: EntryWrites): void => {
      for (const [space, values] of Object.entries(entries)) {
        let known = spaces.get(space)
        if (known === undefined) spaces.set(space, known = new Map())
        for (const [key, value] of Object.entries(values)) {
          if (value === undefined || value === null) known.delete(key)
          else known.set(key, value)
        }
      }
  }
  return {
    commit(changes, entries) {
      const report = changes.length > 0 ? db.apply({ changes } as LooseBatch as never) as Report : undefined
      enter(entries)
      return report
    },
    swap(batch, entries) {
      const report = db.applyPacked(batch)
      enter(entries)
      return report
    },
    entries: space => spaces.get(space) ?? new Map(),
    flush: () => Promise.resolve(),
    leading: Promise.resolve(),
  }
}
