// Who writes a table: one reducer, or projections. A rebuild of one would delete the rows of another.
import type { Database } from '../database.js'
import { type ErrorCode, EddylineError } from '../errors.js'

interface Owner { readonly what: 'reducer' | 'projection'; readonly name: string }

const all = /* @__PURE__ */ new WeakMap<Database<any>, Map<string, Set<Owner>>>()

/**
 * Takes tables for a reducer or a projection; returns the function that gives them back. Throws `code` with the name of the owner where a
 * table has another one: then none is taken. Projections of one database may share one: what they hold of each other is for their
 * graph, and tenants have rows of their own.
 */
export function own(db: Database<any>, tables: readonly string[], by: Owner, code: ErrorCode, path: string): () => void {
  let owners = all.get(db)
  if (owners === undefined) all.set(db, owners = new Map())
  for (const table of tables) {
    for (const o of owners.get(table) ?? []) {
      if (o.what === by.what && (o.name === by.name || o.what === 'projection')) continue
      throw new EddylineError(code, `the table \`${table}\` of \`${by.name}\` is written by the ${o.what} \`${o.name}\` already: each needs its own`, { offending: table, path })
    }
  }
  const mine = { ...by }
  for (const table of tables) {
    const known = owners.get(table)
    if (known === undefined) owners.set(table, new Set([mine]))
    else known.add(mine)
  }
  return () => { for (const table of tables) owners.get(table)?.delete(mine) }
}
