// Attributes of free facts, and the tables that hold them: one table per attribute, keyed by entity, or by entity and value.
import { EddylineError, unknownName } from '../errors.js'
import { type Table, type AnyColumn, bigint, boolean, bytes, int, json, number, string, table, timestamp } from '../schema.js'

/** What values of an attribute are. `ref`: an entity. `keyword`, `uuid`, `symbol`: texts. `long`, `double`, `instant`: as in Datomic. */
export type ValueType =
  | 'string' | 'keyword' | 'symbol' | 'uuid' | 'uri' | 'int' | 'long' | 'bigint' | 'number' | 'float' | 'double' | 'boolean' | 'timestamp' | 'instant' | 'json' | 'bytes' | 'ref'

export interface AttributeOptions {
  readonly type: ValueType
  /** An entity can have several values. */
  readonly many?: boolean | undefined
  /** At most one entity has a value. `'identity'` (or true): a transaction that names the value means that entity. */
  readonly unique?: boolean | 'identity' | 'value' | undefined
  /** Of refs: what is referred to goes with what refers to it, and is shown in full by `*`. */
  readonly component?: boolean | undefined
}
/** `'string'`, options, or Datomic's `{ ':db/valueType': ':db.type/string', ':db/cardinality': ':db.cardinality/many', … }`. */
export type AttributeInput = ValueType | AttributeOptions | { readonly [option: `:db/${string}` | `db/${string}`]: unknown }

/** An attribute as declared. */
export interface FactAttribute { readonly name: string; readonly type: ValueType; readonly many: boolean; readonly unique: false | 'identity' | 'value'; readonly component: boolean }

/** Which tables hold the facts of which attribute: known by the table, so that a database can be asked what it holds. */
const declared = new WeakMap<object, FactAttribute>()

/** Name of the table that holds the inputs of views, so that they can change like data. */
export const INPUTS = ':db/input'

const COLUMNS: Record<ValueType, () => AnyColumn> = {
  string, keyword: string, symbol: string, uuid: string, uri: string, int, long: int, ref: int, bigint, number, float: number, double: number, boolean,
  timestamp, instant: timestamp, json, bytes,
}

/** What a table of facts holds, or undefined if it is a table like any other. */
export const factOf = (held: object): FactAttribute | undefined => declared.get(held)

/**
 * Tables for facts, to be put beside others: `defineSchema({ issues: table({ … }), ...facts({ … }) })`.
 *
 * ```ts
 * facts({ 'movie/title': 'string', 'movie/cast': { type: 'ref', many: true }, 'person/email': { type: 'string', unique: true } })
 * ```
 * Each attribute is a table `:movie/title` of `e` (the entity, a whole number), `v` and `tx`. Throws ATTRIBUTE_INVALID with `path`.
 */
export function facts<const A extends Record<string, AttributeInput>>(attributes: A): Record<`:${string}`, Table<any>> {
  if (!isObject(attributes)) throw new EddylineError('ATTRIBUTE_INVALID', 'attributes are an object: types or options by name', { path: 'attributes' })
  const out: Record<string, Table<any>> = {
    [INPUTS]: table({ view: int().key(), input: int().key(), row: int().key(), v: json() }),
  }
  for (const [key, input] of Object.entries(attributes)) {
    const attribute = declare(key.replace(/^:(?=.)/, ''), input)
    const name = `:${attribute.name}`
    if (Object.hasOwn(out, name)) throw invalid(attribute.name, 'it is declared twice')
    const value = COLUMNS[attribute.type]()
    if (attribute.many && attribute.type === 'json') throw invalid(attribute.name, 'json is no key, so that an entity has one value at most')
    out[name] = table({ e: int().key(), v: attribute.many ? value.key() : value, tx: int() })
    declared.set(out[name], attribute)
  }
  return out
}

const isObject = (v: unknown): boolean => typeof v === 'object' && v !== null && !Array.isArray(v)
const invalid = (name: string, why: string): EddylineError =>
  new EddylineError('ATTRIBUTE_INVALID', `the attribute \`:${name}\`: ${why}`, { path: `attributes.${name}`, offending: name })

function declare(name: string, input: AttributeInput): FactAttribute {
  if (name === '') throw invalid(name, 'a name is missing')
  if (name === 'db/id') throw invalid(name, 'this name is taken')
  if (typeof input !== 'string' && !isObject(input)) throw invalid(name, 'it is a type, or options')
  const given: Record<string, unknown> = typeof input === 'string' ? { type: input } : plainOptions(name, input as Record<string, unknown>)
  const type = given.type as ValueType
  if (!Object.hasOwn(COLUMNS, type)) throw unknownName('ATTRIBUTE_INVALID', `type \`${String(type)}\` of attributes`, String(type), Object.keys(COLUMNS), `attributes.${name}.type`)
  const unique = given.unique === true || given.unique === 'identity' ? 'identity' : given.unique === 'value' ? 'value' : false
  if (unique !== false && (type === 'json' || type === 'bytes')) throw invalid(name, `values of type ${type} cannot be unique`)
  if (given.component === true && type !== 'ref') throw invalid(name, 'only a ref can be a component')
  return { name, type, many: given.many === true, unique, component: given.component === true }
}

/** Datomic's names of options as ours. */
function plainOptions(name: string, input: Record<string, unknown>): Record<string, unknown> {
  const out: Record<string, unknown> = {}
  const last = (v: unknown): string => String(v).replace(/^.*\//, '')
  for (const [key, v] of Object.entries(input)) {
    switch (key.replace(/^:/, '')) {
      case 'type': case 'many': case 'unique': case 'component': out[key] = v; break
      case 'db/valueType': out.type = last(v); break
      case 'db/cardinality': out.many = last(v) === 'many'; break
      case 'db/unique': out.unique = last(v) === 'identity' ? 'identity' : 'value'; break
      case 'db/isComponent': out.component = v; break
      case 'db/index': case 'db/doc': case 'db/ident': case 'db/id': break
      default: throw unknownName('ATTRIBUTE_INVALID', `option \`${key}\` of attributes`, key, ['type', 'many', 'unique', 'component', ':db/valueType', ':db/cardinality', ':db/unique', ':db/isComponent'], `attributes.${name}.${key}`)
    }
  }
  return out
}
