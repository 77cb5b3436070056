// What a run writes into the table of a projection, until it is committed: the last state of each row that it touches.
import type { LooseChange } from '../changes.js'
import type { Database } from '../database.js'
import { decodeRow } from '../decoder.js'
import { EddylineError, codedError } from '../errors.js'
import { rowByKey } from '../row-by-key.js'
import { valueText } from '../keys.js'
import { type TableJson, compareValues, rowKeyText } from '../watch/row-keys.js'
import { checkConflict, checkConflictColumns } from './checks.js'
import type { OnConflict } from './definition.js'

type RowObject = Record<string, unknown>
/** `write`: the row as it was given, where that says more than what is shown. */
interface Held { readonly old: RowObject | null; row: RowObject | null; write?: RowObject; readonly id: readonly unknown[] }

/** Rows that are encoded together. */
const SLICE = 500

/**
 * The rows of one table as they will be. Cost: one look-up per row that is touched.
 *
 * Rows are those that the engine would show: they go through its encoder, which is also what refuses them.
 */
export class Draft {
  readonly #rows = new Map<string, Held>()
  /** What is shown of its rows is all there is: moments hold more digits than a `Date` shows. */
  readonly #exact: boolean
  /** Rows that were materialized. */
  taken = 0

  constructor(readonly db: Database<any>, readonly table: TableJson, readonly owner: string, readonly required: readonly string[], readonly tenant: string | undefined) {
    this.#exact = !table.columns.some(c => c.type === 'timestamp')
  }

  /** Writes rows. Throws PROJECTION_INVALID, UNKNOWN_COLUMN, PROJECTION_CONFLICT, PROJECTION_REQUIRED, and what the encoder finds. */
  put(rows: readonly object[], onConflict: OnConflict): void {
    checkConflict(onConflict, this.owner)
    checkConflictColumns(onConflict, this.table)
    for (let from = 0; from < rows.length; from += SLICE) this.#put(rows.slice(from, from + SLICE), from, onConflict)
  }

