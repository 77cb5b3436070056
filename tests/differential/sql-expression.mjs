// Expressions of the Query JSON as SQL, with their types.
//
// Integers of both widths are int8, numbers float8, texts compare by the collation "C". `lower`, `upper` and `ilike` are those
// of "pg_unicode_fast", PostgreSQL's full Unicode case mapping: "C" would change ASCII letters only.

import { aggregate } from './sql-aggregate.mjs'
import { functionSql } from './sql-function.mjs'
import { over } from './sql-window.mjs'

const quote = (text) => `'${text.replaceAll("'", "''")}'`
export const name = (n) => `"${n}"`

const sqlTypes = { text: 'text', int: 'int8', bigint: 'int8', float: 'float8', bool: 'bool', timestamp: 'timestamptz', bytes: 'bytea', json: 'jsonb', decimal: 'numeric', date: 'date', time: 'time', uuid: 'uuid', interval: 'interval', 'text[]': 'text[]', 'int[]': 'int8[]', 'float[]': 'float8[]', 'date[]': 'date[]' }

export const columnType = (type) => sqlTypes[type] + (type.startsWith('text') ? ' collate "C"' : '')

/** A value of a column as a SQL literal. */
export function constant(type, value) {
  if (value === null) return `null::${sqlTypes[type]}`
  switch (type) {
    case 'text': return `(${quote(value)}::text collate "C")`
    case 'text[]': case 'int[]': case 'float[]': case 'date[]': {
      const list = value.map((v) => (v === null ? 'null' : quote(String(v))))
      return `(array[${list.join(', ')}]::${sqlTypes[type]}${type === 'text[]' ? ' collate "C"' : ''})`
    }
    case 'json': return `${quote(JSON.stringify(value))}::jsonb`
    // PostgreSQL writes years beyond 9999 without sign and leading zeros.
    case 'timestamp': return `${quote(value.replace(/^\+0*/, ''))}::timestamptz`
    case 'float': return `${quote(Object.is(value, -0) ? '-0' : String(value))}::float8`
    default: return `${quote(String(value))}::${sqlTypes[type]}`
  }
}

function literal({ name: type, value }) {
  if (value === null || value === undefined) return { sql: 'null', type: 'null' }
  if (type === 'json') return { sql: `${quote(value)}::jsonb`, type: 'json' }
  if (type?.endsWith('[]')) return { sql: constant(type, JSON.parse(value)), type }
  if (type !== undefined) return { sql: constant(type, value), type }
  switch (typeof value) {
    case 'boolean': return { sql: constant('bool', value), type: 'bool' }
    case 'string': return { sql: constant('text', value), type: 'text' }
    case 'bigint': return { sql: constant('int', value), type: 'int' }
    // As the engine takes it: a safe integer is an integer.
    default: return Number.isSafeInteger(value) ? { sql: constant('int', value === 0 ? 0 : value), type: 'int' } : { sql: constant('float', value), type: 'float' }
  }
}

/** Type of an operation with intervals or of moments; `undefined`: it is none. */
function spanType(op, args) {
  const types = args.map((a) => a.type)
  if (op === '-' && (types[0] === 'time' || types[0] === 'timestamp') && types[0] === types[1]) return 'interval'
  return types.includes('interval') ? types.find((t) => t === 'timestamp' || t === 'time') ?? (types.includes('date') ? 'timestamp' : 'interval') : undefined
}

/** The one type of some expressions: nulls take any, of numbers the widest counts. */
export function common(args) {
  const known = args.map((a) => a.type).filter((t) => t !== 'null')
  return known.includes('float') ? 'float' : known.includes('decimal') ? 'decimal' : known[0] ?? 'null'
}

const cased = (sql) => `(${sql}) collate "pg_unicode_fast"`

