// Values: small domains per type, so that ties, matches and extremes are frequent; and their form in case files.
//
// A column has a *domain*, the list that its values are drawn from. `safe` domains are those over which arithmetic of a few
// steps neither overflows nor rounds: only over them may a result not depend on the order of evaluation.

const plain = ['', 'a', 'b', 'A', 'ab', 'aB', 'b ', ' b', 'a%', 'a_b', '%', '_', "it's", 'é', 'É', 'null', '10', '9', '\u{10000}', '\uffee']
const rich = [...plain, 'ß', 'SS', 'ΑΣ', 'ας', 'İ', 'ﬁ', 'a\\b', '\\', '日本', '😀', 'e\u0301', 'a\nb', 'a\tb', 'ab'.repeat(20)]

const domains = {
  text: { plain: { safe: true, list: plain }, rich: { safe: false, list: rich } },
  int: {
    small: { safe: true, list: [-3, -2, -1, 0, 1, 2, 3, 4, 7, 10] },
    wide: { safe: false, list: [0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1, 3037000500, 94906267] },
    many: { safe: false, list: Array.from({ length: 300 }, (_, i) => i - 20) },
  },
  bigint: {
    small: { safe: true, list: [-2n, -1n, 0n, 1n, 2n, 5n, 9n] },
    wide: { safe: false, list: [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n, 2n ** 53n + 1n, 2n ** 62n, -(2n ** 62n), 4294967296n] },
  },
  float: {
    small: { safe: true, list: [-2.5, -1, -0, 0, 0.25, 0.5, 1, 1.5, 2, 3, 8] },
    odd: { safe: false, list: [NaN, Infinity, -Infinity, 0.1, 0.2, -0.3, 1 / 3, 1e15, -1e15, 0, -0, 1e-7, 123456789.125] },
    huge: { safe: false, list: [1.7976931348623157e308, -1.7976931348623157e308, 5e-324, -5e-324, 1e200, 1e-200, 0, 1, NaN, Infinity] },
  },
  // Equal values are written in one way: which of several is shown of a group, PostgreSQL leaves open.
  decimal: {
    money: { safe: true, list: ['-2.50', '0.00', '0.10', '1.00', '1.50', '3.00', '10.00', '99.99'] },
    odd: { safe: true, list: ['1.5', '-3', '0.001', '2.25', '12345678901234567890.123456789', '-0.00000000000000000007', '1000000000000', '0.3'] },
  },
  date: { any: { safe: true, list: ['2024-02-29', '2024-03-01', '1970-01-01', '1969-12-31', '0044-03-15 BC', '12345-06-07'] } },
  time: { any: { safe: true, list: ['00:00:00', '09:30:00', '09:30:00.5', '23:59:59.999999', '24:00:00'] } },
  // Of equal intervals, too, PostgreSQL shows any.
  interval: {
    plain: { safe: true, list: ['00:00:00', '1 mon', '-1 mons', '1 day', '-00:00:01.5', '2 days 03:04:05', '1 year 2 mons', '00:00:00.000001', '36:00:00'] },
    odd: { safe: true, list: ['1 mon -1 days', '30 days', '-1 years +2 days -03:00:00', '1000 years', '-00:00:00.000001', '24:00:00', '11 mons 29 days 23:59:59.999999', '90 days'] },
  },
  'text[]': { any: { safe: true, list: [[], ['a'], ['a', 'b'], ['a', null], [null], ['', 'b', 'a'], ['NULL', 'a b', '"\\', '{,}'], ['é', 'a\u0001b', '\u0002']] } },
  'int[]': { any: { safe: true, list: [[], [1], [1, 2], [2, 1, 1], [null, 3], [0, -1, 9007199254740991], [10]] } },
  'float[]': { any: { safe: true, list: [[], [0.5], [1.5, null], [-2.5, 0.25], [-1e300, 0.5], [3]] } },
  'date[]': { any: { safe: true, list: [[], ['2024-02-29'], ['0044-03-15 BC', null], ['2024-03-01', '1970-01-01']] } },
  uuid: { any: { safe: true, list: ['00000000-0000-0000-0000-000000000000', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'ffffffff-ffff-ffff-ffff-ffffffffffff'] } },
  bool: { both: { safe: true, list: [true, false] } },
  timestamp: {
    near: { safe: true, list: ['2024-02-29T12:00:00.000Z', '2024-02-29T12:00:00.001Z', '2024-03-01T00:00:00.000Z', '1970-01-01T00:00:00.000Z', '1969-12-31T23:59:59.999Z'] },
    far: { safe: false, list: ['2024-02-29T12:00:00.000001Z', '2024-02-29T12:00:00.000002Z', '0001-01-01T00:00:00.000Z', '1883-11-18T12:03:57.999999Z', '2262-04-11T23:47:16.854775Z', '+012345-06-07T08:09:10.011Z'] },
  },
  bytes: { any: { safe: true, list: ['\\x', '\\x00', '\\x0000', '\\x01', '\\x7f', '\\x80ff', '\\xff', '\\x0102030405060708090a0b0c0d0e0f10', '\\x0102030405060708090a0b0c0d0e0f11'] } },
  json: {
    any: { safe: true, list: [0, 1, -1.5, 1e21, 1e-7, '', 'a', '1', true, false, [], [1], [1, 2], [[1]], {}, { a: 1 }, { a: 1, b: [null, 'x'] }, { bb: 1, a: { é: '\u0001' } }, [null], 'ß"\\'] },
  },
}

