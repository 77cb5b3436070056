// Transaction data as a flat list of operations: maps, nested maps and reverse attributes are taken apart.
import { EddylineError } from '../errors.js'
import { isObject as isMap, said } from '../option-kinds.js'
import type { Attribute, Catalog } from './catalog.js'

/** One piece of transaction data: `[':db/add', e, a, v]`, `{ ':db/id': e, a: v }`, `[e, a, v, tx, added]`. */
export type TxItem = readonly unknown[] | { readonly [attribute: string]: unknown } | { readonly e: unknown; readonly a: unknown; readonly v: unknown; readonly tx?: unknown; readonly added?: boolean }
export type TxData = readonly TxItem[]

export type Op =
  | { readonly kind: 'add'; readonly attribute: Attribute; readonly e: unknown; readonly v: unknown; readonly path: string }
  | { readonly kind: 'retract'; readonly attribute: Attribute; readonly e: unknown; readonly v: unknown; /** With what it refers to, where that is a component. */ readonly whole?: boolean; readonly path: string }
  | { readonly kind: 'cas'; readonly attribute: Attribute; readonly e: unknown; readonly old: unknown; readonly v: unknown; readonly path: string }
  | { readonly kind: 'retractEntity'; readonly e: unknown; readonly table?: string; readonly path: string }

export function txError(code: string, message: string, path: string, offending?: string): EddylineError {
  return new EddylineError(code, `${message} (at ${path})`, { path, ...(offending === undefined ? {} : { offending }) })
}

export const nothing = (path: string): EddylineError => txError('TX_INVALID', 'nothing cannot be a value; `:db/retract` takes values away', path)

export { isMap, said }

const MOST_DEPTH = 100

/** The key of a row as its own columns say it: a negative number is no tempid here. */
export class RowKey { constructor(readonly key: readonly unknown[]) {} }

/** An entity of a map that says no id. */
export class Unnamed {}

/** `[attribute value]` of a map: the entity that has it when the map begins, whatever the map changes. */
export class MapRef extends Array<unknown> {}

/** Takes transaction data apart. `call` runs `[':db.fn/call', fn, …]`. Throws TX_INVALID, UNKNOWN_ATTRIBUTE with the place. */
export function expand(data: TxData, catalog: Catalog, call: (fn: Function, args: readonly unknown[]) => TxData, at = 'tx', depth = 0): Op[] {
  if (!Array.isArray(data)) throw txError('TX_INVALID', 'transaction data is a list', at)
  if (depth > MOST_DEPTH) throw txError('TX_INVALID', 'nested too deeply', at)
  const out: Op[] = []
  data.forEach((item: TxItem, i) => {
    const path = `${at}[${i}]`
    if (Array.isArray(item)) list(out, item, catalog, call, path, depth)
    else if (typeof item === 'object' && item !== null) {
      const map = item as Record<string, unknown>
      if ('e' in map && 'a' in map && 'v' in map) list(out, [map.e, map.a, map.v, map.tx, map.added ?? true], catalog, call, path, depth)
      else entity(out, map, catalog, path, depth)
    } else throw txError('TX_INVALID', 'a list or a map must stand here', path)
  })
  return out
}

function list(out: Op[], item: readonly unknown[], catalog: Catalog, call: (fn: Function, args: readonly unknown[]) => TxData, path: string, depth: number): void {
  const [op, e, a, v, more] = item
  const name = typeof op === 'string' ? op.replace(/^:/, '') : undefined
  switch (name) {
    case 'db/add': add(out, e, attributeAt(catalog, a, path), v, catalog, path, depth); return
    case 'db/retract': case 'db/retractAttribute': case 'db.fn/retractAttribute':
      out.push({ kind: 'retract', attribute: attributeAt(catalog, a, path), e, v: item.length > 3 ? v : undefined, whole: name !== 'db/retract', path })
      return
    case 'db/retractEntity': case 'db.fn/retractEntity': out.push({ kind: 'retractEntity', e, ...(typeof a === 'string' ? { table: tableOf(catalog, a, path) } : {}), path }); return
    case 'db/cas': case 'db.fn/cas': out.push({ kind: 'cas', attribute: attributeAt(catalog, a, path), e, old: v, v: more, path }); return
    case 'db.fn/call': {
      if (typeof e !== 'function') throw txError('TX_INVALID', '`:db.fn/call` takes a function', path)
      out.push(...expand(call(e, item.slice(2)), catalog, call, path, depth + 1))
      return
    }
  }
  // A datom: `[e a v tx added]`.
  if (item.length >= 3 && typeof item[1] === 'string' && (name === undefined || catalog.find(item[1]) !== undefined)) {
    const attribute = attributeAt(catalog, item[1], path)
    if (item[4] !== undefined && typeof item[4] !== 'boolean') throw txError('TX_INVALID', `whether a datom was added is true or false, not \`${said(item[4])}\``, path, said(item[4]))
    if (item[4] === false) out.push({ kind: 'retract', attribute, e: op, v: item[2], path })
    else out.push({ kind: 'add', attribute, e: op, v: item[2], path })
    return
  }
  throw txError('TX_INVALID', `\`${said(op)}\` is no operation; there are :db/add, :db/retract, :db/retractEntity, :db/retractAttribute, :db/cas, :db.fn/call`, path, said(op))
}