/** @param column `(name, of) => { sql, type }`, type with bigint as int */
export function expression(e, column) {
  const all = () => e.args.map((a) => expression(a, column))
  const sqls = (args) => args.map((a) => a.sql)
  const bool = (sql) => ({ sql: `(${sql})`, type: 'bool' })
  switch (e.op) {
    case 'col': return column(e.name, e.of)
    case 'lit': return literal(e)
    case 'agg': return aggregate(e, column)
    case 'over': return over(e, column)
    case '=': case '!=': case '<': case '<=': case '>': case '>=': return bool(sqls(all()).join(` ${e.op} `))
    case 'and': return bool(sqls(all()).join(' and ') || 'true::bool')
    case 'or': return bool(sqls(all()).join(' or ') || 'false::bool')
    case 'not': return bool(`not ${sqls(all())[0]}`)
    case 'isNull': return bool(`${sqls(all())[0]} is null`)
    case 'isNotNull': return bool(`${sqls(all())[0]} is not null`)
    case 'like': return bool(sqls(all()).join(' like '))
    case 'ilike': return bool(sqls(all()).map(cased).join(' ilike '))
    case 'grouping': return { sql: `grouping(${sqls(all()).join(', ')})::int8`, type: 'int' }
    case 'in': {
      const [x, ...list] = sqls(all())
      // SQL has no empty list: nothing is in it, null neither. The cast makes it an expression where a constant is refused.
      return bool(list.length > 0 ? `${x} in (${list.join(', ')})` : 'false::bool')
    }
    case 'exists': return bool(`exists ${column.subquery(e.query).sql}`)
    case 'notExists': return bool(`not exists ${column.subquery(e.query).sql}`)
    case 'inQuery': return bool(`${sqls(all())[0]} in ${column.subquery(e.query).sql}`)
    case 'notInQuery': return bool(`${sqls(all())[0]} not in ${column.subquery(e.query).sql}`)
    case 'scalar': return column.subquery(e.query)
    case '||': return { sql: `(${sqls(all()).join(' || ')})`, type: 'text' }
    case 'lower': case 'upper': return { sql: `(${e.op}(${cased(sqls(all())[0])}) collate "C")`, type: 'text' }
    case 'length': return { sql: `length(${sqls(all())[0]})::int8`, type: 'int' }
    case 'abs': case 'neg': {
      const [a] = all()
      return { sql: e.op === 'abs' ? `abs(${a.sql})` : `(- ${a.sql})`, type: a.type }
    }
    case 'coalesce': {
      const args = all()
      return { sql: `coalesce(${sqls(args).join(', ')})`, type: common(args) }
    }
    case '+': case '-': case '*': case '/': case '%': {
      const args = all()
      const type = spanType(e.op, args)
      // Moments are of the zone UTC.
      if (type) return { sql: `(${args.map((a) => (a.type === 'date' ? `(${a.sql})::timestamptz` : a.type === 'int' || a.type === 'decimal' ? `(${a.sql})::float8` : a.sql)).join(` ${e.op} `)})`, type }
      if (args.some((a) => a.type === 'date')) {
        // Days are of 32 bits.
        const sql = `(${args.map((a) => (a.type === 'int' ? `(${a.sql})::int4` : a.sql)).join(` ${e.op} `)})`
        return args.every((a) => a.type === 'date') ? { sql: `${sql}::int8`, type: 'int' } : { sql, type: 'date' }
      }
      return { sql: `(${sqls(args).join(` ${e.op} `)})`, type: common(args) }
    }
    default: {
      const found = functionSql(e, all(), common)
      if (found === undefined) throw new Error(`no SQL for ${e.op}`)
      return found
    }
  }
}

/** A value as text without loss. */
export function asText({ sql, type }) {
  switch (type) {
    case 'null': return { sql: 'null::text', type: 'text' }
    case 'timestamp': return { sql: `((extract(epoch from ${sql}) * 1000000)::int8)::text`, type }
    case 'bytes': return { sql: `'\\x' || encode(${sql}, 'hex')`, type }
    // Text is compared where arrays are cast to it; floats keep their bits in JSON.
    case 'text[]': case 'int[]': case 'float[]': case 'date[]': case 'bool[]': case 'uuid[]': return { sql: `(to_jsonb(${sql}))::text`, type }
    case 'timestamp[]': return { sql: `(select json_agg((extract(epoch from t) * 1000000)::int8::text order by n) from unnest(${sql}) with ordinality u(t, n))::text`, type }
    default: return { sql: `(${sql})::text`, type }
  }
}
