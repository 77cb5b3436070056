// Random queries of whole rows: those of a table with computed columns and associations, those of joins by the names of their tables. See `builder-queries.mjs`.
import { orderItem } from './builder-aggregates.mjs'
import { q } from './builder-schema.mjs'
import { SourceMaker, aggregateNames } from './builder-sources.mjs'

export class RowMaker extends SourceMaker {
  /** The condition and the order of an association of the schema. */
  condition() {
    const s = this.scope([this.table('issues')], this.fresh('i'))
    const made = this.byName(s), item = this.r.pick(s.own), ordered = orderItem(this, { code: `'${item.name}'`, sql: item.sql })
    return { code: `{ where: q => q.where(${made.code}), orderBy: [${ordered.code.startsWith('[') ? ordered.code : `[${ordered.code}]`}] }`, where: made.sql, order: [ordered.sql] }
  }

  /** Rows of tables as they are: of one with its associations, of several by their names. */
  whole(query, depth) {
    const { r } = this
    const [first] = query.sources
    if (query.sources.length > 1) {
      const ordered = this.inOrder(query, depth)
      const shape = query.sources.map((x) => ({ name: x.alias, row: x.columns }))
      const fields = query.sources.flatMap((x) => [...x.columns.map((col) => `${q(x.alias)}.${q(col.name)}`), x.optional ? `(${q(x.alias)}.${q(x.key[0])} is not null)` : 'true'])
      return { ...this.cut(ordered, `select ${fields.join(', ')} from ${query.from}${this.whereSql(query.where)}`, []), shape }
    }
    const extra = []
    // Columns computed of associations can be read by the steps behind them.
    const relations = associations(first.table.name, this.schema)
    if (relations.length > 0 && r.oneIn(3)) {
      const relation = r.pick(relations.filter((x) => !x.one || x.name === 'latest'))
      const at = this.fresh('t')
      const target = this.table(relation.to, at)
      const link = relation.link(q(first.alias), q(at))
      const from = `from ${target.from} where ${link}`
      const c = this.fresh('c'), rows = this.scope([target], c)
      if (r.oneIn(2)) {
        const name = r.oneIn(2) ? this.fresh('n') : undefined
        query.code += `.withCount('${relation.name}'${name ? `, '${name}'` : ''})`
        extra.push({ name: name ?? `${relation.name}Count`, type: 'int', strict: true, sql: `(select count(*) ${from})` })
      } else {
        const type = r.pick(['int', 'text', 'decimal', 'timestamp', 'float', 'bool', 'json'])
        const value = this.aggregate(type, { columns: [], rows: { ...rows, columns: rows.own }, keys: rows.keys, keyNodes: [] })
        if (value && !value.fixed && isOne(value.code)) {
          const name = this.fresh('n')
          this.loosely = true
          query.code += `.withAggregate('${name}', '${relation.name}', ${c} => ${value.code})`
          extra.push({ name, type: value.type, near: value.near, strict: value.strict, sql: `(select ${value.sql} ${from})` })
        }
      }
    }
    for (const x of extra) if (r.oneIn(2) && !x.near) {
      const item = orderItem(this, { code: `'${x.name}'`, sql: x.sql })
      query.code += `.orderBy(${item.code.startsWith('[') ? item.code.slice(1, -1) : item.code})`
      query.first = [item.sql]
    }
    const started = r.oneIn(4) && !query.first ? this.started(query) : undefined
    const ordered = started ?? this.inOrder(query, depth)
    if (query.first) ordered.order.unshift(...query.first)
    const nested = r.oneIn(2) ? this.nested(first, 2) : { code: '', fields: [], shape: [] }
    ordered.code += nested.code
    const fields = [...first.columns.map((col) => `${q(first.alias)}.${q(col.name)}`), ...extra.map((x) => x.sql), ...nested.fields]
    const shape = [...first.columns, ...extra, ...nested.shape]
    return { ...this.cut(ordered, `select ${fields.join(', ')} from ${query.from}${this.whereSql(ordered.where)}`, []), shape }
  }

  /** Behind a place in the order. */
  started(query) {
    const { r } = this
    const [first] = query.sources
    const s = this.scope(query.sources, 'k')
    const free = s.own.filter((col) => !first.key.includes(col.name) && !col.type.startsWith('json'))
    const by = r.shuffle(free).slice(0, r.below(3)).map((col) => ({ col, ...orderItem(this, { code: `'${col.name}'`, sql: col.sql }), value: this.constant(col.type, { plain: true }) }))
    const inclusive = r.oneIn(2)
    const keys = s.keyNodes.map((col) => ({ col, sql: `${col.sql} asc nulls last`, value: this.constant(col.type, { plain: true, safe: true }) }))
    const all = [...by, ...(by.length === 0 || r.oneIn(2) ? keys : [])]
    const isList = r.oneIn(2)
    const values = isList ? `[${all.map((x) => x.value.code).join(', ')}]` : `{ ${all.map((x) => `${x.col.name}: ${x.value.code}`).join(', ')} }`
    const behind = ({ col, sql, value }) => `(${col.sql} ${/ desc nulls/.test(sql) ? '<' : '>'} ${value.sql}${/nulls last/.test(sql) ? ` or ${col.sql} is null` : ''})`
    const chain = all.map((x, i) => [...all.slice(0, i).map((y) => `${y.col.sql} = ${y.value.sql}`), behind(x)].join(' and '))
    if (inclusive) chain.push(all.map((y) => `${y.col.sql} = ${y.value.sql}`).join(' and '))
    const code = by.map((x) => `.orderBy(${x.code.startsWith('[') ? x.code.slice(1, -1) : x.code})`).join('')
    const where = [...query.where, `(${chain.map((x) => `(${x})`).join(' or ')})`]
    return { ...query, code: `${query.code}${code}.${inclusive ? 'startAt' : 'startAfter'}(${values})`, where, order: [...by.map((x) => x.sql), ...s.keys.map((k) => `${k} asc nulls last`)] }
  }

