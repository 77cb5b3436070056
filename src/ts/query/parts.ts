// What steps of the builder are made of: references, conditions, names.
import { EddylineError, type ErrorCode, unknownName } from '../errors.js'
import type { CellType } from '../port.js'
import type { AnySchema } from '../schema.js'
import { isObject, said } from '../option-kinds.js'
import { CONDITION, type Condition, Expr, type ExprJson, GroupingSets, call, compare, exprOf, literal, misshapen, scopes, truth } from './expr.js'
import type { TableJson } from './source.js'
import type { QueryJson, WhereOp } from './types.js'

/** A member of the rows: its name, what it is, and the type of literals beside it. */
export interface Member { name: string; expr: ExprJson; type?: CellType }

/** Where a column given to a callback is from: a step of some query, and that query's name for the table. */
export interface Place { step: object; of: string }
const places = new WeakMap<ExprJson, Place>()
/** Columns that a sub-query reads outside. */
const outside = new WeakSet<ExprJson>()

/** Runs a part of a step: errors say in which one. */
export function placed<T>(path: string, make: () => T): T {
  try { return make() } catch (e) {
    if (!(e instanceof EddylineError)) throw e
    const { code, message, offending, nearest } = e
    throw new EddylineError(code, message, { path: e.path === undefined ? path : `${path}.${e.path}`, offending, nearest })
  }
}

/** @internal What `toJSON` gives, not frozen: for who changes nothing of it. Freezing is a third of the time of a mount. */
export const PLAN = /* @__PURE__ */ Symbol('plan')

/** What a query is made of, not to be changed. Throws QUERY_INVALID for what is none. */
export function jsonOf(query: unknown, path = 'query'): QueryJson {
  const made = query as { toJSON?: () => QueryJson; [PLAN]?: () => QueryJson } | null | undefined
  const json = typeof made?.toJSON === 'function' ? made[PLAN]?.() ?? made.toJSON() : undefined
  if (!isObject(json)) throw misshapen('a query is made by `db.query` or `from`', query, path)
  return json
}

/** How an order goes: `'asc'` or `'desc'`, `{ nulls: 'first' | 'last' }`. Throws `code` for anything else, with the nearest name. */
export function checkOrder(code: string, direction: unknown, options: object | undefined, path: string): void {
  const one = (what: string, given: unknown, known: readonly string[]): void => {
    if (given !== undefined && !known.includes(given as string)) throw unknownName(code, `${what} \`${said(given)}\` of an order`, given as string, known, path)
  }
  const odd: unknown = typeof direction === 'object' && direction !== null ? direction : isObject(options ?? {}) ? undefined : options
  if (odd !== undefined) throw new EddylineError(code, 'a direction is a text, what else there is comes behind it: orderBy(\'title\', \'desc\', { nulls: \'last\' })', { path, offending: said(odd) })
  one('direction', direction, ['asc', 'desc'])
  for (const name of Object.keys(options ?? {})) one('option', name, ['nulls'])
  one('place of nulls', (options as { nulls?: unknown } | undefined)?.nulls, ['first', 'last'])
}

/** The one of a name. Throws `code` with the nearest name if there is none. */
function named<T extends { name?: unknown }>(all: readonly T[], code: ErrorCode, what: string, name: string, path?: string, of = ''): T {
  const found = all.find(one => one.name === name)
  if (found === undefined) throw unknownName(code, `${what} \`${said(name)}\`${of}`, name, all.map(one => one.name as string), path)
  return found
}
export const tableNamed = (schema: { json: { tables: readonly TableJson[] } }, name: string, path = 'from'): TableJson => named(schema.json.tables, 'UNKNOWN_TABLE', 'table', name, path)
export const columnNamed = ({ columns, name: of }: TableJson, name: string, path?: string): TableJson['columns'][number] => named(columns, 'UNKNOWN_COLUMN', 'column', name, path, ` on \`${of}\``)
export const relationNamed = ({ schema, table }: { schema: AnySchema; table: string }, name: string, path: string): TableJson['relations'][number] => named(tableNamed(schema, table).relations, 'UNKNOWN_RELATION', 'association', name, path, ` on \`${table}\``)

