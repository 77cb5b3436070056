// Random schemas as users declare them, and random histories of their rows: what `db.apply` or `db.applyJson` is given, beside the SQL of the same.
import { arrays, scalars } from './builder-expressions.mjs'
import { codeOf, jsonOf, keyValues, nothing, types, valuesOf } from './builder-values.mjs'

// What is said of types is a comment in JavaScript.
const META = 'json/*<{ n?: number | null; s?: string | null; b?: boolean | null; list?: (number | null)[]; d?: { e: string; f?: unknown[] } }>*/()'
const names = ['title', 'order', 'dueAt', 'value', 'group', 'points', 'select', 'from', 'end', 'user', 'rank', 'limit', 'total', 'next', 'kind', 'label', 'at', 'mark', 'note', 'state', 'size', 'weight', 'level', 'tags', 'extra', 'more', 'last', 'first', 'count', 'zone', 'code', 'hash']
export const q = (name) => `"${name}"`

/** `conditionOf` makes a condition and an order of an association of some tables: `{ code, where, order }`, with the columns of `"issues"`. */
export function makeSchema(r, conditionOf) {
  const keyTypes = ['int', 'text', 'uuid', 'bigint', 'date', 'int', 'text', 'timestamp', 'decimal', 'time', 'interval', 'float', 'bytes']
  const issueKey = r.pick(keyTypes), personKey = r.pick(keyTypes.slice(0, 7))
  const others = (share) => {
    const free = r.shuffle(names)
    const own = [...scalars.filter(() => r.below(10) < 7).map((type) => [type, true]), ...scalars.filter(() => r.below(10) < share).map((type) => [type, false]), ...arrays.filter(() => r.below(10) < 3).map((type) => [type, true])]
    return own.filter(([type, safe]) => !(type === 'json' && safe)).map(([type, safe]) => ({ name: free.pop(), type, safe, nullable: r.below(10) < 6 }))
  }
  // Big integers among keys are as big as they come.
  const column = (name, type, more) => ({ name, type, safe: type !== 'bigint', nullable: false, ...more })
  const tables = [
    { name: 'people', key: ['id'], columns: [column('id', personKey, { key: true }), ...others(2)] },
    { name: 'issues', key: ['id'], columns: [column('id', issueKey, { key: true }), column('personId', personKey, { nullable: true, of: personKey }), column('parentId', issueKey, { nullable: true, of: issueKey }), column('meta', 'json', { nullable: r.oneIn(2), declared: META }), ...others(4)] },
    { name: 'links', key: ['issueId', 'personId'], columns: [column('issueId', issueKey, { key: true }), column('personId', personKey, { key: true }), column('n', 'int', { nullable: true })] },
  ]
  const { code: busy, where, order } = conditionOf(tables)
  const declared = (col) => `${col.declared ?? types[col.type].column}${col.nullable ? '.nullable()' : ''}${col.key ? '.key()' : ''}`
  const code = `defineSchema({\n${tables.map((t) => `  ${t.name}: table({ ${t.columns.map((col) => `${col.name}: ${declared(col)}`).join(', ')} }),`).join('\n')}\n}, {\n` +
    `  issues: { person: belongsTo('people', 'personId'), parent: belongsTo('issues', 'parentId'), children: hasMany('issues', 'parentId'), links: hasMany('links', 'issueId', { orderBy: [['n', 'desc']] }), folk: manyToMany('people', 'links', ['issueId', 'personId'], { orderBy: [['id', 'asc']] }) },\n` +
    `  people: { issues: hasMany('issues', 'personId', { orderBy: [['id', 'desc']] }), latest: hasOne('issues', 'personId', { orderBy: [['id', 'desc']] }), helpers: through('issues', 'folk'), busy: hasMany('issues', 'personId', ${busy}) },\n})`
  return { tables, code, busy: { where, order } }
}

export const tablesSql = ({ tables }) => ['drop schema if exists b cascade', 'create schema b', 'set search_path to b', ...tables.map((t) =>
  `create table ${q(t.name)} (${[...t.columns.map((col) => `${q(col.name)} ${types[col.type].sql}${col.type.startsWith('text') ? ' collate "C"' : ''}${col.nullable ? '' : ' not null'}`), `primary key (${t.key.map(q).join(', ')})`].join(', ')})`)].join(';\n')

