// What a schema that is not that of the stored rows is told.
import { EddylineError } from '../errors.js'
import type { SchemaJson } from '../schema.js'
import type { StoredSchema } from './record.js'
import type { Migrations } from './schemas.js'

type TableJson = SchemaJson['tables'][number]

/** SCHEMA_MISMATCH with the first thing that differs, and what leads from one schema to the other. */
export function mismatch(from: StoredSchema, to: StoredSchema, migrations: Migrations): EddylineError {
  const [what, name] = difference(from.tables as TableJson[], to.tables as TableJson[])
  return new EddylineError('SCHEMA_MISMATCH', `the stored rows are of other tables: ${what}; ${wayOut(from.version, to.version, migrations)}`, { path: 'storage.version', offending: name })
}

function difference(stored: readonly TableJson[], tables: readonly TableJson[]): [what: string, name?: string] {
  const said = (name: string, what: string): [string, string] => [`\`${name}\` ${what}`, name]
  for (const table of tables) {
    const { name, columns, key, tenant } = table
    const before = stored.find(t => t.name === name)
    if (before === undefined) return said(name, 'is new')
    for (const column of columns) {
      const at = `${name}.${column.name}`, was = before.columns.find(c => c.name === column.name)
      if (was === undefined) return said(at, 'is new')
      if (was.type !== column.type) return said(at, `was ${was.type}, and is ${column.type}`)
      if (was.nullable !== column.nullable) return said(at, was.nullable ? 'was nullable, and is not' : 'was not nullable, and is')
    }
    const gone = before.columns.find(c => !columns.some(({ name }) => name === c.name))
    if (gone !== undefined) return said(`${name}.${gone.name}`, 'is gone')
    if (before.tenant !== tenant) return said(name, tenant ? 'has a tenant now' : 'has a tenant no more')
    if (before.key.join() !== key.join()) return said(name, 'has another key')
  }
  const gone = stored.find(t => !tables.some(({ name }) => name === t.name))
  return gone === undefined ? ['tables or columns are in another order'] : said(gone.name, 'is gone')
}

function wayOut(from: number, to: number, migrations: Migrations): string {
  if (from > to) return 'what is stored is of a newer version: load the application anew'
  if (from === to) return `give \`version: ${from + 1}\` and \`migrations: { ${from + 1}: row => … }\`, or \`onMismatch: 'rebuild'\``
  let missing = from + 1
  while (migrations[missing] !== undefined) missing++
  return `\`migrations\` has no step ${missing}`
}
