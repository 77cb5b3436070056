// Random window functions: all of them, over partitions and orders with many ties, in frames of every kind.
import { subqueryNumber } from './make-subquery.mjs'
import { domain, isSummable, literal } from './values.mjs'

/** Features of window functions. */
export const windows = ['rowNumber', 'ranks', 'ntile', 'shift', 'place', 'overSum', 'overExtreme', 'partitioned', 'rowsFrame', 'rangeFrame', 'groupsFrame', 'excluded']

const kinds = ['rowNumber', 'ranks', 'ntile', 'shift', 'place', 'overSum', 'overExtreme']
const framed = ['place', 'overSum', 'overExtreme']

/**
 * Puts window functions into a query: fields if it has a `select`, else the order.
 * @param parts `{ columns, numbers, key }`: makers of `{ expr, type, values? }` with an order, of numbers that can be summed
 * up, and of the expressions that identify a row
 */
export function makeWindows(state, parts) {
  const { r, wanted, wants, seen, json } = state
  const asked = windows.some((f) => wanted.includes(f))
  if (!asked && !r.oneIn(6)) return
  const calls = kinds.filter((k) => wanted.includes(k))
  const frames = ['rowsFrame', 'rangeFrame', 'groupsFrame', 'excluded'].some((f) => wanted.includes(f))
  if (frames && !calls.some((k) => framed.includes(k))) calls.push(r.pick(framed))
  while (calls.length === 0 || r.oneIn(3)) calls.push(r.pick(kinds))
  // A number that PostgreSQL rounds otherwise cannot be ordered by.
  const make = (kind, exact) => {
    seen.add(kind)
    return windowCall({ r, wants, seen }, kind, parts, exact)
  }
  if (json.select) calls.forEach((kind, i) => json.select.push({ name: `w${i}`, expr: make(kind, false) }))
  else state.windowOrder = calls.slice(0, 2).map((kind) => ({ expr: make(kind, true), ...(r.oneIn(2) ? { desc: true } : {}) }))
}

export function windowCall({ r, wants, seen }, kind, parts, exact) {
  const { name, args } = call(r, kind, parts, exact)
  const over = {}
  if (wants('partitioned', 2)) {
    seen.add('partitioned')
    over.partitionBy = Array.from({ length: r.oneIn(4) ? 2 : 1 }, () => parts.column().expr)
  }
  const keys = Array.from({ length: r.pick([0, 1, 1, 1, 2]) }, () => parts.column())
  if (keys.length === 0 && (wants('groupsFrame') || wants('rangeFrame'))) keys.push(parts.column())
  const item = ({ expr }) => ({ expr, ...(r.oneIn(2) ? { desc: true } : {}), ...(r.oneIn(4) ? { nulls: r.pick(['first', 'last']) } : {}) })
  if (framed.includes(kind)) {
    const frame = makeFrame({ r, wants, seen }, keys)
    if (frame) over.frame = frame
    // Which of some peers is first is left open by PostgreSQL: without peers nothing is. Where only places matter, the key
    // is put behind the order in the SQL alone.
    const places = frame?.unit === 'rows'
    const peers = !places || ['group', 'ties'].includes(frame.exclude)
    if (peers && (kind === 'place' || places)) {
      const distant = [frame?.start, frame?.end].some((b) => b?.offset !== undefined) && frame.unit === 'range'
      if (distant) Object.assign(frame, { start: { kind: 'unboundedPreceding' }, end: { kind: r.pick(['currentRow', 'unboundedFollowing']) } })
      keys.push(...parts.key.map((expr) => ({ expr })))
      if (keys.length === 0 && frame) frame.unit = 'rows'
    }
  }
  if (keys.length > 0) over.orderBy = keys.map(item)
  const filter = aggregates.includes(name) && parts.condition && r.oneIn(4) ? { filter: parts.condition() } : {}
  return { op: 'over', name, args, ...filter, over }
}

