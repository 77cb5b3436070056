// Random sources of queries: tables, queries in their place, joins, conditions, and sub-queries within expressions. See `builder-queries.mjs`.
import { orderItem } from './builder-aggregates.mjs'
import { Maker, cased, posix } from './builder-expressions.mjs'
import { q } from './builder-schema.mjs'

/** Operators of `where('status', '=', 'open')`. */
export const operators = ['=', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'like', 'not like', 'ilike', 'not ilike', '~', '~*', '!~', '!~*', 'between', 'not between', 'is', 'is not']

export class SourceMaker extends Maker {
  constructor(r, schema) {
    super(r)
    this.schema = schema
  }

  // ---- sources ---------------------------------------------------------------------------------------------------------

  table(name, alias) {
    const t = this.schema.tables.find((x) => x.name === name)
    const code = this.r.oneIn(3) ? `from(schema, '${name}')` : `db.query.${name}`
    return { code: alias ? `${code}.as('${alias}')` : code, from: `${q(name)}${alias ? ` ${q(alias)}` : ''}`, alias: alias ?? name, table: t, columns: t.columns.map((col) => ({ name: col.name, type: col.type, safe: col.safe, strict: true })), key: t.key }
  }

  /** A query in the place of a table. */
  derived(depth) {
    const alias = this.fresh('d')
    const inner = this.select({ depth: depth - 1, within: true })
    return { code: `from(${inner.code}.as('${alias}'))`, joinCode: `${inner.code}.as('${alias}')`, from: `(${inner.sql}) ${q(alias)}`, alias, columns: inner.members, key: undefined }
  }

  /** Nodes of columns: `under` is what they are members of. */
  columnsOf(source, under) {
    return source.columns.map((col) => ({ ...col, code: `${under}.${col.name}`, sql: `${q(source.alias)}.${q(col.name)}` }))
  }

  scope(sources, v) {
    const columns = sources.length === 1 ? this.columnsOf(sources[0], v) : sources.flatMap((x) => this.columnsOf(x, `${v}.${x.alias}`))
    const keyNodes = sources.flatMap((x) => (x.key ?? []).map((k) => columns.find((col) => col.sql === `${q(x.alias)}.${q(k)}`)))
    return { own: columns, columns, keys: keyNodes.map((k) => k.sql), keyNodes, isKeyed: sources.every((x) => x.key !== undefined) }
  }

  // ---- sub-queries in expressions --------------------------------------------------------------------------------------

  /** What makes sub-queries of a scope, to a depth. */
  making(depth) {
    if (depth <= 0) return undefined
    return { scalar: (m, type, s) => this.scalar(type, s, depth), exists: (m, s) => this.exists(s, depth), member: (m, s) => this.member(s, depth) }
  }

  /** A table under a name of its own, with a condition that reads outside. */
  correlated(s, depth) {
    const source = this.table(this.r.pick(['issues', 'people', 'links']), this.fresh('s'))
    const v = this.fresh('i')
    const inner = this.scope([source], v)
    const all = { ...inner, columns: [...inner.own, ...inner.own, ...s.columns] }
    let { code } = source
    const where = []
    // Half of the time equal to something outside.
    const pairs = inner.own.flatMap((a) => s.columns.filter((b) => b.type === a.type && !b.fixed).map((b) => [a, b]))
    const picked = []
    if (pairs.length > 0 && this.r.below(3) > 0) {
      const [a, b] = this.r.pick(pairs)
      // JSON of another form.
      if (a.type === 'json') this.isUntyped = true
      // A column outside can be named, too.
      const named = this.r.oneIn(4) ? /^"(\w+)"\."(\w+)"$/.exec(b.sql) : null
      picked.push({ code: `eq(${a.code}, ${named ? `outer('${named[1]}.${named[2]}')` : b.code})`, sql: `${a.sql} = ${b.sql}` })
    }
    if (this.r.oneIn(2)) picked.push(this.bool({ ...all, columns: this.r.oneIn(3) ? all.columns : inner.own }, 1))
    for (const p of picked) {
      code += `.where(${v} => ${p.code})`
      where.push(p.sql)
    }
    return { source, v, code, inner, from: `from ${source.from}${where.length > 0 ? ` where ${where.join(' and ')}` : ''}` }
  }

