import { EddylineError, unknownName } from './errors.js'
import { TENANT } from './layout.js'
import { isObject, said, wrong } from './option-kinds.js'
import { QueryOf } from './query/builder.js'
import { checkOrder, columnNamed, jsonOf, placed, tableNamed } from './query/parts.js'
import type { TableJson } from './query/source.js'
import type { AnyRelation, AnySchema, LooseQuery, Relation, RelationOrder, Schema, SchemaJson, Tables, Through } from './schema.js'

/**
 * Joins tables and associations to a schema; row types follow from it: `Row<typeof schema, 'issues'>`.
 *
 * ```ts
 * const schema = defineSchema({
 *   issues: table({ id: string().key(), projectId: string(), title: string() }),
 *   projects: table({ id: string().key(), name: string() }),
 * }, { issues: { project: belongsTo('projects', 'projectId') } })
 * ```
 * Throws SCHEMA_INVALID, UNKNOWN_TABLE, UNKNOWN_COLUMN, UNKNOWN_RELATION with `path` (`issues.relations.project`).
 */
export function defineSchema<T extends Tables, R extends { [K in keyof T]?: Record<string, AnyRelation<keyof T & string>> } = {}>(
  tables: T, relations?: R,
): Schema<T, R> {
  const all = new Map(members(tables, 'tables') as [string, Tables[string]][])
  for (const [name, t] of all) checkTable(name, t)
  const given = new Map(members(relations ?? {}, 'relations') as [string, Record<string, AnyRelation>][])
  const json: SchemaJson = { tables: [] }
  // A plain object with the prototype's names out of the way: builders look names up in it.
  const schema: AnySchema = { tables, relations: relations ?? {}, json }
  for (const [name, t] of all) {
    json.tables.push({
      name, tenant: t.tenant,
      key: columnsOf(t).filter(([, c]) => c.isKey).map(([column]) => column),
      columns: columnsOf(t).map(([column, c]) => ({ name: column, type: c.type, nullable: c.isNullable })),
      relations: [],
    })
  }
  for (const name of given.keys()) tableNamed(schema, name, `relations.${name}`)
  json.tables.forEach(t => {
    for (const [name, relation] of members(given.get(t.name) ?? {}, `${t.name}.relations`) as [string, AnyRelation][]) {
      const path = `${t.name}.relations.${name}`
      if (t.columns.some(c => c.name === name)) throw invalid(`\`${t.name}.${name}\` is both a column and an association`, path, name)
      t.relations.push(lower(schema, given, t.name, name, relation, path))
    }
  })
  return schema as Schema<T, R>
}

/** The engine numbers columns in 16 bits, and adds the tenant. */
const COLUMNS_MOST = 65_534

/** What an association of any kind may say. */
const OPTIONS: readonly string[] = ['kind', 'table', 'columns', 'references', 'where', 'orderBy']

function columnsOf(t: Tables[string]): [string, { type: any; isNullable: boolean; isKey: boolean }][] { return Object.entries(t.columns) as never }

const invalid = (message: string, path: string, offending: unknown): EddylineError => wrong('SCHEMA_INVALID', message, path, said(offending))

/** Tables, or associations, by name: other things have none of these and would be schemas without any. */
function members(given: unknown, path: string): [string, unknown][] {
  if (!isObject(given)) throw invalid('tables and associations are given by name: { issues: table(…) }', path, given)
  return Object.entries(given)
}

/** A list of names, as they are given in one, or as one. */
function checkNames(names: unknown, path: string): void {
  if (!Array.isArray(names) || names.length === 0 || names.some(name => typeof name !== 'string')) throw invalid('columns and steps are named by texts', path, names)
}

function checkTable(name: string, t: Tables[string]): void {
  if (!isObject(t?.columns)) throw invalid('a table is made by `table`', name, t)
  for (const [column, c] of Object.entries(t.columns)) if (typeof (c as { type?: unknown } | null)?.type !== 'string') throw invalid('a column is made by `string()`, `int()` …', `${name}.${column}`, c)
  const columns = columnsOf(t)
  if (!columns.some(([, c]) => c.isKey)) throw invalid(`\`${name}\` needs a key column: .key()`, name, name)
  if (columns.length > COLUMNS_MOST) throw invalid(`\`${name}\` has ${columns.length} columns; ${COLUMNS_MOST} are the most`, name, name)
  for (const [column, c] of columns) {
    const path = `${name}.${column}`
    if (column === TENANT) throw invalid(`\`${TENANT}\` is reserved`, path, column)
    if (c.isKey && c.isNullable) throw invalid(`the key column \`${path}\` cannot be nullable`, path, column)
  }
}

