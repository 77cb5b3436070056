// The newest number seen of each row's changes: what is older, or the same, is no news.
import type { EventName } from './events.js'

export type Ref = number | string

interface Seen { row: Ref | undefined; inserted: Ref | undefined; gone: boolean }

/** Inserts are numbered per table, other events per row: the two are not compared. */
export class Refs {
  readonly #seen = new Map<string, Seen>()

  constructor(readonly most: number) {}

  /** Whether the row was changed after `ref`. */
  passed(name: string, ref: Ref | undefined): boolean {
    const seen = this.#seen.get(name)
    return seen !== undefined && (seen.gone || (ref !== undefined && seen.row !== undefined && newer(seen.row, ref)))
  }

  /** Takes messages on trial: `keep` when they were applied. */
  trial(): { take(name: string, event: EventName, ref: Ref | undefined): boolean; keep(): void } {
    const now = new Map<string, Seen>()
    return {
      take: (name, event, ref) => {
        const seen = now.get(name) ?? this.#seen.get(name)
        if (ref !== undefined && seen !== undefined) {
          const last = event === 'inserted' ? seen.inserted : seen.row
          if (last !== undefined && !newer(ref, last)) return false
        }
        if (event === 'inserted') now.set(name, { row: seen?.gone === true ? undefined : seen?.row, inserted: ref ?? seen?.inserted, gone: false })
        // What comes after a delete without a newer number was sent before it.
        else now.set(name, { row: ref ?? seen?.row, inserted: seen?.inserted, gone: event === 'deleted' })
        return true
      },
      keep: () => { for (const [name, seen] of now) this.#keep(name, seen) },
    }
  }

  /** The rows that changed last are remembered. */
  #keep(name: string, seen: Seen): void {
    this.#seen.delete(name)
    this.#seen.set(name, seen)
    if (this.#seen.size > this.most) this.#seen.delete(this.#seen.keys().next().value!)
  }
}

/** Numbers by value; texts of digits, too. */
export function newer(a: Ref, b: Ref): boolean {
  if (typeof a === 'number' && typeof b === 'number') return a > b
  const x = String(a), y = String(b)
  return /^\d+$/.test(x) && /^\d+$/.test(y) ? BigInt(x) > BigInt(y) : x > y
}