  /** Associations loaded with the rows. */
  nested(owner, depth) {
    const { r } = this
    let code = ''
    const fields = [], shape = []
    for (const relation of r.some(associations(owner.table.name, this.schema)).slice(0, 2)) {
      const alias = this.fresh('n')
      const target = this.table(relation.to, alias)
      const v = this.fresh('c')
      const s = { ...this.scope([target], v) }
      const where = [relation.link(q(owner.alias), q(alias))]
      let inner = v
      const order = []
      if (r.oneIn(2)) {
        const w = this.fresh('w'), isNamed = r.oneIn(2)
        const made = isNamed ? this.byName(s) : this.bool(this.scope([target], w), 1)
        inner += isNamed ? `.where(${made.code})` : `.where(${w} => ${made.code})`
        where.push(made.sql)
      }
      if (relation.one || (relation.order && r.oneIn(2))) order.push(...(relation.order?.(q(alias)) ?? []))
      else {
        const col = r.pick(s.own)
        const item = orderItem(this, { code: `'${col.name}'`, sql: col.sql })
        inner += `.orderBy(${item.code.startsWith('[') ? item.code.slice(1, -1) : item.code})`
        order.push(item.sql)
      }
      order.push(...s.keys)
      const limit = relation.one ? undefined : r.pick([undefined, 1, 2])
      if (limit) inner += `.limit(${limit})`
      const below = depth > 1 && r.oneIn(2) ? this.nested(target, depth - 1) : { code: '', fields: [], shape: [] }
      inner += below.code
      const some = r.oneIn(4) ? r.some(s.own, 1) : undefined
      if (some) inner += `.select(${some.map((x) => `'${x.name}'`).join(', ')})`
      const own = some ?? s.own
      const cells = [...own.map((x) => `(${x.sql})::text`), ...below.fields.map((f) => `(${f})::text`)].join(', ')
      const rows = `select json_build_array(${cells}) as "x", row_number() over (order by ${order.join(', ')}) as "n" from ${target.from} where ${where.join(' and ')} order by ${order.join(', ')}${relation.one ? ' limit 1' : limit ? ` limit ${limit}` : ''}`
      code += inner === v ? `.with('${relation.name}')` : `.with('${relation.name}', ${v} => ${inner})`
      fields.push(relation.one ? `(select "x"::text from (${rows}) "y")` : `(select coalesce(json_agg("x" order by "n"), '[]')::text from (${rows}) "y")`)
      shape.push({ name: relation.name, [relation.one ? 'one' : 'list']: [...own, ...below.shape] })
    }
    return { code, fields, shape }
  }
}

/** Whether it is one aggregate, and nothing around it. */
const isOne = (code) => {
  const m = /^(\w+)\(/.exec(code)
  if (m === null || !aggregateNames.includes(m[1])) return false
  let open = 0
  for (let i = m[0].length - 1; i < code.length; i++) { if (code[i] === '(') open++; if (code[i] === ')' && --open === 0) return i === code.length - 1 }
  return false
}

/** The associations of a table: where they lead, and what links. */
function associations(table, { busy }) {
  if (table === 'links') return []
  if (table === 'people') {
    return [
      { name: 'issues', to: 'issues', link: (a, b) => `${b}."personId" = ${a}."id"` },
      { name: 'latest', to: 'issues', one: true, link: (a, b) => `${b}."personId" = ${a}."id"`, order: (b) => [`${b}."id" desc`] },
      // Its condition and its order are of the schema.
      { name: 'busy', to: 'issues', link: (a, b) => `${b}."personId" = ${a}."id" and ${busy.where.replaceAll('"issues".', `${b}.`)}`, order: (b) => busy.order.map((x) => x.replaceAll('"issues".', `${b}.`)) },
      { name: 'helpers', to: 'people', link: (a, b) => `exists (select 1 from "issues" hi join "links" hl on hl."issueId" = hi."id" where hi."personId" = ${a}."id" and hl."personId" = ${b}."id")` },
    ]
  }
  return [
    { name: 'person', to: 'people', one: true, link: (a, b) => `${b}."id" = ${a}."personId"` },
    { name: 'parent', to: 'issues', one: true, link: (a, b) => `${b}."id" = ${a}."parentId"` },
    { name: 'children', to: 'issues', link: (a, b) => `${b}."parentId" = ${a}."id"` },
    { name: 'links', to: 'links', link: (a, b) => `${b}."issueId" = ${a}."id"` },
    { name: 'folk', to: 'people', link: (a, b) => `exists (select 1 from "links" hl where hl."issueId" = ${a}."id" and hl."personId" = ${b}."id")` },
  ]
}