function lower(schema: AnySchema, given: Map<string, Record<string, AnyRelation>>, table: string, name: string, relation: AnyRelation, path: string): Record<string, unknown> {
  if (!['belongsTo', 'hasOne', 'hasMany', 'manyToMany', 'through'].includes(relation?.kind)) throw invalid('an association is made by `belongsTo`, `hasMany` …', path, relation)
  if (relation.kind === 'through') {
    checkNames(relation.path, path)
    return { name, kind: 'through', table: targetOf(schema, given, table, relation, path), columns: [], path: [...relation.path] }
  }
  const known = relation.kind === 'manyToMany' ? [...OPTIONS, 'join', 'joinTarget', 'duplicates'] : OPTIONS
  for (const option of Object.keys(relation)) {
    if (!known.includes(option)) throw unknownName('SCHEMA_INVALID', `option \`${option}\` of ${relation.kind}`, option, known, `${path}.${option}`)
  }
  checkNames(relation.columns, `${path}.columns`)
  const own = tableNamed(schema, table, path)
  const target = tableNamed(schema, relation.table, path)
  const references = relation.references === undefined ? undefined : [relation.references].flat() as string[]
  if (references !== undefined) checkNames(references, `${path}.references`)
  const out: Record<string, unknown> = { name, kind: relation.kind, table: relation.table, columns: [...relation.columns] }
  if (relation.kind === 'manyToMany') {
    const join = tableNamed(schema, relation.join!, path)
    checkNames(relation.joinTarget, `${path}.columns[1]`)
    check(join, relation.columns, path)
    check(join, relation.joinTarget!, path)
    out.join = relation.join
    out.joinTarget = [...relation.joinTarget!]
    const { duplicates } = relation
    if (duplicates !== undefined && !['once', 'keep'].includes(duplicates)) throw unknownName('SCHEMA_INVALID', `\`duplicates\` of \`${said(duplicates)}\``, duplicates, ['once', 'keep'], `${path}.duplicates`)
    if (duplicates !== undefined) out.duplicates = duplicates
    sameCount(relation.columns, (references ?? own.key), path)
    sameCount(relation.joinTarget!, target.key, path)
  } else {
    const [from, to] = relation.kind === 'belongsTo' ? [own, target] : [target, own]
    check(from, relation.columns, path)
    if (references !== undefined) check(to, references, path)
    sameCount(relation.columns, references ?? to.key, path)
  }
  if (references !== undefined) out.references = references
  const r = relation as Relation
  if (r.where !== undefined) {
    const given = r.where
    const { from, where, ...more } = placed(path, () => jsonOf(typeof given === 'function' ? given(new QueryOf(schema, relation.table) as never as LooseQuery) : given, 'where'))
    const [other] = Object.keys(more)
    if (from !== relation.table || other !== undefined) throw invalid('`where` gives back the rows that it gets, with conditions and nothing else', `${path}.where`, other ?? from)
    if (where !== undefined) out.where = where
  }
  if (r.orderBy !== undefined) out.orderBy = orders(target, r.orderBy, path)
  return out
}

function orders(target: TableJson, order: RelationOrder, path: string): object[] {
  if (!Array.isArray(order) || !order.every(Array.isArray)) throw invalid('`orderBy` is a list of [column, direction?]', `${path}.orderBy`, order)
  return order.map(([column, direction, options], i) => {
    check(target, [column], path)
    checkOrder('SCHEMA_INVALID', direction, options, `${path}.orderBy[${i}]`)
    const expr = { op: 'col', name: column }
    return { expr, ...(direction === 'desc' ? { desc: true } : {}), ...(options?.nulls !== undefined ? { nulls: options.nulls } : {}) }
  })
}

function check(t: TableJson, columns: readonly string[], path: string): void {
  for (const column of columns) columnNamed(t, column, path)
}

function sameCount(columns: readonly string[], references: readonly string[], path: string): void {
  if (columns.length !== references.length) {
    throw new EddylineError('SCHEMA_INVALID', `${columns.length} columns (${columns.join(', ')}) cannot point at ${references.length} (${references.join(', ')})`, { path })
  }
}

function targetOf(schema: AnySchema, given: Map<string, Record<string, AnyRelation>>, table: string, relation: Through, path: string, depth = 0): string {
  if (depth > 16) throw new EddylineError('SCHEMA_INVALID', 'the association goes through itself', { path })
  for (const step of relation.path) {
    const known = given.get(table) ?? {}
    const next = Object.hasOwn(known, step) ? known[step] : undefined
    if (next === undefined) throw unknownName('UNKNOWN_RELATION', `association \`${step}\` on \`${table}\``, step, Object.keys(known), path)
    table = next.kind === 'through' ? targetOf(schema, given, table, next, path, depth + 1) : next.table
  }
  tableNamed(schema, table, path)
  return table
}