function call(r, kind, { column, number, text }, exact) {
  const small = (from) => literal('int', r.oneIn(12) ? null : r.between(from, 4))
  switch (kind) {
    case 'rowNumber': return { name: 'rowNumber', args: [] }
    case 'ranks': return { name: r.pick(['rank', 'denseRank', 'percentRank', 'cumeDist']), args: [] }
    case 'ntile': return { name: 'ntile', args: [small(1)] }
    case 'shift': {
      const { expr, type, values } = column()
      const args = [expr]
      if (r.below(3) > 0) args.push(small(-1))
      if (args.length > 1 && values && r.oneIn(2)) args.push(r.oneIn(2) ? literal(type, r.pick(values)) : expr)
      return { name: r.pick(['lag', 'lead']), args }
    }
    case 'place': {
      const name = r.pick(['firstValue', 'lastValue', 'nthValue'])
      return { name, args: [column().expr, ...(name === 'nthValue' ? [small(1)] : [])] }
    }
    case 'overSum': {
      const name = exact ? 'count' : r.pick(['sum', 'sum', 'avg', 'count'])
      if (name === 'count') return { name, args: r.oneIn(2) ? [] : [column().expr] }
      return { name, args: [number()] }
    }
    default: {
      // PostgreSQL has no least uuid.
      const { expr, type } = column()
      return { name: r.pick(['min', 'max']), args: [type === 'uuid' || type === 'json' || r.oneIn(3) ? text() : expr] }
    }
  }
}

const aggregates = ['count', 'sum', 'avg', 'min', 'max']
const ends = ['unboundedPreceding', 'preceding', 'currentRow', 'following', 'unboundedFollowing']

function makeFrame({ r, wants, seen }, keys) {
  const asked = ['rows', 'range', 'groups'].filter((u) => wants(`${u}Frame`))
  if (asked.length === 0 && !wants('excluded') && r.oneIn(3)) return undefined
  const unit = asked.length > 0 ? r.pick(asked) : r.pick(keys.length > 0 ? ['rows', 'range', 'groups'] : ['rows', 'range'])
  seen.add(`${unit}Frame`)
  // Ranges with offsets are over one column that has distances.
  const numeric = ['int', 'bigint', 'float', 'timestamp', 'decimal', 'date', 'time', 'interval']
  const distant = unit !== 'range' || (keys.length === 1 && keys[0].values !== undefined && numeric.includes(keys[0].type))
  const allowed = distant ? [0, 1, 1, 2, 3, 3, 4] : [0, 2, 4]
  let [a, b] = [r.pick(allowed), r.pick(allowed)].sort()
  if (a === 4) a = 2
  if (b === 0) b = 2
  const bound = (kind) => {
    if (kind % 2 === 0) return { kind: ends[kind] }
    if (unit !== 'range') return { kind: ends[kind], offset: r.oneIn(20) ? 100000 : r.between(0, 3) }
    const spans = ['0', '1 day', '1 mon', '1 mon -1 day', '00:00:01', '12:00', '3 years 2 mons 1 day']
    if (['date', 'time', 'interval'].includes(keys[0].type) || (keys[0].type === 'timestamp' && r.oneIn(2))) return { kind: ends[kind], offset: r.pick(spans) }
    const offsets = { float: [0, 0.5, 1, 2.5, 1e300], decimal: [0, 0.5, 1, 2.25, 1000000], timestamp: [0, 1, 1000, 43200000000] }[keys[0].type] ?? [0, 1, 2, 3, 2147483648]
    return { kind: ends[kind], offset: r.pick(offsets) }
  }
  const frame = { unit, start: bound(a) }
  if (b !== 2 || r.oneIn(2)) frame.end = bound(b)
  if (wants('excluded', 5)) {
    seen.add('excluded')
    frame.exclude = r.pick(['currentRow', 'group', 'ties', 'noOthers'])
  }
  return frame
}

/** The parts that window functions of a query without grouping are made of; `key`: expressions of the key. */
export function scopeParts(state, key) {
  const { r, expressions } = state
  const ordered = expressions.columns.filter((c) => c.type !== 'uuid')
  const numbers = expressions.columns.filter((c) => ['int', 'bigint', 'float', 'decimal', 'interval'].includes(c.type) && isSummable(c))
  const column = () => {
    if (r.oneIn(12)) return { expr: subqueryNumber(state), type: 'int' }
    const c = r.pick(ordered)
    return { expr: expressions.column(c), type: c.type, values: domain(c) }
  }
  const number = () => (numbers.length === 0 || r.oneIn(3) ? (r.oneIn(4) ? expressions.decimal() : expressions.number('int')) : expressions.column(r.pick(numbers)))
  return { column, number, text: () => expressions.value(r.pick(['int', 'text', 'float'])), condition: () => expressions.condition(), key }
}
