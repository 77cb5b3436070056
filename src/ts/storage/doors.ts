// The exports of the engine through which packed rows leave: www/docs/boundary.md, "Storage".
import type { Database } from '../database.js'
import type { Port } from '../port.js'

interface WasmDoors {
  record(): void
  changes(source?: string, cursor?: string, origin?: string): Uint8Array
  export_begin(tables: Uint32Array): number
  export_next(number: number, bytes: number): Uint8Array
  export_end(number: number): void
  cursors(): string[]
}

function call<T>(port: Port, fn: (engine: WasmDoors) => T): T {
  port.alive()
  try { return fn(port.engine as unknown as WasmDoors) } catch (error) { throw port.failure(error) } finally { port.fresh() }
}

/** From now on `changesOf` tells what versions change. */
export function record(db: Database<any>): void { call(db.inside.port, e => { e.record() }) }

/** What the last batch changed, as a batch. Before the next one. */
export function changesOf(db: Database<any>, source?: string, cursor?: string, origin?: string): Uint8Array {
  return call(db.inside.port, e => e.changes(source, cursor, origin))
}

/** Sources and cursors. */
export function cursorsOf(db: Database<any>): [string, string][] {
  const flat = call(db.inside.port, e => e.cursors())
  return flat.flatMap((source, i) => i % 2 === 0 ? [[source, flat[i + 1]] as [string, string]] : [])
}

/**
 * Rows of some tables (all by default) as they are at the first `next`, as batches of upserts of about `bytes`. End it by `end`,
 * also when it was read to the end.
 */
export function exportRows(db: Database<any>, tables?: readonly string[]): { next(bytes: number): Uint8Array | undefined; end(): void } {
  const { port, layouts } = db.inside
  const ids = layouts.flatMap(l => tables === undefined || tables.includes(l.name) ? [l.index] : [])
  const number = call(port, e => e.export_begin(Uint32Array.from(ids)))
  let ended = false
  return {
    next: bytes => {
      const batch = call(port, e => e.export_next(number, bytes))
      return batch.length === 0 ? undefined : batch
    },
    end: () => {
      if (ended) return
      ended = true
      if (port.dead === undefined) call(port, e => { e.export_end(number) })
    },
  }
}

/** An empty batch that says where a source is. */
export function cursorBatch(source: string, cursor: string): Uint8Array {
  const texts = [source, cursor].map(t => new TextEncoder().encode(t))
  const size = (8 + texts.reduce((n, t) => n + 4 + ((t.length + 3) & ~3), 0) + 4 + 7) & ~7
  const out = new Uint8Array(size)
  const view = new DataView(out.buffer)
  view.setUint32(4, 1, true)
  let at = 8
  for (const t of texts) {
    view.setUint32(at, t.length, true)
    out.set(t, at + 4)
    at += 4 + ((t.length + 3) & ~3)
  }
  view.setUint32(at, 0xffffffff, true)
  return out
}
