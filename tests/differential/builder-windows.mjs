// Random window functions, by the type of their result.
import { orderItem } from './builder-aggregates.mjs'

const node = (code, sql, type, more) => ({ code, sql: `(${sql})`, type, ...more })

/** `over`'s second argument, and the window that it is. `total`: rows are told apart by their key; where it may be left to the key, that is not said. */
function spec(m, s, { total = 'no', frame: framed = false } = {}) {
  const given = [], sql = []
  if (m.r.oneIn(2)) {
    const by = Array.from({ length: 1 + m.r.below(2) }, () => m.expr(m.r.pick(m.types(s)), s, 1))
    given.push(by.length === 1 && m.r.oneIn(2) ? `partitionBy: ${by[0].code}` : `partitionBy: [${by.map((b) => b.code).join(', ')}]`)
    sql.push(`partition by ${by.map((b) => b.sql).join(', ')}`)
  }
  let frame, distance
  if (framed && m.r.oneIn(2)) {
    const unit = m.r.pick(['rows', 'range', 'groups', 'distance'])
    distance = unit === 'distance' ? m.r.pick(['int', 'timestamp', 'interval', 'date', 'time', 'decimal', 'float']) : undefined
    frame = makeFrame(m, distance ? 'range' : unit, distance)
  }
  // Distances are of one order.
  let by = distance ? [m.leaf(distance, s, { safe: true })] : Array.from({ length: m.r.below(3) }, () => m.expr(m.r.pick(m.types(s)), s, 1))
  if (frame && by.length === 0) by = [m.leaf('int', s)]
  const items = by.map((x) => orderItem(m, x))
  const said = items.map((x) => x.code), order = items.map((x) => x.sql)
  // Of rows that are no peers any may be left out with the group of one: there the key is part of the order.
  const isSaid = total === 'said' || (frame?.unit === 'rows' && /'(group|ties)'/.test(frame.code))
  const whole = isSaid || frame?.unit === 'rows'
  if (isSaid && !distance) said.push(...s.keyNodes.map((k) => k.code))
  if ((whole || total === 'key') && !distance) order.push(...s.keyNodes.map((k) => `${k.sql} asc nulls last`))
  if (said.length > 0) given.push(said.length === 1 && m.r.oneIn(2) ? `orderBy: ${said[0]}` : `orderBy: [${said.join(', ')}]`)
  if (order.length > 0) sql.push(`order by ${order.join(', ')}`)
  if (frame) {
    given.push(`frame: ${frame.code}`)
    sql.push(frame.sql)
  }
  return { code: given.length > 0 ? [`{ ${given.join(', ')} }`] : [], sql: `over (${sql.join(' ')})` }
}

const offsets = {
  int: [['1', '1::int8'], ['3', '3::int8']], float: [['0.5', '0.5::float8'], ['2', '2::float8']], decimal: [["1", '1::numeric'], ['0.5', '0.5::numeric']],
  timestamp: [["'1 day'", "'1 day'::interval"], ['{ months: 1 }', "'1 month'::interval"], ['86400000', "'86400 seconds'::interval"], ['1500.5', "'1.5005 seconds'::interval"]],
  date: [["'1 mon'", "'1 mon'::interval"], ['{ days: 70 }', "'70 days'::interval"]], time: [["'01:00'", "'01:00'::interval"]], interval: [["'1 day'", "'1 day'::interval"], ['{ hours: 2 }', "'2 hours'::interval"]],
}

function makeFrame(m, unit, distance) {
  const bound = (kinds) => {
    const kind = m.r.pick(kinds)
    if (kind === 'preceding' || kind === 'following') {
      const [code, sql] = distance ? m.r.pick(offsets[distance]) : m.r.pick([['1', '1'], ['2', '2'], ['0', '0']])
      return { code: `{ ${kind}: ${code} }`, sql: `${sql} ${kind}` }
    }
    return { code: `'${kind}'`, sql: { unboundedPreceding: 'unbounded preceding', unboundedFollowing: 'unbounded following', currentRow: 'current row' }[kind] }
  }
  const counts = unit !== 'range' || distance
  const start = bound(['unboundedPreceding', 'currentRow', ...(counts ? ['preceding', 'preceding'] : [])])
  const end = m.r.oneIn(3) ? undefined : bound(['currentRow', 'unboundedFollowing', ...(counts ? ['following', 'following'] : [])])
  const exclude = m.r.pick([undefined, undefined, 'noOthers', 'currentRow', 'group', 'ties'])
  return {
    unit,
    code: `{ unit: '${unit}', start: ${start.code}${end ? `, end: ${end.code}` : ''}${exclude ? `, exclude: '${exclude}'` : ''} }`,
    sql: `${unit} between ${start.sql} and ${end?.sql ?? 'current row'}${exclude ? ` exclude ${{ noOthers: 'no others', currentRow: 'current row', group: 'group', ties: 'ties' }[exclude]}` : ''}`,
  }
}

const over = (call, w) => `over(${[call, ...w.code].join(', ')})`

