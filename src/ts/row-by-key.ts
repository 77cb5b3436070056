// The row with a key as it is now, asked of the engine's own index: nothing is kept for it.
import type { LooseChange } from './changes.js'
import type { Inside } from './database.js'
import { decodeRow } from './decoder.js'
import type { TableLayout } from './layout.js'
import { rowBytes } from './keeper.js'

interface Finder { find(len: number): number; waitFor(len: number): number; hasCome(len: number): number }

// Where the row of the first change of a batch without source begins, and where its length stands: www/docs/boundary.md.
const ROW = 40, LENGTH = 32

/** Encodes a change that names a row; the length of the batch. */
function name({ encoder }: Inside, table: string, id: unknown, tenant: string | undefined): number {
  const change: LooseChange = { op: 'delete', table, id }
  if (tenant !== undefined) change.tenant = tenant
  return encoder.encode([change], undefined)
}

/** What the engine says of the row with a key. Throws what `apply` finds wrong with the key of a delete. */
function ask(inside: Inside, what: keyof Finder, table: string, id: unknown, tenant: string | undefined): number {
  const { port } = inside
  port.alive()
  const length = name(inside, table, id, tenant)
  try {
    const said = (port.engine as unknown as Finder)[what](length)
    if (said === -2) port.engine.fail()
    return said
  } catch (error) { throw port.failure(error) } finally { port.fresh() }
}

/** Reports say from now on when a batch brings the row with a key, equal or not. */
export function waitFor(inside: Inside, table: string, id: unknown, tenant?: string): void { ask(inside, 'waitFor', table, id, tenant) }

/** Whether a batch has brought a row that was waited for; then it is not any more. */
export function hasCome(inside: Inside, table: string, id: unknown, tenant?: string): boolean { return ask(inside, 'hasCome', table, id, tenant) === 1 }

/** Calls `read` with the address of the row with a key. */
function at<T>(inside: Inside, table: string, id: unknown, tenant: string | undefined, read: (layout: TableLayout, at: number) => T): T | undefined {
  const { port, layouts } = inside
  const handle = ask(inside, 'find', table, id, tenant)
  if (handle < 0) return undefined
  const layout = layouts.find(l => l.name === table)!
  const address = port.rowPtr(layout.index, handle)
  port.fresh()
  return read(layout, address)
}

/** The row with a key as it is now, or undefined. Cost: one look-up, and the row's object. */
export function rowByKey(inside: Inside, table: string, id: unknown, tenant?: string): Record<string, unknown> | undefined {
  return at(inside, table, id, tenant, (layout, address) => decodeRow(inside.port, layout.layout, address) as Record<string, unknown>)
}

/** The packed bytes of the row with a key, to be compared with those of later: undefined if there is none. */
export function rowImage(inside: Inside, table: string, id: unknown, tenant?: string): Uint8Array | undefined {
  const { port } = inside
  return at(inside, table, id, tenant, (layout, address) => port.u8.slice(address, address + rowBytes(port, layout.layout, address)))
}

/** Whether two images are of the same content. */
export function sameImage(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  return a === b || (a !== undefined && a.length === b?.length && a.every((byte, i) => byte === b[i]))
}

/** The packed bytes of a key: equal for the forms that a value may have on input. Throws what `apply` finds wrong with it. */
export function keyImage(inside: Inside, table: string, id: unknown, tenant?: string): Uint8Array {
  name(inside, table, id, tenant)
  const { port } = inside
  port.fresh()
  return port.u8.slice(port.base + ROW, port.base + ROW + port.view.getUint32(port.base + LENGTH, true))
}

/** What `fetchRow` answered. Throws for undefined, which a forgotten `return` gives: only null says that a row is gone. */
export function answered(row: object | null | undefined): object | null {
  if (row === undefined) throw new Error('fetchRow returned undefined: null says that a row is gone')
  return row
}