/** An object with an expression per column; an unknown name throws instead of yielding undefined. */
export function refs(table: TableJson, of: string | undefined, place: Place): object {
  const column = (name: string, type: CellType | undefined): Expr<any> => {
    const e = new Expr<any>(of === undefined ? { op: 'col', name } : { op: 'col', name, of }, type)
    places.set(e.json, place)
    return e
  }
  const row = new Proxy(Object.create(null) as object, {
    get(_, name) {
      if (typeof name !== 'string') return undefined
      return column(name, columnNamed(table, name).type)
    },
    has: (_, name) => table.columns.some(c => c.name === name),
    ownKeys: () => table.columns.map(c => c.name),
    getOwnPropertyDescriptor(_, name) {
      const found = table.columns.find(c => c.name === name)
      if (found === undefined) return undefined
      return { value: column(found.name, found.type), enumerable: true, configurable: true }
    },
  })
  scopes.add(row)
  return row
}

/** What a callback gets that is about several tables; an unknown name throws. */
export function scopeOfAliases(aliases: Record<string, object>): object {
  const scope = new Proxy(aliases, {
    get(_, name) {
      if (typeof name === 'string' && !Object.hasOwn(aliases, name)) throw unknownName('UNKNOWN_ALIAS', `table \`${name}\` in the query`, name, Object.keys(aliases))
      return aliases[name as string]
    },
  })
  scopes.add(scope)
  return scope
}

/** The type of a constant that names none. */
const typeOf = (value: unknown): CellType | undefined => ({ string: 'text', boolean: 'bool', number: Number.isSafeInteger(value) ? 'int' : 'float' } as Partial<Record<string, CellType>>)[typeof value]

/** The members that a callback of a clause gave. */
export function members(clause: string, record: unknown): Member[] {
  if (typeof record !== 'object' || record === null || record instanceof Expr || record instanceof GroupingSets || Array.isArray(record) || 'call' in record) {
    const name = record instanceof Expr && record.json.op === 'col' ? record.json.name! : 'x'
    throw misshapen(`the callback of \`${clause}\` names members: ${clause}(i => ({ ${name}: i.${name} })), or ${clause}('${name}')`, record)
  }
  return Object.entries(record).map(([name, value]) => {
    const expr = placed(name, () => literal(value))
    return { name, expr, type: value instanceof Expr ? value.cellType : typeOf(value) ?? expr.name as CellType | undefined }
  })
}

/** The condition that a callback makes. */
export function conditionOf(path: string, usage: string, make: unknown, given: () => unknown[]): ExprJson {
  if (typeof make !== 'function') throw misshapen(`a callback is expected: ${usage}`, make, path)
  return placed(path, () => truth(make(...given()), `${CONDITION}; ${usage}`))
}

/** Operators as they are called elsewhere: the nearest of ours would be another one. */
const MEANT: Readonly<Record<string, WhereOp>> = { '<>': '!=', ne: '!=', gt: '>', gte: '>=', lt: '<', lte: '<=', nin: 'not in' }

