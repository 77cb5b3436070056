// Rows of PostgreSQL, as arrays of texts, beside rows of the engine.
//
// Values are compared by type: integers and texts exactly, floats by their bits (the engine has no −0: it stands for 0),
// timestamps by the millisecond that a Date holds, json as values.

/** Where the two differ, in words; `undefined` if they do not. */
export function difference(shape, expected, actual, path = 'rows') {
  if (!Array.isArray(actual)) return `${path}: ${show(actual)} is no list`
  for (let i = 0; i < Math.min(expected.length, actual.length); i++) {
    const found = rowDifference(shape, expected[i], actual[i], `${path}[${i}]`)
    if (found) return found
  }
  if (expected.length !== actual.length) return `${path}: ${expected.length} rows expected, ${actual.length} found`
  return undefined
}

/** The same, where any order will do: each expected row is found once. */
function unorderedDifference(shape, expected, actual, path) {
  if (!Array.isArray(actual)) return `${path}: ${show(actual)} is no list`
  const rest = [...actual]
  for (let i = 0; i < expected.length; i++) {
    const at = rest.findIndex((row) => rowDifference(shape, expected[i], row, path) === undefined)
    if (at < 0) return `${path}: ${show(expected[i])} expected, not in ${show(actual)}`
    rest.splice(at, 1)
  }
  return rest.length > 0 ? `${path}: ${show(rest)} not expected` : undefined
}

function rowDifference(shape, expected, actual, path) {
  if (actual === null || typeof actual !== 'object') return `${path}: ${show(actual)} is no row`
  const names = Object.keys(actual)
  if (names.length !== shape.length || shape.some((f) => !Object.hasOwn(actual, f.name))) return `${path}: fields ${shape.map((f) => f.name)} expected, ${names} found`
  for (let i = 0; i < shape.length; i++) {
    const found = fieldDifference(shape[i], expected[i], actual[shape[i].name], `${path}.${shape[i].name}`)
    if (found) return found
  }
  return undefined
}

function fieldDifference(field, expected, actual, path) {
  if (field.list) return field.unordered ? unorderedDifference(field.list, expected, actual, path) : difference(field.list, expected, actual, path)
  const row = field.row ?? field.one
  if (row && expected !== null && actual !== null) return rowDifference(row, expected, actual, path)
  // JSON's null and SQL's are one in JavaScript.
  if (field.type === 'json' && expected === 'null') return actual === null ? undefined : `${path}: null expected, ${show(actual)} found`
  if (expected === null || actual === null) return expected === actual ? undefined : `${path}: ${show(expected)} expected, ${show(actual)} found`
  return same(field, expected, actual) ? undefined : `${path}: ${show(expected)} expected, ${show(actual)} (${typeof actual}) found`
}

