// Random expressions: for each what a user types with the functions of the package, and PostgreSQL's words for the same, by its documentation.
//
// A node is `{ code, sql, type }`; `strict`: an integer that is shown as its column's type says, whatever it is; `near`: the last digits of the
// double depend on the library. A scope is what can be named: `columns`, nodes with `safe` (sums and products of these neither overflow nor round);
// of groups also `rows`, the scope that aggregates are over; `windows`; `make`, which makes sub-queries.
import { codeOf, nothing, types as sqlTypes, valuesOf } from './builder-values.mjs'
import { aggregates } from './builder-aggregates.mjs'
import { windowed } from './builder-windows.mjs'

const quote = (text) => `'${text.replaceAll("'", "''")}'`
/** Text is compared by its bytes. */
const c = (sql) => `(${sql} collate "C")`
/** Letters are Unicode's: of case, and of patterns. */
export const cased = (sql) => `(${sql} collate "pg_unicode_fast")`
export const posix = (sql) => `(${sql} collate "pg_c_utf8")`
const int4 = (node) => `(${node.sql})::int4`
const float8 = (node) => `(${node.sql})::float8`
const node = (code, sql, type, more) => ({ code, sql: `(${sql})`, type, ...more })
/** Without the −0 that there is not. */
const float = (code, sql, more) => node(code, `(${sql})::float8 + 0::float8`, 'float', more)
/** Something where TypeScript has no null: made none, or left as it is in a query that is not for TypeScript. */
function told(m, x) {
  if (x.isConstant || x.param) return x
  if ((x.type !== 'text' && x.type !== 'int') || m.r.oneIn(3)) {
    m.isUntyped = true
    return x
  }
  const other = m.r.pick(valuesOf(x.type, true).slice(1, 3))
  return { ...x, code: `coalesce(${x.code}, ${codeOf(other.forms[0])})`, sql: `coalesce(${x.sql}, ${other.sql})` }
}
const call = (name, ...args) => `${name}(${args.map((a) => (typeof a === 'string' ? a : a.code)).join(', ')})`