/** Batches of changes: each `{ changes, json }`. A change has values, `{ sql, forms }`, of which each time one form is taken. */
export function makeHistory(r, { tables }) {
  const held = new Map(tables.map((t) => [t.name, new Map()]))
  const valueOf = (col) => {
    if (col.key || col.of) return col.nullable && r.oneIn(4) ? nothing(col.type) : r.pick(keyValues(col.type))
    if (col.nullable && r.oneIn(4)) return nothing(col.type)
    const value = r.pick(valuesOf(col.type, col.safe))
    return { ...value, forms: [r.pick(value.forms)] }
  }
  const one = (value) => ({ ...value, forms: [value.forms[0]] })
  // A column that is null may be left out.
  const given = (col) => { const value = valueOf(col); return value.isNull && r.oneIn(3) ? { ...value, isAbsent: true } : value }
  const row = (t) => Object.fromEntries(t.columns.map((col) => [col.name, given(col)]))
  const keyOf = (t, values) => t.key.map((k) => values[k].sql).join('|')
  const put = (t, op) => {
    const values = row(t)
    const known = held.get(t.name)
    // Only rows that are not there can be inserted.
    const as = known.has(keyOf(t, values)) ? 'upsert' : op
    known.set(keyOf(t, values), values)
    return { op: as, table: t.name, row: values }
  }
  const existing = (t) => { const all = [...held.get(t.name).values()]; return all.length > 0 && !r.oneIn(8) ? r.pick(all) : row(t) }
  const change = () => {
    const t = r.pick([tables[0], tables[1], tables[1], tables[2]])
    switch (r.below(6)) {
      case 0: case 1: return put(t, 'insert')
      case 2: return put(t, 'upsert')
      case 3: {
        const old = existing(t), free = t.columns.filter((col) => !col.key)
        return { op: 'update', table: t.name, named: r.oneIn(3), id: t.key.map((k) => one(old[k])), set: Object.fromEntries(r.some(free, 1).slice(0, 4).map((col) => [col.name, valueOf(col)])) }
      }
      case 4: {
        const old = existing(t)
        held.get(t.name).delete(keyOf(t, old))
        return { op: 'delete', table: t.name, named: r.oneIn(3), id: t.key.map((k) => one(old[k])) }
      }
      default: {
        if (!r.oneIn(4)) return put(t, 'upsert')
        held.get(t.name).clear()
        return { op: 'reset', table: t.name, rows: Array.from({ length: r.below(6) }, () => put(t, 'insert')).filter((made) => made.op === 'insert').map((made) => made.row) }
      }
    }
  }
  const begin = []
  for (const [t, n] of [[tables[0], 5], [tables[1], 11], [tables[2], 9]]) for (let i = 0; i < n; i++) begin.push(put(t, 'insert'))
  const batches = [{ changes: begin, json: r.oneIn(3) }]
  // Rows of larger batches are never looked at again: above 64 they are encoded another way.
  for (let i = 0; i < 4; i++) batches.push({ changes: Array.from({ length: r.oneIn(16) ? 75 : r.between(1, 7) }, change), json: r.oneIn(3) })
  return batches
}

/** The changes as JavaScript has them. */
export const changesOf = (schema, changes, isJson = false) => changes.map((given) => {
  const { key } = schema.tables.find((t) => t.name === given.table)
  const plain = (values) => Object.fromEntries(Object.entries(values).filter(([, x]) => !x.isAbsent).map(([name, x]) => [name, copyOf(isJson && (x.type === 'interval' || x.type === 'date') && !x.isNull ? x.text : x.forms[0])]))
  return {
    op: given.op, table: given.table,
    ...(given.row ? { row: plain(given.row) } : {}), ...(given.rows ? { rows: given.rows.map(plain) } : {}), ...(given.set ? { set: plain(given.set) } : {}),
    ...(given.id ? { id: given.named && key.length > 1 ? Object.fromEntries(key.map((k, i) => [k, copyOf(given.id[i].forms[0])])) : key.length === 1 ? copyOf(given.id[0].forms[0]) : given.id.map((x) => copyOf(x.forms[0])) } : {}),
  }
})
const copyOf = (value) => (value !== null && typeof value === 'object' ? structuredClone(value) : value)

/** The same as JSON text; undefined if it has values that JSON has not. */
export const jsonText = (schema, changes) => jsonOf(changesOf(schema, changes, true))

export const programOf = (schema, changes) => codeOf(changesOf(schema, changes))

/** The same as SQL. */
export function batchSql({ tables }, changes) {
  const statements = changes.flatMap((given) => {
    const t = tables.find((x) => x.name === given.table)
    const into = (values) => `insert into ${q(t.name)} values (${t.columns.map((col) => values[col.name].sql).join(', ')})`
    const where = () => t.key.map((k, i) => `${q(k)} = ${given.id[i].sql}`).join(' and ')
    switch (given.op) {
      case 'insert': return [into(given.row)]
      case 'upsert': return [`delete from ${q(t.name)} where ${t.key.map((k) => `${q(k)} = ${given.row[k].sql}`).join(' and ')}`, into(given.row)]
      case 'update': return [`update ${q(t.name)} set ${Object.entries(given.set).map(([name, x]) => `${q(name)} = ${x.sql}`).join(', ')} where ${where()}`]
      case 'delete': return [`delete from ${q(t.name)} where ${where()}`]
      case 'reset': return [`delete from ${q(t.name)}`, ...given.rows.map(into)]
    }
    throw new Error(given.op)
  })
  return ['begin', ...statements, 'commit'].join(';\n')
}
