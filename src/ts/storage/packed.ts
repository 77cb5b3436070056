// Rows packed, from one database or checkpoint to another.
import { slices } from '../breathe.js'
import type { LooseChange } from '../changes.js'
import type { Database } from '../database.js'
import { TENANT } from '../layout.js'
import { decodeCell } from '../decoder.js'
import { exportRows } from './doors.js'

const SLICE = 128 * 1024
/** Bytes before the first change of a batch without source, cursor and origin. */
const HEAD = 24

/** All rows of some tables as they are now, in slices. */
export async function packedRows(db: Database<any>, tables: readonly string[]): Promise<Uint8Array[]> {
  const breathe = slices()
  const rows = exportRows(db, tables)
  const out: Uint8Array[] = []
  try {
    for (let batch = rows.next(SLICE); batch !== undefined; batch = rows.next(SLICE)) {
      out.push(batch)
      await breathe()
    }
  } finally { rows.end() }
  return out
}

/** One batch after which some tables hold exactly the rows of these slices. */
export function replacing(db: Database<any>, tables: readonly string[], batches: readonly Uint8Array[]): Uint8Array {
  const { encoder, port, layouts } = db.inside
  const resets: LooseChange[] = []
  for (const name of tables) {
    const layout = layouts.find(l => l.name === name)!
    if (!layout.tenanted) { resets.push({ op: 'reset', table: name }); continue }
    for (const tenant of tenantsOf(db, name)) resets.push({ op: 'reset', table: name, tenant })
  }
  const length = encoder.encode(resets, undefined)
  port.fresh()
  const size = batches.reduce((n, b) => n + b.length - HEAD, length)
  const out = new Uint8Array(size)
  out.set(port.u8.subarray(port.base, port.base + length))
  const view = new DataView(out.buffer)
  let count = resets.length, at = length
  for (const batch of batches) {
    count += new DataView(batch.buffer, batch.byteOffset).getUint32(0, true)
    out.set(batch.subarray(HEAD), at)
    at += batch.length - HEAD
  }
  view.setUint32(0, count, true)
  return out
}

/** A batch in parts of at most so many changes, in order; the last one has its source, cursor and origin. */
export function *inParts(batch: Uint8Array, most: () => number): Generator<Uint8Array> {
  const view = new DataView(batch.buffer, batch.byteOffset, batch.byteLength)
  const head = headOf(view)
  let from = head
  for (let left = view.getUint32(0, true); left > 0;) {
    let to = from, count = 0
    for (const all = most(); count < all && left > 0; count++, left--) to += sizeOf(view, to)
    if (left === 0 && from === head) break
    const start = left === 0 ? batch.subarray(0, head) : BARE
    const part = new Uint8Array(start.length + to - from)
    part.set(start)
    part.set(batch.subarray(from, to), start.length)
    const words = new DataView(part.buffer)
    words.setUint32(0, count, true)
    words.setUint32(4, view.getUint32(4, true), true)
    yield part
    from = to
  }
  if (from === head) yield batch
}

/** A batch without the changes of some tables. */
export function without(batch: Uint8Array, tables: ReadonlySet<number>): Uint8Array {
  const out = batch.slice()
  const view = new DataView(out.buffer)
  let from = headOf(view), to = from, count = 0
  for (let left = view.getUint32(0, true); left > 0; left--) {
    const size = sizeOf(view, from)
    if (!tables.has(view.getUint32(from + 4, true))) {
      out.copyWithin(to, from, from + size)
      to += size
      count++
    }
    from += size
  }
  view.setUint32(0, count, true)
  return out.subarray(0, to)
}

/** Number of changes of a batch. */
export const countOf = (batch: Uint8Array): number => new DataView(batch.buffer, batch.byteOffset).getUint32(0, true)

/** Where the first change of a batch is. */
function headOf(view: DataView): number {
  let head = 8
  for (let text = 0; text < 3; text++) {
    const length = view.getUint32(head, true)
    head += 4 + (length === 0xffffffff ? 0 : (length + 3) & ~3)
  }
  return (head + 7) & ~7
}

/** Bytes of the change at a place. */
const sizeOf = (view: DataView, at: number): number => 16 + ((view.getUint32(at + 8, true) + 7) & ~7) + ((view.getUint32(at + 12, true) + 7) & ~7)

/** A head without source, cursor and origin. */
const BARE = /* @__PURE__ */ Uint8Array.from({ length: HEAD }, (_, i) => i >= 8 && i < 20 ? 0xff : 0)

/** Tenants that have rows in a table. */
function tenantsOf(db: Database<any>, table: string): Set<string> {
  const { layout } = db.inside.layouts.find(l => l.name === table)!
  const column = layout.names.indexOf(TENANT)
  const tenants = new Set<string>()
  const rows = exportRows(db, [table])
  try {
    for (let batch = rows.next(SLICE); batch !== undefined; batch = rows.next(SLICE)) {
      const bytes = batch.slice() as Uint8Array<ArrayBuffer>
      const memory = { u8: bytes, view: new DataView(bytes.buffer), fresh: () => {} }
      let at = HEAD
      for (let n = memory.view.getUint32(0, true); n > 0; n--) {
        tenants.add(decodeCell(memory, layout, at + 16, column) as string)
        at += 16 + ((memory.view.getUint32(at + 8, true) + 7) & ~7)
      }
    }
  } finally { rows.end() }
  return tenants
}
