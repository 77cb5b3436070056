// Values as users hand them in, in JavaScript, beside PostgreSQL's literals: written side by side, so that neither is made of the other.

const quote = (text) => `'${text.replaceAll("'", "''")}'`

/** Types of columns in SQL, and how a schema declares them. */
export const types = {
  text: { sql: 'text', column: 'string()' }, int: { sql: 'int8', column: 'int()' }, bigint: { sql: 'int8', column: 'bigint()' },
  float: { sql: 'float8', column: 'number()' }, decimal: { sql: 'numeric', column: 'decimal()' }, bool: { sql: 'bool', column: 'boolean()' },
  timestamp: { sql: 'timestamptz', column: 'timestamp()' }, date: { sql: 'date', column: 'date()' }, time: { sql: 'time', column: 'time()' },
  uuid: { sql: 'uuid', column: 'uuid()' }, interval: { sql: 'interval', column: 'interval()' }, bytes: { sql: 'bytea', column: 'bytes()' },
  json: { sql: 'jsonb', column: 'json()' },
  'text[]': { sql: 'text[]', column: 'array(string().nullable())' }, 'int[]': { sql: 'int8[]', column: 'array(int().nullable())' }, 'float[]': { sql: 'float8[]', column: 'array(number().nullable())' },
  'date[]': { sql: 'date[]', column: 'array(date().nullable())' }, 'bool[]': { sql: 'bool[]', column: 'array(boolean().nullable())' },
  'timestamp[]': { sql: 'timestamptz[]', column: 'array(timestamp().nullable())' }, 'uuid[]': { sql: 'uuid[]', column: 'array(uuid().nullable())' },
}

/** A value: its text in PostgreSQL, and the forms that are accepted for it. */
const v = (type, text, ...forms) => ({ type, text, sql: text === null ? `null::${types[type].sql}` : type.startsWith('text') ? `(${quote(text)}::${types[type].sql} collate "C")` : `${quote(text)}::${types[type].sql}`, forms })

const list = (type, rows) => rows.map((row) => v(type, ...row))
const bytesOf = (...all) => new Uint8Array(all)
const day = (text) => new Date(`${text}T00:00:00.000Z`)

