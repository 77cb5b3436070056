// The facts of one line of database values, in an engine whose schema grows with the attributes that are used.
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { defineSchema } from '../define-schema.js'
import { type AttributeInput, type AttributeOptions, type ValueType, facts } from '../datalog/attributes.js'
import { Face, type TxReport } from '../datalog/face.js'
import { nothing } from '../datalog/tx-data.js'
import type { DatalogView, Definition } from '../datalog/view.js'

/** A fact, as DataScript's datoms are. */
export interface Datom { readonly e: number; readonly a: string; readonly v: unknown; readonly tx: number; readonly added: boolean; readonly since?: number }
/** Attributes by name: `{ aka: { ':db/cardinality': ':db.cardinality/many' } }`. */
export type DataScriptSchema = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const bare = (name: string): string => name.replace(/^:(?=.)/, '')
const last = (v: unknown): string => String(v).replace(/^.*\//, '')

/** What a value is to the engine. */
export function typeOf(value: unknown, attribute: string): ValueType {
  switch (typeof value) {
    case 'string': return 'string'
    case 'number': return 'number'
    case 'boolean': return 'boolean'
    case 'bigint': return 'bigint'
    case 'object': if (value !== null) return value instanceof Date ? 'timestamp' : value instanceof Uint8Array ? 'bytes' : 'json'
  }
  throw new EddylineError('TX_TYPE', `\`${String(value)}\` cannot be a value of \`${attribute}\``, { path: attribute, offending: attribute })
}

/** A view that outlives the engine that it was made in. */
export interface Standing { readonly definition: Definition; view: DatalogView; readonly moved: (view: DatalogView) => void }

export class Store {
  readonly #seed: Database<any>
  readonly #declared: ReadonlyMap<string, { many: boolean; ref: boolean; unique: false | 'identity' | 'value'; component: boolean }>
  /** Attributes with the types of their values, known when the first one comes. */
  readonly #types = new Map<string, AttributeOptions>()
  readonly #texts = new Map<string, string>()
  readonly standing = new Set<Standing>()
  db: Database<any>
  face: Face

  constructor(seed: Database<any>, readonly schema: DataScriptSchema = {}) {
    this.#seed = seed
    this.#declared = new Map(Object.entries(schema).map(([name, o]) => {
      const option = (key: string): unknown => o[`:${key}`] ?? o[key]
      const unique = option('db/unique')
      this.#texts.set(bare(name), name)
      return [bare(name), {
        many: last(option('db/cardinality')) === 'many', ref: last(option('db/valueType')) === 'ref',
        unique: unique === undefined ? false : last(unique) === 'identity' ? 'identity' : 'value', component: option('db/isComponent') === true,
      }]
    }))
    for (const [name, d] of this.#declared) if (d.ref) this.#types.set(name, { type: 'ref', many: d.many, unique: d.unique, component: d.component });
    ({ db: this.db, face: this.face } = this.#engine())
  }

  isRef(name: string): boolean { return this.#declared.get(bare(name))?.ref ?? false }
  text(name: string): string { return this.#texts.get(bare(name)) ?? name }

  #engine(): { db: Database<any>; face: Face } {
    const db = this.#seed.twin(defineSchema(facts(Object.fromEntries(this.#types) as Record<string, AttributeInput>)))
    const face = new Face(db, { strict: false, attributeText: name => this.text(name), open: true })
    for (const [name, d] of this.#declared) if (!this.#types.has(name)) face.catalog.declare(name, d)
    return { db, face }
  }

  /** Makes room for attributes: those that are new need tables, and so an engine with them. */
  admit(found: ReadonlyMap<string, unknown>): void {
    let grown = false
    for (const [name, value] of found) {
      const key = bare(name)
      if (!this.#texts.has(key)) this.#texts.set(key, name)
      if (this.#types.has(key)) continue
      const declared = this.#declared.get(key)
      this.#types.set(key, { type: typeOf(value, name), many: declared?.many ?? false, unique: declared?.unique ?? false })
      grown = true
    }
    if (!grown) return
    const saved = this.face.save()
    const old = this.db
    const { db, face } = this.#engine()
    face.restore(saved)
    face.facts.positions.reserve(this.entities, this.face.lastTx)
    this.db = db
    this.face = face
    for (const standing of this.standing) {
      standing.view = face.view(standing.view.name, { ...standing.definition, in: standing.view.inputs })
      standing.moved(standing.view)
    }
    old.close()
  }

  /** Facts with their transactions, as they are. */
  load(datoms: readonly Datom[]): void {
    if (datoms.length === 0) return
    this.admit(new Map(datoms.map(d => [d.a, d.v] as const)))
    this.face.absorb([...datoms].sort((a, b) => a.tx - b.tx).map((d, at) => ({ ...d, at })), 'datalog')
  }

  /** Whether anything is said about an entity. */
  knows(e: number): boolean {
    this.face.facts.current()
    return this.face.puller.isKnown(e)
  }

  /** The largest number that an entity had so far. */
  get entities(): number { return this.face.facts.largestEntity() }
  /** Entities and transactions up to these are not given again. */
  reserve(entities: number, tx: number): void { this.face.facts.positions.reserve(entities, tx) }

  transact(data: readonly unknown[], meta: unknown): TxReport {
    const found = new Map<string, unknown>()
    data.forEach((item, i) => { this.#attributes(item, `tx[${i}]`, found) })
    this.admit(found)
    // Of an attribute that nobody has there is nothing to retract.
    const known = data.filter(item => !(Array.isArray(item) && /^:?db(\.fn)?\/retract(Attribute)?$/.test(String(item[0])) && typeof item[2] === 'string' && !this.#types.has(bare(item[2]))))
    return this.face.transact(known as never, meta)
  }

  /** The attributes that transaction data gives values of, each with one. Throws TX_INVALID with the place where nothing is given. */
  #attributes(item: unknown, path: string, found: Map<string, unknown>): void {
    if (Array.isArray(item)) {
      const [op, , a, v, more] = item as unknown[]
      const name = typeof op === 'string' ? bare(op) : ''
      if (name === 'db/add') this.#attribute(a, v, path, found)
      else if (name === 'db.fn/cas' || name === 'db/cas') this.#attribute(a, more, path, found)
      else if (!/^db(\.fn)?\//.test(name) && typeof item[1] === 'string' && item.length > 2) this.#attribute(item[1], item[2], path, found)
      return
    }
    if (typeof item !== 'object' || item === null) return
    const map = item as Record<string, unknown>
    if ('e' in map && 'a' in map && 'v' in map) { this.#attribute(map.a, map.v, path, found); return }
    for (const [key, value] of Object.entries(map)) if (bare(key) !== 'db/id') this.#attribute(key, value, `${path}.${key}`, found)
  }

  #attribute(name: unknown, value: unknown, path: string, found: Map<string, unknown>): void {
    if (typeof name !== 'string') return
    const forward = bare(name).replace(/(^|\/)_([^/]+)$/, '$1$2')
    const declared = this.#declared.get(forward)
    const values = Array.isArray(value) && (declared?.many === true || forward !== bare(name)) ? value : [value]
    if (values.some(v => v === null || v === undefined)) throw nothing(path)
    if (declared?.ref === true) for (const v of values) { if (typeof v === 'object' && !Array.isArray(v)) this.#attributes(v, path, found) }
    else if (values.length > 0 && !found.has(forward)) found.set(name.startsWith(':') ? `:${forward}` : forward, values[0])
  }

  /** All facts, by entity, attribute and value. */
  datoms(): Datom[] {
    const out: Datom[] = []
    for (const attribute of this.face.catalog.facts()) {
      const live = this.db.live({ toJSON: () => ({ from: attribute.table }) } as never)
      for (const row of live.rows as { e: number; v: unknown; tx: number }[]) out.push({ e: row.e, a: this.text(attribute.name), v: row.v, tx: row.tx, added: true })
      live.dispose()
    }
    return out
  }

  close(): void { this.db.close() }
}
