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

/** The grouping of a query, of expressions: its clause, and the key of its rows. Of several grouping sets their number ends the key. */
export function grouping({ groupingSets }, groups) {
  if (!groupingSets) return { clause: `group by ${groups.length > 0 ? groups.join(', ') : '()'}`, key: groups }
  const list = (set) => `(${set.map((n) => groups[n]).join(', ')})`
  const clause = `group by grouping sets (${groupingSets.map(list).join(', ')})`
  if (groupingSets.every((set) => set.length === 0)) return { clause, key: [] }
  // PostgreSQL says which expressions a row is grouped by, as bits; of equal sets the rows are equal.
  const used = groups.filter((g) => groupingSets.some((set) => set.some((n) => groups[n] === g)))
  const bits = (set) => used.reduce((mask, g) => mask * 2 + (set.some((n) => groups[n] === g) ? 0 : 1), 0)
  const cases = groupingSets.map((set, i) => `when ${bits(set)} then ${i}`)
  return { clause, key: [...used, `(case grouping(${used.join(', ')}) ${cases.join(' ')} end)`] }
}
