// A few words to write the Query JSON of www/docs/boundary.md with.

const node = (x) => (x !== null && typeof x === 'object' ? x : lit(x))
export const lit = (value) => ({ op: 'lit', value })
export const decimal = (digits) => ({ op: 'lit', name: 'decimal', value: digits })
export const date = (text) => ({ op: 'lit', name: 'timestamp', value: text })
/** `alias.column` or `column`. */
export function col(path) {
  const [of, name] = path.includes('.') ? path.split('.') : [undefined, path]
  return of === undefined ? { op: 'col', name } : { op: 'col', name, of }
}
const fn = (op) => (...args) => ({ op, args: args.map(node) })
export const [eq, ne, lt, le, gt, ge] = ['=', '!=', '<', '<=', '>', '>='].map(fn)
export const [add, sub, mul, div] = ['+', '-', '*', '/'].map(fn)
export const [and, or, not, like, within, between, cases, substring] = ['and', 'or', 'not', 'like', 'in', 'between', 'case', 'substring'].map(fn)
export const year = (moment) => ({ op: 'extract', name: 'year', args: [moment] })
export const agg = (name, ...args) => ({ op: 'agg', name, ...(args.length > 0 ? { args } : {}) })
export const countDistinct = (arg) => ({ ...agg('count', arg), distinct: true })
export const exists = (query) => ({ op: 'exists', query })
export const notExists = (query) => ({ op: 'notExists', query })
export const inQuery = (x, query) => ({ op: 'inQuery', args: [x], query })
export const notInQuery = (x, query) => ({ op: 'notInQuery', args: [x], query })
export const scalar = (query) => ({ op: 'scalar', query })

/** A record of expressions as the list that `select` and `groupBy` take. */
export const fields = (record) => Object.entries(record).map(([name, expr]) => ({ name, expr }))
export const asc = (name) => ({ expr: col(name) })
export const desc = (name) => ({ expr: col(name), desc: true })
export const join = (table, on, alias) => ({ kind: 'inner', table, ...(alias ? { alias } : {}), on })
export const leftJoin = (table, on) => ({ kind: 'left', table, on })

/** l_extendedprice * (1 - l_discount) */
export const revenue = (of = 'lineitem') => mul(col(`${of}.l_extendedprice`), sub(1, col(`${of}.l_discount`)))
