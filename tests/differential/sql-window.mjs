// Window functions of the Query JSON as SQL.
import { asText, common, expression } from './sql-expression.mjs'

function aggregate(e, column, window) {
  if (e.args.length === 0) return { sql: `count(*)${window}`, type: 'int' }
  const a = expression(e.args[0], column)
  switch (e.name) {
    case 'count': return { sql: `count(${a.sql})${window}`, type: 'int' }
    // PostgreSQL widens to numeric; the engine stays within 64 bits and fails beyond them.
    case 'sum': return { sql: a.type === 'int' ? `(sum(${a.sql})${window})::int8` : `sum(${a.sql})${window}`, type: a.type }
    case 'avg': return a.type === 'decimal' || a.type === 'interval' ? { sql: `avg(${a.sql})${window}`, type: a.type } : { sql: `(avg(${a.sql})${window})::float8`, type: 'float' }
    default: {
      const fn = a.type === 'bool' ? { min: 'bool_and', max: 'bool_or' }[e.name] : e.name
      return { sql: `${fn}(${a.sql})${window}`, type: a.type }
    }
  }
}

const filtered = (e, column) => (e.filter ? ` filter (where ${expression(e.filter, column).sql})` : '')

const functions = { rowNumber: 'row_number', denseRank: 'dense_rank', percentRank: 'percent_rank', cumeDist: 'cume_dist', firstValue: 'first_value', lastValue: 'last_value', nthValue: 'nth_value' }
const aggregates = ['count', 'sum', 'avg', 'min', 'max']

/** @param column `(name, of) => { sql, type }`, with the `key` of the rows */
export function over(e, column) {
  const window = windowSql(e, column)
  if (aggregates.includes(e.name)) {
    const { sql, type } = aggregate(e, column, `${filtered(e, column)} over ${window}`)
    return { sql: `(${sql})`, type }
  }
  const [value, second, third] = e.args.map((a) => expression(a, column))
  const call = (args) => `${functions[e.name] ?? e.name}(${args.join(', ')}) over ${window}`
  // Numbers of rows are four bytes wide.
  const rows = (arg) => `${arg.sql}::int4`
  switch (e.name) {
    case 'ntile': return { sql: `(${call([rows(value)])})::int8`, type: 'int' }
    case 'percentRank': case 'cumeDist': return { sql: `(${call([])})`, type: 'float' }
    case 'lag': case 'lead': {
      const args = [value.sql, ...(second ? [rows(second)] : []), ...(third ? [third.sql] : [])]
      return { sql: `(${call(args)})`, type: common([value, ...(third ? [third] : [])]) }
    }
    case 'nthValue': return { sql: `(${call([value.sql, rows(second)])})`, type: value.type }
    case 'firstValue': case 'lastValue': return { sql: `(${call([value.sql])})`, type: value.type }
    default: return { sql: `(${call([])})`, type: 'int' }
  }
}

/** Ties are broken by the key, where it matters which row is which; where peers matter, they are left peers. */
function windowSql({ name: fn, over: { partitionBy = [], orderBy = [], frame } = {} }, column) {
  const framed = aggregates.includes(fn) || ['firstValue', 'lastValue', 'nthValue'].includes(fn)
  const byPlace = framed ? frame?.unit === 'rows' : ['rowNumber', 'ntile', 'lag', 'lead'].includes(fn)
  const keys = orderBy.map((o) => ({ ...expression(o.expr, column), desc: o.desc, nulls: o.nulls ?? (o.desc ? 'first' : 'last') }))
  const items = keys.map((k) => `${k.sql} ${k.desc ? 'desc' : 'asc'} nulls ${k.nulls}`)
  if (byPlace) items.push(...column.key.map((k) => `${k} asc nulls last`))
  const end = ({ kind, offset }) => {
    const words = kind.replace(/[A-Z]/g, (c) => ` ${c.toLowerCase()}`)
    if (offset === undefined) return words
    if (frame.unit !== 'range') return `${offset} ${words}`
    if (typeof offset === 'string') return `'${offset}'::interval ${words}`
    const distance = { timestamp: `'${offset} microseconds'::interval`, float: `${offset}::float8`, decimal: `${offset}::numeric` }[keys[0].type] ?? `${offset}::int8`
    return `${distance} ${words}`
  }
  const exclude = frame?.exclude ? ` exclude ${{ currentRow: 'current row', noOthers: 'no others' }[frame.exclude] ?? frame.exclude}` : ''
  const parts = [
    partitionBy.length > 0 ? `partition by ${partitionBy.map((p) => expression(p, column).sql).join(', ')}` : '',
    items.length > 0 ? `order by ${items.join(', ')}` : '',
    frame && framed ? `${frame.unit} between ${end(frame.start)} and ${end(frame.end ?? { kind: 'currentRow' })}${exclude}` : '',
  ]
  return `(${parts.filter(Boolean).join(' ')})`
}

/** As `output` of aggregates: sums and means of floats with their measure, means of integers as quotients. */
export function overOutput(e, column) {
  if (e.name === 'avg' || e.name === 'sum') {
    const a = expression(e.args[0], column)
    const window = windowSql(e, column)
    const call = (fn, sql = a.sql) => `(${fn}(${sql})${filtered(e, column)} over ${window})::text`
    if (a.type === 'int' && e.name === 'avg') return { sql: `${call('sum')} || '/' || ${call('count')}`, type: 'quotient' }
    if (a.type === 'float') return { sql: `${call(e.name)} || '~' || ${call('sum', `abs(${a.sql})`)}`, type: 'near' }
  }
  return asText(over(e, column))
}
