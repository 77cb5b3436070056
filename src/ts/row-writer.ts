import { ELEMENTS, isPlainArray, packArray } from './arrays.js'
import { dateText, daysOf, timeOf, timeText, uuidOf } from './calendar.js'
import { packDecimal, unpackDecimal } from './decimal.js'
import { EddylineError } from './errors.js'
import { intervalOf, intervalText, packInterval } from './interval.js'
import { ARRAY, BIGINT, BOOL, BYTES, DATE, DECIMAL, FLOAT, INT, INTERVAL, type PackedLayout, TEXT, TIME, TIMESTAMP, type TableLayout, UUID } from './layout.js'
import type { Port } from './port.js'
import { canonicalJson, jsonWasPlain, microsOfText, wellFormed } from './values.js'

const TYPE_NAMES = ['a string', 'a safe integer', 'a bigint or a safe integer', 'a number', 'a boolean', 'a Date, milliseconds or an ISO 8601 text', 'a JSON value', 'a Uint8Array', 'a decimal number as text, a number or a bigint', 'a date as text or a Date', 'a time of day as text', 'a uuid as text', 'an interval as text or by its parts']
/** As in JSON: what is longer is a mistake, or belongs somewhere else. */
const ROW_MOST = 64 << 20
const utf8 = /* @__PURE__ */ new TextEncoder()

/** Where in a batch we are: the paths of errors. Kept as numbers, because text would cost every row. */
export class Place {
  change = 0
  /** Index in `rows`, or −1. */
  row = -1
  part: 'row' | 'rows' | 'set' | 'id' = 'row'

  /** `changes[3]` and what follows. */
  at(rest: string): string { return `changes[${this.change}]${rest}` }
  get member(): string { return this.row < 0 ? this.part : `${this.part}[${this.row}]` }
  of(table: TableLayout, c: number): string { return this.part === 'id' ? this.at('.id') : this.at(`.${this.member}.${table.layout.names[c]}`) }
}

/**
 * Writes the cells of one packed row into the input area.
 *
 * Addresses are relative to the area, because it may move when it grows. Strings up to 64 characters are copied by a
 * charCode loop: TextEncoder has a fixed cost of 70 (Node) to 300 ns (Chromium) per call.
 */
export class RowWriter {
  /** Every value so far is what the decoder would give back. */
  canonical = true
  #heap = 0
  #heapStart = 0
  #ascii = true

  constructor(readonly port: Port, readonly place: Place) {}

  /** Begins a row at `row`; its fixed part must lie within the area. */
  open(row: number, heapAt: number): void {
    const i32 = this.port.i32
    const from = (this.port.base + row) >>> 2
    const to = from + ((heapAt + 3) >>> 2)
    for (let i = from; i < to; i++) i32[i] = 0
    this.#heapStart = this.#heap = row + heapAt
    this.#ascii = true
    this.canonical = true
  }

  /** Begins a row of nulls, which `putCell` fills in, in the order of columns; `closeNull` ends it. */
  openNull(layout: PackedLayout, row: number): void {
    this.open(row, layout.heapAt)
    const { u8, base } = this.port
    const to = base + row + layout.flagsAt
    for (let i = base + row + layout.nullAt; i < to; i++) u8[i] = 255
    const spare = -layout.names.length & 7
    if (spare > 0) u8[to - 1] = 255 >> spare
  }

  putCell(table: TableLayout, c: number, value: unknown, row: number): void {
    const { port } = this
    port.u8[port.base + row + table.layout.nullAt + (c >> 3)] &= ~(1 << (c & 7))
    this.put(table, c, value, row)
  }

  /** Ends a row of `openNull`: the cells that are still null have their empty places in the heap. */
  closeNull(table: TableLayout, row: number): number {
    const { layout } = table
    const { u8, i32 } = this.port
    const at = this.port.base + row
    let end = 0
    for (let v = 0; v < layout.varCount; v++) {
      const c = layout.varColumns[v]
      const slot = (at + layout.slots[c]) >>> 2
      if ((u8[at + layout.nullAt + (c >> 3)] >> (c & 7) & 1) === 0) end = i32[slot]
      else i32[slot] = end
    }
    return this.close(table, row)
  }

