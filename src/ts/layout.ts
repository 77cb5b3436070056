import type { CellType, PackedInfo } from './port.js'

/** Type codes as small integers: the encoder's and decoder's loops switch on them. */
export const TEXT = 0, INT = 1, BIGINT = 2, FLOAT = 3, BOOL = 4, TIMESTAMP = 5, JSON_TEXT = 6, BYTES = 7, DECIMAL = 8, DATE = 9, TIME = 10, UUID = 11, INTERVAL = 12
/** Codes of arrays: this and the place of their type of elements. */
export const ARRAY = 32

const CODES: Record<CellType, number> = { text: TEXT, int: INT, bigint: BIGINT, float: FLOAT, bool: BOOL, timestamp: TIMESTAMP, json: JSON_TEXT, bytes: BYTES, decimal: DECIMAL, date: DATE, time: TIME, uuid: UUID, interval: INTERVAL,
  'bool[]': ARRAY, 'int[]': ARRAY + 1, 'float[]': ARRAY + 2, 'text[]': ARRAY + 3, 'timestamp[]': ARRAY + 4, 'date[]': ARRAY + 5, 'uuid[]': ARRAY + 6 }

/** Name of the hidden last column of tenanted tables. */
export const TENANT = '$tenant'

/** Where the cells of a packed row are. Parallel arrays, so that the hot loops stay monomorphic. */
export class PackedLayout {
  readonly names: string[]
  readonly types: number[]
  readonly slots: number[]
  /** Index among the columns with a span in the heap, or −1. */
  readonly vars: number[]
  readonly varCount: number
  /** Columns with a span in the heap, in order. */
  readonly varColumns: number[]
  readonly varAt: number
  readonly nullAt: number
  readonly flagsAt: number
  readonly heapAt: number
  /** Columns that users see: all but the tenant, which is last. */
  readonly shown: number
  /** Some name needs `defineProperty` to become an own property. */
  readonly hasProto: boolean

  constructor(info: PackedInfo) {
    this.names = info.columns.map(c => c.name)
    this.types = info.columns.map(c => CODES[c.type])
    this.slots = info.columns.map(c => c.slot)
    this.vars = info.columns.map(c => c.var)
    this.varColumns = this.vars.flatMap((v, c) => v >= 0 ? [c] : [])
    this.varCount = this.varColumns.length
    this.varAt = info.varAt
    this.nullAt = info.nullAt
    this.flagsAt = info.flagsAt
    this.heapAt = info.heapAt
    const last = this.names.length - 1
    this.shown = last >= 0 && this.names[last] === TENANT ? last : last + 1
    this.hasProto = this.names.includes('__proto__')
  }
}

/** A table as the encoder needs it: the layout and what the schema says about each column. */
export interface TableLayout {
  readonly index: number
  readonly name: string
  readonly layout: PackedLayout
  readonly nullable: boolean[]
  /** Column indexes of the key, in key order, without the tenant. */
  readonly key: number[]
  readonly keyNames: readonly string[]
  readonly keyTypes: readonly CellType[]
  readonly isKey: boolean[]
  readonly tenanted: boolean
  /** Per column: the name exists on Object.prototype, so that only an own property counts. */
  readonly inherited: boolean[]
  readonly columnOf: Map<string, number>
}

/** Joins the engine's layout with the schema's facts. */
export function tableLayout(info: PackedInfo, nullable: Map<string, boolean>, key: readonly string[], tenanted: boolean): TableLayout {
  const layout = new PackedLayout(info)
  const columnOf = new Map(layout.names.map((name, i) => [name, i]))
  const keyAt = key.map(name => columnOf.get(name)!)
  return {
    index: info.id, name: info.table ?? String(info.id), layout, tenanted, columnOf, key: keyAt, keyNames: key, keyTypes: keyAt.map(c => info.columns[c].type),
    nullable: layout.names.map(name => nullable.get(name) ?? false),
    isKey: layout.names.map((_, i) => keyAt.includes(i)),
    inherited: layout.names.map(name => name in Object.prototype),
  }
}
