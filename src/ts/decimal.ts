// Exact decimals: texts of rows and queries, and the packed form that the engine holds (`src/value/numeric`).

/** An exact decimal as text, digits as PostgreSQL prints them: `'12.50'`. */
export type Decimal = `${number}`

const FORM = /^\s*([+-]?)(\d*)(?:\.(\d*))?(?:e([+-]?\d{1,7}))?\s*$/i
/** Digits before the point, and behind it. */
const MOST = 1000
const ZERO = 0x2000, BIAS = 600

/** A decimal taken apart: `0.digits × 10^point`, the first digit not zero. */
interface Parts { negative: boolean; digits: string; point: number; scale: number }

function partsOf(text: string): Parts | undefined {
  const m = FORM.exec(text)
  if (m === null) return undefined
  const whole = m[2], behind = m[3] ?? '', exponent = Number(m[4] ?? 0)
  if (whole.length + behind.length === 0) return undefined
  const all = whole + behind
  const digits = all.replace(/^0+/, '')
  const point = whole.length + exponent - (all.length - digits.length)
  const scale = Math.max(0, behind.length - exponent)
  if (scale > MOST || (digits !== '' && point > MOST)) return undefined
  return { negative: m[1] === '-' && digits !== '', digits, point, scale }
}

/** Whether a text is a decimal that the engine holds. */
export function isDecimal(text: string): boolean { return partsOf(text) !== undefined }

/** Order of two decimals, given as texts; texts that are none come last. */
export function compareDecimals(a: string, b: string): number {
  const x = packDecimal(a), y = packDecimal(b)
  if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined)
  const p = x.slice(0, -2), q = y.slice(0, -2)
  return p < q ? -1 : p > q ? 1 : 0
}

/** Text of a decimal without zeros at the end: equal for equal values. */
export function plainDecimal(text: string): string {
  const packed = packDecimal(text)
  if (packed === undefined) return text
  const shown = unpackDecimal(packed)
  return shown.includes('.') ? shown.replace(/\.?0+$/, '') : shown
}

const pair = (high: number, low: number): string => String.fromCharCode(high, low)

/** The packed form, all ASCII; undefined if the text is no decimal, or one of too many digits. */
export function packDecimal(text: string): string | undefined {
  const parts = partsOf(text)
  if (parts === undefined) return undefined
  const { negative, point, scale } = parts
  const end = pair(scale >> 7, scale & 127)
  let digits = parts.digits.replace(/0+$/, '')
  if (digits === '') return pair(ZERO >> 7, 0) + end
  // Pairs begin at the point.
  if ((point & 1) !== 0) digits = '0' + digits
  if ((digits.length & 1) !== 0) digits += '0'
  const size = BIAS + Math.ceil(point / 2)
  const header = negative ? ZERO - size : ZERO + size
  let packed = pair(header >> 7, header & 127)
  for (let i = 0; i < digits.length; i += 2) {
    const value = Number(digits.slice(i, i + 2))
    packed += String.fromCharCode(negative ? 126 - value : value + 1)
  }
  return packed + (negative ? '\x7f' : '') + end
}

/** The text of a packed decimal. */
export function unpackDecimal(packed: string): Decimal {
  const header = packed.charCodeAt(0) << 7 | packed.charCodeAt(1)
  const negative = header < ZERO
  const last = packed.length - 2
  const scale = packed.charCodeAt(last) << 7 | packed.charCodeAt(last + 1)
  let digits = ''
  for (let i = 2; i < (negative ? last - 1 : last); i++) {
    const code = packed.charCodeAt(i)
    const value = negative ? 126 - code : code - 1
    digits += value < 10 ? `0${value}` : value
  }
  const point = digits === '' ? 0 : 2 * (Math.abs(header - ZERO) - BIAS)
  const whole = point <= 0 ? '0' : digits.slice(0, point).padEnd(point, '0').replace(/^0(?=\d)/, '')
  const behind = (point <= 0 ? '0'.repeat(-point) + digits : digits.slice(point)).slice(0, scale).padEnd(scale, '0')
  return `${negative ? '-' : ''}${whole}${scale > 0 ? `.${behind}` : ''}` as Decimal
}