/** `safe` ones can be calculated with: sums and products neither overflow nor round. */
const domains = {
  text: {
    safe: ['', 'a', 'b', 'A', 'ab', 'a b', ' b ', 'a%', 'a_b', "it's", 'bca', 'abab', '10', '-3'].map((t) => [t, t]),
    wild: ['', 'é', 'É', 'ß', '\u{10000}', '\uffee', '😀x', '日本', 'e\u0301', 'a\\b', '\\', 'a\nb', 'null', '"q"', '2024-02-29', '{a}', 'x'.repeat(70)].map((t) => [t, t]),
  },
  int: {
    safe: [-3, -2, -1, 0, 1, 2, 3, 4, 7, 10].map((n) => [String(n), n]),
    wild: [0, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 53 - 1, -(2 ** 53) + 1].map((n) => [String(n), n]),
  },
  bigint: {
    safe: [[`-2`, -2n], ['-1', -1n, -1], ['0', 0n, 0], ['1', 1n, 1], ['2', 2n], ['5', 5n, 5], ['9', 9n]],
    wild: [['9223372036854775807', 2n ** 63n - 1n], ['-9223372036854775808', -(2n ** 63n)], ['9007199254740993', 2n ** 53n + 1n], ['0', 0n], ['-4294967297', -4294967297n, -4294967297]],
  },
  float: {
    safe: [['-2.5', -2.5], ['-1', -1], ['0', 0], ['0', -0], ['0.25', 0.25], ['0.5', 0.5], ['1.5', 1.5], ['2', 2], ['8', 8]],
    wild: [['NaN', NaN], ['Infinity', Infinity], ['-Infinity', -Infinity], ['0.1', 0.1], ['1e+300', 1e300], ['5e-324', 5e-324], ['-0.3', -0.3], ['123456789.125', 123456789.125], ['1e-07', 1e-7]],
  },
  decimal: {
    safe: [['-2.50', '-2.50'], ['0.00', '0.00'], ['0.10', '0.10'], ['1.00', '1.00'], ['1.50', '1.50'], ['3', '3', 3, 3n], ['10.00', '10.00'], ['99.99', '99.99', 99.99]],
    wild: [['1.5', '1.5', 1.5], ['1.50', '1.50'], ['1.500', '1.500'], ['0', '0', 0], ['0.000', '0.000'], ['-0.00000000000000000007', '-0.00000000000000000007'], ['12345678901234567890.123456789', '12345678901234567890.123456789'], ['10000000000000000', '10000000000000000', 10n ** 16n], ['100', '1e2', 100]],
  },
  bool: { safe: [['true', true], ['false', false]] },
  timestamp: {
    safe: [['2024-02-29 12:00:00+00', new Date('2024-02-29T12:00:00Z'), '2024-02-29T12:00:00Z', '2024-02-29T13:30:00+01:30'], ['2024-03-01 00:00:00+00', new Date('2024-03-01'), 1709251200000], ['1970-01-01 00:00:00+00', new Date(0), 0], ['2023-12-31 23:59:59.999+00', new Date('2023-12-31T23:59:59.999Z')]],
    wild: [['2024-02-29 12:00:00.000001+00', '2024-02-29T12:00:00.000001Z'], ['1969-12-31 23:59:59.999999+00', '1969-12-31T23:59:59.999999Z'], ['0001-01-01 00:00:00+00', new Date('0001-01-01T00:00:00Z')], ['0044-03-15 12:00:00+00 BC', new Date('-000043-03-15T12:00:00Z')], ['12345-06-07 08:09:10.011+00', new Date('+012345-06-07T08:09:10.011Z')]],
  },
  date: {
    safe: [['2024-02-29', '2024-02-29', day('2024-02-29')], ['2024-03-01', '2024-03-01'], ['1970-01-01', '1970-01-01', new Date(3600000)], ['1969-12-31', '1969-12-31'], ['2023-12-25', '2023-12-25']],
    wild: [['0044-03-15 BC', '0044-03-15 BC'], ['12345-06-07', '12345-06-07'], ['2024-02-29', '2024-02-29'], ['0001-01-01', '0001-01-01']],
  },
  time: { safe: [['00:00:00', '00:00:00', '00:00'], ['09:30:00', '09:30:00', '09:30'], ['09:30:00.5', '09:30:00.5', '09:30:00.500'], ['23:59:59.999999', '23:59:59.999999']], wild: [['24:00:00', '24:00:00'], ['00:00:00.000001', '00:00:00.000001'], ['12:00:00', '12:00']] },
  uuid: { safe: [['00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000'], ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC999C0B4EF8BB6D6BB9BD380A11', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'], ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12'], ['ffffffff-ffff-ffff-ffff-ffffffffffff', 'FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF']] },
  interval: {
    safe: [['00:00:00', '00:00:00', '0 seconds', 'PT0S'], ['1 day', '1 day', 'P1D', { days: 1 }], ['-1 days', '-1 day', { days: -1 }], ['02:30:00', '02:30:00', 'PT2H30M', { hours: 2, minutes: 30 }], ['3 days 04:00:00', '3 days 04:00:00', '3 days 4 hours'], ['-00:00:01.5', '-00:00:01.5', { seconds: -1.5 }]],
    wild: [['1 mon', '1 mon', 'P1M', { months: 1 }], ['30 days', '30 days'], ['-1 years +2 days -03:00:00', '-1 year 2 days -03:00:00'], ['1 year 2 mons', '14 months', { years: 1, months: 2 }], ['00:00:00.000001', '0.000001 seconds', { microseconds: 1 }], ['-1 mons', '-1 mon'], ['24:00:00', '24:00:00', 'PT24H']],
  },
  bytes: { safe: [['\\x', bytesOf()], ['\\x00', bytesOf(0)], ['\\x0000', bytesOf(0, 0)], ['\\x61ff', bytesOf(97, 255)], ['\\x0102030405060708090a', bytesOf(1, 2, 3, 4, 5, 6, 7, 8, 9, 10)]] },
  json: {
    // Objects whose members are of one type each, or missing, or null.
    safe: [{}, { n: 1, s: 'a', b: true, list: [1, 2] }, { n: 2, s: 'b', b: false, list: [] }, { n: 2.5, s: '', d: { e: 'é', f: [1, { g: null }] } }, { n: null, s: null, b: null }, { n: -3, s: '10', list: [3, null], d: { e: 'a' } }].map((j) => [JSON.stringify(j), j]),
    wild: [0, 1, -1.5, 1e21, '', 'a', '1', true, false, [], [1, 2], [[1], null], {}, { a: 1 }, { bb: 1, a: { é: '😀' } }, 'ß"\\', [null]].map((j) => [JSON.stringify(j), j]),
  },
  'text[]': { safe: [['{}', []], ['{a}', ['a']], ['{a,b}', ['a', 'b']], ['{b,a,NULL}', ['b', 'a', null]], ['{"","NULL",é}', ['', 'NULL', 'é']], ['{NULL}', [null]], [String.raw`{"a b","\"\\","{,}"}`, ['a b', '"\\', '{,}']]] },
  'int[]': { safe: [['{}', []], ['{1}', [1]], ['{2,1,1}', [2, 1, 1]], ['{NULL,3}', [null, 3]], ['{0,-1,9007199254740991}', [0, -1, 2 ** 53 - 1]]] },
  'float[]': { safe: [['{}', []], ['{0.5}', [0.5]], ['{1.5,NULL}', [1.5, null]], ['{-2.5,0.25}', [-2.5, 0.25]], ['{1e+300,0}', [1e300, 0]]] },
  'date[]': { safe: [['{}', []], ['{2024-02-29}', ['2024-02-29']], ['{"0044-03-15 BC",NULL}', ['0044-03-15 BC', null]], ['{2024-03-01,1970-01-01}', ['2024-03-01', '1970-01-01']]] },
  'bool[]': { safe: [['{}', []], ['{t,f}', [true, false]], ['{NULL,t}', [null, true]]] },
  'timestamp[]': { safe: [['{}', []], ['{"2024-02-29 12:00:00+00"}', [new Date('2024-02-29T12:00:00Z')]], ['{NULL,"1970-01-01 00:00:00+00"}', [null, new Date(0)]]] },
  'uuid[]': { safe: [['{}', []], ['{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}', ['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11']], ['{NULL,00000000-0000-0000-0000-000000000000}', [null, '00000000-0000-0000-0000-000000000000']]] },
}

const made = Object.fromEntries(Object.entries(domains).map(([type, { safe, wild }]) => [type, { safe: list(type, safe), wild: [...list(type, wild ?? []), ...list(type, safe)] }]))

/** The values of a type. */
export const valuesOf = (type, safe) => made[type][safe ? 'safe' : 'wild']
/** Values of keys: none is equal to another. */
export const keyValues = (type) => (type === 'bigint' ? made.bigint.wild.slice(0, 3).concat(made.bigint.safe) : made[type].safe).filter((x, i, all) => all.findIndex((y) => y.sql === x.sql) === i)
export const nothing = (type) => ({ type, sql: `null::${types[type].sql}`, forms: [null], isNull: true })

/** What a program says for a value. */
export function codeOf(value) {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (value instanceof Date) return `new Date(${JSON.stringify(value.toISOString())})`
  if (value instanceof Uint8Array) return `new Uint8Array([${[...value].join(', ')}])`
  if (Array.isArray(value)) return `[${value.map(codeOf).join(', ')}]`
  if (value !== null && typeof value === 'object') return `{ ${Object.entries(value).map(([k, x]) => `${JSON.stringify(k)}: ${codeOf(x)}`).join(', ')} }`
  return JSON.stringify(value)
}

/** A value in JSON text, as a server would send it; undefined if JSON has none for it. */
export function jsonOf(value) {
  if (typeof value === 'bigint') return String(value)
  if (typeof value === 'number') return Number.isFinite(value) ? JSON.stringify(value) : undefined
  if (value instanceof Date) return JSON.stringify(value.toISOString())
  if (value instanceof Uint8Array) return JSON.stringify(`\\x${Buffer.from(value).toString('hex')}`)
  if (Array.isArray(value)) { const all = value.map(jsonOf); return all.includes(undefined) ? undefined : `[${all.join(',')}]` }
  if (value !== null && typeof value === 'object') { const all = Object.entries(value).map(([k, x]) => [JSON.stringify(k), jsonOf(x)]); return all.some(([, x]) => x === undefined) ? undefined : `{${all.map((e) => e.join(':')).join(',')}}` }
  return JSON.stringify(value)
}
