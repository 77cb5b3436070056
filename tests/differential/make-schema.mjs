// Random schemas: tables, keys, columns of all types, foreign keys, and associations of all kinds over them.
import { domainsOf, types } from './values.mjs'

/**
 * A schema as the boundary takes it; columns carry `domain` besides, which the engine does not read.
 * Foreign keys are columns only: rows may refer to what is not there.
 */
export function makeSchema(r) {
  const tables = []
  const links = []
  // Large tables fill more than one node of the ordered lists.
  const large = r.oneIn(8)
  for (let t = 0, n = r.between(2, 4); t < n; t++) {
    const table = { name: `t${t}`, key: [], columns: [], relations: [] }
    tables.push(table)
    addKey(r, table, large)
    addColumns(r, table)
    if (t > 0) links.push(addForeignKey(r, table, tables[r.below(t)]))
    if (r.below(3) > 0) links.push(addForeignKey(r, table, r.pick(tables)))
  }
  for (const link of links) addRelations(r, link)
  for (const a of links) for (const b of links) if (a !== b && a.from === b.from && a.references === undefined && b.references === undefined) addManyToMany(r, a, b)
  for (const table of tables) addThrough(r, tables, table)
  return { tables, large }
}

function addKey(r, table, large) {
  const kinds = ['int', 'int', 'text', 'bigint', 'timestamp', 'float', 'bytes', 'decimal', 'date', 'uuid', 'interval', 'bool', 'int[]']
  const parts = r.oneIn(3) ? 2 : 1
  for (let k = 0; k < parts; k++) {
    // A key of one bool makes a table of two rows: only as part of a composite key.
    const type = large && k === 0 ? 'int' : r.pick(kinds.slice(0, parts === 2 ? 13 : 11))
    const domain = large && k === 0 ? 'many' : type === 'text' ? 'plain' : domainsOf(type)[0]
    table.columns.push({ name: `k${k}`, type, nullable: false, domain })
    table.key.push(`k${k}`)
  }
}

function addColumns(r, table) {
  r.shuffle(types).slice(0, r.between(3, 6)).forEach((type, c) => {
    table.columns.push({ name: `c${c}`, type, nullable: r.below(3) > 0, domain: r.pick(domainsOf(type)) })
  })
  // Numbers to compute with are wanted in every table.
  table.columns.push({ name: 'n', type: r.pick(['int', 'float', 'bigint', 'decimal']), nullable: r.oneIn(2), domain: 'small' })
  const last = table.columns.at(-1)
  if (last.type === 'decimal') last.domain = 'money'
  if (r.oneIn(3)) table.columns.unshift({ name: 's', type: 'text', nullable: true, domain: 'plain' })
}

function addForeignKey(r, from, to) {
  const links = from.columns.filter((c) => c.name.startsWith('f')).length
  let targets = to.key
  let references
  const others = to.columns.filter((c) => !to.key.includes(c.name) && c.type !== 'json')
  if (r.oneIn(6) && others.length > 0) references = targets = [r.pick(others).name]
  const columns = targets.map((name, i) => {
    const column = to.columns.find((c) => c.name === name)
    from.columns.push({ name: `f${links + i}`, type: column.type, nullable: r.below(3) > 0, domain: column.domain })
    return `f${links + i}`
  })
  // Which columns refer where, for rows that do.
  from.links = [...(from.links ?? []), { table: to.name, columns, references: targets }]
  return { from, to, columns, references }
}

function refinements(r, table) {
  const column = r.pick(table.columns.filter((c) => c.type !== 'json'))
  const relation = {}
  if (r.oneIn(3)) relation.where = { op: r.pick(['isNotNull', 'isNull']), args: [{ op: 'col', name: r.pick(table.columns).name }] }
  if (r.oneIn(2)) relation.orderBy = [{ expr: { op: 'col', name: column.name }, desc: r.oneIn(2), ...(r.oneIn(3) ? { nulls: r.pick(['first', 'last']) } : {}) }]
  return relation
}

const add = (table, kind, relation) => table.relations.push({ name: `${kind}${table.relations.length}`, kind, ...relation })

function addRelations(r, { from, to, columns, references }) {
  const own = references === undefined ? {} : { references }
  add(from, 'belongsTo', { table: to.name, columns, ...own })
  add(to, 'hasMany', { table: from.name, columns, ...own, ...refinements(r, from) })
  add(to, 'hasOne', { table: from.name, columns, ...own, ...refinements(r, from) })
}

function addManyToMany(r, a, b) {
  add(a.to, 'manyToMany', { table: b.to.name, columns: a.columns, join: a.from.name, joinTarget: b.columns, ...refinements(r, b.to) })
}

function addThrough(r, tables, table) {
  const named = (name) => tables.find((t) => t.name === name)
  for (let i = 0; i < 2; i++) {
    const path = []
    let at = table
    for (let step = r.between(2, 3); step > 0; step--) {
      const plain = at.relations.filter((x) => x.kind !== 'through')
      if (plain.length === 0) break
      const relation = r.pick(plain)
      path.push(relation.name)
      at = named(relation.table)
    }
    if (path.length > 1) add(table, 'through', { table: at.name, path, ...refinements(r, at) })
  }
}
