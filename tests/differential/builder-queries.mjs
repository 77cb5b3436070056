// Random queries, as a user writes them with the steps of the builder, and the SQL of the same.
//
// A made query is `{ code, sql, members }`, and for the outermost `shape`; `ordered`: its rows are in a certain order, else the members in `by` are.
import { aggregates, orderItem } from './builder-aggregates.mjs'
import { choices, makers } from './builder-expressions.mjs'
import { RowMaker } from './builder-rows.mjs'
import { q } from './builder-schema.mjs'
import { isAggregate } from './builder-sources.mjs'
import { windowed } from './builder-windows.mjs'

export class QueryMaker extends RowMaker {
  /** The name of a member of a query beside others. */
  called(i) { return this.memberNames?.[i] ?? this.fresh('x') }

  // ---- queries of selected members -------------------------------------------------------------------------------------

  /** A value of a type that is written in one way only. */
  certain(type, s, depth = 1) { return type === 'decimal' || type === 'interval' ? this.leaf(type, s, { safe: true }) : this.expr(type, s, depth) }

  /** A query of selected members; `wanted`: their types. `within`: it is part of another. */
  select({ depth = 1, within = false, wanted } = {}) {
    const { r } = this
    switch (r.below(within ? 5 : 8)) {
      case 0: return this.grouped({ depth, within, wanted })
      case 1: return this.distinct({ depth, within, wanted })
      case 2: if (depth > 0 && wanted === undefined) return this.combined({ depth, within }); break
      case 3: if (!within) return this.first({ depth }); break
    }
    const query = this.filtered(this.base(depth, { unnest: r.oneIn(8) }), depth)
    const isLoose = within || !query.sources.every((x) => x.key !== undefined)
    if (within || r.oneIn(2)) {
      const { code, members } = this.members(query, depth, wanted, { windows: query.sources.every((x) => x.key !== undefined), within })
      query.code += code
      const sql = `select ${members.map((x) => `${x.sql} as ${q(x.name)}`).join(', ')} from ${query.from}${this.whereSql(query.where)}`
      if (within) return { code: query.code, sql, members: members.map(asColumn) }
      return isLoose ? this.byMembers({ code: query.code, sql, members }) : this.cut(this.inOrder(query, depth, members), sql, members)
    }
    if (isLoose) {
      const { members, code } = this.members(query, depth, wanted, {})
      return this.byMembers({ code: query.code + code, sql: `select ${members.map((x) => `${x.sql} as ${q(x.name)}`).join(', ')} from ${query.from}${this.whereSql(query.where)}`, members })
    }
    return this.whole(query, depth)
  }

  members(query, depth, wanted, { windows = false, within = false }) {
    const { r } = this
    const v = this.fresh('m')
    const s = { ...this.scope(query.sources, v), windows, make: this.making(depth) }
    if (wanted === undefined && query.sources.length === 1 && r.oneIn(3)) {
      const names = r.some(s.own, 1)
      return { code: `.select(${names.map((x) => `'${x.name}'`).join(', ')})`, members: names }
    }
    const list = wanted ?? Array.from({ length: 1 + r.below(4) }, () => r.pick(this.types(s)))
    const members = list.map((type, i) => {
      const made = within ? this.certain(type, s, 2) : this.expr(type, s, 2)
      return made && { ...made, name: wanted ? this.called(i) : `${r.pick(['a', 'b', 'total', 'order'])}${i}` }
    }).filter((x) => x !== undefined)
    const more = !wanted && r.oneIn(6) ? [constantMember(r, within)] : []
    if (members.length + more.length === 0) return this.members(query, depth, ['bool'], { windows, within })
    return { code: `.select(${v} => ({ ${[...members, ...more].map((x) => `${x.name}: ${x.code}`).join(', ')} }))`, members: [...members, ...more] }
  }

  /** In the order of columns or expressions, ties by the key. */
  inOrder(query, depth, members = []) {
    const { r } = this
    const order = []
    let code = ''
    for (let n = r.below(3); n > 0; n--) {
      const v = this.fresh('o')
      const s = { ...this.scope(query.sources, v), windows: r.oneIn(4) && !query.plain, make: query.plain ? undefined : this.making(depth) }
      const names = query.sources.length === 1 ? s.own.filter((col) => !members.some((x) => x.name === col.name)) : []
      const byName = names.length > 0 && r.oneIn(2)
      const x = byName ? r.pick(names) : this.expr(r.pick(this.types(s)), s, 1)
      const item = orderItem(this, x)
      order.push(item.sql)
      const rest = item.code.startsWith(`[${x.code}`) ? item.code.slice(1 + x.code.length, -1) : ''
      code += byName ? `.orderBy('${x.name}'${rest})` : `.orderBy(${v} => ${x.code}${rest})`
      const sortable = members.filter((x) => x.code !== 'null')
      if (r.oneIn(4) && sortable.length > 0) {
        const by = r.pick(sortable)
        const own = orderItem(this, { code: `'${by.name}'`, sql: by.sql })
        order.push(own.sql)
        code += `.orderBy(${own.code.startsWith('[') ? own.code.slice(1, -1) : own.code})`
      }
    }
    order.push(...this.scope(query.sources, 'k').keys.map((k) => `${k} asc nulls last`))
    return { ...query, code: query.code + code, order }
  }

