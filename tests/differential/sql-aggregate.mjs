// Aggregates of the Query JSON as SQL, and how their results can be compared.
import { asText, expression } from './sql-expression.mjs'
import { overOutput } from './sql-window.mjs'

const spreads = { variance: 'var_samp', varSamp: 'var_samp', varPop: 'var_pop', stddev: 'stddev_samp', stddevSamp: 'stddev_samp', stddevPop: 'stddev_pop' }
/** Types that the engine has arrays of. */
const elements = ['bool', 'int', 'float', 'text', 'timestamp', 'date', 'uuid']
const bools = { boolAnd: 'bool_and', every: 'every', boolOr: 'bool_or' }

/** The parts of a call in SQL: arguments, `distinct`, order, filter. */
function parts(e, column) {
  const args = (e.args ?? []).map((a) => expression(a, column))
  // Of equal decimals the engine takes the one without zeros at the end; how many digits a deviation has depends on it. Of equal intervals it takes the one in months.
  const trimmed = e.distinct && args[0]?.type === 'decimal'
  if (trimmed) args[0] = { ...args[0], sql: `trim_scale(${args[0].sql})` }
  if (e.distinct && args[0]?.type === 'interval') args[0] = { ...args[0], sql: `justify_interval(${args[0].sql})` }
  const filter = e.filter ? ` filter (where ${expression(e.filter, column).sql})` : ''
  const items = (e.orderBy ?? []).map((o) => `${e.distinct && args[0] ? args[0].sql : expression(o.expr, column).sql} ${o.desc ? 'desc' : 'asc'} nulls ${o.nulls ?? (o.desc ? 'first' : 'last')}`)
  // Distinct values are in their own order, rows in that of their keys.
  const order = e.distinct ? (items.length > 0 ? items : [`${args[0]?.sql} asc nulls last`]) : [...items, ...column.keys.map((k) => `${k} asc nulls last`)]
  return { args, filter, order: order.length > 0 ? ` order by ${order.join(', ')}` : '', distinct: e.distinct ? 'distinct ' : '' }
}

/** @param column `(name, of) => { sql, type }`, with the `keys` of the sources */
export function aggregate(e, column) {
  const { args: [a, b], filter, order, distinct } = parts(e, column)
  if (!a) return { sql: `count(*)${filter}`, type: 'int' }
  const call = (name, arg = a.sql) => `${name}(${distinct}${arg})${filter}`
  const within = (name, x) => `${name} within group (order by ${x})${filter}`
  switch (e.name) {
    case 'count': return { sql: call('count'), type: 'int' }
    // PostgreSQL widens to numeric; the engine stays within 64 bits and fails beyond them.
    case 'sum': return { sql: a.type === 'int' ? `(${call('sum')})::int8` : call('sum'), type: a.type }
    case 'avg': return a.type === 'decimal' || a.type === 'interval' ? { sql: call('avg'), type: a.type } : { sql: `(${call('avg')})::float8`, type: 'float' }
    case 'boolAnd': case 'every': case 'boolOr': return { sql: call(bools[e.name]), type: 'bool' }
    case 'stringAgg': return { sql: `string_agg(${distinct}${a.sql}, ${b.sql}${order})${filter}`, type: 'text' }
    case 'arrayAgg':
      if (elements.includes(a.type)) return { sql: `array_agg(${distinct}${a.sql}${order})${filter}`, type: `${a.type}[]` }
    // Of other types it is JSON.
    case 'jsonAgg': return { sql: `jsonb_agg(${distinct}${a.sql}${order})${filter}`, type: 'json' }
    case 'first': return { sql: `(array_agg(${a.sql}${order})${filter})[1]`, type: a.type }
    case 'last': return { sql: `(array_agg(${a.sql}${order})${filter})[(count(*)${filter})::int4]`, type: a.type }
    case 'median': return { sql: within('percentile_cont(0.5)', `(${a.sql})::float8`), type: 'float' }
    case 'percentileCont': return { sql: within(`percentile_cont((${b.sql})::float8)`, `(${a.sql})::float8`), type: 'float' }
    case 'percentileDisc': return { sql: within(`percentile_disc((${b.sql})::float8)`, a.sql), type: a.type }
    case 'mode': return { sql: within('mode()', a.sql), type: a.type }
    case 'min': case 'max': return { sql: call(a.type === 'bool' ? { min: 'bool_and', max: 'bool_or' }[e.name] : e.name), type: a.type }
    default: return a.type === 'decimal' ? { sql: call(spreads[e.name]), type: 'decimal' } : { sql: `(${call(spreads[e.name])})::float8`, type: 'float' }
  }
}

/**
 * An output value as text without loss, and how to read it: `int`, `float`, … as the type says, and some of aggregates.
 * `quotient`: the average of integers as sum and count, because numeric has its own precision; `near`: a sum or average of
 * floats, which depends on the order of the rows in PostgreSQL, with the sum of the absolute values as the measure;
 * `spread`, `root` and `root of integers`: a variance or deviation, with the largest square as the measure.
 */
export function output(e, column) {
  if (e.op === 'over') return overOutput(e, column)
  if (e.op === 'agg' && e.args) {
    const { args: [a], filter, distinct } = parts(e, column)
    const value = aggregate(e, column).sql
    if (e.name === 'avg' && a.type === 'int') return { sql: `(sum(${distinct}${a.sql})${filter})::text || '/' || (count(${distinct}${a.sql})${filter})::text`, type: 'quotient' }
    if ((e.name === 'avg' || e.name === 'sum') && a.type === 'float') return { sql: `(${value})::text || '~' || (sum(abs(${a.sql}))${filter})::text`, type: 'near' }
    if (e.name in spreads && a.type !== 'decimal') return { sql: `(${value})::text || '~' || (max(abs((${a.sql})::float8))${filter})::text`, type: e.name.startsWith('v') ? 'spread' : a.type === 'float' ? 'root' : 'root of integers' }
  }
  if (e.op === 'exp' || e.op === 'ln' || e.op === 'power') {
    // Their last digit differs from library to library.
    const { sql } = expression(e, column)
    return { sql: `(${sql})::text || '~' || abs(${sql})::text`, type: 'near' }
  }
  return asText(expression(e, column))
}