export function operatorCondition(column: Expr<any>, op: WhereOp, value: unknown): Condition {
  const truth = (v: boolean): Condition => new Expr({ op: 'lit', value: v }, 'bool')
  const negated = (c: Condition): Condition => new Expr({ op: 'not', args: [c.json] }, 'bool')
  switch (op) {
    case '=': case '!=': case '<': case '<=': case '>': case '>=': case 'like': case 'ilike': case '~': case '~*': return compare(op, column, value)
    case 'not like': case 'not ilike': return negated(compare(op.slice(4), column, value))
    case '!~': case '!~*': return negated(compare(op.slice(1), column, value))
    case 'between': case 'not between': {
      if (!Array.isArray(value) || value.length !== 2) throw new EddylineError('QUERY_INVALID', `\`${op}\` takes an array of two`, { offending: op })
      const within: Condition = call('between', [column, ...value], 'bool')
      return op === 'between' ? within : negated(within)
    }
    case 'in': case 'not in': {
      if (!Array.isArray(value)) throw new EddylineError('QUERY_INVALID', `\`${op}\` takes an array`, { offending: op })
      if (value.length === 0) return truth(op === 'not in')
      const member: Condition = call('in', [column, ...value], 'bool')
      return op === 'in' ? member : negated(member)
    }
    case 'is': case 'is not': {
      if (value === null) return new Expr({ op: op === 'is' ? 'isNull' : 'isNotNull', args: [column.json] }, 'bool')
      return compare(op === 'is' ? 'isNotDistinctFrom' : 'isDistinctFrom', column, value)
    }
  }
  throw unknownName('QUERY_INVALID', `operator \`${said(op)}\``, op, ['=', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'like', 'ilike', 'not like', 'not ilike', '~', '~*', '!~', '!~*', 'between', 'not between', 'is', 'is not'], 'where', Object.hasOwn(MEANT, said(op)) ? MEANT[said(op)] : undefined)
}

/** A query's own names: of its table where columns are to be said in full, of all its tables, of its callbacks. */
export interface Names { base: string | undefined; names: string[]; steps: readonly object[] }

/** An expression with the columns of queries outside named in full, and its own where there are several tables. */
export function settled(e: ExprJson, own: Names, left = 500): ExprJson {
  if (left === 0) throw tooDeep()
  if (e === undefined) throw misshapen('an expression is missing: columns are i.title, not \'title\'', e)
  if (e.op === 'col') {
    const place = places.get(e)
    if (place === undefined || own.steps.includes(place.step)) return e.of === undefined && own.base !== undefined ? { ...e, of: own.base } : e
    notHidden(place, own)
    const full = { ...e, of: place.of }
    places.set(full, place)
    outside.add(full)
    return full
  }
  if (e.query !== undefined) outsiders(e.query, own.steps, place => { notHidden(place, own) })
  if (e.args === undefined && e.filter === undefined && e.orderBy === undefined) return e
  const out = { ...e }
  if (e.args !== undefined) out.args = e.args.map(a => settled(a, own, left - 1))
  if (e.filter !== undefined) out.filter = settled(e.filter, own, left - 1)
  if (e.orderBy !== undefined) out.orderBy = e.orderBy.map(o => ({ ...o, expr: settled(o.expr, own, left - 1) }))
  if (e.over !== undefined) {
    const { partitionBy, orderBy } = e.over
    out.over = { ...e.over }
    if (partitionBy !== undefined) out.over.partitionBy = partitionBy.map(p => settled(p, own, left - 1))
    if (orderBy !== undefined) out.over.orderBy = orderBy.map(o => ({ ...o, expr: settled(o.expr, own, left - 1) }))
  }
  return out
}

/** Calls `fn` for each column that a query, or a sub-query of it, reads outside of the query with these steps. */
export function outsiders(json: unknown, steps: readonly object[], fn: (place: Place) => void, left = 1000): void {
  if (left === 0) throw tooDeep()
  if (typeof json !== 'object' || json === null) return
  const place = places.get(json as ExprJson)
  if (place !== undefined && !steps.includes(place.step) && outside.has(json as ExprJson)) fn(place)
  for (const member of Object.values(json)) outsiders(member, steps, fn, left - 1)
}

function notHidden({ of }: Place, { names }: Names): void {
  if (!names.includes(of)) return
  const hint = names.length === 1 ? 'begin it with `.as(\'other\')`' : names[0] === of ? 'begin it with `from(query.as(\'other\'))`' : 'give what is joined another alias'
  throw new EddylineError('QUERY_INVALID', `\`${of}\` is a table of the query outside and of the one inside: ${hint}`, { offending: of, path: 'alias' })
}

export function natural(n: number, what: string): number {
  if (!Number.isSafeInteger(n) || n < 0) throw misshapen(`${what} takes a whole number from 0, not ${said(n)}`, n, what)
  return n
}

export function tooDeep(): EddylineError { return new EddylineError('QUERY_INVALID', 'the query is nested too deeply, or contains itself') }
