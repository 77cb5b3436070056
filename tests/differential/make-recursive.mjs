// Random recursions that PostgreSQL can say too: one relation, made of rows of a table and of one linear step.
import { Expressions } from './make-expression.mjs'

const column = (name, of) => ({ op: 'col', name, of })

/** A recursion over two columns of a table as a source, with its columns; undefined if types allow none. */
export function makeRecursive({ r, schema, seen, ctes }, table, alias) {
  if (schema.large) return undefined
  // Intervals come out as `justify_interval` makes them: a listed departure.
  const of = (t) => t.columns.filter((c) => c.type !== 'interval')
  if (of(table).length === 0) return undefined
  const picked = [r.pick(of(table)), r.pick(of(table))]
  const found = picked.map((c, i) => ({ ...c, name: 'xy'[i], of: 'l', nullable: true }))
  // A common table expression may hide a table.
  const step = r.pick(schema.tables.filter((t) => ctes.every((c) => c.name !== t.name)))
  const right = of(step).map((c) => ({ ...c, of: 't', nullable: true }))
  const pairs = found.flatMap((a) => right.filter((b) => a.type === b.type).map((b) => [a, b]))
  if (pairs.length === 0) return undefined
  seen.add('recursive')
  const base = { from: table.name, alias: 'b', select: picked.map((c, i) => ({ name: 'xy'[i], expr: column(c.name, 'b') })) }
  const own = new Expressions(r, table.columns.map((c) => ({ ...c, of: 'b' })), seen)
  if (r.oneIn(3)) base.where = own.condition()
  const [a, b] = r.pick(pairs)
  const kind = r.oneIn(5) ? 'left' : 'inner'
  const on = { op: '=', args: [column(a.name, 'l'), column(b.name, 't')] }
  const again = { from: { relation: 'g', alias: 'l' }, joins: [{ kind, table: step.name, alias: 't', on }] }
  if (r.oneIn(3)) again.where = new Expressions(r, [...found, ...right], seen).condition()
  again.select = found.map((c) => {
    const same = r.pick([c, ...right.filter((o) => o.type === c.type)])
    return { name: c.name, expr: column(same.name, same.of) }
  })
  const recursive = { relations: [{ name: 'g', columns: ['x', 'y'], branches: r.oneIn(2) ? [base, again] : [again, base] }], result: 'g' }
  // Values of the step's columns, which may be of another domain.
  const wide = { int: 'wide', bigint: 'wide', float: 'huge', text: 'rich', timestamp: 'far' }
  const columns = found.map((c) => ({ ...c, of: undefined, ...(wide[c.type] ? { domain: wide[c.type] } : {}) }))
  return { from: { recursive, alias }, columns }
}
