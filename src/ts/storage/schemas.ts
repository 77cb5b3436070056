// Schemas that rows were stored under, and the way from an older one.
import { slices } from '../breathe.js'
import type { Report } from '../changes.js'
import type { Database } from '../database.js'
import { decodeCell, decodeRow } from '../decoder.js'
import { EddylineError } from '../errors.js'
import { TENANT } from '../layout.js'
import type { AnySchema, SchemaJson } from '../schema.js'
import { cursorBatch, cursorsOf, exportRows } from './doors.js'
import { crc32, type StoredSchema } from './record.js'

/** What a row of the version before becomes: a row of the same table, rows of named tables, or null (dropped). */
export type MigrateRow = (row: any, table: string, tenant: string | undefined) => object | null | readonly { table: string; row: object }[]

/** Steps by the version that they lead to. */
export type Migrations = { readonly [version: number]: MigrateRow }

/** What decides whether stored rows can be read: tables, columns, types, keys. Associations are free to change. */
export function storedSchema(schema: AnySchema, version: number): StoredSchema {
  const tables = (schema.json as SchemaJson).tables.map(t => ({ name: t.name, tenant: t.tenant, key: t.key, columns: t.columns.map(c => ({ name: c.name, type: c.type, nullable: c.nullable })), relations: [] }))
  const text = JSON.stringify(tables)
  return { version, hash: `${crc32(new TextEncoder().encode(text)).toString(16)}-${text.length}`, tables }
}

/** Whether there is a step for each version between. */
export function leads(from: StoredSchema, to: StoredSchema, migrations: Migrations): boolean {
  if (from.version >= to.version) return false
  for (let v = from.version + 1; v <= to.version; v++) if (migrations[v] === undefined) return false
  return true
}

/** A database of the stored schema, to load what is stored into. */
export function databaseOf(db: Database<any>, stored: StoredSchema): Database<any> {
  return db.twin({ tables: {}, relations: {}, json: { tables: stored.tables } } as AnySchema)
}

/** Applies the rows of `old`, step by step from version to version, and its cursors. Sliced. Throws MIGRATION_FAILED with the row, and as `cause` what a step threw or what is wrong with the row that it gave. */
export async function migrate(old: Database<any>, db: Database<any>, from: StoredSchema, to: StoredSchema, migrations: Migrations): Promise<void> {
  const breathe = slices()
  for (const table of from.tables as SchemaJson['tables']) {
    for await (const { row, tenant } of rowsOf(old, table.name, table.tenant)) {
      let rows: readonly { table: string; row: object }[] = [{ table: table.name, row }]
      for (let v = from.version + 1; v <= to.version; v++) {
        const made: { table: string; row: object }[] = []
        for (const r of rows) {
          let row: unknown
          try {
            const given = migrations[v](r.row, r.table, tenant)
            // Of a worker, whose page has the functions.
            row = given instanceof Promise ? await given as typeof given : given
          } catch (error) { throw failed(v, r, error) }
          if (Array.isArray(row)) made.push(...row)
          else if (row !== null) made.push({ table: r.table, row: row as object })
        }
        rows = made
      }
      const changes = rows.map(r => {
        const known = (db.schema.json as SchemaJson).tables.find(t => t.name === r.table)
        if (known === undefined) throw new EddylineError('SCHEMA_MISMATCH', `the migration gives a row of \`${r.table}\`, which is not in the schema`, { offending: r.table })
        return { op: 'insert', table: r.table, row: r.row, ...(known.tenant ? { tenant } : {}) }
      })
      // What the row itself becomes is a row more. What it gives beside may be there already, equal: one author of many books.
      const own = changes.length === 1 ? changes : changes.filter(c => c.table === table.name)
      const beside = changes.length === 1 ? [] : changes.filter(c => c.table !== table.name)
      try {
        if (own.length > 0 && (db.apply(own as never) as Report).applied < own.length) throw held(db, own[0])
        if (beside.length > 0) db.apply(beside as never)
      } catch (error) { throw failed(to.version, { table: table.name, row }, error) }
      await breathe()
    }
  }
  for (const [source, cursor] of cursorsOf(old)) db.applyPacked(cursorBatch(source, cursor))
}

/** An insert of a row that is there already changes nothing: of two stored rows one would be left. */
function held(db: Database<any>, { table, row }: { table: string; row: object }): EddylineError {
  const { key } = (db.schema.json as SchemaJson).tables.find(t => t.name === table)!
  const text = key.map(name => `${name} = ${asText((row as Record<string, unknown>)[name])}`).join(', ')
  return new EddylineError('DUPLICATE_KEY', `\`${table}\` has a row with the key ${text} already`, { path: 'row', offending: key.join(', ') })
}

const asText = (value: unknown): string => JSON.stringify(value, (_, v: unknown) => typeof v === 'bigint' ? String(v) : v)?.slice(0, 200)

function failed(version: number, { table, row }: { table: string; row: object }, error: unknown): unknown {
  if ((error as { code?: string } | null)?.code === 'ENGINE_CRASHED') return error
  return new EddylineError('MIGRATION_FAILED', `the migration to version ${version} failed for the row ${asText(row)} of \`${table}\`: ${(error as Error | null)?.message ?? String(error)}`, { path: `storage.migrations.${version}`, offending: table, cause: error })
}

async function *rowsOf(db: Database<any>, table: string, tenanted: boolean): AsyncIterable<{ row: object; tenant: string | undefined }> {
  if (!tenanted) {
    const live = db.live((db.query as any)[table])
    try { for (const row of live.rows as Iterable<object>) yield { row, tenant: undefined } } finally { live.dispose() }
    return
  }
  const rows = exportRows(db, [table])
  try {
    for (let batch = rows.next(1 << 16); batch !== undefined; batch = rows.next(1 << 16)) yield* tenantRows(db, table, batch)
  } finally { rows.end() }
}

/** Rows of a batch with the tenant, which is their last column. */
function *tenantRows(db: Database<any>, table: string, batch: Uint8Array): Iterable<{ row: object; tenant: string }> {
  const { layout } = db.inside.layouts.find(l => l.name === table)!
  const bytes = batch.slice()
  const memory = { u8: bytes as Uint8Array<ArrayBuffer>, view: new DataView(bytes.buffer as ArrayBuffer), fresh: () => {} }
  let at = 24
  for (let n = memory.view.getUint32(0, true); n > 0; n--) {
    const size = memory.view.getUint32(at + 8, true)
    yield { row: decodeRow(memory, layout, at + 16), tenant: decodeCell(memory, layout, at + 16, layout.names.indexOf(TENANT)) as string }
    at += 16 + ((size + 7) & ~7)
  }
}
