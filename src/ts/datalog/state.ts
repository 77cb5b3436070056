// What a face holds as one plain object, to be stored anywhere; and circuits from a configuration, checked against it.
import { EddylineError } from '../errors.js'
import { canonicalQuery, hashOf } from './canonical.js'
import type { Face } from './face.js'
import type { Row } from './mirror.js'
import { parseQuery } from './parse.js'
import type { Definition } from './view.js'

/** Facts, positions of sources, and the definitions that they were answered by. Structured clones of it are as good. */
export interface Saved {
  readonly format: 1
  readonly facts: Readonly<Record<string, readonly Row[]>>
  /** Where each source was left, and the face's own transactions. */
  readonly positions: Readonly<Record<string, string>>
  readonly circuits: Readonly<Record<string, { readonly edn: string; readonly hash: string; readonly inputs: Readonly<Record<string, unknown>> }>>
}

/** Circuits by name. */
export interface Configuration {
  /** For people: whose circuits these are. */
  readonly workspace?: string
  readonly circuits: Readonly<Record<string, Definition & { readonly name?: string }>>
}
export interface LoadOptions {
  readonly state?: Saved
  /** What to do where a circuit of the state is defined otherwise now, or not at all: nothing is loaded (`'error'`), or the definition counts (`'rebuild'`). */
  readonly onMismatch?: 'error' | 'rebuild'
}

export function save(face: Face, positions: Iterable<string>): Saved {
  const facts: Record<string, Row[]> = {}
  for (const { table } of face.catalog.facts()) {
    const live = face.db.live({ toJSON: () => ({ from: table }) } as never)
    facts[table] = live.rows.map(r => ({ ...r as Row }))
    live.dispose()
  }
  const at: Record<string, string> = {}
  for (const source of positions) { const cursor = face.db.cursor(source); if (cursor !== undefined) at[source] = cursor }
  const circuits = Object.fromEntries([...face.views].map(([name, v]) => [name, { edn: v.edn, hash: v.hash, inputs: v.inputs }]))
  return { format: 1, facts, positions: at, circuits }
}

/** Puts saved facts in the place of those that are there: one version, then one per further source for its position. */
export function restore(face: Face, state: Saved): void {
  if (state?.format !== 1 || typeof state.facts !== 'object') throw new EddylineError('STATE_INVALID', 'this is no state that `save` gave', { path: 'state' })
  const known = new Set(face.catalog.facts().map(a => a.table))
  const unknown = Object.keys(state.facts).find(t => !known.has(t) && state.facts[t].length > 0)
  if (unknown !== undefined) throw new EddylineError('STATE_INVALID', `the state has facts of \`${unknown}\`, which is no attribute`, { path: `state.facts.${unknown}`, offending: unknown })
  const changes = [...known].map(table => ({ op: 'reset', table, rows: state.facts[table] ?? [] }))
  const [first, ...rest] = Object.entries(state.positions)
  face.db.apply({ changes, ...(first === undefined ? {} : { source: first[0], cursor: first[1], stale: 'ignore' }) } as never)
  for (const [source, cursor] of rest) face.db.apply({ changes: [], source, cursor, stale: 'ignore' } as never)
  face.remember(Object.keys(state.positions))
}

/** Makes the views of a configuration, over a state if there is one. Throws DEFINITION_MISMATCH before anything is loaded. */
export function load(face: Face, config: Configuration, { state, onMismatch = 'error' }: LoadOptions = {}): void {
  const circuits = Object.entries(config.circuits)
  const hashes = new Map(circuits.map(([name, c]) => { const { query, rules } = parseQuery(c.query, c.rules); return [name, hashOf(canonicalQuery(query, rules))] }))
  const changed = Object.entries(state?.circuits ?? {}).find(([name, c]) => hashes.get(name) !== c.hash)
  if (changed !== undefined && onMismatch === 'error') {
    const [name] = changed
    const why = hashes.has(name) ? 'is defined otherwise than the state that was saved' : 'has a state, but no definition'
    throw new EddylineError('DEFINITION_MISMATCH', `the circuit \`${name}\` ${why}: \`onMismatch: 'rebuild'\` goes by the configuration`, { path: `circuits.${name}`, offending: name })
  }
  if (state !== undefined) restore(face, state)
  for (const [name, { query, rules, in: given }] of circuits) {
    const saved = state?.circuits[name]
    const inputs = saved !== undefined && saved.hash === hashes.get(name) ? saved.inputs : given
    face.view(name, { query, ...(rules === undefined ? {} : { rules }), ...(inputs === undefined ? {} : { in: inputs }) })
  }
}
