// Random calls of functions over the columns of an `Expressions`, by what they give. None of them fails, but `failing`.
import { domain, isSafe, literal } from './values.mjs'

/** Features of functions, each with what it can give. */
export const functions = {
  caseWhen: ['int', 'float', 'text', 'bool', 'timestamp', 'decimal'],
  nullif: ['int', 'float', 'text', 'timestamp', 'decimal'],
  extreme: ['int', 'float', 'text', 'timestamp', 'decimal'],
  rounding: ['float'],
  decimalArithmetic: ['decimal'],
  days: ['date', 'int', 'timestamp', 'text'],
  lists: ['int', 'text', 'float', 'date'],
  spans: ['interval', 'timestamp', 'text', 'float', 'time'],
  cast: ['int', 'text', 'bool', 'float'],
  cut: ['text'],
  pad: ['text'],
  exchange: ['text'],
  measure: ['int'],
  join: ['text'],
  moment: ['timestamp'],
  extract: ['float'],
  jsonPath: ['text', 'json'],
  jsonScalar: ['int', 'float', 'decimal', 'bool'],
}
/** Features that are conditions. */
export const predicates = ['listHas', 'between', 'distinct', 'regex', 'jsonHas']

const units = ['microseconds', 'milliseconds', 'second', 'minute', 'hour', 'day', 'week', 'month', 'quarter', 'year', 'decade', 'century', 'millennium']
const parts = [...units, 'isoyear', 'dow', 'isodow', 'doy', 'epoch', 'julian']
export const patterns = [
  'a', '^a', 'b$', '^$', '', '.', '^.{2,}$', '(a|b)+', '^(a|)b', '[^a-c]', String.raw`\d`, String.raw`^\w+$`, String.raw`\s`, String.raw`^\W`, String.raw`\ma`, String.raw`b\M`, String.raw`\y`,
  '[[:upper:]]', '^[[:lower:]]+$', '[[:alpha:]%]', String.raw`[\d_%]`, '(?i)B', '^a?b*$', '(ab){2,}', String.raw`\u00e9`, 'É', 'σ|ς', 'ß', '[à-ý]', String.raw`\\`, '日|😀', '^[]a-]', '_|%', '(?:a.)+$',
  'a|ab', 'a*?b', '(?:a|ab)(?:c|bb)?', '[ab]{1,2}?', 'x*', '(?:a??b)+', '.+?', String.raw`\w{2}?.*`, '(?:a*?)*b',
  '(a)|(b)+', '(a+?)(b|bb)*', '(.)(?:(b)|.)*?', '((a|b)c?){1,2}', '(.*?)(b+)(.?)', '(a|ab)(bb|c)?',
  '***=a', '***=.', '***:(?i)B', '(?n)^[^b]+$', '(?n)^b|a$', '(?p)a.|^b', '(?w)^.b?$', '(?ns)^.$', '(?x) a | b # c\n b (?#a) +?', '(?x)[ b]+(a # )\n|c)', '(?q)a|', '(?q)\\', '(?qi)SS', '(?#a)(?:b)(?#(a*)(b)?', '(?xt) ',
]
const templates = [
  'YYYY', 'FMYYYY', 'YYY', 'YY', 'Y', 'Y,YYY', 'IYYY', 'IYY', 'IY', 'I', 'MM', 'FMMM', 'MON', 'Mon', 'mon', 'MONTH', 'Month', 'month', 'FMMonth', 'DD', 'FMDD', 'FMDDth', 'DDTH', 'DDD', 'D', 'Dth', 'DY', 'Dy', 'dy', 'DAY', 'Day', 'day', 'FMday', 'ID', 'IDDD', 'IW', 'FMIWth', 'WW', 'W', 'Q', 'CC', 'CCth', 'J', 'HH24', 'HH12', 'HH', 'FMHH', 'hh24', 'MI', 'SS', 'ss', 'MS', 'US', 'FF1', 'FF3', 'ff6', 'SSSS', 'SSSSS', 'AM', 'pm', 'A.M.', 'p.m.', 'AD', 'bc', 'B.C.', 'TZ', 'tz', 'OF', 'TZH:TZM', '-', '/', ' ', ':', ', ', '"T"', '"at "', '"Q\\"D"', '\\"', 'é', 'x', 'FM-',
]
const keys = ['a', 'b', 'bb', 'é', 'x', '0', '-1', '']

