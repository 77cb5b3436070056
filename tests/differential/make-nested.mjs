// Random nested associations, up to three levels, each with its own where, order, limit, offset, select.
import { makeComputed } from './make-aggregate.mjs'
import { Expressions } from './make-expression.mjs'
import { makeOrder, orderables } from './make-order.mjs'

/** The `with` of a level over `table`, `levels` deep. */
export function makeNested(state, table, levels) {
  const { r, wanted, seen } = state
  const asked = table.relations.filter((x) => wanted.includes(x.kind))
  const relations = r.shuffle(table.relations).slice(0, r.between(1, 2))
  if (asked.length > 0 && !relations.some((x) => wanted.includes(x.kind))) relations[0] = r.pick(asked)
  return relations.map((relation, i) => {
    seen.add(relation.kind)
    const target = state.schema.tables.find((t) => t.name === relation.table)
    const query = makeLevel(state, relation, target, i === 0 ? levels - 1 : Math.min(levels - 1, r.below(2)))
    const as = r.oneIn(5) ? { as: `as_${relation.name}` } : {}
    return { relation: relation.name, ...as, ...(Object.keys(query).length > 0 ? { query } : {}) }
  })
}

function makeLevel(state, relation, target, levels) {
  const { r, seen } = state
  const json = {}
  const single = relation.kind === 'belongsTo' || relation.kind === 'hasOne'
  const computed = r.oneIn(8) ? makeComputed(state, target, json) : []
  const expressions = new Expressions(r, [...target.columns, ...computed], seen)
  if (r.oneIn(4)) json.where = expressions.condition()
  if (r.oneIn(4)) {
    json.select = r.some(target.columns, 1).slice(0, 3).map((c) => ({ name: c.name, expr: expressions.column(c) }))
    if (r.oneIn(2)) json.select.push({ name: 'x', expr: expressions.value(r.pick(['int', 'text', 'bool', 'float'])) })
  }
  if (r.oneIn(3)) {
    const wants = (f, odds) => f === 'order' || (r.oneIn(odds ?? 6) && !(single && f === 'start'))
    const key = target.key.map((name) => target.columns.find((c) => c.name === name))
    makeOrder({ r, seen, json, wants }, orderables({ r, json, expressions }), single ? undefined : key)
  }
  if (!single && r.oneIn(4)) {
    json.limit = r.between(0, 3)
    seen.add('limit')
  }
  if (!single && r.oneIn(8)) {
    json.offset = r.between(0, 2)
    seen.add('offset')
  }
  // Which rows of a list without an order come first, PostgreSQL cannot tell.
  if ((json.limit !== undefined || json.offset !== undefined) && !json.orderBy && !json.start) {
    json.orderBy = target.key.map((name) => ({ expr: { op: 'col', name } }))
  }
  if (levels > 0 && target.relations.length > 0) {
    json.with = makeNested(state, target, levels)
  }
  return json
}
