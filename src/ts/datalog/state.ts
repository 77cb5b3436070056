// What a face holds as one plain object, to be stored anywhere; and circuits from a configuration, checked against it.
import type { LooseChange } from '../changes.js'
import { EddylineError } from '../errors.js'
import { canonicalQuery, hashOf } from './canonical.js'
import type { Face } from './face.js'
import type { Row } from './mirror.js'
import { checkDefinition, checkLoad } from './options.js'
import { parseQuery } from './parse.js'
import { TX0 } from './positions.js'
import type { Kept } from './shelf.js'
import type { Definition } from './view.js'

/** Facts, positions of sources, and the definitions that they were answered by. Structured clones of it are as good. Rows of tables are not in it. */
export interface Saved {
  readonly format: 1
  readonly facts: Readonly<Record<string, readonly Row[]>>
  /** Where each source was left, and the face's own transactions. */
  readonly positions: Readonly<Record<string, string>>
  /** The largest number that an entity had: it is not given again. */
  readonly entities?: number
  readonly circuits: Readonly<Record<string, Kept>>
}

/** Circuits by name. */
export interface Configuration {
  /** For people: whose circuits these are. */
  readonly workspace?: string | undefined
  readonly circuits: Readonly<Record<string, Definition & { readonly name?: string | undefined }>>
}
export interface LoadOptions {
  /** What `save` gave. Without it a database with storage has what it kept. */
  readonly state?: Saved | undefined
  /** What to do where a circuit of the state is defined otherwise now, or not at all: nothing is loaded (`'error'`), or the definition counts (`'rebuild'`). */
  readonly onMismatch?: 'error' | 'rebuild' | undefined
}

export function save(face: Face): Saved {
  const facts: Record<string, Row[]> = {}
  for (const { table } of face.catalog.facts()) {
    const live = face.db.live({ toJSON: () => ({ from: table }) } as never)
    facts[table] = live.rows.map(r => ({ ...r as Row }))
    live.dispose()
  }
  const circuits = Object.fromEntries([...face.views].map(([name, v]) => [name, { edn: v.edn, hash: v.hash, inputs: v.inputs }]))
  return { format: 1, facts, positions: face.facts.positions.toJSON(), entities: face.facts.largestEntity(), circuits }
}

const isObject = (v: unknown): v is Record<string, unknown> => typeof v === 'object' && v !== null && !Array.isArray(v)
const invalid = (why: string, path: string, offending?: string, cause?: unknown): EddylineError =>
  new EddylineError('STATE_INVALID', why, { path, ...(offending === undefined ? {} : { offending }), ...(cause === undefined ? {} : { cause }) })

/** Puts saved facts and positions in the place of those that are there, older ones as well: one version. */
export function restore(face: Face, state: Saved): void {
  if (!isObject(state) || state.format !== 1 || !isObject(state.facts) || !isObject(state.positions)) throw invalid('this is no state that `save` gave', 'state')
  const tables = face.catalog.facts().map(a => a.table)
  const unknown = Object.keys(state.facts).find(t => !tables.includes(t) && state.facts[t].length > 0)
  if (unknown !== undefined) throw invalid(`the state has facts of \`${unknown}\`, which is no attribute`, `state.facts.${unknown}`, unknown)
  const wrong = Object.entries(state.positions).find(([, tx]) => !/^\d+$/.test(String(tx)))
  if (wrong !== undefined) throw invalid(`\`${String(wrong[1])}\` is no transaction`, `state.positions.${wrong[0]}`)
  const notRows = tables.find(t => state.facts[t] !== undefined && !Array.isArray(state.facts[t]))
  if (notRows !== undefined) throw invalid('facts are a list of rows', `state.facts.${notRows}`)
  const { positions } = face.facts
  const moved = positions.replacing(state.positions, state.entities ?? largest(state))
  const changes: LooseChange[] = [...tables.map(table => ({ op: 'reset', table, rows: state.facts[table] ?? [] }) as LooseChange), ...moved.changes]
  const note = moved.done()
  try {
    face.db.apply({ changes, origin: 'datalog' } as never)
  } catch (e) {
    note()
    const { path, message } = e as EddylineError
    const at = /^changes\[(\d+)\](?:\.rows)?(.*)$/.exec(path ?? '')
    const table = at === null ? undefined : tables[Number(at[1])]
    throw table === undefined ? e : invalid(message, `state.facts.${table}${at![2]}`, undefined, e)
  }
  if (!positions.kept) for (const [source, cursor] of Object.entries(state.positions)) face.db.apply({ changes: [], source, cursor, stale: 'ignore' } as never)
}