const listTypes = ['text[]', 'int[]', 'float[]', 'date[]']
// Quarters of negative intervals are those of PostgreSQL 15; 18 has others (www/docs/departures.md).
const spanParts = ['microseconds', 'milliseconds', 'second', 'minute', 'hour', 'epoch', 'day', 'month', 'quarter', 'year', 'decade', 'century', 'millennium']
const call = (op, ...args) => ({ op, args })
const named = (op, name, ...args) => ({ op, name, args })
const int = (n) => literal('int', n)
const text = (t) => literal('text', t)

/** A column of a type, else a constant or another expression of it. */
function leaf(x, type) {
  const { r } = x
  const columns = x.columnsOf(type)
  if (columns.length > 0) return x.column(r.pick(columns))
  return { int: () => int(r.between(-3, 5)), float: () => literal('float', 0.5), text: () => text(r.pick(['a', 'B'])), bool: () => x.atom('isNull'),
    decimal: () => literal('decimal', '2.50'), date: () => literal('date', '2024-02-29'), 'text[]': () => literal('text[]', ['a', 'b']), 'int[]': () => literal('int[]', [1, 2]), 'float[]': () => literal('float[]', [0.5]), 'date[]': () => literal('date[]', ['2024-02-29']),
    time: () => literal('time', '09:30:00'), interval: () => literal('interval', r.pick(['1 mon', '1 day 02:00:00', '-00:00:01.5'])), uuid: () => literal('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'), timestamp: () => literal('timestamp', '2024-02-29T12:00:00.000Z'), bytes: () => literal('bytes', '\\x01'), json: () => literal('json', { a: [1, 'x'] }) }[type]()
}
const some = (x, type) => (x.r.oneIn(3) && ['int', 'float', 'text', 'bool'].includes(type) ? x.value(type, 0) : leaf(x, type))

