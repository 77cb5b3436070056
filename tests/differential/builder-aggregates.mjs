// Random aggregates, by the type of their result: over the rows of `s.rows`, whose `keys` order what has no order.
const node = (code, sql, type, more) => ({ code, sql: `(${sql})`, type, ...more })
const elements = ['bool', 'int', 'float', 'text', 'timestamp', 'date', 'uuid']

/** Options as a user writes them, and the `filter` and `order by` that they are. */
function options(m, rows, { distinct = false, order = false, own } = {}) {
  const given = []
  const out = { distinct: '', filter: '', order: '', items: [] }
  if (distinct && m.r.oneIn(3)) { given.push('distinct: true'); out.distinct = 'distinct ' }
  if (m.r.oneIn(3)) {
    const where = m.bool(rows, 1)
    given.push(`where: ${where.code}`)
    out.filter = ` filter (where ${where.sql})`
  }
  if (order) {
    const items = out.distinct ? [own].filter(() => m.r.oneIn(2)) : Array.from({ length: m.r.below(3) }, () => m.expr(m.r.pick(m.types(rows)), rows, 1))
    const said = items.map((x) => orderItem(m, x))
    if (said.length === 1 && m.r.oneIn(2)) given.push(`orderBy: ${said[0].code}`)
    else if (said.length > 0) given.push(`orderBy: [${said.map((x) => x.code).join(', ')}]`)
    const by = said.map((x) => x.sql)
    if (out.distinct && by.length === 0) by.push(`${own.sql} asc nulls last`)
    if (!out.distinct) by.push(...rows.keys.map((k) => `${k} asc nulls last`))
    out.order = by.length > 0 ? ` order by ${by.join(', ')}` : ''
    out.reversed = by.length > 0 ? ` order by ${by.map((b) => b.replace(/ (asc|desc) nulls (first|last)$/, (_, way, nulls) => ` ${way === 'asc' ? 'desc' : 'asc'} nulls ${nulls === 'first' ? 'last' : 'first'}`)).join(', ')}` : ''
  }
  out.code = given.length > 0 ? [`{ ${given.join(', ')} }`] : []
  return out
}

/** An item of an order, and PostgreSQL's: nulls are last ascending, first descending, unless told. */
export function orderItem(m, x) {
  const way = m.r.pick([undefined, 'asc', 'desc']), nulls = m.r.pick([undefined, undefined, 'first', 'last'])
  const code = way === undefined && nulls === undefined ? x.code : `[${x.code}, ${way === undefined ? 'undefined' : `'${way}'`}${nulls === undefined ? '' : `, { nulls: '${nulls}' }`}]`
  return { code, sql: `${x.sql} ${way ?? 'asc'} nulls ${nulls ?? (way === 'desc' ? 'first' : 'last')}` }
}
const call = (name, args, o) => `${name}(${[...args, ...o.code].join(', ')})`

const averages = (type, sources) => (m, s) => {
  const a = m.safe(m.r.pick(sources), s.rows, 1), o = options(m, s.rows, { distinct: true })
  const name = m.r.pick(['avg', 'avg', 'variance', 'varSamp', 'varPop', 'stddev', 'stddevSamp', 'stddevPop'])
  const sql = { avg: 'avg', variance: 'var_samp', varSamp: 'var_samp', varPop: 'var_pop', stddev: 'stddev_samp', stddevSamp: 'stddev_samp', stddevPop: 'stddev_pop' }[name]
  // Of equal decimals a distinct one is without zeros at the end.
  const arg = type === 'float' ? `(${a.sql})::float8` : o.distinct ? `trim_scale(${a.sql})` : a.sql
  return node(call(name, [a.code], o), `${sql}(${o.distinct}${arg})${o.filter}`, type, type === 'float' ? { near: 1 } : {})
}

/** Of rows without a key, those of a query in the place of a table, the order is any. */
const keyed = (make) => (m, s, ...rest) => (s.rows.isKeyed ? make(m, s, ...rest) : undefined)

const lists = (type, of) => keyed((m, s) => {
  const a = m.expr(of, s.rows, 1)
  if (a === undefined) return undefined
  const o = options(m, s.rows, { distinct: true, order: true, own: a })
  return node(call('arrayAgg', [a.code], o), `array_agg(${o.distinct}${a.sql}${o.order})${o.filter}`, type)
})

