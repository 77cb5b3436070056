// The row with a key as it is now, asked of the engine's own index: nothing is kept for it.
import type { LooseChange } from './changes.js'
import type { Inside } from './database.js'
import { decodeRow } from './decoder.js'
import { EddylineError } from './errors.js'
import { exactText, keyParts } from './keys.js'
import type { TableLayout } from './layout.js'

interface Finder { find(len: number): number; waitFor(len: number): number; hasCome(len: number): number }

/** What the engine says of the row with a key. Throws what `apply` finds wrong with the key of a delete. */
function ask(inside: Inside, what: keyof Finder, table: string, id: unknown, tenant: string | undefined, op = 'delete'): number {
  const { port, encoder } = inside
  port.alive()
  const length = encoder.encode([{ op, table, id, tenant } as LooseChange], undefined)
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

/** Nobody waits for a row any more. */
export function waitNoMore(inside: Inside, table: string, id: unknown, tenant?: string): void { ask(inside, 'hasCome', table, id, tenant, 'touch') }

/** The row with a key as it is now, or undefined. Cost: one look-up, and the row's object. */
export function rowByKey(inside: Inside, table: string, id: unknown, tenant?: string): Record<string, unknown> | undefined {
  const { port } = inside
  const handle = ask(inside, 'find', table, id, tenant)
  if (handle < 0) return undefined
  const layout = layoutOf(inside, table)
  const address = port.rowPtr(layout.index, handle)
  port.fresh()
  return decodeRow(port, layout.layout, address) as Record<string, unknown>
}

/** Runs what takes a key; what is wrong with it is said of the key, and not of the change that carries it. */
export function ofKey<T>(run: () => T): T {
  try { return run() } catch (error) {
    if (error instanceof EddylineError) (error as { path?: string }).path = error.path?.replace('changes[0].', '')
    throw error
  }
}

/** A table that there is. */
export const layoutOf = ({ layouts }: Inside, table: string): TableLayout => layouts.find(l => l.name === table)!

/** Text that is equal for equal keys of a table, whichever of their forms they come in. */
export function keyText({ keyNames, keyTypes }: TableLayout, id: unknown): string { return exactText(keyTypes, keyParts(keyNames, keyTypes, id)) }

/** What `fetchRow` answered. Throws for undefined, which a forgotten `return` gives: only null says that a row is gone. */
export function answered(row: object | null | undefined): object | null {
  if (row === undefined) throw new Error('fetchRow returned undefined: null says that a row is gone')
  return row
}