/** A call of a function of a feature; `undefined` if it gives no such type. */
export function makeFunction(x, feature, type) {
  const { r, seen } = x
  if (!functions[feature].includes(type)) return undefined
  seen.add(feature)
  const a = () => some(x, type)
  switch (feature) {
    case 'caseWhen': {
      const rest = r.oneIn(2) ? [a()] : []
      if (r.oneIn(2)) return call('case', x.atom('cmp'), a(), ...(r.oneIn(2) ? [x.atom('isNull'), a()] : []), ...rest)
      const of = r.pick(['int', 'text', 'float'])
      return call('caseOf', some(x, of), some(x, of), a(), ...(r.oneIn(2) ? [some(x, of), a()] : []), ...rest)
    }
    case 'nullif': return call('nullif', a(), a())
    case 'extreme': return call(r.pick(['greatest', 'least']), ...Array.from({ length: r.between(1, 3) }, a), ...(r.oneIn(4) ? [literal(type, null)] : []))
    case 'rounding': {
      const number = leaf(x, r.pick(['float', 'float', 'int']))
      if (r.oneIn(3)) return call('round', number, int(r.between(-2, 3)))
      return call(r.pick(['round', 'floor', 'ceil', 'trunc', 'sign']), r.oneIn(3) ? x.number('float') : number)
    }
    case 'days': {
      const of = leaf(x, 'date')
      if (type === 'int') return call('-', of, leaf(x, 'date'))
      if (type === 'timestamp') return r.oneIn(2) ? named('cast', 'timestamp', of) : named('dateTrunc', r.pick(units), of)
      if (type === 'text') return named('cast', 'text', leaf(x, r.pick(['date', 'time', 'uuid'])))
      return r.oneIn(3) ? named('cast', 'date', leaf(x, 'timestamp')) : call(r.pick(['+', '-']), of, int(r.between(-800, 800)))
    }
    case 'lists': {
      if (type === 'int' && r.oneIn(3)) return call(r.pick(['cardinality', 'arrayLength']), leaf(x, r.pick(listTypes)))
      if (type === 'int' && r.oneIn(2)) {
        const of = r.pick(listTypes)
        // An array is searched for a value of its elements' type.
        return call('arrayPosition', leaf(x, of), elementLike(x, of))
      }
      if (type === 'text' && r.oneIn(2)) return r.oneIn(2) ? named('cast', 'text', leaf(x, r.pick(listTypes))) : call('arrayToText', leaf(x, r.pick(listTypes)), text(r.pick([',', '', ' | '])))
      return call('arrayAt', leaf(x, `${type}[]`), int(r.between(-1, 3)))
    }
    case 'spans': {
      const of = leaf(x, 'interval')
      if (type === 'text') return named('cast', 'text', r.oneIn(3) ? of : span(x))
      if (type === 'timestamp') return call(r.pick(['+', '-']), leaf(x, r.pick(['timestamp', 'date'])), r.oneIn(3) ? span(x) : of)
      if (type === 'time') return r.oneIn(3) ? named('cast', 'time', of) : call(r.pick(['+', '-']), leaf(x, 'time'), of)
      if (type === 'float') return r.oneIn(3) ? named('extract', r.pick(spanParts.slice(0, 6)), leaf(x, 'time')) : named('extract', r.pick(spanParts.filter((u) => u !== 'quarter')), of)
      return span(x)
    }
    case 'decimalArithmetic': return r.oneIn(5) ? call('numeric', leaf(x, 'decimal'), int(1000), int(r.pick([0, 1, 3, -1]))) : x.decimal(2)
    case 'cast':
      if (type === 'float') return named('cast', 'float', leaf(x, 'decimal'))
      if (type === 'int' && r.oneIn(4)) return r.oneIn(2) ? call('scale', leaf(x, 'decimal')) : named('cast', 'int', call('%', leaf(x, 'decimal'), literal('decimal', '1000')))
      if (type === 'text') {
        const from = r.pick(['int', 'float', 'bool', 'timestamp', 'bytes', 'json', 'decimal'])
        const columns = x.columnsOf(from)
        return named('cast', 'text', columns.length > 0 ? x.column(r.pick(columns)) : leaf(x, 'int'))
      }
      if (type === 'bool') return named('cast', 'bool', some(x, 'int'))
      return named('cast', r.pick(['int', 'bigint']), r.oneIn(2) ? some(x, 'bool') : call('floor', leafSafe(x)))
    case 'cut': {
      const of = a()
      switch (r.below(6)) {
        case 0: return call('substring', of, int(r.between(-2, 4)), int(r.between(0, 4)))
        case 1: return call('substring', of, int(r.between(-2, 4)))
        case 2: if (r.oneIn(2)) return call('toChar', leaf(x, r.oneIn(3) ? 'date' : 'timestamp'), text(Array.from({ length: r.between(1, 5) }, () => r.pick(templates)).join('')))
          return call('splitPart', of, text(r.pick(['a', ' ', 'b', '', 'aa'])), int(r.pick([1, 2, -1, -2])))
        case 3: return call(r.pick(['trim', 'ltrim', 'rtrim']), of, ...(r.oneIn(2) ? [text(r.pick([' ', 'ab', '', 'é']))] : []))
        default: return call(r.pick(['left', 'right']), of, int(r.between(-3, 3)))
      }
    }
    case 'pad':
      if (r.oneIn(3)) return call('repeat', a(), int(r.between(-1, 3)))
      return call(r.pick(['lpad', 'rpad']), a(), int(r.between(-1, 6)), ...(r.oneIn(2) ? [text(r.pick(['', 'xy', '日', ' ']))] : []))
    case 'exchange':
      if (r.oneIn(3)) {
        const found = call(r.pick(['regexpMatch', 'regexpMatch', 'regexpMatches']), a(), text(r.pick(patterns)))
        return found.op === 'regexpMatch' && r.oneIn(2) ? call('arrayAt', found, int(r.between(0, 3))) : call('arrayToText', found, text('|'))
      }
      if (r.oneIn(2)) {
        const parts = ['\\1', '\\2', '\\&', '\\\\', '\\', '<', 'ä', '\\0', 'x']
        return call('regexpReplace', a(), text(r.pick(patterns)), text(Array.from({ length: r.below(4) }, () => r.pick(parts)).join('')), ...(r.oneIn(2) ? [text(r.pick(['g', 'gi', 'i', 'ic', 'gt', '']))] : []))
      }
      if (r.oneIn(2)) return call('regexpSubstr', a(), text(r.pick(patterns)))
      if (r.oneIn(2)) return call('replace', a(), text(r.pick(['a', 'ab', '', '%', 'é'])), text(r.pick(['', 'a', 'zz'])))
      return call(r.pick(['reverse', 'initcap']), a())
    case 'measure': {
      const bytes = x.columnsOf('bytes')
      if (bytes.length > 0 && r.oneIn(4)) return call('octetLength', x.column(r.pick(bytes)))
      return r.oneIn(2) ? call('strpos', leaf(x, 'text'), text(r.pick(['', 'a', 'b', '日']))) : call(r.pick(['ascii', 'octetLength']), some(x, 'text'))
    }
    case 'join': return r.oneIn(2) ? call('concat', a(), literal('text', null), a()) : call('concatWs', r.oneIn(6) ? literal('text', null) : text(r.pick(['', ', '])), a(), a())
    case 'moment': {
      const of = leaf(x, 'timestamp')
      if (r.oneIn(2)) return named('dateTrunc', r.pick(units), of)
      if (r.oneIn(4)) return call('makeTimestamp', int(r.pick([-44, 1, 1970, 2024])), int(r.between(1, 12)), int(r.between(1, 28)), int(r.between(0, 23)), int(r.between(0, 59)), literal('float', r.pick([0.5, 59.999, 7.25])))
      return call('addInterval', of, int(r.between(-30, 30)), int(r.between(-400, 40)), int(r.pick([0, 1000, -86400000, 3600000000])))
    }
    case 'extract':
      if (r.oneIn(4)) return call('diffSeconds', leaf(x, 'timestamp'), leaf(x, 'timestamp'))
      return named('extract', r.pick(parts), leaf(x, 'timestamp'))
    default: {
      const json = leaf(x, 'json')
      const step = r.oneIn(2) ? text(r.pick(keys)) : int(r.between(-2, 2))
      if (type === 'json') return r.oneIn(2) ? call('->', json, step) : call('#>', json, ...r.some(keys).slice(0, 2).map(text))
      switch (r.below(4)) {
        case 0: return call('jsonTypeof', json)
        case 1: return call('#>>', json, ...r.some(keys).slice(0, 3).map(text))
        case 2: return call('->>', call('->', json, step), text(r.pick(keys)))
        default: return call('->>', json, step)
      }
    }
    case 'jsonScalar': {
      const json = r.oneIn(2) ? leaf(x, 'json') : call('->', leaf(x, 'json'), r.oneIn(3) ? int(r.between(-1, 2)) : text(r.pick(keys)))
      const guarded = call('case', call('=', call('jsonTypeof', json), text(type === 'bool' ? 'boolean' : 'number')), json)
      // An integer of what can be none of 64 bits is an error.
      return type === 'int' ? named('cast', r.pick(['int', 'bigint']), call('%', named('cast', 'decimal', guarded), literal('decimal', '1000'))) : named('cast', type, guarded)
    }
  }
}

