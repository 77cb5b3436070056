// Entries in memory: named values by space and key.
import type { EntryWrites } from '../durability.js'
import type { Transaction } from './record.js'

/** Entries as transactions have them: null deletes. */
export type StoredEntries = NonNullable<Transaction['entries']>

export class Spaces {
  readonly #all = new Map<string, Map<string, unknown>>()

  get(space: string): ReadonlyMap<string, unknown> { return this.#all.get(space) ?? new Map() }

  /** Puts in what a transaction says. */
  enter(entries: StoredEntries | undefined): void {
    for (const [space, values] of Object.entries(entries ?? {})) {
      let known = this.#all.get(space)
      if (known === undefined) this.#all.set(space, known = new Map())
      for (const [key, value] of Object.entries(values)) {
        if (value === null) known.delete(key)
        else known.set(key, value)
      }
    }
  }

  clear(): void { this.#all.clear() }

  /** All of them, as the head of a state has them. */
  stored(): StoredEntries { return Object.fromEntries([...this.#all].map(([space, values]) => [space, Object.fromEntries(values)])) }
}

/** Entries as they are stored: a value that goes is null, and what the giver does to one later is nothing to us. */
export function written(entries: EntryWrites): StoredEntries {
  return Object.fromEntries(Object.entries(entries).map(([space, values]) =>
    [space, Object.fromEntries(Object.entries(values).map(([key, value]) => [key, copied(value ?? null)]))]))
}

function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Uint8Array) return new Uint8Array(value)
  return Array.isArray(value) ? value.map(copied) : Object.fromEntries(Object.entries(value).map(([name, member]) => [name, copied(member)]))
}