export const types = Object.keys(domains)

/** Names of the domains of a type. */
export const domainsOf = (type) => Object.keys(domains[type])
/** The values of a column's domain; real ones where the column has a list of them. */
export const domain = (column) => column.list ?? domains[column.type][column.domain].list
/** Whether arithmetic over the column can neither fail nor round. */
export const isSafe = (column) => domains[column.type][column.domain].safe
/** Whether sums over the column stay far from the ends of the type's range. */
export const isSummable = (column) => isSafe(column) || column.type === 'int' || (column.type === 'float' && column.domain === 'odd')

const patterns = ['%', '_', '', 'a%', '%b', '%a%', '_b%', 'a\\%', 'a\\_b', '%\\\\%', '%%', 'a%b%', 'É%', '__', '\\a%', '%\n%', '%_b', '%ab%ab%']

/** A pattern for `like`, often one that fits a value of the column; none ends in a lone backslash, an error in PostgreSQL. */
export function makePattern(r, column) {
  if (column === undefined || r.oneIn(3)) return r.pick(patterns)
  const text = r.pick(domain(column))
  const cased = r.pick([text, text, text.toUpperCase(), text.toLowerCase()])
  const letters = [...cased].map((c) => ('%_\\'.includes(c) && r.below(4) > 0 ? `\\${c}` : r.oneIn(6) ? '_' : r.oneIn(6) ? '%' : r.oneIn(12) ? `\\${c}` : c))
  const pattern = `${r.oneIn(3) ? '%' : ''}${letters.join('')}${r.oneIn(3) ? '%' : ''}`
  return /(^|[^\\])(\\\\)*\\$/.test(pattern) ? `${pattern}\\` : pattern
}

/** A literal of the boundary's Query JSON. */
export function literal(type, value) {
  if (value === null) return { op: 'lit', value: null }
  if (type.endsWith('[]')) return { op: 'lit', name: type, value: JSON.stringify(value) }
  if (type === 'timestamp' || type === 'bytes' || type === 'decimal' || type === 'date' || type === 'time' || type === 'uuid' || type === 'interval') return { op: 'lit', name: type, value }
  if (type === 'json') return { op: 'lit', name: 'json', value: JSON.stringify(value) }
  return { op: 'lit', value }
}

/** The same literal written in another way, if there is one: another zone, other blanks, digits, order of keys. */
export function respelt({ name, value, ...rest }) {
  if (name === 'timestamp' && value !== null && /\.\d{3}Z$/.test(value) && value < '9') {
    const there = new Date(Date.parse(value) + 5400000).toISOString()
    return { ...rest, name, value: there.startsWith('0') ? value : there.replace('Z', '+01:30') }
  }
  if (name === 'json' && value !== null) return { ...rest, name, value: other(JSON.parse(value)) }
  return name === undefined ? { ...rest, value } : { ...rest, name, value }
}

function other(value) {
  if (Number.isSafeInteger(value)) return `${value}.00`
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[ ${value.map(other).join(' ,')}]`
  return `{ ${Object.entries(value).reverse().map(([k, v]) => `${JSON.stringify(k)} :${other(v)}`).join(', ')} }`
}

/** JSON text that keeps what JSON has no form for. */
export function encode(value) {
  const plainly = (_, v) => {
    if (typeof v === 'bigint') return { $big: String(v) }
    if (typeof v === 'number' && (!Number.isFinite(v) || Object.is(v, -0))) return { $num: Object.is(v, -0) ? '-0' : String(v) }
    return v
  }
  return JSON.stringify(value, plainly)
}

/** What `encode` was given. */
export function decode(text) {
  return JSON.parse(text, (_, v) => {
    if (v !== null && typeof v === 'object') {
      if ('$big' in v) return BigInt(v.$big)
      if ('$num' in v) return Number(v.$num)
    }
    return v
  })
}