/** A value of the type of an array's elements. */
function elementLike(x, of) {
  const { r } = x
  if (r.oneIn(2)) return leaf(x, of.slice(0, -2))
  return { 'text[]': () => text(r.pick(['a', 'b', '', 'é'])), 'int[]': () => int(r.between(-1, 3)), 'float[]': () => literal('float', r.pick([0.5, 1.5, -2.5])), 'date[]': () => literal('date', '2024-02-29') }[of]()
}

/** An interval made of others, of moments, or of times of day. */
function span(x) {
  const { r } = x
  const of = leaf(x, 'interval')
  // Few times: a thousand years from any moment are a moment still.
  const number = () => (r.oneIn(2) ? literal('float', r.pick([0.5, 1.5, -2.25, 0.1])) : call('%', x.number('int', undefined, 0), literal('int', 3)))
  switch (r.below(8)) {
    case 0: return call(r.pick(['+', '-']), of, leaf(x, 'interval'))
    case 1: return call('neg', of)
    case 2: return call('*', of, number())
    case 3: return call('*', number(), of)
    case 4: return call('/', of, literal('float', r.pick([3, 0.7, -2])))
    case 5: return call('-', leaf(x, 'timestamp'), leaf(x, 'timestamp'))
    case 6: return r.oneIn(2) ? call('-', leaf(x, 'time'), leaf(x, 'time')) : named('cast', 'interval', r.oneIn(2) ? leaf(x, 'time') : literal('text', r.pick(['1.5 mons', '2 weeks ago', 'P1Y2M3DT4H', '1 12:00', '-1.25 days'])))
    default: return named('dateTrunc', r.pick(spanParts.filter((u) => u !== 'epoch')), of)
  }
}