  limited() {
    const { r } = this
    let code = '', sql = ''
    const count = (name, values) => {
      const n = r.pick(values)
      if (this.params && this.params.length < 4 && r.oneIn(3)) {
        const p = this.fresh('p')
        this.params.push({ name: p, type: 'int', values: r.shuffle(values).map((x) => ({ sql: String(x), forms: [x] })) })
        code += `.${name}(${this.parameter(p, 'int')})`
        sql += ` ${name} «${p}»`
      } else { code += `.${name}(${n})`; sql += ` ${name} ${n}` }
    }
    if (r.oneIn(3)) count('limit', [0, 1, 2, 5, 20])
    if (r.oneIn(4)) count('offset', [0, 1, 3])
    return { code, sql }
  }

  cut(query, sql, members) {
    const { code, sql: more } = this.limited()
    return { code: query.code + code, sql: `${sql} order by ${query.order.join(', ')}${more}`, members, shape: members, ordered: true }
  }

  /** Ordered by some of its members; by all of them if it is cut. */
  byMembers({ code, sql, members }) {
    const { r } = this
    const cut = r.oneIn(3)
    // An untyped null cannot be ordered by; it is the same in all rows.
    const sortable = members.filter((x) => x.code !== 'null')
    const by = (cut ? r.shuffle(sortable) : r.some(sortable)).map((x) => ({ ...orderItem(this, { code: `'${x.name}'`, sql: q(x.name) }), name: x.name }))
    const limit = cut ? this.limited() : { code: '', sql: '' }
    return {
      code: code + by.map((x) => `.orderBy(${x.code.startsWith('[') ? x.code.slice(1, -1) : x.code})`).join('') + limit.code,
      sql: `${by.length > 0 || limit.sql ? `select * from (${sql}) "w_"` : sql}${by.length > 0 ? ` order by ${by.map((x) => x.sql).join(', ')}` : ''}${limit.sql}`,
      members: members.map(asColumn), shape: members, by: by.map((x) => x.name),
    }
  }