function same({ type, column }, expected, actual) {
  switch (type) {
    case 'text': case 'date': case 'time': case 'uuid': return actual === expected
    case 'bool': return actual === (expected === 'true')
    case 'int':
      // A column has the type that the schema says; what is computed is a bigint as soon as it could be beyond 2^53.
      if (column && typeof actual !== (column === 'int' ? 'number' : 'bigint')) return false
      return (typeof actual === 'bigint' || Number.isInteger(actual)) && BigInt(actual) === BigInt(expected)
    case 'float': return Object.is(actual, Number(expected) === 0 ? 0 : Number(expected))
    // Of equal values in a group PostgreSQL shows any. That intervals are written as there is compared where they are cast to texts.
    case 'interval': return typeof actual === 'string' && lengthOf(actual) === lengthOf(expected)
    case 'decimal': return typeof actual === 'string' && plain(actual) === plain(expected)
    case 'timestamp': return isMoment(actual, expected)
    case 'bytes': return actual instanceof Uint8Array && `\\x${Buffer.from(actual).toString('hex')}` === expected
    // Integers beyond 2^53 are read as texts.
    case 'int[]': return isList(actual, JSON.parse(expected.replace(/-?\d+/g, '"$&"')), (a, e) => String(a) === e)
    case 'float[]': return isList(actual, JSON.parse(expected), (a, e) => same({ type: 'float' }, String(e), a))
    case 'timestamp[]': return isList(actual, JSON.parse(expected), isMoment)
    case 'text[]': case 'bool[]': case 'uuid[]': case 'date[]': return canonical(actual) === canonical(JSON.parse(expected))
    case 'json': return canonical(actual) === canonical(JSON.parse(expected))
    case 'quotient': {
      const [sum, count] = expected.split('/').map(BigInt)
      return Object.is(actual, rounded(sum, count))
    }
    case 'near': {
      const [value, measure] = expected.split('~').map(Number)
      if (!Number.isFinite(value)) return Object.is(actual, value)
      return typeof actual === 'number' && Math.abs(actual - value) <= measure * 1e-14
    }
    case 'spread':
    case 'root':
    case 'root of integers': {
      const [value, most] = expected.split('~').map(Number)
      if (!Number.isFinite(value)) return Object.is(actual, value)
      // Roots are compared as variances: where they are small, so is what they say.
      const [a, b] = type === 'spread' ? [actual, value] : [actual * actual, value * value]
      // Of integers PostgreSQL has sixteen digits of the variance, by four, and its root has as many behind the point: none beyond 10^8.
      const digits = Math.max(0, 16 - 4 * Math.floor(Math.log10(value * value) / 4))
      const isNear = type === 'root' ? Math.abs(actual - value) <= most * 1e-12 : type === 'root of integers' && Math.abs(actual - value) <= 0.51 * 10 ** -digits
      return typeof actual === 'number' && (isNear || Math.abs(a - b) <= most * most * 1e-14)
    }
    default: throw new Error(`no comparison of ${type}`)
  }
}

function isMoment(actual, expected) {
  const micros = BigInt(expected)
  return actual instanceof Date && BigInt(actual.getTime()) === (micros - (((micros % 1000n) + 1000n) % 1000n)) / 1000n
}

const isList = (actual, expected, is) => Array.isArray(actual) && actual.length === expected.length && expected.every((e, i) => (e === null ? actual[i] === null : is(actual[i], e)))

/** Microseconds of an interval as PostgreSQL writes it, where a month is 30 days. */
function lengthOf(interval) {
  const units = { year: 360n, mon: 30n, day: 1n }
  const days = [...interval.matchAll(/([+-]?\d+) (year|mon|day)/g)].reduce((sum, m) => sum + BigInt(m[1]) * units[m[2]], 0n)
  const [, sign, hour, minute, second, fraction = ''] = /([+-]?)(\d+):(\d+):(\d+)(?:\.(\d+))?$/.exec(interval) ?? ['', '', '0', '0', '0']
  const micros = ((BigInt(hour) * 60n + BigInt(minute)) * 60n + BigInt(second)) * 1000000n + BigInt(fraction.padEnd(6, '0'))
  return days * 86400000000n + (sign === '-' ? -micros : micros)
}

const plain = (decimal) => (decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal)

/** The double next to a quotient of integers, ties to even. */
export function rounded(dividend, divisor) {
  if (dividend < 0n) return -rounded(-dividend, divisor)
  if (dividend === 0n) return 0
  // 64 bits or more of the quotient, the last one set if anything is left: enough for one right rounding.
  const shift = BigInt(Math.max(0, 64 + divisor.toString(2).length - dividend.toString(2).length))
  const scaled = dividend << shift
  const quotient = (scaled / divisor) | (scaled % divisor === 0n ? 0n : 1n)
  return Number(quotient) / 2 ** Number(shift)
}

function canonical(value) {
  return JSON.stringify(value, (_, v) => (v !== null && typeof v === 'object' && !Array.isArray(v) ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1))) : v))
}

/** Whether two values of the engine are equal throughout. */
export function equal(a, b) {
  if (Object.is(a, b)) return true
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false
  if (a instanceof Date || b instanceof Date) return a instanceof Date && b instanceof Date && a.getTime() === b.getTime()
  const names = Object.keys(a)
  return names.length === Object.keys(b).length && names.every((n) => Object.hasOwn(b, n) && equal(a[n], b[n]))
}

export const show = (value) => JSON.stringify(value, (_, v) => (typeof v === 'bigint' ? `${v}n` : typeof v === 'number' && !Number.isFinite(v) ? String(v) : v))
