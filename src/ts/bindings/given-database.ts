// The database as components are given it: there, on its way, or not yet.
import type { Database } from '../database.js'
import type { WorkerDatabase } from '../worker/database.js'

/** The database, also one of `eddyline/worker`, or the promise of it: until it is there, queries are `'pending'`. Absent (also as null) on a server. */
export type GivenDatabase = Database<any> | WorkerDatabase<any> | Promise<Database<any> | WorkerDatabase<any>> | null | undefined

interface Arrival {
  db?: Database<any>
  failure?: { readonly error: unknown }
  /** Who is told of it. */
  readonly waiting: Set<() => void>
}
const arrivals = /* @__PURE__ */ new WeakMap<object, Arrival>()

/** The database; undefined until its promise is there, of which `changed` is told. Throws what the promise is rejected with. */
export function databaseOf(given: GivenDatabase, changed: () => void): Database<any> | undefined {
  if (typeof (given as Promise<unknown> | null | undefined)?.then !== 'function') return given as Database<any> | null ?? undefined
  const arrival = arrivals.get(given!) ?? awaited(given as Promise<Database<any>>)
  if (arrival.failure !== undefined) throw arrival.failure.error
  if (arrival.db === undefined) arrival.waiting.add(changed)
  return arrival.db
}

function awaited(promise: Promise<Database<any>>): Arrival {
  const arrival: Arrival = { waiting: new Set() }
  arrivals.set(promise, arrival)
  const tell = (): void => {
    for (const changed of arrival.waiting) changed()
    arrival.waiting.clear()
  }
  promise.then(db => { arrival.db = db ?? undefined; tell() }, error => { arrival.failure = { error }; tell() })
  return arrival
}
