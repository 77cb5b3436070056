// What PostgreSQL prints of a value beside what the package shows for it.

/** The two differ, in words; undefined if they do not. `shape`: members, each `{ name, type }`, `{ name, row }` (a row or null, read of as many columns) or `{ name, list }`. */
export function rowDifference(shape, expected, actual, path, loosely) {
  if (actual === null || typeof actual !== 'object') return `${path}: ${show(actual)} is no row`
  const names = Object.keys(actual)
  if (names.length !== shape.length || shape.some((m) => !Object.hasOwn(actual, m.name))) return `${path}: members ${shape.map((m) => m.name)} expected, ${names} found`
  let at = 0
  for (const member of shape) {
    const value = actual[member.name], here = `${path}.${member.name}`
    if (member.row) {
      const cells = expected.slice(at, at + member.row.length), there = expected[at + member.row.length] === 't'
      at += member.row.length + 1
      const found = there ? rowDifference(member.row, cells, value, here, loosely) : value === null ? undefined : `${here}: null expected, ${show(value)} found`
      if (found) return found
      continue
    }
    const text = expected[at++]
    const found = member.list ? listDifference(member.list, JSON.parse(text ?? '[]'), value, here, loosely) : member.one ? oneDifference(member.one, text, value, here, loosely) : valueDifference(member, text, value, here, loosely)
    if (found) return found
  }
  return undefined
}

function oneDifference(shape, text, value, path, loosely) {
  if (text === null) return value === null ? undefined : `${path}: null expected, ${show(value)} found`
  return rowDifference(shape, JSON.parse(text), value, path, loosely)
}

export function listDifference(shape, expected, actual, path, loosely) {
  if (!Array.isArray(actual)) return `${path}: ${show(actual)} is no list`
  for (let i = 0; i < Math.min(expected.length, actual.length); i++) {
    const found = rowDifference(shape, expected[i], actual[i], `${path}[${i}]`, loosely)
    if (found) return found
  }
  return expected.length === actual.length ? undefined : `${path}: ${expected.length} rows expected, ${actual.length} found: ${show(expected)} and ${show(actual)}`
}

function valueDifference(member, expected, actual, path, loosely) {
  const told = () => `${path}: ${show(expected)} expected, ${show(actual)} (${actual instanceof Date ? 'Date' : typeof actual}) found`
  // JSON's null and SQL's are one in JavaScript.
  if (member.type === 'json' && expected === 'null') return actual === null ? undefined : told()
  if (expected === null || actual === null) return expected === actual ? undefined : told()
  return isSame(member, expected, actual, loosely) ? undefined : told()
}

function isSame({ type, strict, near }, expected, actual, loosely) {
  if (near) return typeof actual === 'number' && (Object.is(actual, Number(expected)) || Math.abs(actual - Number(expected)) <= 1e-12 * Math.max(Math.abs(actual), near === true ? 0 : near))
  switch (type) {
    case 'text': case 'date': case 'time': case 'uuid': return actual === expected
    case 'bool': return actual === (expected === 't' || expected === 'true')
    case 'int': case 'bigint':
      if (strict && typeof actual !== (type === 'bigint' ? 'bigint' : 'number')) return false
      return (typeof actual === 'bigint' || Number.isSafeInteger(actual)) && String(actual) === expected
    case 'float': return Object.is(actual, Number(expected) === 0 ? 0 : Number(expected))
    // Of equal values in a group PostgreSQL shows any.
    case 'decimal': return typeof actual === 'string' && (loosely ? plain(actual) === plain(expected) : actual === expected)
    case 'interval': return typeof actual === 'string' && (loosely ? lengthOf(actual) === lengthOf(expected) : actual === expected)
    case 'timestamp': return actual instanceof Date && actual.getTime() === millisecondsOf(expected)
    case 'bytes': return actual instanceof Uint8Array && `\\x${Buffer.from(actual).toString('hex')}` === expected
    case 'json': return canonical(actual) === canonical(JSON.parse(expected))
  }
  if (!type.endsWith('[]')) throw new Error(`no comparison of ${type}`)
  const elements = elementsOf(expected)
  return Array.isArray(actual) && actual.length === elements.length && elements.every((e, i) => (e === null ? actual[i] === null : actual[i] !== null && isSame({ type: type.slice(0, -2) }, e, actual[i])))
}

/** The milliseconds of a moment as PostgreSQL prints it, in UTC. */
export function millisecondsOf(text) {
  const m = /^(\d+)-(\d\d)-(\d\d) (\d\d):(\d\d):(\d\d)(?:\.(\d+))?\+00( BC)?$/.exec(text)
  if (m === null) throw new Error(`no moment: ${text}`)
  const year = m[8] ? 1 - Number(m[1]) : Number(m[1])
  const at = new Date(0)
  at.setUTCFullYear(year, Number(m[2]) - 1, Number(m[3]))
  at.setUTCHours(Number(m[4]), Number(m[5]), Number(m[6]))
  return at.getTime() + Number((m[7] ?? '').padEnd(6, '0').slice(0, 3))
}

/** The elements of an array of one dimension as PostgreSQL prints it. */
export function elementsOf(text) {
  const out = []
  for (const m of text.slice(1, -1).matchAll(/"((?:[^"\\]|\\.)*)"|([^,]+)/gs)) out.push(m[1] !== undefined ? m[1].replace(/\\(.)/gs, '$1') : m[2] === 'NULL' ? null : m[2])
  return out
}

const plain = (decimal) => (decimal.includes('.') ? decimal.replace(/\.?0+$/, '') : decimal)

function lengthOf(interval) {
  const units = { year: 360n, mon: 30n, day: 1n }
  const days = [...interval.matchAll(/([+-]?\d+) (year|mon|day)/g)].reduce((sum, m) => sum + BigInt(m[1]) * units[m[2]], 0n)
  const [, sign, hour, minute, second, fraction = ''] = /([+-]?)(\d+):(\d+):(\d+)(?:\.(\d+))?$/.exec(interval) ?? ['', '', '0', '0', '0']
  const micros = ((BigInt(hour) * 60n + BigInt(minute)) * 60n + BigInt(second)) * 1000000n + BigInt(fraction.padEnd(6, '0'))
  return days * 86400000000n + (sign === '-' ? -micros : micros)
}

const canonical = (value) => JSON.stringify(value, (_, x) => (x !== null && typeof x === 'object' && !Array.isArray(x) ? Object.fromEntries(Object.entries(x).sort(([a], [b]) => (a < b ? -1 : 1))) : x))
export const show = (value) => JSON.stringify(value, (_, x) => (typeof x === 'bigint' ? `${x}n` : typeof x === 'number' && !Number.isFinite(x) ? String(x) : x))?.slice(0, 600)

/** What a value is to TypeScript, by the type of its member. */
export function kindOf({ type }, value) {
  if (value === null) return 'null'
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return typeof value
  if (value instanceof Date) return 'Date'
  if (value instanceof Uint8Array) return 'Uint8Array'
  if (typeof value === 'string') return { decimal: 'Decimal', date: 'DateText', interval: 'IntervalText' }[type] ?? 'string'
  return undefined
}