export const aggregates = {
  int: [
    (m, s) => { const o = options(m, s.rows); return node(`count(${o.code.join()})`, `count(*)${o.filter}`, 'int', { strict: true }) },
    (m, s) => { const a = m.expr(m.r.pick(m.types(s.rows).filter((t) => t !== 'json')), s.rows, 1), o = options(m, s.rows, { distinct: true }); return node(call('count', [a.code], o), `count(${o.distinct}${a.sql})${o.filter}`, 'int', { strict: true }) },
    (m, s) => { const a = m.safe('int', s.rows, 1), o = options(m, s.rows, { distinct: true }); return node(call('sum', [a.code], o), `(sum(${o.distinct}${a.sql})${o.filter})::int8`, 'int') },
    (m, s) => { const grouped = s.grouped ?? []; if (grouped.length === 0) return undefined; const some = m.r.some(grouped, 1); return node(`grouping(${some.map((x) => x.code).join(', ')})`, `grouping(${some.map((x) => x.sql).join(', ')})::int8`, 'int') },
  ],
  bigint: [(m, s) => { const a = m.safe('bigint', s.rows, 1), o = options(m, s.rows, { distinct: true }); return node(call('sum', [a.code], o), `(sum(${o.distinct}${a.sql})${o.filter})::int8`, 'bigint') }],
  float: [
    averages('float', ['int', 'bigint', 'float']),
    (m, s) => { const a = m.safe('float', s.rows, 1), o = options(m, s.rows, { distinct: true }); return node(call('sum', [a.code], o), `sum(${o.distinct}${a.sql})${o.filter} + 0::float8`, 'float') },
    (m, s) => { const a = m.safe(m.r.pick(['int', 'float', 'decimal', 'bigint']), s.rows, 1), o = options(m, s.rows), p = m.r.pick([0, 0.25, 0.9, 1]); return m.r.oneIn(2) ? node(call('median', [a.code], o), `percentile_cont(0.5) within group (order by (${a.sql})::float8)${o.filter} + 0::float8`, 'float') : node(call('percentileCont', [a.code, String(p)], o), `percentile_cont(${p}) within group (order by (${a.sql})::float8)${o.filter}`, 'float', { near: 1 }) },
  ],
  decimal: [
    averages('decimal', ['decimal']),
    (m, s) => { const a = m.safe('decimal', s.rows, 1), o = options(m, s.rows, { distinct: true }); return node(call('sum', [a.code], o), `sum(${o.distinct}${a.sql})${o.filter}`, 'decimal') },
  ],
  interval: [(m, s) => { const a = m.leaf('interval', s.rows, { safe: true }), o = options(m, s.rows), name = m.r.pick(['sum', 'avg']); return node(call(name, [a.code], o), `${name}(${a.sql})${o.filter}`, 'interval') }],
  bool: [(m, s) => { const a = m.bool(s.rows, 1), o = options(m, s.rows), name = m.r.pick(['boolAnd', 'boolOr', 'every']); return node(call(name, [a.code], o), `${{ boolAnd: 'bool_and', boolOr: 'bool_or', every: 'every' }[name]}(${a.sql})${o.filter}`, 'bool') }],
  text: [keyed((m, s) => {
    const a = m.texty(s.rows, 1), o = options(m, s.rows, { distinct: true, order: true, own: a }), separator = m.r.pick([', ', '', '😀'])
    // A distinct list is sorted by its values, which are texts here.
    return node(call('stringAgg', [a.code, JSON.stringify(separator)], o), `string_agg(${o.distinct}${a.sql}, '${separator}'${o.order})${o.filter}`, 'text')
  })],
  json: [
    keyed((m, s) => { const a = m.expr(m.r.pick([...m.types(s.rows).filter((t) => t !== 'bytes' && !t.includes('float') && !t.startsWith('decimal'))]), s.rows, 1), o = options(m, s.rows, { distinct: true, order: true, own: a }); return node(call('jsonAgg', [a.code], o), `jsonb_agg(${o.distinct}${a.sql}${o.order})${o.filter}`, 'json') }),
    keyed((m, s) => { const a = m.expr(m.r.pick(['decimal', 'json', 'time', 'interval']), s.rows, 1), o = options(m, s.rows, { order: true, own: a }); return node(call('arrayAgg', [a.code], o), `jsonb_agg(${a.sql}${o.order})${o.filter}`, 'json') }),
  ],
  ...Object.fromEntries(elements.map((of) => [`${of}[]`, [lists(`${of}[]`, of)]])),
  any: [
    // The least and the greatest, of types too that PostgreSQL has no `min` of.
    (m, type, s) => { if (type.endsWith('[]')) return undefined; const a = m.expr(type, s.rows, 1); if (a === undefined) return undefined; const name = m.r.pick(['min', 'max']), o = options(m, s.rows); return node(call(name, [a.code], o), `(array_agg(${a.sql} order by ${a.sql} ${name === 'min' ? 'asc' : 'desc'}) filter (where ${a.sql} is not null${o.filter ? ` and (${o.filter.slice(15, -1)})` : ''}))[1]`, type, { strict: a.strict }) },
    (m, type, s) => { if (type.endsWith('[]') || !s.rows.isKeyed) return undefined; const a = m.expr(type, s.rows, 1); if (a === undefined) return undefined; const name = m.r.pick(['first', 'last']), o = options(m, s.rows, { order: true }); return node(call(name, [a.code], o), `(array_agg(${a.sql}${name === 'first' ? o.order : o.reversed})${o.filter})[1]`, type, { strict: a.strict }) },
    (m, type, s) => { if (type.endsWith('[]')) return undefined; const a = m.expr(type, s.rows, 1); if (a === undefined) return undefined; const p = m.r.pick([0, 0.5, 1]), o = options(m, s.rows); return m.r.oneIn(2) ? node(call('percentileDisc', [a.code, String(p)], o), `percentile_disc(${p}) within group (order by ${a.sql})${o.filter}`, type, { strict: a.strict }) : node(call('mode', [a.code], o), `mode() within group (order by ${a.sql})${o.filter}`, type, { strict: a.strict }) },
  ],
}