/** States of before entities were counted. */
function largest(state: Saved): number {
  let most = 0
  for (const rows of Object.values(state.facts)) for (const { e } of rows) if (typeof e === 'number' && e < TX0 && e > most) most = e
  return most
}

/** Makes the views of a configuration, over a state if there is one: all of them, or none. */
export function load(face: Face, config: Configuration, options: LoadOptions = {}): void {
  checkLoad(options)
  const { state, onMismatch = 'error' } = options
  if (!isObject(config) || !isObject(config.circuits)) throw new EddylineError('CONFIGURATION_INVALID', 'a configuration has `circuits`: definitions by name', { path: 'circuits' })
  const circuits = Object.entries(config.circuits)
  const hashes = new Map<string, string>()
  for (const [name, circuit] of circuits) {
    within(name, () => {
      checkDefinition(circuit, ['name'])
      if (face.views.has(name)) throw new EddylineError('DUPLICATE_VIEW', 'there is a view of this name already: `drop` it first', { offending: name })
      const { query, rules } = parseQuery(circuit.query, circuit.rules)
      hashes.set(name, hashOf(canonicalQuery(query, rules)))
    })
  }
  const { shelf } = face
  const kept = shelf.durable ? shelf.all() : new Map<string, Kept>()
  const known: Readonly<Record<string, Kept>> = state?.circuits ?? Object.fromEntries(kept)
  // What lives in this page is defined, whoever made it.
  const defined = (name: string): string | undefined => hashes.get(name) ?? face.views.get(name)?.hash
  const changed = Object.entries(known).filter(([name, c]) => defined(name) !== c.hash)
  if (changed.length > 0 && onMismatch === 'error') {
    const [[name]] = changed
    const why = defined(name) !== undefined ? 'is defined otherwise than the state that was saved' : 'has a state, but no definition'
    throw new EddylineError('DEFINITION_MISMATCH', `the circuit \`${name}\` ${why}: \`onMismatch: 'rebuild'\` goes by the configuration`, { path: `circuits.${name}`, offending: name })
  }
  const before = state === undefined ? undefined : save(face)
  const made: string[] = []
  try {
    if (state !== undefined) restore(face, state)
    for (const [name, { query, rules, in: given, storage }] of circuits) {
      const saved = known[name]
      const inputs = saved !== undefined && saved.hash === hashes.get(name) ? saved.inputs : given
      within(name, () => face.made(name, {
        query, ...(rules === undefined ? {} : { rules }), ...(inputs === undefined ? {} : { in: inputs }),
        storage: storage ?? (shelf.durable ? 'durable' : 'memory'), onMismatch: 'rebuild',
      }, state !== undefined))
      made.push(name)
    }
  } catch (e) {
    for (const name of made) {
      face.views.get(name)!.drop()
      if (!shelf.durable) continue
      const was = kept.get(name)
      if (was === undefined) shelf.forget(name)
      else shelf.keep(name, was)
    }
    if (before !== undefined) restore(face, before)
    throw e
  }
  if (shelf.durable && state === undefined) for (const [name] of changed) if (defined(name) === undefined) shelf.forget(name)
}

/** What goes wrong in a circuit says in which. */
function within<T>(name: string, fn: () => T): T {
  try { return fn() } catch (e) {
    if (!(e instanceof EddylineError)) throw e
    throw new EddylineError(e.code, `circuit \`${name}\`: ${e.message}`, {
      path: `circuits.${name}${e.path === undefined ? '' : `.${e.path}`}`, cause: e,
      ...(e.offending === undefined ? {} : { offending: e.offending }), ...(e.nearest === undefined ? {} : { nearest: e.nearest }),
    })
  }
}
