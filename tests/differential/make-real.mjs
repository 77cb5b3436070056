// Cases over real data: the Chinook sample database (`chinook`), a shop of music, with queries and changes at random.
import { readFileSync } from 'node:fs'
import { pairOf } from './features.mjs'
import { makeHistory } from './make-history.mjs'
import { makeQueries } from './make-case.mjs'
import { randomOf } from './random.mjs'

const read = (name) => JSON.parse(readFileSync(new URL(`chinook/${name}.json`, import.meta.url), 'utf8'))
const data = read('data')
const described = read('schema')

const types = { int: 'int', text: 'text', timestamp: 'timestamp', decimal: 'decimal' }
// Some numbers are too large for arithmetic of a few steps.
const domainOf = ({ name, type }) => (['milliseconds', 'bytes'].includes(name) ? 'many' : { int: 'small', text: 'rich', timestamp: 'near', decimal: 'money' }[type])
const valueOf = (type, value) => (value === null ? null : type === 'timestamp' ? `${value}.000Z` : type === 'decimal' ? value.toFixed(2) : value)

const all = new Map(Object.entries(described.tables).map(([name, { columns }]) => [name, data[name].rows.map((row) => Object.fromEntries(columns.map((c, i) => [c.name, valueOf(c.type, row[i])])))]))

/** The schema, with what the rows hold as the domains of the columns, and the foreign keys for rows that refer to others. */
function schemaOf(rows) {
  const tables = Object.entries(described.tables).map(([name, { columns, primaryKey, foreignKeys }]) => ({
    name, key: primaryKey, relations: relationsOf(name),
    columns: columns.map((c) => ({ name: c.name, type: types[c.type], nullable: c.nullable, domain: domainOf(c), list: listOf(rows.get(name), c.name) })),
    links: foreignKeys.map(({ column, references }) => ({ table: references.split('.')[0], columns: [column], references: [references.split('.')[1]] })),
  }))
  // As tables of hundreds of rows are.
  return { tables, large: true }
}

/** Some of the values of a column that are not null, at least one. */
function listOf(rows, column) {
  const values = [...new Set(rows.map((row) => row[column]).filter((v) => v !== null))]
  return values.length > 0 ? values.filter((_, i) => i % Math.ceil(values.length / 60) === 0) : [all.get('track')[0].name]
}

/** The associations: a path of one step belongs to a row or has rows, one by way of a table of keys is of many to many, others go through these. */
function relationsOf(table) {
  const found = Object.values(described.relations).filter((r) => r.from === table)
  const direct = found.filter((r) => r.path.length === 1).map(({ name, cardinality, path: [step] }) => (cardinality === 'one'
    ? { name, kind: 'belongsTo', table: step.table, columns: [step.left] }
    : { name, kind: 'hasMany', table: step.table, columns: [step.right] }))
  const isKeys = ([first]) => described.tables[first.table].primaryKey.length > 1
  const many = found.filter((r) => r.path.length === 2 && isKeys(r.path)).map(({ name, path: [first, second] }) => (
    { name, kind: 'manyToMany', table: second.table, columns: [first.right], join: first.table, joinTarget: [second.left] }))
  const through = found.filter((r) => r.path.length > 1 && !isKeys(r.path)).flatMap(({ name, path }) => {
    let at = table
    const names = path.map((step) => {
      const by = Object.values(described.relations).find((r) => r.from === at && r.path.length === 1 && r.path[0].table === step.table && r.path[0].left === step.left)
      at = step.table
      return by?.name
    })
    return names.includes(undefined) ? [] : [{ name, kind: 'through', table: at, path: names }]
  })
  return [...direct, ...many, ...through]
}

/** Some rows of each table that hang together: those of some tracks, of the albums, invoices and playlists that they are in. */
function some(r) {
  const tracks = r.shuffle(all.get('track')).slice(0, r.between(40, 150))
  const has = (rows, column) => { const keys = new Set(rows.map((row) => row[column])); return (row) => keys.has(row[column]) }
  const of = (table, keep, most = 150) => r.shuffle(all.get(table).filter(keep)).slice(0, most)
  const albums = of('album', has(tracks, 'album_id'))
  const lines = of('invoice_line', has(tracks, 'track_id'))
  const invoices = of('invoice', has(lines, 'invoice_id'))
  const entries = of('playlist_track', has(tracks, 'track_id'))
  return new Map([
    ...['genre', 'media_type', 'employee', 'playlist', 'customer'].map((table) => [table, all.get(table)]),
    ['track', tracks], ['album', albums], ['artist', of('artist', has(albums, 'artist_id'))], ['invoice_line', lines], ['invoice', invoices], ['playlist_track', entries],
  ])
}

/** The case of a seed over real data; as `makeCase`. */
export function makeRealCase(seed) {
  const r = randomOf(seed ^ 0x0c410000)
  const rows = some(r)
  const schema = schemaOf(rows)
  const batches = makeHistory(r, schema, rows)
  return { schema, batches, queries: makeQueries(r, schema, batches, seed, (n) => pairOf(seed * 31 + n)) }
}