  #put(given: readonly object[], from: number, onConflict: OnConflict): void {
    const { table, required } = this
    given.forEach((row, i) => {
      for (const c of required) {
        if ((row as RowObject)?.[c] === null || (row as RowObject)?.[c] === undefined) {
          throw new EddylineError('PROJECTION_REQUIRED', `row ${from + i} of \`${this.owner}\` lacks \`${c}\``, { path: `rows[${from + i}].${c}`, offending: c })
        }
      }
    })
    // The columns that count are those that were given: what is absent is null.
    const rows = canonical(this.db, table, given, this.tenant, from)
    this.taken += rows.length
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]
      const text = rowKeyText(table, row)
      const held = this.#held(text, row)
      if (held.row === null || onConflict === 'replaceAll') {
        held.row = row
        if (!this.#exact) held.write = { ...given[i] } as RowObject
      } else if (onConflict === 'raise') {
        throw new EddylineError('PROJECTION_CONFLICT', `\`${this.owner}\` holds a row with the key of row ${from + i} already: ${table.key.map(k => `${k} ${String(row[k])}`).join(', ')}`, { path: `rows[${from + i}]`, offending: this.owner })
      } else if (onConflict !== 'nothing') {
        const names = 'replace' in onConflict ? onConflict.replace : table.columns.map(c => c.name).filter(c => !onConflict.replaceAllExcept.includes(c))
        const merged = { ...held.row }
        for (const c of names) if (!table.key.includes(c)) merged[c] = row[c]
        held.row = merged
        held.write = undefined
      }
    }
  }

  /** Deletes rows as the table has them now. */
  remove(rows: Iterable<object>): void {
    for (const row of rows) this.#held(rowKeyText(this.table, row), row as RowObject, row as RowObject).row = null
  }

  /** The same of rows that this draft has not touched: what the others are by now, the table does not say. */
  removeOthers(rows: Iterable<object>): void { for (const row of rows) if (!this.#rows.has(rowKeyText(this.table, row))) this.remove([row]) }

  /** Deletes the row with the key of this one. */
  drop(row: object): void { this.#held(rowKeyText(this.table, row), row as RowObject).row = null }

  /** Deletes rows that this draft has written and that satisfy a condition. */
  removeWritten(condition: (row: RowObject) => boolean): void {
    for (const held of this.#rows.values()) if (held.row !== null && condition(held.row)) held.row = null
  }

  /** It has written rows that are still there. */
  get hasWritten(): boolean { for (const h of this.#rows.values()) if (h.row !== null) return true; return false }

  /** Rows that will be other than they are: before and after. */
  *changed(): Iterable<{ text: string; old: RowObject | null; row: RowObject | null }> {
    for (const [text, { old, row }] of this.#rows) if (!isSame(this.table, old, row)) yield { text, old, row }
  }

  get count(): number { let n = 0; for (const _ of this.changed()) n++; return n }

  /** A list of rows in the order of the key, with what this changes of it. `within`: which rows belong to the list. */
  over(list: readonly object[], within: (row: RowObject) => boolean): readonly object[] {
    const touched = [...this.changed()]
    if (touched.length === 0) return list
    const { table } = this
    const texts = new Set(touched.map(t => t.text))
    const come = touched.flatMap(({ row }) => row !== null && within(row) ? [row] : []).sort((a, b) => byKey(table, a, b))
    const out: object[] = []
    let next = 0
    for (const row of list) {
      if (texts.has(rowKeyText(table, row))) continue
      while (next < come.length && byKey(table, come[next], row as RowObject) < 0) out.push(come[next++])
      out.push(row)
    }
    out.push(...come.slice(next))
    return out
  }

  /** The net difference. Of rows that are equal to our eyes the engine decides, where they may hold more. */
  changes(): LooseChange[] {
    const { table, tenant } = this
    const of = tenant === undefined ? {} : { tenant }
    const out: LooseChange[] = []
    const upserts: RowObject[] = []
    for (const { old, row, write, id } of this.#rows.values()) {
      if (row !== null) { if (write !== undefined || !isSame(table, old, row)) upserts.push(write ?? row) }
      else if (old !== null) out.push({ op: 'delete', table: table.name, id: id.length === 1 ? id[0] : id, ...of })
    }
    if (upserts.length > 0) out.push({ op: 'upsert', table: table.name, rows: upserts, ...of })
    return out
  }

  #held(text: string, row: RowObject, old?: RowObject): Held {
    let held = this.#rows.get(text)
    if (held === undefined) {
      const id = this.table.key.map(k => row[k])
      const was = old ?? rowByKey(this.db.inside, this.table.name, id.length === 1 ? id[0] : id, this.tenant) ?? null
      this.#rows.set(text, held = { old: was, row: was, id })
    }
    return held
  }
}

function byKey(table: TableJson, a: RowObject, b: RowObject): number {
  for (const name of table.key) {
    const c = compareValues(table.columns.find(c => c.name === name)!.type, a[name], b[name])
    if (c !== 0) return c
  }
  return 0
}

/** Rows as the engine would show them. Throws what `apply` would, with the path of the row. */
function canonical(db: Database<any>, table: TableJson, rows: readonly object[], tenant: string | undefined, from: number): RowObject[] {
  const { encoder, port, layouts } = db.inside
  try { encoder.encode([{ op: 'upsert', table: table.name, rows, ...(tenant === undefined ? {} : { tenant }) }], undefined) } catch (error) {
    const e = codedError(error)
    if (e === undefined) throw error
    const path = e.path?.replace(/^changes\[0\]\.rows\[(\d+)\]/, (_, n) => `rows[${Number(n) + from}]`)
    throw new EddylineError(e.code, e.message, { path, offending: e.offending, nearest: e.nearest })
  }
  port.fresh()
  const { layout } = layouts.find(l => l.name === table.name)!
  const out: RowObject[] = []
  let at = 24
  for (let n = 0; n < rows.length; n++) {
    const size = port.view.getUint32(port.base + at + 8, true)
    out.push(decodeRow(port, layout, port.base + at + 16) as RowObject)
    at += 16 + ((size + 7) & ~7)
  }
  return out
}

/** Whether two rows of a table show the same. */
export function isSame(table: TableJson, a: RowObject | null, b: RowObject | null): boolean {
  if (a === null || b === null) return a === b
  return table.columns.every(({ name, type }) => {
    const x = a[name] ?? null, y = b[name] ?? null
    // Decimals and intervals keep the form that they were written in.
    return x === y || (type === 'decimal' || type === 'interval' ? false : x !== null && y !== null && valueText(type, x) === valueText(type, y))
  })
}

