// Random histories: batches of changes over a schema that any server would accept too.
import { domain, encode } from './values.mjs'

export function makeValue(r, column) {
  if (column.nullable && r.oneIn(4)) return null
  return r.pick(domain(column))
}

/** A row; its foreign keys often refer to rows that are there. */
function makeRow(r, table, held) {
  const row = Object.fromEntries(table.columns.map((c) => [c.name, makeValue(r, c)]))
  for (const { table: target, columns, references } of table.links ?? []) {
    const rows = [...held.get(target).values()]
    if (rows.length === 0 || r.oneIn(3)) continue
    const chosen = rows[r.below(Math.min(rows.length, r.pick([2, 5, 300])))]
    columns.forEach((c, i) => { row[c] = chosen[references[i]] ?? row[c] })
  }
  return row
}

/** Key values of a row, as the API takes them. */
export const keyOf = (table, row) => table.key.length === 1 ? row[table.key[0]] : table.key.map((k) => row[k])

// −0 and 0 are one key.
const identity = (table, row) => encode(table.key.map((k) => (row[k] === 0 ? 0 : row[k])))

/** Batches; the first one fills the tables, with `real` rows if there are. Each is `{ changes, json }`; `json`: as text, as from the network. */
export function makeHistory(r, schema, real) {
  const held = new Map(schema.tables.map((t) => [t.name, new Map()]))
  const batches = [{ changes: [], json: r.oneIn(4) }]
  for (const table of schema.tables) {
    const rows = held.get(table.name)
    for (const row of real?.get(table.name) ?? []) {
      rows.set(identity(table, row), row)
      batches[0].changes.push({ op: 'insert', table: table.name, row })
    }
    for (let n = real ? 0 : schema.large ? r.between(60, 250) : r.pick([0, 3, 6, 8, 10, 14]); n > 0; n--) {
      const row = makeRow(r, table, held)
      if (rows.has(identity(table, row))) continue
      rows.set(identity(table, row), row)
      batches[0].changes.push({ op: 'insert', table: table.name, row })
    }
  }
  for (let b = r.between(2, 6); b > 0; b--) {
    const changes = []
    for (let n = r.pick(schema.large ? [1, 5, 20, 80] : [1, 1, 2, 3, 5, 9]); n > 0; n--) changes.push(...makeChanges(r, schema, held))
    batches.push({ changes, json: r.oneIn(4) })
    if (r.oneIn(8)) batches.push(...makeRefused(r, schema, held))
  }
  return batches
}

/** A batch whose last change is an insert of a row that is there with other content: all of it is undone. */
function makeRefused(r, schema, held) {
  const table = r.pick(schema.tables)
  const rows = [...held.get(table.name).values()]
  if (rows.length < 2) return []
  const [gone, there] = r.shuffle(rows)
  const column = table.columns.find((c) => !table.key.includes(c.name) && c.type === 'text')
  if (column === undefined) return []
  const row = { ...there, [column.name]: there[column.name] === 'other' ? 'another' : 'other' }
  return [{ changes: [{ op: 'delete', table: table.name, id: keyOf(table, gone) }, { op: 'insert', table: table.name, row }], json: r.oneIn(4) }]
}

function makeChanges(r, schema, held) {
  const table = r.pick(schema.tables)
  const rows = held.get(table.name)
  const existing = () => r.pick([...rows.values()])
  const put = (op, row) => {
    rows.set(identity(table, row), row)
    return [{ op, table: table.name, row }]
  }
  const kind = rows.size === 0 ? 'insert' : r.pick(['insert', 'insert', 'upsert', 'upsert', 'update', 'update', 'update', 'delete', 'delete', 'move', ...(r.oneIn(6) ? ['reset'] : [])])
  switch (kind) {
    case 'insert': {
      const row = makeRow(r, table, held)
      return rows.has(identity(table, row)) ? put('upsert', row) : put('insert', row)
    }
    case 'upsert': {
      const old = existing()
      const row = makeRow(r, table, held)
      for (const k of table.key) row[k] = old[k]
      return put('upsert', row)
    }
    case 'update': {
      const old = existing()
      const fresh = makeRow(r, table, held)
      const set = Object.fromEntries(r.some(table.columns.filter((c) => !table.key.includes(c.name)), 1).map((c) => [c.name, fresh[c.name]]))
      rows.set(identity(table, old), { ...old, ...set })
      return [{ op: 'update', table: table.name, id: keyOf(table, old), set }]
    }
    case 'delete': {
      // A row that is not held may be deleted too: nothing happens.
      const old = r.oneIn(5) ? makeRow(r, table, held) : existing()
      rows.delete(identity(table, old))
      return [{ op: 'delete', table: table.name, id: keyOf(table, old) }]
    }
    case 'move': {
      const old = existing()
      rows.delete(identity(table, old))
      return [{ op: 'delete', table: table.name, id: keyOf(table, old) }, ...put('insert', old)]
    }
    default: {
      const kept = r.some([...rows.values()])
      rows.clear()
      for (const row of kept) rows.set(identity(table, row), row)
      return [{ op: 'reset', table: table.name, rows: kept }]
    }
  }
}
