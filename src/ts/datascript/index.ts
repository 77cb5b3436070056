// `eddyline/datascript`: the part of DataScript's JavaScript API that people use, over an engine that keeps answers right.
import { createFacts } from './seed.js'
import type { Database } from '../database.js'
import type { DatabaseOptions } from '../database.js'
import { EddylineError } from '../errors.js'
import type { AnySchema } from '../schema.js'
import { parseQuery } from '../datalog/parse.js'
import { givenSpecs } from '../datalog/given.js'
import type { DatalogView } from '../datalog/view.js'
import { nameOf } from '../datalog/view.js'
import { DatabaseValue } from './database-value.js'
import { checkFunction, checkList, checkSchema, wrong } from './check.js'
import { Entity } from './entity.js'
import { type DataScriptSchema, type Datom, type Standing, Store } from './store.js'

export type { DataScriptSchema, Datom } from './store.js'
export type { DatabaseValue } from './database-value.js'
export type { Entity } from './entity.js'

/** What a transaction did. */
export interface Report {
  readonly db_before: DatabaseValue
  readonly db_after: DatabaseValue
  readonly tx_data: readonly Datom[]
  readonly tempids: Readonly<Record<string, number>>
  readonly tx_meta: unknown
}
export type Listener = (report: Report) => void

/** A connection: a database value that changes. */
export class Connection {
  readonly listeners = new Map<unknown, Listener>()
  constructor(public value: DatabaseValue, readonly store: Store) {}

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Connection' }
}

/** An answer that follows a connection. */
export interface LiveAnswer {
  get(): unknown
  /** Called with the rows that came and went. Returns the function that ends it. */
  listen(fn: (added: unknown[][], removed: unknown[][]) => void): () => void
  dispose(): void
}

type CreateDatabase = <S extends AnySchema>(options: DatabaseOptions<S>) => Promise<Database<S>>

/**
 * Loads the engine; everything behind it is synchronous, as it is in DataScript.
 *
 * ```ts
 * import { createDatabase } from 'eddyline'
 * import { load } from 'eddyline/datascript'
 * const d = await load(createDatabase)
 * const conn = d.create_conn({ aka: { ':db/cardinality': ':db.cardinality/many' } })
 * d.transact(conn, [{ ':db/id': -1, name: 'Maksim', aka: ['Max', 'Jack'] }])
 * d.q('[:find ?n :in $ ?aka :where [?e "aka" ?aka] [?e "name" ?n]]', d.db(conn), 'Max')
 * const live = d.q_live('[:find ?n :where [_ "name" ?n]]', conn)      // ours: an answer that follows
 * ```
 */
export async function load(createDatabase: CreateDatabase): Promise<DataScript> { return new DataScript(await createFacts(createDatabase)) }

export class DataScript {
  #key = 0
  /** @internal */
  constructor(private readonly seed: Database<any>) {}