/** A number over which arithmetic is safe. */
function leafSafe(x) {
  const columns = x.columnsOf('int', 'float').filter(isSafe)
  return columns.length > 0 ? x.column(x.r.pick(columns)) : literal('float', 2.5)
}

/** A condition of a feature; `undefined` if the columns do not allow it. */
export function makePredicate(x, feature) {
  const { r, seen } = x
  const ordered = x.columns
  seen.add(feature)
  switch (feature) {
    case 'listHas': {
      const of = r.pick(listTypes)
      const made = r.oneIn(2) ? call('any', elementLike(x, of), leaf(x, of)) : call(r.pick(['@>', '&&']), leaf(x, of), r.oneIn(2) ? leaf(x, of) : literal(of, r.pick(domain({ type: of, domain: 'any' }))))
      return r.oneIn(4) ? call('not', made) : made
    }
    case 'between': {
      const c = r.pick(ordered)
      const e = call('between', x.column(c), x.literalLike(c), r.oneIn(6) ? literal(c.type, null) : x.literalLike(c))
      return r.oneIn(3) ? call('not', e) : e
    }
    case 'distinct': {
      const c = r.pick(x.columns)
      const same = x.columns.filter((d) => d.type === c.type)
      const other = r.oneIn(3) ? literal(c.type, null) : r.oneIn(2) ? x.column(r.pick(same)) : literal(c.type, r.pick(domain(c)))
      return call(r.pick(['isDistinctFrom', 'isNotDistinctFrom']), x.column(c), other)
    }
    case 'regex': {
      if (r.oneIn(5)) return call('startsWith', some(x, 'text'), text(r.pick(['', 'a', 'É', '\\'])))
      const e = call(r.pick(['~', '~*']), r.oneIn(3) ? x.value('text') : leaf(x, 'text'), text(r.pick(patterns)))
      return r.oneIn(4) ? call('not', e) : e
    }
    default: {
      const json = leaf(x, 'json')
      if (r.oneIn(2)) return call('?', json, text(r.pick(keys)))
      return call('@>', json, literal('json', r.pick([1, '1', [], {}, [1], [[1]], { a: 1 }, [null], { b: [null] }, true, 'a'])))
    }
  }
}

/** A number that some rows do not have; `undefined` if there are no columns for it. */
export function failing(x) {
  const { r } = x
  const texts = x.columnsOf('text')
  const json = x.columnsOf('json')
  const numbers = x.columnsOf('int', 'float')
  const small = x.columnsOf('int').filter(isSafe)
  const moments = x.columnsOf('timestamp')
  const made = []
  if (texts.length > 0) {
    const column = x.column(r.pick(texts))
    made.push(named('cast', r.pick(['int', 'float']), column))
    if (small.length > 0) made.push(call('length', call('substring', column, int(1), x.column(r.pick(small)))), call('length', call('splitPart', column, text('a'), x.column(r.pick(small)))))
  }
  if (json.length > 0) made.push(call('jsonArrayLength', x.column(r.pick(json))))
  if (numbers.length > 0) made.push(call('sqrt', x.column(r.pick(numbers))))
  // Of an integer it would be the column itself, which grouping sets tell (www/docs/departures.md).
  const floats = numbers.filter((c) => c.type === 'float')
  if (floats.length > 0) made.push(named('cast', 'int', x.column(r.pick(floats))))
  if (small.length > 0) {
    const n = x.column(r.pick(small))
    // Guarded: what would fail is not reached.
    made.push(call('case', call('!=', n, int(0)), call('/', int(12), n), int(-1)), call('ascii', call('chr', n)))
    if (moments.length > 0) made.push(named('extract', 'year', call('addInterval', x.column(r.pick(moments)), call('*', n, int(24000)), int(0), int(0))))
  }
  return made.length > 0 ? r.pick(made) : undefined
}
