// Clauses of SQL that queries of every kind have.
import { name } from './sql-expression.mjs'

const kind = (type) => (type === 'bigint' ? 'int' : type)

export const filter = (word, conditions) => (conditions.length > 0 ? `${word} ${conditions.join(' and ')}` : '')

export const window = ({ limit, offset }) => [limit === undefined ? '' : `limit ${limit}`, offset ? `offset ${offset}` : ''].filter(Boolean).join(' ')

export const cell = (alias, column) => ({ sql: `${name(alias)}.${name(column.name)}`, type: kind(column.type) })

export const keyOf = ({ alias, table }) => table.key.map((k) => `${name(alias)}.${name(k)}`)

/** `order by` some columns, ties broken by the key, ascending, nulls last. */
export function ordered(order, key) {
  const all = [...order.map((o) => `${o.sql} ${o.desc ? 'desc' : 'asc'} nulls ${o.nulls}`), ...key.map((k) => `${k} asc nulls last`)]
  return all.length > 0 ? `order by ${all.join(', ')}` : ''
}
