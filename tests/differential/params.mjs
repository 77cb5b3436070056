// Parameters in the place of literals of a query's conditions, its limit and offset; and the same query with values in their place.
import { randomOf } from './random.mjs'

const total = ['=', '!=', '<', '<=', '>', '>=', 'in', 'between', 'isDistinctFrom', 'isNotDistinctFrom', 'coalesce', 'nullif', 'case', 'caseOf', 'like', 'ilike']
const pool = { number: [0, 1, 2, 3, 7, -1], string: ['', 'a', 'b', 'ab', 'A', 'a%'], boolean: [true, false], count: [0, 1, 2, 5, null] }

// A fraction beside integers makes their comparison one of floats, which a parameter, having the type of its place, does not.
const liftable = ({ name, value }) => name === undefined && typeof value in pool && (typeof value !== 'number' || Number.isInteger(value))

/** The query with a parameter for each plain literal, and their first values: `{ json, values: { name: { kind, value } } }`. */
export function lifted(plain) {
  const values = {}
  const name = (kind, value) => {
    const key = `p${Object.keys(values).length}`
    values[key] = { kind, value }
    return key
  }
  const walk = (e, place) => {
    if (e.op === 'lit') return place && liftable(e) ? { op: 'param', name: name(typeof e.value, e.value) } : e
    // Aggregates and window functions have literals that are no values of rows; sub-queries are left as they are.
    if (e.op === 'agg' || e.op === 'over' || e.args === undefined) return e
    return { ...e, args: e.args.map((a) => walk(a, total.includes(e.op))) }
  }
  const json = { ...plain }
  if (plain.where) json.where = walk(plain.where, false)
  if (plain.joins) json.joins = plain.joins.map((j) => (j.kind === 'cross' || !j.on || j.unnest ? j : { ...j, on: walk(j.on, false) }))
  if (plain.with) json.with = plain.with.map((w) => (w.query?.where ? { ...w, query: { ...w.query, where: walk(w.query.where, false) } } : w))
  for (const cut of ['limit', 'offset']) {
    if (plain[cut] === undefined) continue
    delete json[cut]
    json[`${cut}Param`] = name('count', plain[cut])
  }
  return { json, values }
}

/** The query with values in the place of its parameters. */
export function withValues({ json, values }) {
  const walk = (e) => (e.op === 'param' ? { op: 'lit', value: values[e.name].value } : e.args === undefined ? e : { ...e, args: e.args.map(walk) })
  const plain = { ...json }
  if (json.where) plain.where = walk(json.where)
  if (json.joins) plain.joins = json.joins.map((j) => (j.on ? { ...j, on: walk(j.on) } : j))
  if (json.with) plain.with = json.with.map((w) => (w.query?.where ? { ...w, query: { ...w.query, where: walk(w.query.where) } } : w))
  for (const cut of ['limit', 'offset']) {
    const name = json[`${cut}Param`]
    delete plain[`${cut}Param`]
    if (name !== undefined && values[name].value !== null) plain[cut] = values[name].value
  }
  return plain
}

/** What is set after a batch: some parameters anew. */
export function nextValues(values, seed, batch) {
  const r = randomOf(seed * 64 + batch + 1)
  const names = Object.keys(values).filter(() => r.oneIn(2))
  return Object.fromEntries(names.map((name) => [name, { kind: values[name].kind, value: r.pick(pool[values[name].kind]) }]))
}
