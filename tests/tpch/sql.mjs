// The queries as SQL: the templates of the specification, as `generator` brings them, with the parameters of its validation runs.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { schema } from './schema.mjs'

const parameters = [
  [90], [15, 'BRASS', 'EUROPE'], ['BUILDING', '1995-03-15'], ['1993-07-01'], ['ASIA', '1994-01-01'], ['1994-01-01', 0.06, 24], ['FRANCE', 'GERMANY'],
  ['BRAZIL', 'AMERICA', 'ECONOMY ANODIZED STEEL'], ['green'], ['1993-10-01'], ['GERMANY', 0.0001], ['MAIL', 'SHIP', '1994-01-01'], ['special', 'requests'],
  ['1995-09-01'], ['1996-01-01'], ['Brand#45', 'MEDIUM POLISHED', 49, 14, 23, 45, 19, 3, 36, 9], ['Brand#23', 'MED BOX'], [300],
  ['Brand#12', 'Brand#23', 'Brand#34', 1, 10, 20], ['forest', '1994-01-01', 'CANADA'], ['SAUDI ARABIA'], [13, 31, 23, 29, 30, 18, 17],
]

// What the specification says beside the templates: how many rows are asked for.
const limits = { 2: 100, 3: 10, 10: 20, 18: 100, 21: 100 }
// What decides between rows that the query's order leaves equal: the key of the group, as in the engine.
const ties = { 3: 'l_orderkey', 10: 'c_custkey', 11: 'ps_partkey', 18: 'c_name, c_custkey, o_orderkey' }

/** The SQL of queries 1 to 22, of PostgreSQL: `{ q1: …, … }`. */
export function sqlOf(folder) {
  return Object.fromEntries(parameters.map((values, i) => {
    const n = i + 1
    const template = readFileSync(join(folder, `queries/${n}.sql`), 'utf8').trim()
    const text = template.replaceAll(/:(\d+)/g, (_, p) => String(values[p - 1])).replace(/(interval '\d+' day) \(3\)/, '$1')
      // A view in one statement.
      .replace(/create view revenue:s (\([^)]*\)) as\s*([^;]*);([^;]*);\s*drop view revenue:s/, 'with revenue $1 as ($2)$3').replaceAll('revenue:s', 'revenue').replace(/;$/, '')
    return [`q${n}`, `${text}${ties[n] ? `, ${ties[n]}` : ''}${limits[n] ? ` limit ${limits[n]}` : ''}`]
  }))
}

const types = { int: 'int8', text: 'text', decimal: 'numeric(15, 2)', timestamp: 'date' }

/** The tables, with the indexes that the queries' sub-queries look into. */
export const tablesSql = () => [
  ...schema.tables.map(({ name, key, columns }) => `create table ${name} (${columns.map((c) => `${c.name} ${types[c.type]} not null`).join(', ')}, primary key (${key.join(', ')}))`),
  'create index on lineitem (l_partkey, l_suppkey)', 'create index on orders (o_custkey)',
].join(';\n')
