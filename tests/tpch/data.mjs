// The data of TPC-H as files, made by `generator` where they are not there yet, and its rows as JSON lines.
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { must } from '../scripts/command.mjs'
import { filesBelow, step } from '../scripts/fresh.mjs'
import { cache, inRoot } from '../scripts/place.mjs'
import { lockedFlag } from '../scripts/rust.mjs'
import { schema } from './schema.mjs'

const inputs = [...filesBelow(inRoot('tests/tpch/generator')), inRoot('Cargo.lock')]

/** The folder of the data at a scale, with so many refresh streams. Scale 1 has 6,001,215 lines of orders. */
export async function dataAt(scale, streams) {
  const folder = join(cache, '..', `tpch-${scale}-${streams}`)
  await step(`tpch-${scale}-${streams}`, { inputs, settings: [scale, streams] }, async () => {
    await must('cargo', ['run', '--quiet', '--release', ...lockedFlag(), '--package', 'eddyline-tpch', String(scale), String(streams), folder])
    return filesBelow(folder)
  })
  return folder
}

/** The text of a table's file, or of what a refresh stream adds to it: fields between `|`, a row a line. */
export const fileOf = (folder, table, stream) => readFileSync(join(folder, stream === undefined ? `${table}.tbl` : `${table}.${stream}.tbl`))

export const tables = schema.tables.map((t) => t.name)

// PostgreSQL's columns have two digits behind the point, also where the generator writes none; ours keep what is written.
const decimal = (digits) => (digits.includes('.') ? digits : `${digits}.00`)

/** The rows of such a text as objects, decimals and dates as texts. */
export function rowsOf(name, text) {
  const { columns } = schema.tables.find((t) => t.name === name)
  return String(text).trimEnd().split('\n').map((line) => {
    const fields = line.split('|')
    return Object.fromEntries(columns.map((c, i) => [c.name, c.type === 'int' ? Number(fields[i]) : c.type === 'decimal' ? decimal(fields[i]) : fields[i]]))
  })
}

/** The rows of such a text as lines of JSON; numbers keep their digits. */
export function jsonLines(name, text) {
  const { columns } = schema.tables.find((t) => t.name === name)
  const heads = columns.map((c, i) => `${i === 0 ? '{' : ','}"${c.name}":`)
  const written = columns.map((c) => (c.type === 'int' ? (text) => text : c.type === 'decimal' ? decimal : JSON.stringify))
  let out = ''
  for (const line of String(text).split('\n')) {
    if (line === '') continue
    line.split('|').forEach((field, i) => { out += heads[i] + written[i](field) })
    out += '}\n'
  }
  return out
}