  #value(schema: DataScriptSchema, datoms: readonly Datom[]): DatabaseValue {
    checkSchema(schema)
    const store = new Store(this.seed, schema)
    store.load(datoms)
    return new DatabaseValue(this.seed, schema, store)
  }

  empty_db = (schema: DataScriptSchema = {}): DatabaseValue => this.#value(schema, [])
  init_db = (datoms: readonly (Datom | readonly unknown[])[], schema: DataScriptSchema = {}): DatabaseValue => {
    checkList(datoms, 'what a database begins with', 'datoms')
    return this.#value(schema, datoms.map((d, i) => {
      const [e, a, v, tx] = Array.isArray(d) ? d as unknown[] : [(d as Datom)?.e, (d as Datom)?.a, (d as Datom)?.v, (d as Datom)?.tx]
      if (typeof e !== 'number' || typeof a !== 'string' || v === undefined || v === null) throw wrong('a datom is `[e a v tx]`, or an object of these', `datoms[${i}]`)
      return { e, a, v, tx: tx as number ?? TX0, added: true }
    }))
  }
  create_conn = (schema: DataScriptSchema = {}): Connection => this.conn_from_db(this.empty_db(schema))
  /** A connection that begins with a value; the value itself stays as it is. */
  conn_from_db = (db: DatabaseValue): Connection => {
    this.#db(db)
    const store = db.fork()
    return new Connection(new DatabaseValue(this.seed, db.schema, store), store)
  }
  db = (conn: Connection): DatabaseValue => this.#conn(conn).value

  #conn(conn: unknown): Connection {
    if (conn instanceof Connection) return conn
    throw wrong('a connection must stand here: what `create_conn` gives', 'conn')
  }
  #db(db: unknown): DatabaseValue {
    if (db instanceof DatabaseValue) return db
    throw wrong(`a database value must stand here: ${db instanceof Connection ? '`db(conn)`' : 'what `db(conn)` gives'}`, 'db')
  }

  /** The value after a transaction; the one before stays as it is. */
  db_with = (db: DatabaseValue, data: readonly unknown[]): DatabaseValue => {
    this.#db(db)
    const store = db.fork()
    const before = new DatabaseValue(this.seed, db.schema, store)
    return this.#transacted(before, store, data, undefined).db_after
  }

  transact = (conn: Connection, data: readonly unknown[], meta?: unknown): Report => {
    const report = this.#transacted(this.#conn(conn).value, conn.store, data, meta)
    conn.value = report.db_after
    for (const fn of [...conn.listeners.values()]) fn(report)
    return report
  }

  #transacted(before: DatabaseValue, store: Store, data: readonly unknown[], meta: unknown): Report {
    if (!Array.isArray(data)) throw new EddylineError('TX_INVALID', 'transaction data is a list', { path: 'tx' })
    // Functions see the value before the transaction.
    // Nothing is no transaction data there, and skipped.
    const plain = data.filter(item => item !== null && item !== undefined).flatMap(item => Array.isArray(item) && /^:?db\.fn\/call$/.test(String(item[0])) ? (item[1] as (...args: unknown[]) => unknown[])(before, ...item.slice(2)) : [item])
    const { datoms, tempids } = store.transact(plain, meta)
    const tx_data = datoms.map(d => ({ e: d.e as number, a: d.a, v: d.v, tx: d.tx, added: d.added }))
    return { db_before: before, db_after: before.moved(datoms as readonly Datom[]), tx_data, tempids, tx_meta: meta }
  }

  listen = (conn: Connection, key: unknown, fn?: Listener): unknown => {
    const listener = fn ?? key as Listener
    this.#conn(conn)
    checkFunction(listener, 'callback')
    const name = fn === undefined ? ++this.#key : key
    conn.listeners.set(name, listener)
    return name
  }
  unlisten = (conn: Connection, key: unknown): void => { this.#conn(conn).listeners.delete(key) }
  resolve_tempid = (tempids: Readonly<Record<string, number>>, id: unknown): number | undefined => {
    if (typeof tempids !== 'object' || tempids === null) throw wrong('the tempids of a report must stand here', 'tempids')
    return tempids[String(id)]
  }

  /** Asks a database value. Other sources are relations; `%` takes rules. */
  q = (query: unknown, ...sources: unknown[]): unknown => {
    const { db, rest } = this.#sources(query, sources)
    const answer = (db ?? this.empty_db()).read().face.q(query, ...rest)
    return pulls(query) ? shown(answer) : answer
  }

  #sources(query: unknown, sources: readonly unknown[]): { db: DatabaseValue | undefined; rest: unknown[]; inputs: ReturnType<typeof parseQuery>['query']['inputs'] } {
    const { inputs } = parseQuery(query).query
    const given = inputs.length === 0 ? [{ kind: 'source', name: '$' }] as never : inputs
    if (sources.length > given.length) throw new EddylineError('DATALOG_INPUT', `${sources.length} inputs are given, and \`:in\` has ${given.length}`, { path: 'in' })
    let db: DatabaseValue | undefined
    const rest: unknown[] = []
    given.forEach((spec: (typeof inputs)[number], i: number) => {
      const value = sources[i]
      if (typeof value === 'function') throw new EddylineError('DATALOG_INPUT', 'a function cannot be an input: answers are kept up by the engine, which does not call JavaScript', { path: `in[${i}]` })
      if (spec.kind !== 'source') { rest.push(value); return }
      if (value instanceof DatabaseValue || value instanceof Connection) {
        if (spec.name !== '$') throw new EddylineError('DATALOG_INPUT', `\`${spec.name}\` cannot be a second database`, { path: `in[${i}]`, offending: spec.name })
        db = value instanceof Connection ? value.value : value
      } else if (spec.name !== '$') rest.push(value)
      else throw new EddylineError('DATALOG_INPUT', value === undefined ? '`$`, the database, is missing' : '`$` is a database', { path: `in[${i}]`, offending: '$' })
    })
    return { db, rest, inputs }
  }

  /** An answer that follows a connection: kept up by the engine, not asked again. */
  q_live = (query: unknown, conn: Connection, ...more: unknown[]): LiveAnswer => {
    this.#conn(conn)
    const { rest, inputs } = this.#sources(query, [conn, ...more])
    const slots = inputs.filter(i => !(i.kind === 'source' && i.name === '$'))
    const at = slots.findIndex(s => s.kind === 'rules')
    const { query: parsed } = parseQuery(query, at < 0 ? undefined : rest[at])
    const given = Object.fromEntries(givenSpecs(parsed).map(s => [nameOf(s), rest[slots.findIndex(x => nameOf(x) === nameOf(s))]]))
    const definition = { query, ...(at < 0 ? {} : { rules: rest[at] }), in: given }
    const listeners = new Set<(added: unknown[][], removed: unknown[][]) => void>()
    const told: <T>(answer: T) => T = pulls(query) ? answer => shown(answer) as typeof answer : answer => answer
    const tell = (view: DatalogView): void => { view.listen((added, removed) => { for (const fn of listeners) fn(told(added), told(removed)) }) }
    const standing: Standing = { definition, view: conn.store.face.view(`q${++this.#key}`, definition), moved: tell }
    conn.store.standing.add(standing)
    tell(standing.view)
    return {
      get: () => told(standing.view.get()),
      listen: fn => { checkFunction(fn, 'callback'); listeners.add(fn); return () => { listeners.delete(fn) } },
      dispose: () => { listeners.clear(); conn.store.standing.delete(standing); standing.view.drop() },
    }
  }

  #entity(db: DatabaseValue, e: unknown): unknown {
    return Array.isArray(e) ? db.read().face.catalog.find(String(e[0])) === undefined ? null : db.read().face.lookup(String(e[0]), e[1]) : e
  }

  pull = (db: DatabaseValue, pattern: unknown, e: unknown): Record<string, unknown> | null => {
    const found = this.#entity(this.#db(db), e)
    return found === null ? null : db.read().face.pull(pattern, found)
  }
  pull_many = (db: DatabaseValue, pattern: unknown, es: readonly unknown[]): (Record<string, unknown> | null)[] => {
    checkList(es, 'what `pull_many` is to pull', 'es')
    return es.map(e => this.pull(db, pattern, e))
  }

  /** An entity as a map; null if nothing is said about it. */
  entity = (db: DatabaseValue, e: unknown): Entity | null => {
    const found = this.#entity(this.#db(db), e)
    return typeof found === 'number' && db.read().knows(found) ? new Entity(db, found) : null
  }
  touch = (entity: Entity): Entity => {
    if (!(entity instanceof Entity)) throw wrong('an entity must stand here: what `entity` gives', 'entity')
    return entity
  }
  entity_db = (entity: Entity): DatabaseValue => this.touch(entity).db

  /** Facts in the order of an index (`:eavt`, `:aevt`, `:avet`), of those that begin with some components. */
  datoms = (db: DatabaseValue, index: string, ...components: unknown[]): Datom[] => {
    this.#db(db)
    const order = String(index).replace(/^:/, '')
    if (!['eavt', 'aevt', 'avet'].includes(order)) throw new EddylineError('DATALOG_INPUT', `no index \`${index}\`: there are :eavt, :aevt, :avet`, { path: 'index', offending: index })
    const members = [...order.slice(0, 3)] as ('e' | 'a' | 'v')[]
    const text = (d: Datom): string => d.a.replace(/^:/, '')
    const attribute = members.indexOf('a') < components.length ? String(components[members.indexOf('a')]) : undefined
    const given = components.map((c, i) => Array.isArray(c) && (members[i] === 'e' || (members[i] === 'v' && attribute !== undefined && db.read().isRef(attribute))) ? this.#entity(db, c) : c)
    const nobody = given.indexOf(null)
    if (nobody >= 0 && components[nobody] !== null) throw new EddylineError('TX_UNKNOWN_ENTITY', `nothing is \`${JSON.stringify(components[nobody])}\``, { path: `components[${nobody}]` })
    const compare = (x: unknown, y: unknown): number => x === y ? 0 : (x as number) < (y as number) ? -1 : (x as number) > (y as number) ? 1 : 0
    return db.read().datoms()
      .filter(d => given.every((c, i) => members[i] === undefined ? d.tx === c : members[i] === 'a' ? text(d) === String(c).replace(/^:/, '') : compare(d[members[i]], c) === 0))
      .sort((x, y) => members.reduce((c, m) => c !== 0 ? c : m === 'a' ? compare(text(x), text(y)) : compare(x[m], y[m]), 0))
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'DataScript' }
}

const TX0 = 0x20000000

const pulls = (query: unknown): boolean => parseQuery(query).query.find.some(f => f.kind === 'pull')
/** Trees in answers, as DataScript gives them to JavaScript: the key is `id` there, while `pull` says `:db/id`. */
function shown(answer: unknown): unknown {
  const todo: unknown[] = []
  // What is inside is still as it was, until its turn comes.
  const copy = (v: unknown): unknown => {
    const isPlain = typeof v === 'object' && v !== null && Object.getPrototypeOf(v) === Object.prototype
    if (!isPlain && !Array.isArray(v)) return v
    const made = isPlain ? Object.fromEntries(Object.entries(v).map(([k, x]) => [k === ':db/id' ? 'id' : k, x])) : [...v as unknown[]]
    todo.push(made)
    return made
  }
  const all = copy(answer)
  for (const into of todo as Record<string, unknown>[]) for (const k of Object.keys(into)) into[k] = copy(into[k])
  return all
}