  scalar(type, s, depth) {
    if (s.rows || s.inAggregate) return undefined
    const { v, code, inner, from } = this.correlated(s, depth)
    const single = { ...inner, columns: inner.own, make: undefined }
    if (this.r.oneIn(2)) {
      const value = this.expr(type, { columns: [], rows: single, keys: inner.keys }, 1)
      if (value === undefined || value.fixed || !isAggregate(value.code)) return undefined
      this.loosely = true
      return { code: `scalar(${code}.select(${v} => ({ x: ${value.code} })))`, sql: `(select ${value.sql} ${from})`, type, near: value.near, strict: value.strict }
    }
    const x = this.leaf(type, single)
    if (x === undefined || x.fixed) return undefined
    const item = this.r.oneIn(2) ? undefined : orderItem(this, this.r.pick(inner.own))
    const order = [...(item ? [item.sql] : []), ...inner.keys.map((k) => `${k} asc nulls last`)]
    const ordered = item ? `.orderBy(${v} => ${item.code.startsWith('[') ? item.code.slice(1, -1) : item.code})` : ''
    return { code: `scalar(${code}${ordered}.limit(1).select('${x.name}'))`, sql: `(select ${x.sql} ${from} order by ${order.join(', ')} limit 1)`, type, strict: x.strict }
  }

  exists(s, depth) {
    if (s.rows) return undefined
    const name = this.r.pick(['exists', 'notExists'])
    const { code, from } = this.correlated(s, depth)
    return { code: `${name}(${code})`, sql: `(${name === 'exists' ? '' : 'not '}exists (select 1 ${from}))`, type: 'bool' }
  }

  member(s, depth) {
    if (s.rows) return undefined
    const name = this.r.pick(['inQuery', 'notInQuery'])
    const { code, from, inner } = this.correlated(s, depth)
    const x = this.r.pick(inner.own)
    const a = this.leaf(x.type, { columns: s.columns.filter((col) => !col.fixed) })
    if (a === undefined || a.fixed) return undefined
    return { code: `${name}(${a.code}, ${code}.select('${x.name}'))`, sql: `(${a.sql} ${name === 'inQuery' ? 'in' : 'not in'} (select ${x.sql} ${from}))`, type: 'bool' }
  }

  // ---- joins and conditions ---------------------------------------------------------------------------------------------

  /** Sources and their joins. */
  base(depth, { joins = this.r.oneIn(3) ? 1 + this.r.below(2) : 0, unnest = false } = {}) {
    const first = depth > 0 && this.r.oneIn(6) ? this.derived(depth) : this.table(this.r.pick(['issues', 'issues', 'issues', 'issues', 'people', 'people', 'links']))
    let { code, from } = first
    let sources = [first]
    for (let i = 0; i < joins; i++) {
      const isDerived = depth > 0 && this.r.oneIn(5)
      const next = isDerived ? this.derived(depth) : this.table(this.r.pick(['issues', 'people', 'links']))
      if (!isDerived) {
        const taken = sources.some((x) => x.alias === next.alias)
        const alias = taken || this.r.oneIn(4) ? this.fresh('j') : undefined
        next.joinCode = `'${next.table.name}'`
        if (alias) Object.assign(next, { alias, from: `${q(next.table.name)} ${q(alias)}`, joinAlias: alias })
      }
      const kind = this.r.pick(['inner', 'inner', 'left', 'left', 'right', 'full', 'cross'])
      const [l, r] = [this.fresh('l'), this.fresh('r')]
      const left = this.scope(sources, l), right = this.scope([next], r)
      const both = { columns: [...left.columns, ...right.columns], keys: [], keyNodes: [] }
      const on = this.on(left, right, both, kind)
      const alias = next.joinAlias ? `, '${next.joinAlias}'` : ''
      code += kind === 'cross' ? `.crossJoin(${next.joinCode}${alias})` : `.${kind}Join(${next.joinCode}, (${l}, ${r}) => ${on.code}${alias})`
      from += kind === 'cross' ? ` cross join ${next.from}` : ` ${kind} join ${next.from} on ${on.sql}`
      if (kind === 'right' || kind === 'full') sources = sources.map((x) => ({ ...x, optional: true }))
      sources.push({ ...next, optional: kind === 'left' || kind === 'full' })
    }
    if (unnest) {
      const v = this.fresh('u'), s = this.scope(sources, v), alias = this.fresh('e')
      const all = s.columns.filter((col) => col.type.endsWith('[]'))
      const a = all.length > 0 ? this.r.pick(all) : undefined
      const isMatch = a === undefined || this.r.oneIn(4)
      const t = this.leaf('text', s)
      if (!isMatch || (t && !t.fixed)) {
        const kind = this.r.oneIn(2) ? 'left' : 'cross'
        code += `.unnest('${alias}', ${v} => ${isMatch ? `regexpMatches(${t.code}, '(.)(a|b)?')` : a.code}${kind === 'left' ? ", 'left'" : this.r.oneIn(2) ? ", 'cross'" : ''})`
        from += ` ${kind === 'left' ? 'left join' : 'cross join'} lateral ${isMatch ? `(select m collate "C", n from regexp_matches(${posix(t.sql)}, '(.)(a|b)?', 'g') with ordinality x(m, n))` : `unnest(${a.sql}) with ordinality`} ${q(alias)}("value", "ordinality")${kind === 'left' ? ' on true' : ''}`
        sources.push({ alias, columns: [{ name: 'value', type: isMatch ? 'text[]' : a.type.slice(0, -2) }, { name: 'ordinality', type: 'int', strict: true }], key: undefined, unnested: true })
      }
    }
    return { code, from, sources, where: [] }
  }

