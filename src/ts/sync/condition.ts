// Conditions of associations, judged without an engine: what `sync` without a database asks of the rows that it holds.
import { timeOf } from '../calendar.js'
import { cellOf } from '../cells.js'
import { EddylineError } from '../errors.js'
import type { CellType } from '../port.js'
import type { ExprJson } from '../query/expr.js'
import { type AnyRow, type Types, compareCells, sameCell } from './compare.js'

/** Types that are compared by more than their cells: one number, day or length of time has several spellings. */
const SPELLED: readonly CellType[] = ['decimal', 'interval', 'date', 'time']

/**
 * Truth of a condition for a row of a table, null where it is unknown: comparisons of columns with constants and with each
 * other, ranges, lists, null, and, or, not. Throws QUERY_INVALID for any other.
 */
export function truth(e: ExprJson, row: AnyRow, types: Types): boolean | null {
  const args = e.args ?? []
  const cells = (): unknown[] => args.map(a => cell(a, row, types))
  switch (e.op) {
    case 'lit': return e.value as boolean | null
    case 'col': return row[e.name!] as boolean | null ?? null
    case 'and': case 'or': {
      let all: boolean | null = e.op === 'and'
      for (const a of args) {
        const t = truth(a, row, types)
        if (t === (e.op === 'or')) return t
        if (t === null) all = null
      }
      return all
    }
    case 'not': { const t = truth(args[0], row, types); return t === null ? null : !t }
    case 'isNull': return cell(args[0], row, types) === null
    case 'isNotNull': return cell(args[0], row, types) !== null
    case 'coalesce': { for (const a of args) { const t = truth(a, row, types); if (t !== null) return t } return null }
  }
  const type = typeOf(args, types)
  switch (e.op) {
    case 'in': {
      const [value, ...list] = cells()
      if (value === null) return null
      return list.some(v => v !== null && order('=', value, v, type)) ? true : list.includes(null) ? null : false
    }
    case 'between': {
      const [value, low, high] = cells()
      const above = known('>=', value, low, type), below = known('<=', value, high, type)
      return above === false || below === false ? false : above === null || below === null ? null : true
    }
    case 'isDistinctFrom': case 'isNotDistinctFrom': {
      const [a, b] = cells()
      return (a === null || b === null ? a === b : order('=', a, b, type)) === (e.op === 'isNotDistinctFrom')
    }
    case '=': case '!=': case '<': case '<=': case '>': case '>=': { const [a, b] = cells(); return known(e.op, a, b, type) }
  }
  throw new EddylineError('QUERY_INVALID', `without a database the condition \`${e.op}\` of an association cannot be judged: give \`sync\` the database`, { offending: e.op })
}

/** The type by which values are compared: that of a column or typed constant, of numbers the widest. */
function typeOf(args: readonly ExprJson[], types: Types): CellType | undefined {
  const found = args.flatMap(a => a.op === 'col' ? types[a.name!] ?? [] : a.op === 'lit' && a.name !== undefined ? a.name as CellType : [])
  return found.includes('decimal') ? (found.includes('float') ? 'float' : 'decimal') : found[0]
}

/** A comparison; unknown if one is null. */
function known(op: string, a: unknown, b: unknown, type: CellType | undefined): boolean | null {
  return a === null || b === null ? null : order(op, a, b, type)
}

function order(op: string, a: unknown, b: unknown, type: CellType | undefined): boolean {
  const spelled = type !== undefined && SPELLED.includes(type)
  if (!spelled && (op === '=' || op === '!=')) return sameCell(a, b) === (op === '=')
  const c = type === 'time' ? timeOf(a)! - timeOf(b)! : compareCells(a, b, type)
  switch (op) {
    case '=': return c === 0
    case '!=': return c !== 0
    case '<': return c < 0
    case '<=': return c <= 0
    case '>': return c > 0
    default: return c >= 0
  }
}

/** A column, or a constant as rows show values of its type. */
function cell(e: ExprJson, row: AnyRow, types: Types): unknown {
  if (e.op === 'col') return row[e.name!] ?? null
  if (e.op !== 'lit') return truth(e, row, types)
  switch (e.name) {
    case 'timestamp': return cellOf('timestamp', e.value, 'value', undefined)
    case 'bytes': return Uint8Array.from((e.value as string).match(/../g) ?? [], pair => parseInt(pair, 16))
    case 'json': return JSON.parse(e.value as string)
    default: return e.value
  }
}