export const scalars = ['text', 'int', 'bigint', 'float', 'decimal', 'bool', 'timestamp', 'date', 'time', 'uuid', 'interval', 'json', 'bytes']
export const arrays = ['text[]', 'int[]', 'float[]', 'date[]', 'bool[]', 'timestamp[]', 'uuid[]']
const numbers = ['int', 'bigint', 'float', 'decimal']
/** What rows show as texts. */
const shown = ['decimal', 'date', 'time', 'uuid', 'interval']
const patterns = ['%', 'a%', '%b', '%a%', '_b%', 'a\\%', 'a\\_b', '', '__', '%\u00e9%', '%0%', '2%', '-%']
const expressions = ['a', '^a', 'b$', '[ab]+', '(a)(b)', '\\d+', '^$', 'a|b', '(b)?c', '\\w\\s', '^.{2}$', "it's", '[^a]']
const truncUnits = ['milliseconds', 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year', 'decade', 'century', 'millennium']

export class Maker {
  constructor(r) {
    this.r = r
    this.names = 0
    this.params = undefined
  }

  fresh(prefix) { return `${prefix}${++this.names}` }
  /** A constant of a type, in one of its forms; now and then a parameter. */
  constant(type, { safe = this.r.oneIn(2), plain = false } = {}) {
    // JSON of another form than a column is said to have.
    if (type === 'json') this.isUntyped = true
    const value = this.r.pick(valuesOf(type, safe))
    if (!plain && this.params && this.params.length < 4 && this.r.oneIn(2)) {
      const name = this.fresh('p')
      this.params.push({ name, type, values: [value, ...Array.from({ length: 3 }, () => this.r.pick(valuesOf(type, safe)))] })
      return { code: this.parameter(name, type), sql: `«${name}»`, type, param: true }
    }
    return { code: codeOf(this.r.pick(value.forms)), sql: value.sql, type, isConstant: true }
  }

  parameter(name, type) { return this.declared ? `p.${name}` : `param('${name}', '${type}')` }

  /** A column, or a value that is cast. */
  leaf(type, s, { safe = false } = {}) {
    const all = s.columns.filter((col) => col.type === type && (col.safe || !safe))
    if (all.length > 0) return this.r.pick(all)
    if (s.rows && s.rows.columns.some((col) => col.type === type)) {
      const made = safe ? undefined : this.aggregate(type, s)
      if (made !== undefined) return made
    }
    if (type === 'bool' && s.columns.length > 0) { const col = this.r.pick(s.columns); return node(`isNotNull(${col.code})`, `${col.sql} is not null`, type, { fixed: true }) }
    const value = this.r.pick(valuesOf(type, true))
    // Milliseconds are a moment beside moments, and by themselves a number.
    const code = codeOf(type === 'timestamp' ? value.forms[0] : this.r.pick(value.forms)), { sql } = value
    switch (type) {
      case 'text': case 'int': case 'decimal': case 'bool': case 'timestamp': case 'date': case 'time': case 'uuid': case 'bigint': return node(`cast(${code}, '${type}')`, sql, type, { fixed: true })
      case 'float': return node(`cast(${code}, 'float')`, `${sql} + 0::float8`, type, { fixed: true })
      case 'interval': return node(`intervalOf(${code})`, sql, type, { fixed: true })
      case 'json': return node(`cast(${JSON.stringify(JSON.stringify({ n: 1, s: 'a', b: true, list: [1, 2] }))}, 'json')`, `'{"n": 1, "s": "a", "b": true, "list": [1, 2]}'::jsonb`, type, { fixed: true })
      case 'text[]': return node(`regexpMatch(cast('ab', 'text'), '(a)(b)')`, `array['a', 'b']::text[] collate "C"`, type, { fixed: true })
      default: return undefined
    }
  }

  /** An expression of a type; undefined: there is none. */
  expr(type, s, depth = 2, options = {}) {
    if (depth <= 0 || this.r.oneIn(4)) return this.leaf(type, s, options)
    // Of what is over several rows as much as of what is of one.
    const isWindow = s.windows && this.r.oneIn(3)
    if (!options.safe && (isWindow || (s.rows && this.r.oneIn(2)))) {
      const made = isWindow ? windowed(this, type, s, depth - 1) : this.aggregate(type, s)
      if (made !== undefined) return made
    }
    for (let i = 0; i < 8; i++) {
      const from = this.candidates(type, s, options)
      const made = from.length === 0 ? undefined : this.r.pick(from)(this, s, depth - 1)
      if (made !== undefined) return made
    }
    return this.leaf(type, s, options)
  }

  candidates(type, s, { safe = false } = {}) {
    const own = [...(makers[type] ?? [])]
    if (numbers.includes(type) && safe) return sums[type]
    own.push(...choices.map((make) => (m, scope, depth) => { if (type === 'json') m.isUntyped = true; return make(m, type, scope, depth) }))
    if (s.make) own.push((m, scope) => s.make.scalar(m, type, scope))
    return own
  }

  aggregate(type, s) {
    const own = aggregates[type] ?? [], any = aggregates.any.map((make) => (m, scope) => make(m, type, scope))
    return this.r.pick([...own, ...own, ...any])(this, s) ?? this.r.pick(any)(this, s)
  }

  safe(type, s, depth = 1) { return this.expr(type, s, depth, { safe: true }) ?? this.leaf(type, s, { safe: true }) }

  /** An expression or a constant. */
  operand(type, s, depth) { return this.r.oneIn(2) ? this.constant(type) : this.expr(type, s, depth) ?? this.constant(type) }

  /** The same of moments, where constants are no numbers. */
  moment(type, s, depth) {
    if (this.r.oneIn(2)) return this.expr(type, s, depth)
    const value = this.r.pick(valuesOf(type, true))
    return { code: codeOf(value.forms[0]), sql: value.sql, type, isConstant: true }
  }

  /** What a function of texts takes: of anything that rows show as text. */
  texty(s, depth) {
    const type = this.r.oneIn(3) ? this.r.pick(shown) : 'text'
    const made = this.expr(type, s, depth) ?? this.leaf('text', s)
    return { ...made, sql: made.type === 'text' ? made.sql : c(`(${made.sql})::text`) }
  }

  /** The same, or a constant. */
  textOperand(s, depth) { return this.r.oneIn(2) ? this.constant('text') : this.texty(s, depth) }

  /** Types that there are values of: mostly of what is there. */
  types(s) {
    const has = (type) => s.columns.some((col) => col.type === type) || (!type.endsWith('[]') && s.rows?.columns.some((col) => col.type === type))
    const any = this.r.oneIn(5)
    return [...scalars, ...arrays].filter((t) => has(t) || t === 'int' || t === 'bool' || (any && t !== 'bytes' && !t.endsWith('[]')))
  }

  bool(s, depth = 1) { return this.expr('bool', s, depth) ?? node('and()', 'true::bool', 'bool') }
}

/** A member of JSON of a known type, and what it is as a value of another. */
function member(m, s, name) {
  const all = s.columns.filter((col) => col.type === 'json' && col.safe)
  if (all.length === 0) return undefined
  const from = m.r.pick(all)
  const said = { n: 'number', s: 'string', b: 'boolean' }[name]
  return { code: m.r.oneIn(2) ? `jsonGet/*<${said}>*/(${from.code}, '${name}')` : `jsonPath/*<${said}>*/(${from.code}, '${name}')`, sql: `(${from.sql} -> '${name}')`, type: 'json' }
}
/** JSON's null is null. */
const known = (json, type) => `(nullif(${json.sql}, 'null'::jsonb))::${type}`
const asNumber = (json) => known(json, 'float8')
const asText = (json) => c(`(${json.sql} #>> '{}')`)

// ---- conditions ------------------------------------------------------------------------------------------------------

/** Two sides that can be compared, as `{ a, b, left, right }`: `left` and `right` are SQL. */
export function sides(m, s, depth) {
  const { r } = m
  switch (r.below(9)) {
    case 0: {
      const a = m.expr(r.pick(numbers), s, depth), b = m.expr(r.pick(numbers), s, depth)
      return { a, b, left: a.sql, right: b.sql }
    }
    case 1: {
      const a = m.expr('text', s, depth), b = m.expr(r.pick(['date', 'time', 'uuid']), s, depth)
      const [x, y] = r.oneIn(2) ? [a, b] : [b, a]
      const text = (n) => (n.type === 'text' ? n.sql : c(`(${n.sql})::text`))
      return { a: x, b: y, left: text(x), right: text(y) }
    }
    case 2: {
      const name = r.pick(['n', 's', 'b'])
      const j = member(m, s, name)
      if (j === undefined) break
      const b = m.expr({ n: r.pick(['int', 'float', 'decimal']), s: 'text', b: 'bool' }[name], s, depth)
      const left = name === 'n' ? asNumber(j) : name === 's' ? asText(j) : known(j, 'bool')
      return r.oneIn(2) ? { a: j, b, left, right: name === 'n' ? float8(b) : b.sql } : { a: b, b: j, left: name === 'n' ? float8(b) : b.sql, right: left }
    }
    case 3: {
      const j = member(m, s, 'n')
      if (j === undefined) break
      const n = r.pick([1, 2, 2.5, -3])
      return { a: j, b: { code: String(n) }, left: j.sql, right: `'${n}'::jsonb` }
    }
    case 4: {
      const type = r.pick(['int', 'decimal', 'bigint', 'float'])
      const n = r.pick([1.5, 0.5, -2.5, 2, 99.99])
      const a = m.expr(type, s, depth)
      return { a, b: { code: String(n) }, left: a.sql, right: type === 'decimal' ? `${n}::numeric` : `'${n}'::float8` }
    }
  }
  const type = r.pick(m.types(s))
  if (type === 'json') m.isUntyped = true
  const a = m.expr(type, s, depth), b = m.operand(type, s, depth)
  return { a, b, left: a.sql, right: b.sql, type }
}

const comparisons = { eq: '=', ne: '<>', lt: '<', lte: '<=', gt: '>', gte: '>=', isDistinctFrom: 'is distinct from', isNotDistinctFrom: 'is not distinct from' }
const bool = (code, sql) => node(code, sql, 'bool')

function comparison(m, s, depth) {
  const name = m.r.pick(Object.keys(comparisons))
  const { a, b, left, right, type } = sides(m, s, depth)
  if (type !== undefined && m.r.oneIn(8)) return bool(call(name, a, 'null'), `${left} ${comparisons[name]} null::${sqlTypes[type].sql}`)
  return bool(call(name, a, b), `${left} ${comparisons[name]} ${right}`)
}

function junction(m, s, depth) {
  const name = m.r.pick(['and', 'or'])
  const parts = Array.from({ length: m.r.below(4) }, () => m.bool(s, depth))
  const code = parts.map((p) => p.code)
  // Conditions that are optional.
  if (m.r.oneIn(4)) code.splice(m.r.below(code.length + 1), 0, m.r.pick(['false', 'null', 'undefined']))
  return bool(call(name, ...code), parts.map((p) => p.sql).join(` ${name} `) || `${name === 'and'}::bool`)
}

function lists(m, s, depth) {
  const name = m.r.pick(['inArray', 'notInArray'])
  const type = m.r.pick(m.types(s))
  const a = m.expr(type, s, depth)
  const all = Array.from({ length: m.r.below(4) }, () => (m.r.oneIn(8) ? { ...nothing(type), code: 'null' } : m.r.oneIn(4) ? m.expr(type, s, 0) : m.constant(type)))
  // Of an empty list nothing is asked, nor is a parameter there.
  if (all.length === 0 && a.sql.includes('«')) return undefined
  const sql = all.length === 0 ? `${name === 'notInArray'}::bool` : `${a.sql} ${name === 'inArray' ? 'in' : 'not in'} (${all.map((x) => x.sql).join(', ')})`
  return bool(`${name}(${a.code}, [${all.map((x) => x.code).join(', ')}])`, sql)
}

function ranges(m, s, depth) {
  const name = m.r.pick(['between', 'notBetween'])
  const type = m.r.pick(m.types(s))
  const [a, low, high] = [m.expr(type, s, depth), m.operand(type, s, depth), m.operand(type, s, depth)]
  return bool(call(name, a, low, high), `${a.sql} ${name === 'between' ? 'between' : 'not between'} ${low.sql} and ${high.sql}`)
}

function likes(m, s, depth) {
  const name = m.r.pick(['like', 'notLike', 'ilike', 'notIlike'])
  const a = m.texty(s, depth)
  const pattern = m.r.pick(patterns)
  // A pattern that ends in a lone backslash is a departure: no safe text has one.
  const b = m.r.oneIn(5) ? m.leaf('text', s, { safe: true }) : undefined
  const right = b?.sql ?? `${quote(pattern)}::text`
  const words = { like: 'like', notLike: 'not like', ilike: 'ilike', notIlike: 'not ilike' }[name]
  const side = /ilike/.test(words) ? cased : c
  return bool(call(name, a, b?.code ?? JSON.stringify(pattern)), `${side(a.sql)} ${words} ${side(right)}`)
}

const conditions = [
  comparison, comparison, comparison, junction, lists, ranges, likes,
  (m, s, d) => { const a = m.bool(s, d); return bool(call('not', a), `not ${a.sql}`) },
  (m, s, d) => { const a = m.expr(m.r.pick(m.types(s)), s, d); return m.r.oneIn(2) ? bool(call('isNull', a), `${a.sql} is null`) : bool(call('isNotNull', a), `${a.sql} is not null`) },
  (m, s, d) => { const a = m.texty(s, d), b = m.textOperand(s, 0); return bool(call('startsWith', a, b), `starts_with(${a.sql}, ${b.sql})`) },
  (m, s, d) => { const a = m.texty(s, d), p = m.r.pick(expressions); const i = m.r.oneIn(2); return bool(call(i ? 'imatches' : 'matches', a, JSON.stringify(p)), `${posix(a.sql)} ${i ? '~*' : '~'} ${posix(quote(p))}`) },
  (m, s) => ofArrays(m, s, (a, type) => { const x = m.operand(type.slice(0, -2), s, 0); return bool(call('anyOf', x, a), `${x.sql} = any(${a.sql}::${sqlTypes[type].sql})`) }),
  (m, s) => ofArrays(m, s, (a, type) => { const b = partOf(m, s, type); return bool(call('arrayContains', a, b), `${a.sql} @> ${b.sql}`) }),
  (m, s) => ofArrays(m, s, (a, type) => { const b = partOf(m, s, type); return bool(call('arrayOverlaps', a, b), `${a.sql} && ${b.sql}`) }),
  (m, s) => { const a = m.leaf('json', s), b = m.r.pick(valuesOf('json', m.r.oneIn(2))); return bool(call('jsonContains', a, codeOf(b.forms[0])), `${a.sql} @> ${b.sql}`) },
  (m, s) => { const a = m.leaf('json', s), b = m.r.oneIn(2) ? told(m, m.expr('text', s, 1)) : { code: "'n'", sql: "'n'::text" }; return bool(call('jsonExists', a, b), `${a.sql} ? ${b.sql}`) },
  (m, s) => { const a = m.r.pick(['int', 'text', 'json']); if (a === 'int') { const n = m.safe('int', s); return bool(`cast(${n.code}, 'bool')`, `${n.sql} <> 0`) } if (a === 'text') return bool(`cast('yes', 'bool')`, `'yes'::bool`); const j = member(m, s, 'b'); return j && bool(`cast(${j.code}, 'bool')`, known(j, 'bool')) },
  (m, s) => { const j = member(m, s, 'b'); return j && bool(call('and', j, m.r.pick(['false', 'null'])), known(j, 'bool')) },
  (m, s) => s.make?.exists(m, s),
  (m, s) => s.make?.member(m, s),
]

function ofArrays(m, s, make) {
  const types = arrays.filter((t) => s.columns.some((col) => col.type === t))
  if (types.length === 0) return undefined
  const type = m.r.pick(types)
  return make(m.expr(type, s, 1), type)
}
/** An array without nulls, which TypeScript takes for a part, or another column. */
function partOf(m, s, type) {
  if (m.r.oneIn(3)) return m.leaf(type, s)
  const value = m.r.pick(valuesOf(type, true).filter((x) => !x.forms[0].includes(null)))
  return { code: codeOf(value.forms[0]), sql: value.sql }
}

// ---- choices, of any type --------------------------------------------------------------------------------------------

/** A branch: an expression, a constant where the type is told by another, or null. */
const strictly = (all) => all.every((x) => x.strict || x.isConstant || x.isNull)
const nullOf = (type) => ({ code: 'null', sql: `null::${sqlTypes[type].sql}`, isNull: true })
/** Equal decimals and intervals that are written otherwise: which of them a choice gives is certain, which `greatest` gives is not. */
const isCertain = (type) => type !== 'decimal' && type !== 'interval'

export const choices = [
  (m, type, s, d) => {
    const all = [m.expr(type, s, d), ...Array.from({ length: 1 + m.r.below(2) }, () => (m.r.oneIn(6) ? nullOf(type) : m.operand(type, s, d)))]
    if (all.includes(undefined) || (type === 'bigint' && all.some((x) => x.isConstant && !x.code.endsWith('n')))) return undefined
    const tests = all.map(() => m.bool(s, d))
    const closed = m.r.oneIn(2)
    const branches = closed ? all.slice(0, -1) : all
    const code = branches.map((x, i) => `${i === 0 ? '' : '.'}when(${tests[i].code}, ${x.code})`).join('') + (closed ? `.otherwise(${all.at(-1).code})` : '')
    return node(code, `case ${branches.map((x, i) => `when ${tests[i].sql} then ${x.sql}`).join(' ')}${closed ? ` else ${all.at(-1).sql}` : ''} end`, type, { strict: strictly(all) })
  },
  (m, type, s, d) => {
    const test = m.r.pick(m.types(s).filter((t) => t !== 'json'))
    const of = m.expr(test, s, d)
    const all = [m.expr(type, s, d), m.operand(type, s, d)]
    if (all.includes(undefined) || of === undefined) return undefined
    const value = m.constant(test)
    const code = `match(${of.code}).when(${value.code}, ${all[0].code})`
    return m.r.oneIn(2) ? node(`${code}.otherwise(${all[1].code})`, `case ${of.sql} when ${value.sql} then ${all[0].sql} else ${all[1].sql} end`, type, { strict: strictly(all) }) : node(code, `case ${of.sql} when ${value.sql} then ${all[0].sql} end`, type, { strict: all[0].strict })
  },
  (m, type, s, d) => { const a = m.expr(type, s, d), b = m.operand(type, s, d); return a && node(call('nullif', a, b), `nullif(${a.sql}, ${b.sql})`, type, { strict: a.strict }) },
  (m, type, s, d) => { const a = m.expr(type, s, d), b = m.operand(type, s, d); return a && node(call('coalesce', a, b), `coalesce(${a.sql}, ${b.sql})`, type, { strict: strictly([a, b]) }) },
  (m, type, s, d) => { const all = [m.expr(type, s, d), m.expr(type, s, 0), m.expr(type, s, 0)]; return all.includes(undefined) ? undefined : node(call('coalesce', ...all), `coalesce(${all.map((x) => x.sql).join(', ')})`, type, { strict: strictly(all) }) },
  (m, type, s, d) => {
    if (!isCertain(type)) return undefined
    const name = m.r.pick(['greatest', 'least'])
    const all = [m.expr(type, s, d), m.expr(type, s, d), ...(m.r.oneIn(2) ? [m.expr(type, s, 0)] : [])]
    return all.includes(undefined) ? undefined : node(call(name, ...all), `${name}(${all.map((x) => x.sql).join(', ')})`, type, { strict: strictly(all) })
  },
]

// ---- numbers ---------------------------------------------------------------------------------------------------------

const signs = { add: '+', sub: '-', mul: '*' }
const sums = {
  int: [
    (m, s, d) => { const name = m.r.pick(Object.keys(signs)), a = m.safe('int', s, d), b = m.r.oneIn(2) ? m.safe('int', s, 0) : m.constant('int', { safe: true }); return node(call(name, a, b), `${a.sql} ${signs[name]} ${b.sql}`, 'int') },
    (m, s, d) => { const name = m.r.pick(['div', 'mod']), a = m.safe('int', s, d), b = m.r.pick(['2', '3', '-4']); return node(call(name, a, b), `${a.sql} ${name === 'div' ? '/' : '%'} (${b})::int8`, 'int') },
    (m, s) => { const a = m.safe('int', s, 0), b = m.leaf('int', s, { safe: true }), name = m.r.pick(['div', 'mod']); return node(`${name}(${a.code}, nullif(${b.code}, 0))`, `${a.sql} ${name === 'div' ? '/' : '%'} nullif(${b.sql}, 0)`, 'int') },
    (m, s, d) => { const a = m.safe('int', s, d); return m.r.oneIn(2) ? node(call('neg', a), `- ${a.sql}`, 'int') : node(call('abs', a), `abs(${a.sql})`, 'int') },
  ],
  bigint: [
    (m, s, d) => { const name = m.r.pick(Object.keys(signs)), a = m.safe('bigint', s, d), b = m.r.oneIn(2) ? m.safe('bigint', s, 0) : m.safe('int', s, 0); const [x, y] = m.r.oneIn(2) ? [a, b] : [b, a]; return node(call(name, x, y), `${x.sql} ${signs[name]} ${y.sql}`, 'bigint') },
    (m, s, d) => { const name = m.r.pick(Object.keys(signs)), a = m.safe('bigint', s, d), b = m.r.pick(['2n', '3', '-1n']); return node(call(name, a, b), `${a.sql} ${signs[name]} (${b.replace('n', '')})::int8`, 'bigint') },
    (m, s, d) => { const name = m.r.pick(['div', 'mod']), a = m.safe('bigint', s, d), b = m.r.pick(['2n', '3', '-4n']); return node(call(name, a, b), `${a.sql} ${name === 'div' ? '/' : '%'} (${b.replace('n', '')})::int8`, 'bigint') },
    (m, s, d) => { const a = m.safe('bigint', s, d); return m.r.oneIn(2) ? node(call('neg', a), `- ${a.sql}`, 'bigint') : node(call('abs', a), `abs(${a.sql})`, 'bigint') },
  ],
  float: [
    (m, s, d) => { const name = m.r.pick(Object.keys(signs)), a = m.safe('float', s, d), b = m.r.oneIn(2) ? m.safe(m.r.pick(numbers), s, 0) : m.constant('float', { safe: true, plain: true }); if (b.type === 'decimal') m.isUntyped = true; const [x, y] = m.r.oneIn(2) ? [a, b] : [b, a]; return float(call(name, x, y), `${float8(x)} ${signs[name]} ${float8(y)}`) },
    (m, s, d) => { const name = m.r.pick(Object.keys(signs)), a = m.safe('int', s, d), n = m.r.pick([0.5, 1.5, -2.25]); return float(call(name, a, String(n)), `${a.sql} ${signs[name]} '${n}'::float8`) },
    (m, s, d) => { const a = m.safe(m.r.pick(['float', 'float', 'int']), s, d), n = m.r.pick([0.5, 0.25, -0.125]); return float(call('div', a, String(n)), `${float8(a)} / '${n}'::float8`) },
    (m, s) => { const j = member(m, s, 'n'); if (j === undefined) return undefined; const b = m.safe(m.r.pick(['int', 'float', 'decimal']), s, 0), name = m.r.pick(Object.keys(signs)); return m.r.oneIn(2) ? float(call(name, j, b), `${asNumber(j)} ${signs[name]} ${float8(b)}`) : float(call(name, b, j), `${float8(b)} ${signs[name]} ${asNumber(j)}`) },
    (m, s) => { const j = member(m, s, 'n'); if (j === undefined) return undefined; const name = m.r.pick(['neg', 'abs']); return float(call(name, j), name === 'neg' ? `- ${asNumber(j)}` : `abs(${asNumber(j)})`) },
    (m, s, d) => { const a = m.safe('float', s, d); return m.r.oneIn(2) ? float(call('neg', a), `- ${a.sql}`) : float(call('abs', a), `abs(${a.sql})`) },
    (m, s, d) => { const name = m.r.pick(['floor', 'ceil', 'sign', 'round', 'trunc']), a = m.safe(m.r.pick(['float', 'int', 'bigint']), s, d); return float(call(name, a), `${name}(${float8(a)})`) },
  ],
  decimal: [
    (m, s, d) => { const name = m.r.pick(Object.keys(signs)), a = m.safe('decimal', s, d), b = m.safe(m.r.pick(['decimal', 'int', 'bigint']), s, 0); const [x, y] = m.r.oneIn(2) ? [a, b] : [b, a]; return node(call(name, x, y), `${x.sql} ${signs[name]} ${y.sql}`, 'decimal') },
    (m, s, d) => { const name = m.r.pick(Object.keys(signs)), a = m.safe('decimal', s, d), b = m.r.pick(['1.5', "'0.10'", '2', '3n']); return node(call(name, a, b), `${a.sql} ${signs[name]} '${b.replace(/n$/, '').replaceAll("'", '')}'::numeric`, 'decimal') },
    (m, s, d) => { const name = m.r.pick(['div', 'mod']), a = m.safe('decimal', s, d), b = m.r.pick(['1.5', '3', "'-0.7'"]); return node(call(name, a, b), `${a.sql} ${name === 'div' ? '/' : '%'} ('${b.replaceAll("'", '')}')::numeric`, 'decimal') },
    (m, s, d) => { const a = m.safe('decimal', s, d); return m.r.oneIn(2) ? node(call('neg', a), `- ${a.sql}`, 'decimal') : node(call('abs', a), `abs(${a.sql})`, 'decimal') },
    (m, s, d) => { const name = m.r.pick(['floor', 'ceil', 'sign', 'round', 'trunc']), a = m.safe('decimal', s, d), n = m.r.pick([undefined, 1, 0, -1, 3]); const digits = (name === 'round' || name === 'trunc') && n !== undefined ? [String(n)] : []; return node(call(name, a, ...digits), `${name}(${[a.sql, ...digits].join(', ')})`, 'decimal') },
  ],
}

const digitsOf = (m, s) => { const j = m.r.oneIn(3) ? member(m, s, 'n') : undefined; if (j === undefined) { const n = m.r.pick([0, 1, 2, 3, -1]); return { code: String(n), sql: `${n}` } } m.isUntyped = true; return { code: j.code, sql: `(${known(j, 'int8')})::int4` } }

// ---- by type ---------------------------------------------------------------------------------------------------------

const text = (code, sql) => ({ code, sql: c(`(${sql})`), type: 'text' })
const int = (code, sql) => node(code, `(${sql})::int8`, 'int')

/** What makes expressions, by their type. */
export const makers = {
  bool: conditions,
  int: [
    ...sums.int,
    (m, s, d) => { const a = m.texty(s, d); return int(call('length', a), `length(${a.sql})`) },
    (m, s, d) => { const a = m.texty(s, d); return int(call('octetLength', a), `octet_length(${a.sql})`) },
    (m, s) => { const a = s.columns.find((col) => col.type === 'bytes'); return a && int(call('octetLength', a), `octet_length(${a.sql})`) },
    (m, s, d) => { const a = m.texty(s, d); return int(call('ascii', a), `ascii(${a.sql})`) },
    (m, s, d) => { const a = m.texty(s, d), b = told(m, m.textOperand(s, 0)); return int(call('strpos', a, b), `strpos(${a.sql}, ${b.sql})`) },
    (m, s) => ofArrays(m, s, (a) => int(call('cardinality', a), `cardinality(${a.sql})`)),
    (m, s) => ofArrays(m, s, (a) => int(call('arrayLength', a), `array_length(${a.sql}, 1)`)),
    (m, s) => ofArrays(m, s, (a, type) => { const x = told(m, m.operand(type.slice(0, -2), s, 0)); return int(call('arrayPosition', a, x), `array_position(${a.sql}, ${x.sql})`) }),
    (m, s, d) => { const a = m.expr('date', s, d), b = m.operand('date', s, d); return m.r.oneIn(2) ? int(call('diffDays', a, b), `${a.sql} - ${b.sql}`) : int(call('diffDays', b, a), `${b.sql} - ${a.sql}`) },
    (m, s) => { const a = m.leaf('decimal', s); return int(call('scale', a), `scale(${a.sql})`) },
    (m, s) => { const a = m.safe(m.r.pick(['float', 'decimal', 'bigint', 'int']), s); return int(`cast(${a.code}, 'int')`, a.sql) },
    (m, s) => { const a = m.safe('int', s); return int(`cast(cast(${a.code}, 'text'), 'int')`, a.sql) },
    (m, s) => { const a = m.bool(s); return int(`cast(${a.code}, 'int')`, `(${a.sql})::int4`) },
    (m, s) => { const j = member(m, s, 'n'); return j && int(`cast(${j.code}, 'int')`, known(j, 'int8')) },
    (m, s) => { const a = s.columns.find((col) => col.type === 'json' && col.safe); return a && int(`jsonArrayLength(jsonGet(${a.code}, 'list'))`, `jsonb_array_length(${a.sql} -> 'list')`) },
  ],
  bigint: [...sums.bigint, (m, s) => { const a = m.safe(m.r.pick(['int', 'float', 'decimal', 'bigint']), s); return node(`cast(${a.code}, 'bigint')`, `(${a.sql})::int8`, 'bigint', { strict: true }) }],
  float: [
    ...sums.float,
    (m, s) => { const a = m.expr(m.r.pick(['float', 'int']), s, 1), n = digitsOf(m, s); return a.type === 'float' && !a.safe ? undefined : float(call('round', a, n), `round((${float8(a)})::text::numeric, ${n.sql})`) },
    (m, s) => { const a = m.safe('float', s, 0); return float(call('power', a, '2'), `power(${float8(a)}, 2)`) },
    (m, s) => { const a = m.safe(m.r.pick(['float', 'int', 'bigint']), s, 1); return float(`sqrt(abs(${a.code}))`, `sqrt(${float8({ sql: `abs(${a.sql})` })})`) },
    (m, s) => { const a = m.safe(m.r.pick(['float', 'int', 'bigint']), s, 0); return float(`round(exp(${a.code}), 6)`, `round(exp(${float8(a)})::text::numeric, 6)`) },
    (m, s) => { const a = m.safe(m.r.pick(['float', 'int']), s, 0); return float(`round(ln(add(abs(${a.code}), 1)), 6)`, `round(ln(${float8({ sql: `abs(${a.sql}) + 1` })})::text::numeric, 6)`) },
    (m, s) => { const j = member(m, s, 'n'); return j && float(`round(power(${j.code}, 3), 3)`, `round(power(${asNumber(j)}, 3)::text::numeric, 3)`) },
    (m, s, d) => { const type = m.r.pick(['int', 'decimal', 'bigint', 'text', 'json']); if (type === 'text') { const a = m.safe('float', s); return float(`cast(cast(${a.code}, 'text'), 'float')`, `(${a.sql})::text::float8`) } if (type === 'json') { const j = member(m, s, 'n'); return j && float(`cast(${j.code}, 'float')`, asNumber(j)) } const a = m.expr(type, s, d); return float(`cast(${a.code}, 'float')`, float8(a)) },
    (m, s) => { const unit = m.r.pick([...truncUnits, 'microseconds', 'isoyear', 'dow', 'isodow', 'doy', 'epoch', 'julian']), a = m.expr('timestamp', s, 1); return float(`extract('${unit}', ${a.code})`, `date_part('${unit}', ${a.sql})`) },
    (m, s) => { const unit = m.r.pick(['day', 'week', 'month', 'quarter', 'year', 'decade', 'century', 'millennium', 'isoyear', 'dow', 'isodow', 'doy', 'epoch', 'julian']), a = m.expr('date', s, 1); return float(`extract('${unit}', ${a.code})`, `date_part('${unit}', ${a.sql})`) },
    (m, s) => { const unit = m.r.pick(['microseconds', 'milliseconds', 'second', 'minute', 'hour', 'epoch']), a = m.expr('time', s, 1); return float(`extract('${unit}', ${a.code})`, `date_part('${unit}', ${a.sql})`) },
    (m, s) => { const unit = m.r.pick(['microseconds', 'milliseconds', 'second', 'minute', 'hour', 'day', 'month', 'year', 'decade', 'century', 'millennium', 'epoch']), a = m.expr('interval', s, 1); return float(`extract('${unit}', ${a.code})`, `date_part('${unit}', ${a.sql})`) },
    (m, s) => { const a = m.expr('timestamp', s, 1), b = m.moment('timestamp', s, 1); return float(call('diffSeconds', a, b), `date_part('epoch', ${a.sql} - ${b.sql})`) },
  ],
  decimal: [
    ...sums.decimal,
    (m, s) => { const a = m.leaf('decimal', s); return node(call('trimScale', a), `trim_scale(${a.sql})`, 'decimal') },
    (m, s) => { const a = m.safe('decimal', s, 1), n = digitsOf(m, s), name = m.r.pick(['round', 'trunc']); return node(call(name, a, n), `${name}(${a.sql}, ${n.sql})`, 'decimal') },
    (m, s) => { const a = m.safe(m.r.pick(['decimal', 'int', 'float', 'bigint']), s, 0), n = m.r.below(4); return node(`numeric(${a.code}, 20${n === 0 && m.r.oneIn(2) ? '' : `, ${n}`})`, `(${a.sql})::numeric(20, ${n})`, 'decimal') },
    (m, s, d) => { const a = m.expr(m.r.pick(['int', 'bigint']), s, d); return node(`cast(${a.code}, 'decimal')`, `(${a.sql})::numeric`, 'decimal') },
    (m, s) => { const a = m.safe(m.r.pick(['float', 'decimal']), s); return node(`cast(cast(${a.code}, 'text'), 'decimal')`, `(${a.sql})::text::numeric`, 'decimal') },
    (m, s) => { const j = member(m, s, 'n'); return j && node(`cast(${j.code}, 'decimal')`, known(j, 'numeric'), 'decimal') },
  ],
  text: [
    (m, s, d) => { const all = m.r.shuffle([m.texty(s, d), ...Array.from({ length: 1 + m.r.below(2) }, () => m.textOperand(s, 0))]); return text(call('concat', ...all), all.map((x) => x.sql).join(' || ')) },
    (m, s, d) => { const all = [m.texty(s, d), m.textOperand(s, 0), ...(m.r.oneIn(3) ? [nullOf('text')] : [])]; return text(call('concatAll', ...all), `concat(${all.map((x) => x.sql).join(', ')})`) },
    (m, s, d) => { const all = [m.textOperand(s, 0), m.texty(s, d), m.textOperand(s, 0), ...(m.r.oneIn(3) ? [nullOf('text')] : [])]; return text(call('concatWs', ...all), `concat_ws(${all.map((x) => x.sql).join(', ')})`) },
    (m, s, d) => { const name = m.r.pick(['lower', 'upper']), a = m.texty(s, d); return text(call(name, a), `${name}(${cased(a.sql)})`) },
    (m, s, d) => { const a = m.texty(s, d); return text(call('initcap', a), `initcap(${posix(a.sql)})`) },
    (m, s, d) => { const name = m.r.pick(['left', 'right', 'repeat']), a = m.texty(s, d), n = name === 'repeat' ? { code: '2', sql: '2' } : digitsOf(m, s); return text(call(name, a, n), `${name}(${a.sql}, ${n.sql})`) },
    (m, s, d) => { const a = m.texty(s, d), n = m.r.pick([1, 2, 0, -1]), k = m.r.pick([undefined, 0, 2, 5]); return text(call('substring', a, String(n), ...(k === undefined ? [] : [String(k)])), `substring(${[a.sql, n, ...(k === undefined ? [] : [k])].join(', ')})`) },
    (m, s, d) => { const name = m.r.pick(['trim', 'ltrim', 'rtrim']), a = m.texty(s, d), b = m.r.oneIn(2) ? [] : [m.constant('text', { safe: true })]; return text(call(name, a, ...b), `${name === 'trim' ? 'btrim' : name}(${[a, ...b].map((x) => x.sql).join(', ')})`) },
    (m, s, d) => { const all = [m.texty(s, d), told(m, m.textOperand(s, 0)), told(m, m.textOperand(s, 0))]; return text(call('replace', ...all), `replace(${all.map((x) => x.sql).join(', ')})`) },
    (m, s, d) => { const a = m.texty(s, d), b = told(m, m.textOperand(s, 0)), n = m.r.pick([1, 2, -1]); return text(call('splitPart', a, b, String(n)), `split_part(${a.sql}, ${b.sql}, ${n})`) },
    (m, s, d) => { const a = m.texty(s, d); return text(call('reverse', a), `reverse(${a.sql})`) },
    (m, s, d) => { const name = m.r.pick(['lpad', 'rpad']), a = m.texty(s, d), n = digitsOf(m, s), b = m.r.oneIn(2) ? [] : [told(m, m.textOperand(s, 0))]; return text(call(name, a, n, ...b), `${name}(${[a.sql, n.sql, ...b.map((x) => x.sql)].join(', ')})`) },
    (m, s) => { const a = m.safe('int', s); return text(`chr(add(abs(${a.code}), 97))`, `chr((abs(${a.sql}) + 97)::int4)`) },
    (m, s) => { const t = m.r.pick(['YYYY-MM-DD HH24:MI:SS', 'FMDay, DD Mon YYYY', 'HH12:MI AM', 'IYYY-IW', 'J', 'US', 'Q WW']), a = m.expr('timestamp', s, 1); return text(`toChar(${a.code}, '${t}')`, `to_char(${a.sql}, '${t}')`) },
    (m, s) => { const t = m.r.pick(['YYYY-MM-DD', 'FMMonth DD', 'DDD']), a = m.expr('date', s, 1); return text(`toChar(${a.code}, '${t}')`, `to_char((${a.sql})::timestamptz, '${t}')`) },
    (m, s) => { const t = m.r.pick(['FM999,990.00', '9990', 'S990.9', '000.00PR', 'FM990th']), a = m.safe(m.r.pick(['decimal', 'int', 'bigint']), s); return text(`toChar(${a.code}, '${t}')`, `to_char(${a.sql}${a.type === 'decimal' ? '' : '::numeric'}, '${t}')`) },
    (m, s, d) => { const a = m.texty(s, d), p = m.r.pick(expressions); return text(call('regexpSubstr', a, JSON.stringify(p)), `regexp_substr(${posix(a.sql)}, ${posix(quote(p))})`) },
    (m, s, d) => { const a = m.texty(s, d), p = m.r.pick(expressions), w = m.r.pick(['-', '<\\&>', '']), f = m.r.pick([undefined, 'g', 'i', 'gi']); return text(call('regexpReplace', a, ...[p, w, ...(f ? [f] : [])].map((x) => JSON.stringify(x))), `regexp_replace(${[a.sql, quote(p), quote(w), ...(f ? [quote(f)] : [])].map((x, i) => (i < 2 ? posix(x) : x)).join(', ')})`) },
    (m, s) => ofArrays(m, s, (a, type) => (type === 'timestamp[]' || type === 'float[]' ? undefined : text(call('arrayToText', a, "', '"), `array_to_string(${a.sql}, ', ')`))),
    (m, s) => { const a = m.leaf('json', s), key = m.r.pick(["'n'", "'s'", "'d'", '0', '-1']); return text(`jsonGetText(${a.code}, ${key})`, `${a.sql} ->> ${key}`) },
    (m, s) => { const a = m.leaf('json', s); return text(`jsonPathText(${a.code}, 'd', 'f', 1, 'g')`, `${a.sql} #>> '{d,f,1,g}'`) },
    (m, s) => { const a = m.leaf('json', s); return text(`jsonPathText(${a.code}, 'd', 'e')`, `${a.sql} #>> '{d,e}'`) },
    (m, s) => { const a = m.expr('json', s, 1); return text(call('jsonTypeof', a), `jsonb_typeof(${a.sql})`) },
    (m, s) => { const j = member(m, s, 's'); if (j === undefined) return undefined; const name = m.r.pick(['lower', 'reverse', 'trim']); return text(call(name, j), name === 'lower' ? `lower(${cased(asText(j))})` : `${name === 'trim' ? 'btrim' : name}(${asText(j)})`) },
    (m, s) => { const j = member(m, s, 's'), b = m.textOperand(s, 0); return j && text(call('concat', j, b), `${asText(j)} || ${b.sql}`) },
    (m, s, d) => { const a = m.expr(m.r.pick(['int', 'bigint', 'decimal', 'bool', 'date', 'time', 'uuid', 'interval', 'timestamp', 'text']), s, d); return text(`cast(${a.code}, 'text')`, `(${a.sql})::text`) },
    (m, s) => { const a = m.leaf('float', s); return text(`cast(${a.code}, 'text')`, `(${a.sql} + 0::float8)::text`) },
    (m, s) => arrayAt(m, s, 'text'),
  ],
  timestamp: [
    (m, s, d) => { const unit = m.r.pick(truncUnits), a = m.expr(m.r.pick(['timestamp', 'date']), s, d); return node(`dateTrunc('${unit}', ${a.code})`, `date_trunc('${unit}', (${a.sql})::timestamptz)`, 'timestamp') },
    (m, s, d) => { const a = m.expr('timestamp', s, d), b = m.expr('interval', s, d); return node(call('addInterval', a, b), `${a.sql} + ${b.sql}`, 'timestamp') },
    (m, s, d) => { const a = m.expr('timestamp', s, d), [code, sql] = m.r.pick([["'1 day 12:00'", '1 day 12:00'], ['{ months: 1, days: -3, hours: 2 }', '1 mon -3 days 02:00'], ['{ years: -1, weeks: 1 }', '-1 year 7 days'], ['{ milliseconds: 1.5 }', '0.0015 sec'], ['{ seconds: -90 }', '-90 sec'], ["'P1M'", '1 mon']]); return node(`addInterval(${a.code}, ${code})`, `${a.sql} + '${sql}'::interval`, 'timestamp') },
    (m, s) => { const a = m.expr('timestamp', s, 1), n = told(m, m.safe('int', s, 0)); const part = m.r.pick(['months', 'days']); return node(`addInterval(${a.code}, { ${part}: ${n.code}, hours: 1 })`, `${a.sql} + make_interval(${part} => (${n.sql})::int4, hours => 1)`, 'timestamp') },
    (m, s) => { const a = m.expr('timestamp', s, 1), n = told(m, m.safe('int', s, 0)); return node(`addInterval(${a.code}, { micros: ${n.code}, years: 1, milliseconds: 1 })`, `${a.sql} + (make_interval(years => 1) + (${n.sql} + 1000) * '1 microsecond'::interval)`, 'timestamp') },
    (m, s, d) => { const a = m.expr('date', s, d), [code, sql] = m.r.oneIn(2) ? ["'1 mon 01:00'", "'1 mon 01:00'::interval"] : (({ code: x, sql: y }) => [x, y])(m.expr('interval', s, 0)); return node(`addInterval/*<Date>*/(${a.code}, ${code})`, `(${a.sql})::timestamptz + ${sql}`, 'timestamp') },
    (m, s) => { const n = m.safe('int', s, 0); return node(`makeTimestamp(2024, add(mod(abs(${n.code}), 12), 1), 28, 1, 2, 3.5)`, `make_timestamptz(2024, (abs(${n.sql}) % 12 + 1)::int4, 28, 1, 2, 3.5)`, 'timestamp') },
    (m, s, d) => { const a = m.expr('date', s, d); return node(`cast(${a.code}, 'timestamp')`, `(${a.sql})::timestamptz`, 'timestamp') },
    (m, s) => { const a = m.expr('timestamp', s, 1); return node(`cast(cast(${a.code}, 'text'), 'timestamp')`, `(${a.sql})::text::timestamptz`, 'timestamp') },
    (m, s) => arrayAt(m, s, 'timestamp'),
  ],
  date: [
    (m, s, d) => { const a = m.expr('date', s, d), n = m.r.oneIn(2) ? m.safe('int', s, 0) : { code: '30', sql: '30' }; return node(call('addDays', a, n), `${a.sql} + (${n.sql})::int4`, 'date') },
    (m, s, d) => { const a = m.expr('timestamp', s, d); return node(`cast(${a.code}, 'date')`, `(${a.sql})::date`, 'date') },
    (m, s) => { const a = m.expr('date', s, 1); return node(`cast(cast(${a.code}, 'text'), 'date')`, `(${a.sql})::text::date`, 'date') },
    (m, s) => arrayAt(m, s, 'date'),
  ],
  time: [
    (m, s, d) => { const a = m.expr('time', s, d), b = m.r.oneIn(2) ? m.expr('interval', s, d) : { code: "'01:30'", sql: "'01:30'::interval" }; return node(`addInterval/*<string>*/(${a.code}, ${b.code})`, `${a.sql} + ${b.sql}`, 'time') },
    (m, s, d) => { const a = m.expr('timestamp', s, d); return node(`cast(${a.code}, 'time')`, `(${a.sql})::time`, 'time') },
    (m, s) => { const a = m.expr('time', s, 1); return node(`cast(cast(${a.code}, 'text'), 'time')`, `(${a.sql})::text::time`, 'time') },
  ],
  uuid: [(m, s) => { const a = m.leaf('uuid', s); return node(`cast(upper(${a.code}), 'uuid')`, a.sql, 'uuid') }, (m, s) => arrayAt(m, s, 'uuid')],
  interval: [
    (m, s, d) => { const type = m.r.pick(['timestamp', 'time']); const a = m.expr(type, s, d), b = m.moment(type, s, d); return node(call('elapsed', a, b), `${a.sql} - ${b.sql}`, 'interval') },
    (m, s) => { const a = m.expr('interval', s, 1), n = m.r.pick(['2', '0.5', '-1', '1.25']); return node(call('timesInterval', a, n), `${a.sql} * ${n}::float8`, 'interval') },
    (m, s) => { const a = m.leaf('interval', s), n = m.safe('int', s, 0); return node(call('timesInterval', a, n), `${a.sql} * ${float8(n)}`, 'interval') },
    (m, s) => { const j = member(m, s, 'n'), a = m.leaf('interval', s); return j && node(call('timesInterval', a, j), `${a.sql} * ${asNumber(j)}`, 'interval') },
    (m, s) => { const a = m.expr('interval', s, 1), b = m.r.oneIn(2) ? m.leaf('interval', s) : { code: "'1 day 02:00'", sql: "'1 day 02:00'::interval" }; return node(call('addInterval', a, b), `${a.sql} + ${b.sql}`, 'interval') },
    (m, s) => { const unit = m.r.pick(truncUnits.filter((u) => u !== 'week')), a = m.expr('interval', s, 1); return node(`dateTrunc('${unit}', ${a.code})`, `date_trunc('${unit}', ${a.sql})`, 'interval') },
    (m, s) => { const a = m.expr('time', s, 0); return node(`cast(${a.code}, 'interval')`, `(${a.sql})::interval`, 'interval') },
    (m, s) => { const a = m.expr('interval', s, 1); return node(`cast(cast(${a.code}, 'text'), 'interval')`, `(${a.sql})::text::interval`, 'interval') },
  ],
  json: [
    (m, s) => { const a = m.leaf('json', s), key = m.r.pick(["'n'", "'s'", "'d'", "'list'", '0', '-1']); return node(`jsonGet(${a.code}, ${key})`, `${a.sql} -> ${key}`, 'json') },
    (m, s) => { const a = m.leaf('json', s), b = told(m, m.expr('text', s, 0)); return node(`jsonGet(${a.code}, ${b.code})`, `${a.sql} -> ${b.sql}`, 'json') },
    (m, s) => { const a = m.leaf('json', s); return m.r.oneIn(2) ? node(`jsonPath(${a.code}, 'd', 'f', 0)`, `${a.sql} #> '{d,f,0}'`, 'json') : node(`jsonPath(${a.code}, 'list', -1)`, `${a.sql} #> '{list,-1}'`, 'json') },
    () => node(`cast('{"a": [1, 2.5]}', 'json')`, `'{"a": [1, 2.5]}'::jsonb`, 'json'),
  ],
  'text[]': [(m, s, d) => { const a = m.texty(s, d), p = m.r.pick(expressions); return node(call('regexpMatch', a, JSON.stringify(p)), `regexp_match(${posix(a.sql)}, ${posix(quote(p))}) collate "C"`, 'text[]') }],
}

function arrayAt(m, s, type) {
  const a = s.columns.find((col) => col.type === `${type}[]`)
  if (a === undefined) return undefined
  const n = m.r.pick([1, 2, 0])
  return m.r.oneIn(2) ? node(call('arrayAt', a, String(n)), `(${a.sql})[${n}]`, type) : ((b) => node(call('arrayAt', a, b), `(${a.sql})[(${b.sql})::int4]`, type))(told(m, m.safe('int', s, 0)))
}