function options(m, s) {
  // Over groups PostgreSQL has no aggregates in a filter.
  if (s.rows || !m.r.oneIn(3)) return { code: '', sql: '' }
  const where = m.bool(s, 1)
  return { code: `{ where: ${where.code} }`, sql: ` filter (where ${where.sql})` }
}
const withOptions = (a, o) => [a, o.code].filter(Boolean).join(', ')

/** A window function of a type; undefined: there is none. */
export function windowed(m, type, s, depth) {
  const inner = { ...s, windows: false, make: undefined }
  const own = { int: numbering, float: fractions }[type]
  if (own && m.r.oneIn(2)) return own(m, inner)
  if (['int', 'bigint', 'float', 'decimal', 'interval'].includes(type) && m.r.oneIn(2)) {
    const a = type === 'interval' ? m.leaf(type, inner, { safe: true }) : m.safe(type, inner, 1), o = options(m, inner), w = spec(m, inner, { frame: true })
    const sql = type === 'int' || type === 'bigint' ? `(sum(${a.sql})${o.sql} ${w.sql})::int8` : `sum(${a.sql})${o.sql} ${w.sql}`
    return node(over(`sum(${withOptions(a.code, o)})`, w), type === 'float' ? `${sql} + 0::float8` : sql, type)
  }
  const a = m.expr(type, inner, 1)
  if (a === undefined) return undefined
  switch (m.r.below(4)) {
    case 0: {
      // PostgreSQL has no `min` of these.
      if (['bool', 'uuid', 'json', 'bytes'].includes(type) || type.endsWith('[]') || type === 'decimal' || type === 'interval') return undefined
      const name = m.r.pick(['min', 'max']), o = options(m, inner), w = spec(m, inner, { frame: true })
      return node(over(`${name}(${withOptions(a.code, o)})`, w), `${name}(${a.sql})${o.sql} ${w.sql}`, type, { strict: a.strict })
    }
    case 1: {
      const name = m.r.pick(['lag', 'lead']), n = m.r.pick([undefined, 1, 2, 0]), w = spec(m, inner, { total: 'key' })
      const fallback = n !== undefined && m.r.oneIn(2) ? m.operand(type, inner, 0) : undefined
      return node(over(`${name}(${[a.code, ...(n === undefined ? [] : [n]), ...(fallback ? [fallback.code] : [])].join(', ')})`, w), `${name}(${[a.sql, ...(n === undefined ? [] : [n]), ...(fallback ? [fallback.sql] : [])].join(', ')}) ${w.sql}`, type, { strict: a.strict && (!fallback || fallback.strict || fallback.isConstant) })
    }
    default: {
      const name = m.r.pick(['firstValue', 'lastValue', 'nthValue']), w = spec(m, inner, { total: 'said', frame: false }), n = m.r.pick([1, 2])
      return name === 'nthValue' ? node(over(`nthValue(${a.code}, ${n})`, w), `nth_value(${a.sql}, ${n}) ${w.sql}`, type, { strict: a.strict }) : node(over(`${name}(${a.code})`, w), `${name === 'firstValue' ? 'first_value' : 'last_value'}(${a.sql}) ${w.sql}`, type, { strict: a.strict })
    }
  }
}

function numbering(m, s) {
  const name = m.r.pick(['rowNumber', 'rank', 'denseRank', 'ntile', 'count', 'count'])
  if (name === 'count') {
    const o = options(m, s), w = spec(m, s, { frame: true })
    if (m.r.oneIn(2)) return node(over(`count(${o.code})`, w), `count(*)${o.sql} ${w.sql}`, 'int', { strict: true })
    const a = m.expr(m.r.pick(m.types(s)), s, 1)
    return node(over(`count(${withOptions(a.code, o)})`, w), `count(${a.sql})${o.sql} ${w.sql}`, 'int', { strict: true })
  }
  const w = spec(m, s, { total: name === 'rowNumber' || name === 'ntile' ? 'key' : 'no' })
  if (name === 'ntile') return node(over('ntile(3)', w), `(ntile(3) ${w.sql})::int8`, 'int', { strict: true })
  return node(over(`${name}()`, w), `${{ rowNumber: 'row_number', rank: 'rank', denseRank: 'dense_rank' }[name]}() ${w.sql}`, 'int', { strict: true })
}

function fractions(m, s) {
  const name = m.r.pick(['percentRank', 'cumeDist', 'avg'])
  if (name === 'avg') {
    const a = m.safe(m.r.pick(['int', 'float', 'bigint']), s, 1), o = options(m, s), w = spec(m, s, { frame: true })
    return node(over(`avg(${withOptions(a.code, o)})`, w), `avg((${a.sql})::float8)${o.sql} ${w.sql}`, 'float', { near: 1 })
  }
  const w = spec(m, s)
  return node(over(`${name}()`, w), `${name === 'percentRank' ? 'percent_rank' : 'cume_dist'}() ${w.sql}`, 'float')
}
