// What attributes there are: those of facts, and every column of every table as `:table/column`.
import { EddylineError, nearestName } from '../errors.js'
import type { CellType } from '../port.js'
import type { AnySchema } from '../schema.js'
import { INPUTS, factOf } from './attributes.js'

export interface CatalogColumn { readonly name: string; readonly type: CellType }

/** An attribute, and where its facts are. A row of a table is an entity whose name is its key. */
export interface Attribute {
  /** Without the colon. */
  readonly name: string
  readonly table: string
  readonly entity: readonly CatalogColumn[]
  readonly value: CatalogColumn
  readonly nullable: boolean
  /** Several values per entity. */
  readonly many: boolean
  readonly unique: false | 'identity' | 'value'
  /** Values are entities: of facts (true), or rows of a table. */
  readonly ref: boolean | string
  readonly component: boolean
  /** A fact of its own, with a transaction: not a column of a table. */
  readonly fact: boolean
}

/** All attributes of a schema. */
export class Catalog {
  readonly #attributes = new Map<string, Attribute>()
  readonly #tables = new Map<string, Attribute[]>()
  readonly #declared = new Map<string, Attribute>()
  #facts: readonly Attribute[] | undefined
  /** Whether the schema has room for inputs of views. */
  readonly hasInputs: boolean
  /** A table that a query of constants can be from. */
  readonly someTable: string

  constructor(readonly schema: AnySchema) {
    for (const t of schema.json.tables) {
      if (t.name === INPUTS) continue
      const declared = schema.tables[t.name] as object | undefined
      const fact = declared === undefined ? undefined : factOf(declared)
      const columns = t.columns.map(c => ({ name: c.name, type: c.type }))
      const column = (name: string): CatalogColumn => columns.find(c => c.name === name)!
      if (fact !== undefined) {
        this.#add({ name: fact.name, table: t.name, entity: [column('e')], value: column('v'), nullable: false, many: fact.many, unique: fact.unique, ref: fact.type === 'ref', component: fact.component, fact: true })
        continue
      }
      if (t.tenant) continue
      const entity = t.key.map(column)
      for (const c of t.columns) {
        this.#add({
          name: `${t.name}/${c.name}`, table: t.name, entity, value: column(c.name), nullable: c.nullable, many: false,
          unique: t.key.length === 1 && t.key[0] === c.name ? 'identity' : false, ref: target(t.relations, c.name), component: false, fact: false,
        })
      }
    }
    const names = schema.json.tables.map(t => t.name)
    this.hasInputs = names.includes(INPUTS)
    this.someTable = this.hasInputs ? INPUTS : names[0]
  }

  #add(attribute: Attribute): void {
    const known = this.#attributes.get(attribute.name)
    if (known !== undefined) throw new EddylineError('ATTRIBUTE_INVALID', `\`:${attribute.name}\` is a fact's attribute and a column`, { path: `attributes.${attribute.name}`, offending: attribute.name })
    this.#attributes.set(attribute.name, attribute)
    const of = this.#tables.get(attribute.table) ?? []
    of.push(attribute)
    this.#tables.set(attribute.table, of)
  }

  /** The attribute of a name with or without colon. Throws UNKNOWN_ATTRIBUTE with the place and the nearest name. */
  get(name: string, at: string): Attribute {
    const found = this.find(name)
    if (found !== undefined) return found
    const nearest = nearestName(name, this.#attributes.keys())
    throw new EddylineError('UNKNOWN_ATTRIBUTE', `no attribute \`:${name}\` (at ${at})${nearest === undefined ? '' : `; did you mean \`:${nearest}\`?`}`, { path: at, offending: name, nearest })
  }

  find(name: string): Attribute | undefined { return this.#attributes.get(name.replace(/^:(?=.)/, '')) }
  /** An attribute that nobody has, and so no table: only transactions know it, to find nothing. */
  declare(name: string, { many, unique }: Pick<Attribute, 'many' | 'unique'>): void {
    this.#declared.set(name, { name, table: '', entity: [], value: { name: 'v', type: 'json' }, nullable: false, many, unique, ref: false, component: false, fact: true })
  }
  findDeclared(name: string): Attribute | undefined { return this.#declared.get(name.replace(/^:(?=.)/, '')) ?? this.find(name) }
  /** As `get`, and those that are declared. */
  getDeclared(name: string, at: string): Attribute { return this.findDeclared(name) ?? this.get(name, at) }
  all(): IterableIterator<Attribute> { return this.#attributes.values() }
  facts(): readonly Attribute[] { return this.#facts ??= [...this.#attributes.values()].filter(a => a.fact) }
  /** The tables whose rows can have a key: as many columns, of such values. */
  keyed(e: unknown): string[] {
    const key: readonly unknown[] = Array.isArray(e) ? e : [e]
    return [...this.#tables].filter(([, [a]]) => !a.fact && a.entity.length === key.length && a.entity.every((c, i) => fits(c.type, key[i]))).map(([name]) => name)
  }
  /** The columns of a table, as attributes. */
  ofTable(name: string): readonly Attribute[] { return this.#tables.get(name) ?? [] }
}

const fits = (type: CellType, v: unknown): boolean =>
  typeof v === 'number' ? type === 'int' || type === 'float' || type === 'bigint' : typeof v === 'bigint' ? type === 'bigint' || type === 'int'
  : typeof v === 'string' ? type !== 'int' && type !== 'float' && type !== 'bigint' && type !== 'bool' && type !== 'bytes'
  : typeof v === 'boolean' ? type === 'bool' : v instanceof Date ? type === 'timestamp' : v instanceof Uint8Array && type === 'bytes'

/** The table whose rows a column names, by an association of one column. */
function target(relations: readonly Record<string, unknown>[], column: string): string | false {
  const found = relations.find(r => r.kind === 'belongsTo' && (r.columns as string[]).length === 1 && (r.columns as string[])[0] === column && r.references === undefined)
  return found === undefined ? false : found.table as string
}
