import type { LooseBatch, LooseChange } from './changes.js'
import { EddylineError, said, unknownName } from './errors.js'
import { checkBatch } from './given.js'
import { keyParts, valueText } from './keys.js'
import type { TableLayout } from './layout.js'
import { isPlain } from './option-kinds.js'
import type { Port } from './port.js'
import { Place, RowWriter } from './row-writer.js'
import { checkTenant } from './values.js'

/** Batches with more rows than this do not link objects to handles: comparing them would cost more than decoding. */
export const LINK_LIMIT = 64

/** Bytes of a piece: a large batch goes into the engine in such, so that it is not there twice. */
const PIECE = 1 << 20

const OPS: ReadonlyMap<string, number> = /* @__PURE__ */ new Map([['insert', 1], ['upsert', 2], ['update', 3], ['delete', 4], ['touch', 5], ['reset', 6]])
const utf8 = /* @__PURE__ */ new TextEncoder()

/**
 * Writes JS objects as packed rows straight into the input area of the engine: one wasm call per batch, of a large one one per megabyte.
 *
 * Addresses are kept relative to the area, because it may move when it grows.
 */
export class Encoder {
  /** Objects of the last batch that are exactly what a decoder would make of their rows, for linking. */
  linkCount = 0
  readonly linkObjects: (object | undefined)[] = new Array(LINK_LIMIT).fill(undefined)
  readonly linkTables: number[] = new Array(LINK_LIMIT).fill(0)
  readonly linkAt: number[] = new Array(LINK_LIMIT).fill(0)
  readonly linkBytes: number[] = new Array(LINK_LIMIT).fill(0)

  readonly #port: Port
  readonly #tables: Map<string, TableLayout>
  #pos = 0          // end of what is written, relative
  #count = 0        // binary changes written of this piece
  #inPieces = false
  #staged = false   // pieces are in the engine
  #links = 0        // objects that may be linked, −1 if the batch is too large
  #busy = false
  /** Columns of the update at hand, ascending, and what they are set to; `#given` of them. */
  readonly #columns: number[] = []
  readonly #values: unknown[] = []
  #given = 0
  readonly #place = new Place()
  readonly #writer: RowWriter
  /** The last that was looked at. */
  #tenant: string | undefined

  constructor(port: Port, tables: Map<string, TableLayout>) {
    this.#port = port
    this.#tables = tables
    this.#writer = new RowWriter(port, this.#place)
  }

