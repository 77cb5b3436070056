// Definitions that outlive the page: kept in the storage of the database, beside the facts and in the same transactions.
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'

/** A circuit as it is kept: its definition, and its inputs as they were last set. */
export interface Kept { readonly edn: string; readonly hash: string; readonly inputs: Readonly<Record<string, unknown>> }

const SPACE = 'datalog'

/** Entries hold what JSON holds, bigints and bytes: moments are marked. */
function written(v: unknown): unknown {
  return v instanceof Date ? { inst: v.toISOString() } : Array.isArray(v) ? v.map(written) : v
}
function read(v: unknown): unknown {
  if (Array.isArray(v)) return v.map(read)
  return typeof v === 'object' && v !== null && 'inst' in v ? new Date(v.inst as string) : v
}
const each = (inputs: Readonly<Record<string, unknown>>, fn: (v: unknown) => unknown): Record<string, unknown> =>
  Object.fromEntries(Object.entries(inputs).map(([name, v]) => [name, fn(v)]))

/** The definitions that the storage of a database keeps. */
export class Shelf {
  constructor(readonly db: Database<any>) {}

  get durable(): boolean { return this.db.durability !== undefined }
  /** Another tab writes. */
  get isFollower(): boolean { return this.db.durability?.status === 'follower' }

  get(name: string): Kept | undefined { return this.all().get(name) }
  all(): Map<string, Kept> {
    return new Map([...this.db.durability?.entries(SPACE) ?? []].map(([name, v]) => { const kept = v as Kept; return [name, { ...kept, inputs: each(kept.inputs, read) }] }))
  }

  /** The entry of a circuit, to be committed with its inputs. */
  entry(name: string, { edn, hash, inputs }: Kept): { readonly [space: string]: { readonly [key: string]: unknown } } {
    return { [SPACE]: { [name]: { edn, hash, inputs: each(inputs, written) } } }
  }

  keep(name: string, kept: Kept): void { if (!this.isFollower) this.#storage(name).commit(undefined, this.entry(name, kept)) }
  forget(name: string): void { if (!this.isFollower) this.#storage(name).commit(undefined, { [SPACE]: { [name]: undefined } }) }

  #storage(name: string): NonNullable<Database<any>['durability']> {
    const { durability } = this.db
    if (durability === undefined) throw new EddylineError('NOT_DURABLE', `the database has no storage that could keep the circuit \`${name}\`: createDatabase({ storage })`, { path: name })
    return durability
  }
}