  grouped({ depth, within, wanted }) {
    const { r } = this
    const query = this.filtered(this.base(depth), depth)
    const v = this.fresh('g'), rows = this.scope(query.sources, v)
    rows.columns = rows.own
    const bare = r.oneIn(5)
    let by = [], code = '', clause = ''
    const isNamed = query.sources.length === 1 && r.oneIn(2)
    if (!bare) {
      const groupTypes = ['text', 'int', 'bigint', 'bool', 'timestamp', 'date', 'uuid', 'decimal', 'json', 'float', 'time', 'interval', 'bytes', 'text[]', 'int[]']
      by = Array.from({ length: 1 + r.below(2) }, (_, i) => {
        const type = r.pick(groupTypes)
        const x = isNamed ? this.leaf(type, rows, { safe: type === 'decimal' || type === 'interval' }) : this.certain(type, rows, 1)
        return x === undefined || (isNamed && x.fixed) ? undefined : { ...x, member: isNamed ? x.name : `k${i}` }
      }).filter((x, i, all) => x !== undefined && !/«|scalar|exists|Query\(|^and\(\)|^or\(\)/.test(x.code + x.sql) && isRead(x, rows) && all.findIndex((y) => y?.sql === x.sql) === i)
      if (by.length === 0) by = [{ ...rows.own[0], member: isNamed ? rows.own[0].name : 'k0' }]
      const sets = r.oneIn(4) ? r.pick(['rollup', 'cube', 'groupingSets']) : undefined
      const names = by.map((x) => `'${x.member}'`), sqls = by.map((x) => x.sql)
      const members = `${v} => ({ ${by.map((x) => `${x.member}: ${x.code}`).join(', ')} })`
      if (sets) {
        const lists = sets === 'groupingSets' ? [`[${names.join(', ')}]`, ...(r.oneIn(2) ? [names[0]] : []), ...(r.oneIn(2) ? ['[]'] : [])] : names
        const listsSql = sets === 'groupingSets' ? lists.map((x) => (x === '[]' ? '()' : x.startsWith('[') ? `(${sqls.join(', ')})` : sqls[0])) : sqls
        code = isNamed ? `.groupBy(${sets}(${lists.join(', ')}))` : `.groupBy(${members}, ${sets}(${lists.join(', ')}))`
        clause = ` group by ${sets === 'groupingSets' ? 'grouping sets' : sets} (${listsSql.join(', ')})`
      } else {
        code = isNamed ? `.groupBy(${names.join(', ')})` : `.groupBy(${members})`
        clause = ` group by ${sqls.join(', ')}`
      }
      if (sets) rows.grouped = by
      // What is never null is, in rows of groupings without it: types know that of columns, not of what is made of them.
      if (sets && !isNamed) this.isUntyped = true
    }
    const w = rows.grouped
    const s = { columns: by.map((x) => ({ ...x, safe: x.safe && !x.fixed })), rows: { ...rows, make: undefined }, grouped: w, keys: rows.keys, keyNodes: [] }
    if (r.oneIn(3)) {
      const made = this.bool({ ...s }, 1)
      code += `.having(${v} => ${made.code})`
      clause += ` having ${made.sql}`
    }
    const list = wanted ?? Array.from({ length: 1 + r.below(4) }, () => r.pick(this.types(s)))
    // Over groups, too, which their members tell apart.
    if (!within && !w && by.length > 0) Object.assign(s, { windows: true, keyNodes: by })
    const members = list.map((type, i) => {
      const made = within && (type === 'decimal' || type === 'interval') ? this.leaf(type, { ...s, columns: s.columns.filter((x) => x.safe) }) : this.expr(type, s, 2)
      return made && { ...made, name: wanted ? this.called(i) : `g${i}` }
    }).filter((x) => x !== undefined)
    // Something of the group: what is only constants is no group to TypeScript, nor to PostgreSQL.
    if (!members.some((x) => isAggregate(x.code)) && !clause) members.push({ name: wanted ? this.fresh('x') : 'n', code: 'count()', sql: 'count(*)', type: 'int', strict: true })
    if (members.length === 0) members.push({ name: 'n', code: 'count()', sql: 'count(*)', type: 'int', strict: true })
    if (wanted && members.length !== wanted.length) return this.select({ depth: 0, within, wanted })
    const sql = `select ${members.map((x) => `${x.sql} as ${q(x.name)}`).join(', ')} from ${query.from}${this.whereSql(query.where)}${clause}`
    const made = { code: `${query.code}${code}.select(${v} => ({ ${members.map((x) => `${x.name}: ${x.code}`).join(', ')} }))`, sql, members }
    this.loosely = true
    return within ? { ...made, members: members.map(asColumn) } : this.byMembers(made)
  }

  distinct({ depth, within, wanted }) {
    const query = this.filtered(this.base(depth), depth)
    const { code, members } = this.members(query, depth, wanted, { within: true })
    this.loosely = true
    const made = { code: `${query.code}${code}.distinct()`, sql: `select distinct ${members.map((x) => `${x.sql} as ${q(x.name)}`).join(', ')} from ${query.from}${this.whereSql(query.where)}`, members }
    return within ? { ...made, members: members.map(asColumn) } : this.byMembers(made)
  }

  /** Rows of several queries, of one type each, whatever they call their members. */
  combined({ depth, within }) {
    const { r } = this
    const wanted = Array.from({ length: 1 + r.below(3) }, () => r.pick(['text', 'int', 'bool', 'decimal', 'date', 'float', 'timestamp', 'uuid', 'bigint', 'json', 'interval']))
    // By place, whatever they are called: to TypeScript they are called alike, and are of one kind.
    const names = wanted.map(() => this.fresh('x'))
    if (r.oneIn(3) || wanted.includes('bigint') || wanted.includes('json')) this.isUntyped = true
    const called = () => { this.memberNames = this.isUntyped ? undefined : [...names]; const made = this.select({ depth: 0, within: true, wanted }); this.memberNames = undefined; return made }
    const a = called()
    const others = Array.from({ length: 1 + (r.oneIn(3) ? 1 : 0) }, called)
    const op = r.pick(['union', 'unionAll', 'intersect', 'intersectAll', 'except', 'exceptAll'])
    const words = op.replace('All', ' all')
    this.loosely = true
    const made = { code: `${a.code}.${op}(${others.map((x) => x.code).join(', ')})`, sql: [a, ...others].map((x) => `(${x.sql})`).reduce((sql, x) => `(${sql} ${words} ${x})`), members: a.members }
    made.sql = `select ${a.members.map((x) => q(x.name)).join(', ')} from (${made.sql}) "rows"`
    if (r.oneIn(2)) {
      const v = this.fresh('w'), s = this.scope([{ alias: 'rows', columns: a.members }], v)
      const condition = this.bool(s, 1)
      made.code += `.where(${v} => ${condition.code})`
      made.sql += ` where ${condition.sql}`
    }
    return within ? made : this.byMembers({ ...made, members: a.members.map((x) => ({ ...x, strict: false })) })
  }

  /** The first of each, or the first few. */
  first({ depth }) {
    const { r } = this
    const query = this.inOrder({ ...this.filtered(this.base(0, { joins: r.oneIn(4) ? 1 : 0 }), 0), plain: true }, 0)
    const v = this.fresh('f'), s = this.scope(query.sources, v)
    const isNamed = query.sources.length === 1 && r.oneIn(2)
    const by = Array.from({ length: 1 + r.below(2) }, () => (isNamed ? r.pick(s.own) : this.certain(r.pick(this.types(s)), s, 1)))
    const few = r.oneIn(2) ? undefined : { limit: r.pick([1, 2, 3]), offset: r.pick([0, 0, 1]) }
    const said = isNamed ? by.map((x) => `'${x.name}'`) : [`${v} => ${by.length === 1 && r.oneIn(2) ? by[0].code : `[${by.map((x) => x.code).join(', ')}]`}`]
    const step = few === undefined ? `.distinctOn(${said.join(', ')})` : `.limitBy(${isNamed && by.length > 1 ? `[${said.join(', ')}]` : said[0]}, ${few.limit}${few.offset ? `, ${few.offset}` : ''})`
    const { code, members } = this.members(query, 0, undefined, {})
    const n = 'row_number() over (partition by '
    const inner = `select ${members.map((x) => `${x.sql} as ${q(x.name)}`).join(', ')}, ${n}${by.map((x) => x.sql).join(', ')} order by ${query.order.join(', ')}) as "r_", row_number() over (order by ${query.order.join(', ')}) as "n_" from ${query.from}${this.whereSql(query.where)}`
    const { limit = 1, offset = 0 } = few ?? {}
    const cut = this.limited()
    return { code: `${query.code}${step}${code}${cut.code}`, sql: `select ${members.map((x) => q(x.name)).join(', ')} from (${inner}) "w_" where "r_" > ${offset} and "r_" <= ${offset + limit} order by "n_"${cut.sql}`, members, shape: members, ordered: true }
  }

  /** What is reached from rows, at any depth. */
  recursive() {
    const { r } = this
    const name = this.fresh('below')
    const deep = r.oneIn(2)
    const base = `db.query.issues.select(p => ({ boss: p.parentId, id: p.id${deep ? ', depth: cast(0, \'int\')' : ''} }))`
    const step = `b => b.innerJoin('issues', (l, p) => ${deep ? 'and(eq(p.parentId, l.id), lt(l.depth, 3))' : 'eq(p.parentId, l.id)'}).select(r => ({ boss: r.${name}.boss, id: r.issues.id${deep ? `, depth: add(r.${name}.depth, 1)` : ''} }))`
    const sql = `with recursive ${q(name)}("boss", "id"${deep ? ', "depth"' : ''}) as (select "parentId", "id"${deep ? ', 0::int8' : ''} from "issues" union select b."boss", p."id"${deep ? ', b."depth" + 1' : ''} from ${q(name)} b join "issues" p on p."parentId" = b."id"${deep ? ' and b."depth" < 3' : ''}) select "boss", "id"${deep ? ', "depth"' : ''} from ${q(name)}`
    const key = this.schema.tables[1].columns[0].type
    this.loosely = true
    return this.byMembers({ code: `recursive('${name}', ${base}, ${step})`, sql, members: [{ name: 'boss', type: key, strict: true }, { name: 'id', type: key, strict: true }, ...(deep ? [{ name: 'depth', type: 'int' }] : [])] })
  }

  /** Queries with each of the makers of expressions, whatever chance has it. */
  every() {
    const { r } = this
    this.loosely = false
    const source = this.table('issues')
    const v = this.fresh('m'), s = { ...this.scope([source], v), make: this.making(1) }
    const of = (make, scope) => {
      for (let i = 0; i < 20; i++) {
        this.isUntyped = false
        const made = make(this, scope, 1)
        if (made !== undefined) return { ...made, isUntyped: this.isUntyped }
      }
      return undefined
    }
    const rows = Object.values(makers).flat().map((make) => of(make, s))
    rows.push(...choices.map((make) => of((m, scope, d) => make(m, r.pick(this.types(s)), scope, d), s)))
    for (const type of ['int', 'int', 'float', 'text', 'timestamp']) for (let i = 0; i < 8; i++) rows.push(of((m, scope) => windowed(m, type, scope, 1), s))
    const grouped = { ...s, make: undefined }
    const by = s.own[0]
    const groups = [...Object.entries(aggregates).flatMap(([type, all]) => all.map((make) => of((m, scope) => (type === 'any' ? make(m, r.pick(['text', 'int', 'date', 'uuid', 'bool']), scope) : make(m, scope)), { columns: [by], rows: grouped, keys: s.keys, keyNodes: [] })))]
    for (let i = 0; i < 8; i++) groups.push(of(aggregates.float[0], { columns: [], rows: grouped, keys: s.keys }), of(aggregates.float[2], { columns: [], rows: grouped, keys: s.keys }))
    // What is not for TypeScript is in queries of its own.
    const chunks = (all) => [true, false].flatMap((isUntyped) => {
      const made = all.filter((x) => x?.isUntyped === isUntyped).map((x, i) => ({ ...x, name: `x${i}` }))
      return Array.from({ length: Math.ceil(made.length / 6) }, (_, i) => made.slice(6 * i, 6 * i + 6))
    })
    const fields = (members) => members.map((x) => `${x.sql} as ${q(x.name)}`).join(', ')
    const record = (members) => `.select(${v} => ({ ${members.map((x) => `${x.name}: ${x.code}`).join(', ')} }))`
    return [
      ...chunks(rows).map((members) => ({ code: `${source.code}${record(members)}`, sql: `select ${fields(members)} from ${source.from} order by ${s.keys.join(', ')}`, shape: members, ordered: true, isUntyped: members[0].isUntyped })),
      ...chunks(groups).map((members) => ({ code: `${source.code}.groupBy('${by.name}')${record(members)}`, sql: `select ${fields(members)} from ${source.from} group by ${by.sql}`, shape: members, by: [], loosely: true, isUntyped: members[0].isUntyped })),
      ...['rollup', 'cube', 'groupingSets'].map((sets) => ({
        code: `${source.code}.groupBy(${sets}('${by.name}')).select(${v} => ({ by: ${by.code}, level: grouping(${by.code}), n: count() }))`,
        sql: `select ${by.sql}, grouping(${by.sql})::int8, count(*) from ${source.from} group by ${sets === 'groupingSets' ? 'grouping sets' : sets} (${by.sql})`,
        shape: [{ name: 'by', type: by.type, strict: true }, { name: 'level', type: 'int', strict: true }, { name: 'n', type: 'int', strict: true }], by: [], loosely: true, isUntyped: false,
      })),
    ].map((made) => ({ params: [], loosely: false, ...made }))
  }

  /** A query as an application has it. */
  query() {
    const { r } = this
    this.params = r.oneIn(4) ? [] : undefined
    // Parameters are declared for all of the query, or named where they stand.
    this.declared = r.below(3) > 0
    this.loosely = false
    this.isUntyped = false
    const made = r.oneIn(20) ? this.recursive() : this.select({ depth: 1 })
    // Some were of expressions that came to nothing.
    const params = (this.params ?? []).filter((p) => made.sql.includes(`«${p.name}»`))
    const code = params.length > 0 && this.declared ? `withParams({ ${params.map((p) => `${p.name}: '${p.type}'`).join(', ')} }, p => ${made.code})` : made.code
    return { ...made, code, params, loosely: this.loosely, isUntyped: this.isUntyped }
  }
}

/** To TypeScript a text that is chosen is that text: what reads it would have to be compared with it only. */
function constantMember(r, within) {
  const [code, sql, type] = r.pick([...(within ? [] : [["'issue'", "'issue'::text", 'text']]), ['0', '0::int8', 'int'], ['1.5', '1.5::float8', 'float'], ['true', 'true::bool', 'bool'], ['null', 'null::text', 'text'], ["new Date('2024-02-29T00:00:00.000Z')", "'2024-02-29 00:00:00+00'::timestamptz", 'timestamp']])
  return { name: 'constant', code, sql, type }
}

/** Whether it reads a column: a constant to group by is none to PostgreSQL. */
const isRead = (x, s) => s.own.some((col) => x.code.includes(col.code))
const asColumn = (x) => ({ name: x.name, type: x.type, strict: x.strict, near: x.near, safe: false })