  /** Ends it; its bytes. */
  close(table: TableLayout, row: number): number {
    const { port } = this
    port.u8[port.base + row + table.layout.flagsAt] = this.#ascii ? 1 : 0
    return this.#heap - row
  }

  putNull(table: TableLayout, c: number, row: number): void {
    const { port } = this
    const layout = table.layout
    port.u8[port.base + row + layout.nullAt + (c >> 3)] |= 1 << (c & 7)
    if (layout.vars[c] >= 0) port.i32[(port.base + row + layout.slots[c]) >>> 2] = this.#heap - this.#heapStart
  }

  put(table: TableLayout, c: number, value: unknown, row: number): void {
    const { port } = this
    const layout = table.layout
    const type = layout.types[c]
    switch (type) {
      case TEXT:
        if (typeof value !== 'string') throw this.#mismatch(table, c, value)
        this.#text(value, table, c)
        break
      case INT:
        if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw this.#mismatch(table, c, value)
        this.#int(value, port.base + row + layout.slots[c])
        return
      case FLOAT:
        if (typeof value !== 'number') throw this.#mismatch(table, c, value)
        if (value === 0) { if (Object.is(value, -0)) this.canonical = false; return }
        if (value !== value) { port.i32[(port.base + row + layout.slots[c] + 4) >>> 2] = 0x7ff80000; return }
        port.f64[(port.base + row + layout.slots[c]) >>> 3] = value
        return
      case BOOL:
        if (typeof value !== 'boolean') throw this.#mismatch(table, c, value)
        if (value) port.u8[port.base + row + layout.slots[c]] = 1
        return
      case TIMESTAMP: this.#timestamp(table, c, value, port.base + row + layout.slots[c]); return
      case BIGINT:
        if (typeof value === 'number' && Number.isSafeInteger(value)) { this.canonical = false; this.#int(value, port.base + row + layout.slots[c]); return }
        if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) throw this.#mismatch(table, c, value)
        port.view.setBigInt64(port.base + row + layout.slots[c], value, true)
        return
      case BYTES:
        if (!(value instanceof Uint8Array)) throw this.#mismatch(table, c, value)
        if (value.constructor !== Uint8Array) this.canonical = false
        this.#room(value.length, value.length, table, c)
        port.u8.set(value, port.base + this.#heap)
        for (let i = 0; i < value.length && this.#ascii; i++) if (value[i] > 127) this.#ascii = false
        this.#heap += value.length
        break
      case DATE:
      case TIME: {
        const word = type === DATE ? daysOf(value) : timeOf(value)
        if (word === undefined) throw this.#mismatch(table, c, value)
        if ((type === DATE ? dateText(word) : timeText(word)) !== value) this.canonical = false
        this.#int(word, port.base + row + layout.slots[c])
        return
      }
      case UUID: {
        const uuid = uuidOf(value)
        if (uuid === undefined) throw this.#mismatch(table, c, value)
        if (uuid !== value) this.canonical = false
        this.#text(uuid, table, c)
        break
      }
      case INTERVAL: {
        const interval = intervalOf(value)
        if (interval === undefined) throw this.#mismatch(table, c, value)
        if (intervalText(interval) !== value) this.canonical = false
        this.#text(packInterval(interval), table, c)
        break
      }
      case DECIMAL: {
        const packed = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? packDecimal(String(value)) : undefined
        if (packed === undefined) throw this.#mismatch(table, c, value)
        if (unpackDecimal(packed) !== value) this.canonical = false
        this.#text(packed, table, c)
        break
      }
      default: {
        if (type < ARRAY) {
          this.#text(canonicalJson(value, this.place.of(table, c)), table, c)
          if (!jsonWasPlain) this.canonical = false
          break
        }
        const packed = packArray(ELEMENTS[type - ARRAY], value)
        if (packed === undefined) throw this.#mismatch(table, c, value)
        if (!isPlainArray(ELEMENTS[type - ARRAY], value as unknown[])) this.canonical = false
        this.#text(packed, table, c)
      }
    }
    port.i32[(port.base + row + layout.slots[c]) >>> 2] = this.#heap - this.#heapStart
  }

  #int(value: number, address: number): void {
    const i32 = this.port.i32
    const at = address >>> 2
    if ((value | 0) === value) {
      if (value === 0 && Object.is(value, -0)) this.canonical = false
      i32[at] = value
      i32[at + 1] = value >> 31
    } else {
      // Stored modulo 2^32.
      i32[at] = value
      i32[at + 1] = Math.floor(value / 4294967296)
    }
  }

  #timestamp(table: TableLayout, c: number, value: unknown, address: number): void {
    let ms: number
    if (value instanceof Date) ms = value.getTime()
    else {
      this.canonical = false
      if (typeof value === 'string') {
        const micros = microsOfText(value)
        if (micros === undefined || BigInt.asIntN(64, micros) !== micros) throw this.#mismatch(table, c, value)
        this.port.view.setBigInt64(address, micros, true)
        return
      }
      if (typeof value !== 'number') throw this.#mismatch(table, c, value)
      ms = value
    }
    if (!(ms >= -8.64e15 && ms <= 8.64e15)) throw this.#mismatch(table, c, value)
    const micros = Math.round(ms * 1000)
    if (Number.isSafeInteger(micros)) {
      const i32 = this.port.i32
      i32[address >>> 2] = micros
      i32[(address >>> 2) + 1] = Math.floor(micros / 4294967296)
    } else this.port.view.setBigInt64(address, BigInt(Math.trunc(ms)) * 1000n, true)
  }

