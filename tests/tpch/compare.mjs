// Rows of PostgreSQL beside those of a live query.

/** How PostgreSQL's values are to be read: int8, int4, text, date, numeric as it writes them. */
export const parsers = Object.fromEntries([20, 23, 25, 1082, 1700].map((type) => [type, (text) => text]))

// Columns that the specification leaves without a name.
const renamed = { q18: { sum: 'quantity' } }

/** Where the rows differ, in words; `undefined` if they are the same, in the same order. `theirs`: `{ rows, fields }`. */
export function difference(name, ours, { rows, fields }) {
  if (ours.length !== rows.length) return `${rows.length} rows expected, ${ours.length} found`
  for (let i = 0; i < rows.length; i++) {
    const row = ours[i]
    if (Object.keys(row).length !== fields.length) return `row ${i} has the fields ${Object.keys(row)}`
    for (const field of fields) {
      const [a, b] = [row[renamed[name]?.[field.name] ?? field.name], rows[i][field.name]]
      if (!same(a, b)) return `row ${i}, ${field.name}: ${b} expected, ${a} found`
    }
  }
  return undefined
}

/** Whether a value of ours is that of a text of PostgreSQL's; decimals have the same digits. */
function same(ours, theirs) {
  if (ours === null || theirs === null) return ours === theirs
  if (ours instanceof Date) return ours.toISOString().slice(0, 10) === theirs
  if (typeof ours === 'bigint' || typeof ours === 'number') return String(ours) === theirs
  return ours === theirs
}
