// The changes of a JSON text as the journal reads them. What the engine makes of the text does not depend on it.
import type { LooseChange } from '../changes.js'
import type { JsonOptions, JsonStream } from '../json-input.js'
import type { CellType } from '../port.js'
import type { TableJson } from './row-keys.js'

/** A copy of a stream's pieces, made as they are read. */
export function recorded(input: JsonStream, pieces: Uint8Array[]): JsonStream {
  const body = typeof (input as ReadableStream).getReader === 'function' ? input as ReadableStream<Uint8Array> : (input as Response).ok ? (input as Response).body : null
  // What cannot be read is told by whoever reads it.
  if (body === null) return input
  return { getReader: () => {
    const reader = body.getReader()
    return {
      async read() {
        const next = await reader.read()
        if (!next.done) pieces.push(next.value)
        return next
      },
      cancel: (reason: unknown) => reader.cancel(reason),
      releaseLock: () => { reader.releaseLock() },
    }
  } } as unknown as JsonStream
}

/** The text of pieces of bytes. */
export function textOfPieces(pieces: Iterable<ArrayBuffer | ArrayBufferView>): string {
  const decoder = new TextDecoder()
  let text = ''
  for (const piece of pieces) text += decoder.decode(piece, { stream: true })
  return text + decoder.decode()
}

/** A number that JavaScript would round stands as a text with this in front. */
const DIGITS = '\u0000'
const STRING_OR_NUMBER = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g
const STRING_OR_BRACKET = /"(?:[^"\\]|\\.)*"|[[\]{}]/g

/**
 * The changes of a text that the engine has found to be well formed. `opts.table` makes it one of rows. `tableOf`: the
 * tables whose changes are wanted.
 */
export function changesOf(text: string, opts: JsonOptions | undefined, tableOf: (name: string) => TableJson | undefined): LooseChange[] {
  const changes: LooseChange[] = []
  const take = (given: Record<string, any>, tenant: string | undefined): void => {
    const table = tableOf(given.table)
    if (table === undefined) return
    const change = { ...given, tenant: given.tenant ?? tenant, id: given.id ?? given.key } as unknown as Record<string, any>
    const { row, rows, set, id } = change
    if (row !== undefined) cells(table, row)
    if (Array.isArray(rows)) for (const one of rows) cells(table, one)
    if (set !== undefined) cells(table, set)
    if (id !== undefined) change.id = key(table, id)
    changes.push(change as unknown as LooseChange)
  }
  const rows: unknown[] = []
  for (const value of values(text)) {
    if (opts?.table !== undefined) { rows.push(...Array.isArray(value) ? value : [value]); continue }
    for (const one of Array.isArray(value) ? value : [value]) {
      if (!Array.isArray(one.changes)) take(one, opts?.tenant)
      else for (const change of one.changes) take(change, one.tenant ?? opts?.tenant)
    }
  }
  if (opts?.table !== undefined) take({ op: opts.op ?? 'upsert', table: opts.table, rows }, opts.tenant)
  return changes
}

/** The values of a text: one, or one after another on lines. */
function values(text: string): any[] {
  if (text.charCodeAt(0) === 0xfeff) text = text.slice(1)
  const exact = text.replace(STRING_OR_NUMBER, found => found[0] === '"' || String(Number(found)) === found ? found : JSON.stringify(DIGITS + found))
  try { return [JSON.parse(exact)] } catch { /* several */ }
  const out: any[] = []
  let depth = 0, from = 0
  for (const { 0: mark, index } of exact.matchAll(STRING_OR_BRACKET)) {
    if (mark === '{' || mark === '[') depth++
    else if ((mark === '}' || mark === ']') && --depth === 0) {
      out.push(JSON.parse(exact.slice(from, index + 1)))
      from = index + 1
    }
  }
  return out
}

/** Cells of a row, or of a part of one, as `apply` would take them. */
function cells(table: TableJson, row: Record<string, unknown>): void {
  for (const { name, type } of table.columns) if (row[name] !== undefined && row[name] !== null) row[name] = cell(type, row[name])
}

function key(table: TableJson, id: unknown): unknown {
  const types = table.key.map(name => table.columns.find(c => c.name === name)!.type)
  if (Array.isArray(id) && id.length === types.length) return id.map((part, i) => cell(types[i], part))
  if (typeof id === 'object' && id !== null && !Array.isArray(id)) { cells(table, id as Record<string, unknown>); return id }
  return cell(types[0], id)
}

function cell(type: CellType, value: unknown): unknown {
  switch (type) {
    case 'bytes': return typeof value === 'string' ? bytesOf(value) : value
    // Their digits, however many.
    case 'bigint': { const given = digits(value); return BigInt(/^-?\d+$/.test(String(given)) ? given as string : Number(given)) }
    case 'decimal': return digits(value)
    case 'float': return typeof value === 'string' ? Number(digits(value)) : value
    default: return numbers(value)
  }
}

const digits = (value: unknown): unknown => typeof value === 'string' && value.startsWith(DIGITS) ? value.slice(1) : value

/** Numbers where they stood. */
function numbers(value: unknown): unknown {
  if (typeof value === 'string') return value.startsWith(DIGITS) ? Number(value.slice(1)) : value
  if (Array.isArray(value)) return value.map(numbers)
  if (typeof value === 'object' && value !== null) return Object.fromEntries(Object.entries(value).map(([name, part]) => [name, numbers(part)]))
  return value
}

/** `\x…` or base64, as the engine reads them. */
function bytesOf(text: string): Uint8Array {
  if (text.startsWith('\\x')) return Uint8Array.from(text.slice(2).match(/../g) ?? [], pair => parseInt(pair, 16))
  return Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/').replace(/[\n\r=]/g, '')), c => c.charCodeAt(0))
}
