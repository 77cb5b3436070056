import type { LooseBatch, LooseChange } from '../changes.js'
import { EddylineError } from '../errors.js'
import type { AnySchema } from '../schema.js'

const crossed = (message: string, path: string, offending: string): EddylineError => new EddylineError('TENANT_MISMATCH', message, { path, offending })

/**
 * A batch of one tenant, or of none. Throws TENANT_MISMATCH with `path` when it names another one, touches tables that
 * belong to no tenant from inside of one, or mixes tenants. Wrong changes pass: applying them says what is wrong.
 */
export function batchOf(schema: AnySchema, tenant: string | undefined, input: unknown): LooseBatch {
  const batch = (Array.isArray(input) ? { changes: input } : input ?? {}) as LooseBatch
  const changes: readonly LooseChange[] = Array.isArray(batch.changes) ? batch.changes : []
  if (tenant !== undefined && batch.tenant !== undefined && batch.tenant !== tenant) {
    throw crossed(`a batch of the tenant \`${batch.tenant}\` in the scope of \`${tenant}\``, 'tenant', String(batch.tenant))
  }
  let first = tenant ?? batch.tenant
  for (let i = 0; i < changes.length; i++) {
    const change = changes[i]
    if (typeof change !== 'object' || change === null) continue
    const table = schema.json.tables.find(t => t.name === change.table)
    if (table === undefined) continue
    if (!table.tenant) {
      if (tenant !== undefined) throw crossed(`rows of \`${table.name}\` belong to no tenant: they are changed outside of \`${tenant}\``, `changes[${i}].table`, table.name)
      continue
    }
    const of = change.tenant ?? batch.tenant ?? tenant
    if (typeof of !== 'string') continue
    if (first === undefined) first = of
    if (of !== first) throw crossed(`a change of the tenant \`${of}\` in a batch of \`${first}\``, `changes[${i}].tenant`, of)
  }
  return tenant === undefined ? batch : { ...batch, tenant }
}

/** A query of one tenant. Throws TENANT_MISMATCH when it names another one. */
export function checkQuery(json: { tenant?: string }, tenant: string | undefined): void {
  if (json.tenant !== undefined && json.tenant !== tenant) {
    throw crossed(`a query of the tenant \`${json.tenant}\` ${tenant === undefined ? 'outside of it' : `in the scope of \`${tenant}\``}`, 'tenant', json.tenant)
  }
}