  #text(value: string, table: TableLayout, c: number): void {
    const length = value.length
    this.#room(length * 3, length, table, c)
    const { port } = this
    const u8 = port.u8
    const start = port.base + this.#heap
    if (length <= 64) {
      let i = 0
      for (; i < length; i++) {
        const code = value.charCodeAt(i)
        if (code > 127) break
        u8[start + i] = code
      }
      if (i === length) { this.#heap += length; return }
    }
    const { written } = utf8.encodeInto(value, u8.subarray(start, port.base + port.capacity))
    if (written !== length) {
      this.#ascii = false
      if (!wellFormed(value)) this.canonical = false
    }
    this.#heap += written
  }

  /** Makes room for up to `bytes`, of which `least` are certain. */
  #room(bytes: number, least: number, table: TableLayout, c: number): void {
    const { port } = this
    if (this.#heap + bytes + 64 <= port.capacity) return
    if (this.#heap - this.#heapStart + least > ROW_MOST) {
      throw new EddylineError('VALUE_TOO_LARGE', `a row of more than ${ROW_MOST >> 20} MB`, { path: this.place.of(table, c), offending: table.layout.names[c] })
    }
    port.reserve(this.#heap + bytes + 64, this.#heap)
  }

  #mismatch(table: TableLayout, c: number, value: unknown): EddylineError {
    const got = value === null ? 'null' : typeof value === 'object' ? value.constructor?.name ?? 'an object' : `${typeof value} ${String(value).slice(0, 40)}`
    const type = table.layout.types[c]
    const beyond = (type === INT && typeof value === 'number' && Number.isInteger(value)) || (type === BIGINT && (typeof value === 'bigint' || Number.isInteger(value)))
    return new EddylineError(beyond ? 'INTEGER_RANGE' : 'TYPE_MISMATCH', `\`${table.name}.${table.layout.names[c]}\` takes ${TYPE_NAMES[type] ?? `a list of ${ELEMENTS[type - ARRAY]} values`}, not ${got}`,
      { path: this.place.of(table, c), offending: table.layout.names[c] })
  }

  /** The error of a column without a value. */
  missing(table: TableLayout, c: number, value: null | undefined): EddylineError {
    const name = table.layout.names[c]
    const code = value === null ? 'NULL_NOT_ALLOWED' : table.isKey[c] ? 'MISSING_KEY' : 'MISSING_COLUMN'
    return new EddylineError(code, `\`${table.name}.${name}\` ${value === null ? 'is not nullable' : 'is missing'}`, { path: this.place.of(table, c), offending: name })
  }
}