  on(left, right, both, kind) {
    const pairs = right.columns.flatMap((b) => left.columns.filter((a) => a.type === b.type && /id$/i.test(a.name) && /id$/i.test(b.name)).map((a) => [a, b]))
    const [a, b] = pairs.length > 0 ? this.r.pick(pairs) : [undefined]
    // PostgreSQL's full joins are on equalities.
    if (kind === 'full' && a === undefined) return { code: 'and()', sql: 'true' }
    const equal = a && { code: `eq(${a.code}, ${b.code})`, sql: `${a.sql} = ${b.sql}` }
    if (equal && (kind === 'full' || this.r.below(3) > 0)) return equal
    const more = this.bool(both, 1)
    return equal ? { code: `and(${equal.code}, ${more.code})`, sql: `(${equal.sql} and ${more.sql})` } : more
  }

  filtered(query, depth) {
    for (let n = this.r.below(3); n > 0; n--) {
      const v = this.fresh('w')
      const s = { ...this.scope(query.sources, v), make: this.making(depth) }
      if (query.sources.length === 1 && this.r.oneIn(2)) {
        const made = this.byName(s)
        query.code += `.where(${made.code})`
        query.where.push(made.sql)
        continue
      }
      const made = this.bool(s, 2)
      query.code += `.where(${v} => ${made.code})`
      query.where.push(made.sql)
    }
    return query
  }

  /** `where('status', '=', 'open')`. */
  byName(s) {
    const { r } = this
    const op = r.pick(operators)
    const isText = /like|~/.test(op)
    const all = s.own.filter((col) => !isText || ['text', 'decimal', 'date', 'time', 'uuid', 'interval'].includes(col.type))
    const col = all.length > 0 ? r.pick(all) : r.pick(s.own)
    if (isText && !all.includes(col)) return { code: `'${col.name}', 'is not', null`, sql: `${col.sql} is not null` }
    const said = (code) => `'${col.name}', '${op}', ${code}`
    const text = col.type === 'text' ? col.sql : `((${col.sql})::text collate "C")`
    const value = () => this.constant(col.type)
    switch (op) {
      case 'in': case 'not in': {
        const list = Array.from({ length: r.below(4) }, value)
        return { code: said(`[${list.map((x) => x.code).join(', ')}]`), sql: list.length === 0 ? String(op === 'not in') : `(${col.sql} ${op} (${list.map((x) => x.sql).join(', ')}))` }
      }
      case 'between': case 'not between': { const a = value(), b = value(); return { code: said(`[${a.code}, ${b.code}]`), sql: `(${col.sql} ${op} ${a.sql} and ${b.sql})` } }
      case 'is': case 'is not': { if (r.oneIn(2)) return { code: said('null'), sql: `(${col.sql} ${op} null)` }; const a = value(); return { code: said(a.code), sql: `(${col.sql} ${op === 'is' ? 'is not distinct from' : 'is distinct from'} ${a.sql})` } }
      case 'like': case 'not like': { const p = r.pick(['%a%', '_b%', '', 'a\\%', '%0', '2%']); return { code: said(JSON.stringify(p)), sql: `(${text} ${op} '${p}')` } }
      case 'ilike': case 'not ilike': { const p = r.pick(['%A%', '_b%', '', '%0', 'é']); return { code: said(JSON.stringify(p)), sql: `(${cased(text)} ${op} ${cased(`'${p}'`)})` } }
      case '~': case '~*': case '!~': case '!~*': { const p = r.pick(['a', '^A', 'b$', '\\d', '^$']); return { code: said(JSON.stringify(p)), sql: `(${posix(text)} ${op} ${posix(`'${p}'`)})` } }
    }
    const a = value()
    return { code: said(a.code), sql: `(${col.sql} ${op === '!=' ? '<>' : op} ${a.sql})` }
  }

  whereSql(where) { return where.length > 0 ? ` where ${where.join(' and ')}` : '' }
}

/** Names of aggregates. */
export const aggregateNames = ['count', 'sum', 'avg', 'min', 'max', 'boolAnd', 'boolOr', 'every', 'stringAgg', 'arrayAgg', 'jsonAgg', 'first', 'last', 'stddev', 'stddevSamp', 'stddevPop', 'variance', 'varSamp', 'varPop', 'median', 'percentileCont', 'percentileDisc', 'mode', 'grouping']
/** Whether it is of groups. */
export const isAggregate = (code) => new RegExp(`\\b(${aggregateNames.join('|')})\\(`).test(code)