  /** Writes a batch at the start of the input area; the number of its bytes. Throws EddylineError and has no effect then. */
  encode(changes: readonly LooseChange[], batch: LooseBatch | undefined): number {
    if (this.#busy) throw new EddylineError('REENTRANT', 'a getter or `toJSON` of a row that is being applied cannot apply')
    this.#busy = true
    try { return this.#encode(changes, batch) } finally { this.#busy = false }
  }

  /** The same for a batch that is committed next: of a large one the last piece is written, and those before it are in the engine. */
  encodeInPieces(changes: readonly LooseChange[], batch: LooseBatch | undefined): number {
    if (this.#busy) return this.encode(changes, batch)
    this.#inPieces = true
    this.#staged = false
    try { return this.encode(changes, batch) } catch (error) {
      if (this.#staged && this.#port.dead === undefined) this.#port.call('stage', 0)
      throw error
    } finally { this.#inPieces = false }
  }

  #encode(changes: readonly LooseChange[], batch: LooseBatch | undefined): number {
    const port = this.#port
    this.#pos = 0
    this.#count = 0
    this.linkCount = 0
    this.#links = 0
    if (batch !== undefined) checkBatch(batch)
    port.reserve(4096, 0)
    this.#header(batch)
    const tenant = batch?.tenant
    for (let i = 0; i < changes.length; i++) {
      this.#place.change = i
      this.#encodeChange(changes[i], tenant)
    }
    port.i32[port.base >>> 2] = this.#count
    this.linkCount = Math.max(this.#links, 0)
    return this.#pos
  }

  /** `changes[flat]` of the binary batch as the user wrote it: `changes[2].rows[7]`. */
  pathOf(changes: readonly LooseChange[], flat: number): string {
    for (let i = 0; i < changes.length; i++) {
      const c = changes[i]
      const rows = c.rows?.length ?? (c.op === 'reset' ? 0 : 1)
      const n = rows + (c.op === 'reset' ? 1 : 0)
      if (flat >= n) { flat -= n; continue }
      if (c.rows === undefined || (c.op === 'reset' && flat === 0)) return `changes[${i}]`
      return `changes[${i}].rows[${c.op === 'reset' ? flat - 1 : flat}]`
    }
    return 'changes'
  }

  #header(batch: LooseBatch | undefined): void {
    const port = this.#port
    let at = port.base >>> 2
    port.i32[at + 1] = batch !== undefined && batch.stale === 'ignore' ? 1 : 0
    if (batch === undefined || (batch.source === undefined && batch.cursor === undefined && batch.origin === undefined)) {
      port.i32[at + 2] = -1; port.i32[at + 3] = -1; port.i32[at + 4] = -1
      this.#pos = 24
      return
    }
    let pos = 8
    const texts = [batch.source, batch.cursor === undefined ? undefined : String(batch.cursor), batch.origin]
    for (const text of texts) {
      if (text === undefined) { port.i32[(port.base + pos) >>> 2] = -1; pos += 4; continue }
      port.reserve(pos + 64 + text.length * 3, pos)
      const { written } = utf8.encodeInto(text, port.u8.subarray(port.base + pos + 4, port.base + port.capacity))
      port.i32[(port.base + pos) >>> 2] = written
      pos += 4 + ((written + 3) & ~3)
    }
    this.#pos = (pos + 7) & ~7
  }

  #encodeChange(change: LooseChange, batchTenant: string | undefined): void {
    if (typeof change !== 'object' || change === null) throw this.#invalid('a change must be an object')
    for (const name in change) {
      switch (name) {
        case 'op': case 'table': case 'row': case 'rows': case 'id': case 'set': case 'tenant': continue
        default: if ((change as unknown as Record<string, unknown>)[name] !== undefined) throw unknownName('CHANGE_INVALID', `\`${name}\` in a change`, name, ['op', 'table', 'row', 'rows', 'id', 'set', 'tenant'], this.#place.at(`.${name}`))
      }
    }
    const op = OPS.get(change.op)
    if (op === undefined) {
      throw unknownName('CHANGE_INVALID', `operation \`${said(change.op)}\``, change.op, OPS.keys(), this.#place.at('.op'))
    }
    const table = this.#tables.get(change.table)
    if (table === undefined) {
      throw unknownName('UNKNOWN_TABLE', `table \`${said(change.table)}\``, change.table, this.#tables.keys(), this.#place.at('.table'))
    }
    let tenant: string | undefined
    if (table.tenanted) {
      tenant = change.tenant ?? batchTenant
      if (tenant !== this.#tenant && typeof tenant === 'string') {
        checkTenant(tenant, this.#place.at('.tenant'))
        this.#tenant = tenant
      } else if (typeof tenant !== 'string') {
        throw new EddylineError('TENANT_REQUIRED', `\`${table.name}\` is tenanted: give \`tenant\` in the change or in the batch`,
          { path: this.#place.at('.tenant'), offending: table.name })
      }
    } else if (change.tenant !== undefined) {
      throw new EddylineError('CHANGE_INVALID', `rows of \`${table.name}\` belong to no tenant`, { path: this.#place.at('.tenant'), offending: 'tenant' })
    }
    this.#place.row = -1
    if (op <= 2) {
      if (change.rows === undefined) { this.#place.part = 'row'; this.#encodeRow(table, op, change.row, tenant) }
      else this.#encodeRows(table, op, change.rows, tenant)
    } else if (op === 6) {
      this.#begin(6, table.index, table.layout.heapAt)
      if (table.tenanted) this.#finish(this.#keyRow(table, undefined, tenant))
      else this.#finish(0)
      if (change.rows !== undefined) this.#encodeRows(table, 2, change.rows, tenant)
    } else {
      this.#place.part = 'id'
      if (change.id === undefined) throw this.#invalid(`\`${change.op}\` needs \`id\``, '.id')
      if (op === 3) { this.#encodeUpdate(table, change.id, change.set, tenant); return }
      this.#begin(op, table.index, table.layout.heapAt)
      this.#finish(this.#keyRow(table, change.id, tenant))
    }
  }

  #encodeRows(table: TableLayout, op: number, rows: readonly object[], tenant: string | undefined): void {
    if (!Array.isArray(rows)) throw this.#invalid('`rows` must be an array', '.rows')
    this.#place.part = 'rows'
    for (let i = 0; i < rows.length; i++) {
      this.#place.row = i
      this.#encodeRow(table, op, rows[i], tenant)
    }
  }

  #encodeRow(table: TableLayout, op: number, source: object | undefined, tenant: string | undefined): void {
    if (typeof source !== 'object' || source === null || Array.isArray(source)) throw this.#invalid('a row must be an object', `.${this.#place.member}`)
    const object = source as Record<string, unknown>
    const layout = table.layout
    this.#begin(op, table.index, layout.heapAt)
    const row = this.#pos
    this.#writer.open(row, layout.heapAt)
    const names = layout.names
    const shown = layout.shown
    let found = 0
    for (let c = 0; c < shown; c++) {
      const value = table.inherited[c] ? ownValue(object, names[c]) : object[names[c]]
      if (value === undefined || value === null) {
        if (value === null) found++
        else this.#writer.canonical = false
        if (!table.nullable[c]) throw this.#lacking(table, c, value, object)
        this.#writer.putNull(table, c, row)
        continue
      }
      found++
      this.#writer.put(table, c, value, row)
    }
    let keys = 0
    for (const _ in object) keys++
    // What a prototype gives counts as found, and may hide that a name is none.
    const plain = isPlain(object)
    if (keys !== found || !plain) this.#checkKeys(table, object)
    if (tenant !== undefined) this.#writer.put(table, shown, tenant, row)
    const bytes = this.#writer.close(table, row)
    if (this.#links >= 0) {
      if (this.#links === LINK_LIMIT || this.#count >= LINK_LIMIT) this.#links = -1
      else if (this.#writer.canonical && plain) {
        const n = this.#links++
        this.linkObjects[n] = object
        this.linkTables[n] = table.index
        this.linkAt[n] = row
        this.linkBytes[n] = bytes
      }
    }
    this.#finish(bytes)
  }

  #encodeUpdate(table: TableLayout, id: unknown, set: object | undefined, tenant: string | undefined): void {
    if (typeof set !== 'object' || set === null) throw this.#invalid('`update` needs `set`, an object', '.set')
    const object = set as Record<string, unknown>
    const layout = table.layout
    const words = (layout.names.length + 7) >>> 3
    this.#begin(3, table.index, layout.heapAt + words + 16)
    const port = this.#port
    const present = this.#pos
    const padded = (words + 7) & ~7
    for (let i = 0; i < padded; i += 4) port.i32[(port.base + present + i) >>> 2] = 0
    this.#pos += padded
    const row = this.#pos
    const writer = this.#writer
    const key = this.#keyParts(table, id)
    this.#given = 0
    for (let k = 0; k < key.length; k++) this.#give(table.key[k], key[k])
    this.#setColumns(table, object, key)
    writer.openNull(layout, row)
    for (let i = 0; i < this.#given; i++) {
      const c = this.#columns[i], value = this.#values[i]
      this.#values[i] = undefined
      if (table.isKey[c]) {
        this.#place.part = 'id'
        writer.putCell(table, c, value, row)
        continue
      }
      this.#place.part = 'set'
      port.u8[port.base + present + (c >> 3)] |= 1 << (c & 7)
      if (value !== null) writer.putCell(table, c, value, row)
      else if (!table.nullable[c]) throw writer.missing(table, c, null)
    }
    if (tenant !== undefined) writer.putCell(table, layout.shown, tenant, row)
    const bytes = writer.closeNull(table, row)
    const head = (port.base + present - 16) >>> 2
    port.i32[head + 3] = words
    port.i32[head + 2] = bytes
    this.#pos = row + ((bytes + 7) & ~7)
    this.#count++
  }

  /** The columns that `object` sets, in order, beside the key's. Plain objects name them; others are asked for every column. */
  #setColumns(table: TableLayout, object: Record<string, unknown>, key: readonly unknown[]): void {
    const { names, shown } = table.layout
    if (Object.getPrototypeOf(object) === Object.prototype) {
      for (const name in object) {
        const c = table.columnOf.get(name)
        if (c === undefined || c >= shown) { this.#place.part = 'set'; this.#checkKeys(table, object); continue }
        const value = table.inherited[c] ? ownValue(object, name) : object[name]
        if (value !== undefined) this.#setColumn(table, c, value, key)
      }
      return
    }
    this.#place.part = 'set'
    this.#checkKeys(table, object)
    for (let c = 0; c < shown; c++) {
      const value = table.inherited[c] ? ownValue(object, names[c]) : object[names[c]]
      if (value !== undefined) this.#setColumn(table, c, value, key)
    }
    // A Map, a date, a promise that nobody waited for.
    if (this.#given === key.length && !isPlain(object) && Object.keys(object).length === 0) throw this.#invalid('`update` needs `set`, an object with columns', '.set')
  }

  #setColumn(table: TableLayout, c: number, value: unknown, key: readonly unknown[]): void {
    if (!table.isKey[c]) { this.#give(c, value); return }
    const k = table.key.indexOf(c), of = key[k], type = table.keyTypes[k]
    if (Object.is(value, of)) return
    this.#place.part = 'id'
    const stored = this.#packed(table, c, of)
    this.#place.part = 'set'
    if (value === null) throw this.#writer.missing(table, c, null)
    const other = this.#packed(table, c, value)
    // Equal ones may have another spelling; texts of moments know no microseconds.
    if (stored === other || (type !== 'timestamp' && valueText(type, value) === valueText(type, of))) return
    const name = table.layout.names[c]
    throw new EddylineError('KEY_CHANGE', `an update cannot change the key column \`${name}\``, { path: this.#place.of(table, c), offending: name })
  }

  /** The bytes, as text, of a row that holds this cell and no other, written where the next row will be. */
  #packed(table: TableLayout, c: number, value: unknown): string {
    const row = this.#pos, writer = this.#writer
    writer.open(row, table.layout.heapAt)
    writer.put(table, c, value, row)
    const bytes = writer.close(table, row), { u8, base } = this.#port
    return String(u8.subarray(base + row, base + row + bytes))
  }

  /** Notes what a column of the update at hand is set to, in the order of columns. */
  #give(column: number, value: unknown): void {
    const columns = this.#columns, values = this.#values
    let i = this.#given++
    for (; i > 0 && columns[i - 1] > column; i--) {
      columns[i] = columns[i - 1]
      values[i] = values[i - 1]
    }
    columns[i] = column
    values[i] = value
  }

  /** A row with only key columns (and the tenant); `id` undefined writes the tenant alone. */
  #keyRow(table: TableLayout, id: unknown, tenant: string | undefined): number {
    const layout = table.layout
    const row = this.#pos
    this.#writer.open(row, layout.heapAt)
    const key = id === undefined ? undefined : this.#keyParts(table, id)
    for (let c = 0; c < layout.shown; c++) {
      if (key !== undefined && table.isKey[c]) this.#writer.put(table, c, key[table.key.indexOf(c)], row)
      else this.#writer.putNull(table, c, row)
    }
    if (tenant !== undefined) this.#writer.put(table, layout.shown, tenant, row)
    return this.#writer.close(table, row)
  }

  #keyParts(table: TableLayout, id: unknown): readonly unknown[] {
    const names = table.keyNames
    const parts = keyParts(names, table.keyTypes, id)
    if (parts.length !== names.length) {
      throw this.#invalid(`the key of \`${table.name}\` has ${names.length === 1 ? 'one column' : `${names.length} columns`} (${names.join(', ')})`,
        '.id', parts.length < names.length ? 'MISSING_KEY' : 'CHANGE_INVALID')
    }
    for (let i = 0; i < parts.length; i++) {
      if (parts[i] === undefined || parts[i] === null) throw this.#invalid(`the key of \`${table.name}\` needs \`${names[i]}\``, '.id', 'MISSING_KEY')
    }
    return parts
  }

  /** The changes so far go into the engine. */
  #stage(): void {
    const port = this.#port
    port.i32[port.base >>> 2] = this.#count
    this.#staged = true
    // Objects are linked by what is written.
    this.#links = -1
    port.call('stage', this.#pos)
    port.fresh()
    this.#count = 0
    this.#header(undefined)
  }

  #begin(op: number, table: number, fixed: number): void {
    const port = this.#port
    if (this.#inPieces && this.#pos > PIECE && this.#count >= LINK_LIMIT) this.#stage()
    const pos = this.#pos
    port.reserve(pos + fixed + 64, pos)
    const at = (port.base + pos) >>> 2
    port.i32[at] = op
    port.i32[at + 1] = table
    port.i32[at + 2] = 0
    port.i32[at + 3] = 0
    this.#pos = pos + 16
  }

  #finish(bytes: number): void {
    // `#pos` is still where the row began: the head is right before it.
    const port = this.#port
    port.i32[(port.base + this.#pos - 8) >>> 2] = bytes
    this.#pos += (bytes + 7) & ~7
    this.#count++
  }

  // ---- errors ------------------------------------------------------------------------------------------------------

  #invalid(message: string, at = '', code = 'CHANGE_INVALID'): EddylineError {
    return new EddylineError(code, message, { path: this.#place.at(at) })
  }

  /** A column that must have a value has none: most often its name is misspelt, which is then what to say. */
  #lacking(table: TableLayout, c: number, value: null | undefined, object: object): EddylineError {
    if (value === undefined) this.#checkKeys(table, object)
    return this.#writer.missing(table, c, value)
  }

  /** Called when the number of keys is not the number of columns found: an unknown name, or keys holding undefined. */
  #checkKeys(table: TableLayout, object: object): void {
    this.#writer.canonical = false
    for (const name of Object.keys(object)) {
      const c = table.columnOf.get(name)
      if (c !== undefined && c < table.layout.shown) continue
      throw unknownName('UNKNOWN_COLUMN', `column \`${name}\` on \`${table.name}\``, name, table.layout.names.slice(0, table.layout.shown),
        this.#place.at(`.${this.#place.member}.${name}`))
    }
  }
}

function ownValue(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined
}