function attributeAt(catalog: Catalog, a: unknown, path: string): Attribute {
  if (typeof a !== 'string') throw txError('TX_INVALID', 'an attribute must stand here', path)
  return catalog.getDeclared(a.replace(/^:(?=.)/, ''), path)
}

function tableOf(catalog: Catalog, name: string, path: string): string {
  const table = name.replace(/^:(?=.)/, '')
  if (catalog.ofTable(table).length === 0) throw txError('UNKNOWN_TABLE', `no table \`${table}\``, path, table)
  return table
}

/** `:a/_b` or `_b`: the attribute whose values are this entity. */
const isReverse = (name: string): boolean => /(^|\/)_[^/]+$/.test(name)
const forward = (name: string): string => name.replace(/(^|\/)_([^/]+)$/, '$1$2')

function entity(out: Op[], map: Record<string, unknown>, catalog: Catalog, path: string, depth: number): unknown {
  if (depth > MOST_DEPTH) throw txError('TX_INVALID', 'nested too deeply', path)
  const given = map[':db/id'] ?? map['db/id']
  const pairs = Object.entries(map).filter(([k]) => k !== ':db/id' && k !== 'db/id')
  const attributes = pairs.map(([name]) => attributeAt(catalog, isReverse(name) ? forward(name) : name, `${path}.${name}`))
  // An entity without a name gets one; a row has its name in its key.
  const fresh = Array.isArray(given) ? MapRef.from(given) : given ?? new Unnamed()
  const rows = new Map<string, unknown>()
  const hasFacts = attributes.some(a => a.fact)
  attributes.forEach((attribute, i) => {
    if (attribute.fact || isReverse(pairs[i][0]) || rows.has(attribute.table)) return
    const key = attribute.entity.map(c => { const at = attributes.findIndex(x => x.table === attribute.table && x.value.name === c.name); return at < 0 ? undefined : pairs[at][1] })
    if (given === undefined && key.some(k => k === undefined)) throw txError('TX_INVALID', `the row of \`${attribute.table}\` is not named: say \`:db/id\`, or its key`, path)
    // A tempid is for the facts of the map; the row is that of its key.
    rows.set(attribute.table, key.includes(undefined) || !(given === undefined || (typeof given === 'number' && given < 0) || (typeof given === 'string' && hasFacts)) ? given : new RowKey(key))
  })
  pairs.forEach(([name, value], i) => {
    const attribute = attributes[i]
    const at = `${path}.${name}`
    const e = attribute.fact ? fresh : rows.get(attribute.table)
    if (value === null || value === undefined) throw nothing(at)
    if (!isReverse(name)) { add(out, e, attribute, value, catalog, at, depth); return }
    if (attribute.ref === false) throw txError('TX_INVALID', `\`:${attribute.name}\` is no ref`, at)
    for (const owner of several(value) ? value as unknown[] : [value]) {
      const by = isMap(owner) ? entity(out, owner, catalog, at, depth + 1) : owner
      out.push({ kind: 'add', attribute, e: by, v: fresh, path: at })
    }
  })
  return fresh
}

/** Several values, against the one value `[attribute value]`. */
const several = (v: unknown): boolean => Array.isArray(v) && !(v.length === 2 && typeof v[0] === 'string' && /^:/.test(v[0]))

function add(out: Op[], e: unknown, attribute: Attribute, value: unknown, catalog: Catalog, path: string, depth: number): void {
  const values = attribute.many && (Array.isArray(value) || value instanceof Set) && (attribute.ref === false || several(value) || value instanceof Set) && !isLookup(attribute, value, catalog) ? [...value as Iterable<unknown>] : [value]
  for (const v of values) {
    const nested = attribute.ref === true && isMap(v)
    // The owner comes first: new entities are numbered in the order in which they are said.
    const slot = out.length
    const target = nested ? entity(out, v as Record<string, unknown>, catalog, path, depth + 1) : v
    out.splice(slot, 0, { kind: 'add', attribute, e, v: target, path })
  }
}

/** `['name', 'x']` for a ref that can have several values: one entity if the first is a unique attribute. */
function isLookup(attribute: Attribute, value: unknown, catalog: Catalog): boolean {
  return attribute.ref !== false && Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && (catalog.findDeclared(value[0])?.unique ?? false) !== false
}

/** Negative numbers and texts; and what stands for an entity of a map that says no id. */
export function isTempid(e: unknown): boolean {
  return (typeof e === 'number' && e < 0) || (typeof e === 'string' && e !== ':db/current-tx' && e !== 'db/current-tx' && e !== 'datomic.tx') || e instanceof Unnamed
}
