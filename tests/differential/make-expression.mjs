// Random typed expressions over some columns.
//
// Arithmetic is *safe* unless a hazard is asked for: over small domains, and divided by literals other than zero, so that no
// evaluation fails. Where an expression fails, PostgreSQL may or may not come to evaluate it; `make-query.mjs` puts hazards
// only where both must.
import { failing, functions, makeFunction, makePredicate, predicates } from './make-function.mjs'
import { domain, isSafe, literal, makePattern, respelt } from './values.mjs'

const numeric = (type) => type === 'int' || type === 'bigint' || type === 'float' || type === 'decimal'
const family = (type) => (type === 'bigint' ? 'int' : type)

/** What expressions can be made of: features by name. */
export const atoms = ['cmp', 'cmpColumns', 'in', 'notIn', 'like', 'ilike', 'isNull', 'arithmetic', 'coalesce', 'case', 'length', 'abs', 'concat', 'json', ...Object.keys(functions), ...predicates]
export const connectives = ['and', 'or', 'not']

export class Expressions {
  /**
   * @param r random numbers
   * @param columns `{ name, of?, type, domain, nullable }`
   * @param seen features are added to it
   */
  constructor(r, columns, seen) {
    Object.assign(this, { r, columns, seen })
  }

  column(c) {
    this.seen.add(c.type)
    return c.of === undefined ? { op: 'col', name: c.name } : { op: 'col', name: c.name, of: c.of }
  }

  columnsOf(...families) {
    return this.columns.filter((c) => families.includes(family(c.type)))
  }

  literalLike(c) {
    const like = literal(c.type, this.r.pick(domain(c)))
    return this.r.oneIn(4) ? respelt(like) : like
  }

  /** A condition of the wanted atoms and connectives, and some more. */
  condition(wanted = []) {
    const { r, seen } = this
    let parts = wanted.filter((w) => atoms.includes(w)).map((w) => this.atom(w))
    while (parts.length < (wanted.includes('and') || wanted.includes('or') ? 2 : 1) || r.oneIn(3)) parts.push(this.atom(r.pick(atoms)))
    const negated = wanted.includes('not') ? r.below(parts.length) : r.below(3 * parts.length)
    parts = parts.map((p, i) => (i === negated ? (seen.add('not'), { op: 'not', args: [p] }) : p))
    if (parts.length === 1) return parts[0]
    const op = wanted.includes('or') ? 'or' : wanted.includes('and') ? 'and' : r.pick(['and', 'or'])
    seen.add(op)
    if (wanted.includes('and') && op === 'or' && parts.length > 1) {
      seen.add('and')
      return { op, args: [{ op: 'and', args: parts.slice(0, 2) }, ...parts.slice(2), this.atom('cmp')] }
    }
    return { op, args: parts }
  }

  /** A condition of one kind; another kind if the columns do not allow it. */
  atom(kind) {
    const { r, seen } = this
    const compared = (a, b) => ({ op: r.pick(['=', '!=', '<', '<=', '>', '>=']), args: r.oneIn(5) ? [b, a] : [a, b] })
    const ordered = this.columns
    const texts = this.columnsOf('text')
    if (predicates.includes(kind)) return makePredicate(this, kind)
    if (kind in functions) {
      const type = r.pick(functions[kind].filter((t) => t !== 'json'))
      const made = makeFunction(this, kind, type)
      if (type === 'bool') return made
      return r.oneIn(4) ? { op: r.pick(['isNull', 'isNotNull']), args: [made] } : compared(made, this.constantOf(type))
    }
    switch (kind) {
      case 'json': {
        const json = this.columnsOf('json')
        if (json.length === 0) break
        const c = r.pick(json)
        return r.oneIn(3) ? { op: r.pick(['=', '!=']), args: [this.column(c), this.literalLike(c)] } : compared(this.column(c), this.literalLike(c))
      }
      case 'isNull': {
        seen.add('isNull')
        return { op: r.pick(['isNull', 'isNotNull']), args: [r.oneIn(4) ? this.value(r.pick(['int', 'text', 'bool'])) : this.column(r.pick(this.columns))] }
      }
      case 'in':
      case 'notIn': {
        seen.add(kind)
        const c = r.pick(this.columns)
        const list = Array.from({ length: r.between(r.oneIn(8) ? 0 : 1, 4) }, () => this.literalLike(c))
        if (r.oneIn(3)) {
          seen.add('inNull')
          list.splice(r.below(list.length + 1), 0, literal(c.type, null))
        }
        const e = { op: 'in', args: [this.column(c), ...list] }
        return kind === 'in' ? e : { op: 'not', args: [e] }
      }
      case 'like':
      case 'ilike': {
        if (texts.length === 0) break
        seen.add(kind)
        const text = r.pick(texts)
        // As a pattern only a column without backslashes will do.
        const columns = texts.filter((c) => isSafe(c))
        const pattern = columns.length > 0 && r.oneIn(6) ? this.column(r.pick(columns)) : literal('text', r.oneIn(12) ? null : makePattern(r, text))
        return { op: kind, args: [r.oneIn(4) ? this.value('text') : this.column(text), pattern] }
      }
      case 'case':
        if (texts.length === 0) break
        return compared(this.text('case'), r.oneIn(3) ? this.text('case') : literal('text', r.pick(['ab', 'AB', 'é', 'SS', 'ας', 'a%', 'É'])))
      case 'concat':
        if (texts.length === 0) break
        return compared(this.text('concat'), literal('text', r.pick(['ab', 'aa', 'a%a', 'bA', ''])))
      case 'length':
        if (this.columnsOf('text', 'bytes').length === 0) break
        return compared(this.length(), literal('int', r.between(0, 3)))
      case 'arithmetic':
      case 'abs': {
        const type = r.pick(['int', 'float', 'decimal'])
        if (type === 'decimal') return compared(this.decimal(1), r.oneIn(3) ? this.number(r.pick(['int', 'float'])) : this.constantOf('decimal'))
        return compared(this.number(type, kind), r.oneIn(3) ? this.number(r.pick(['int', 'float'])) : literal('int', r.between(-2, 6)))
      }
      case 'coalesce': {
        const type = r.pick(['int', 'float', 'text', 'timestamp', 'bytes', 'decimal'])
        if (this.columnsOf(type).length === 0) break
        const c = r.pick(this.columnsOf(type))
        return compared(this.coalesce(c), this.literalLike(c))
      }
      case 'cmpColumns': {
        const a = r.pick(ordered)
        const others = ordered.filter((c) => family(c.type) === family(a.type) || (numeric(c.type) && numeric(a.type)))
        seen.add('cmpColumns')
        return compared(this.column(a), this.column(r.pick(others)))
      }
      default: {
        const bools = this.columnsOf('bool')
        if (bools.length > 0 && r.oneIn(6)) return this.column(r.pick(bools))
      }
    }
    seen.add('cmp')
    const c = r.pick(ordered)
    return compared(this.column(c), r.oneIn(20) ? literal(c.type, null) : this.literalLike(c))
  }

  /** An expression of a type (`int` also for bigint), never a bare literal; json: a column. */
  value(type, depth = 1) {
    const { r } = this
    const called = ['int', 'float', 'text', 'timestamp', 'json', 'decimal', 'date', 'interval'].includes(type) ? this.called(type, depth) : undefined
    if (called) return called
    if (type === 'int' || type === 'float') return this.number(type, undefined, depth)
    if (type === 'decimal') return this.decimal(depth)
    if (type.endsWith('[]') && this.columnsOf(type).length === 0) return literal(type, [])
    if (type === 'interval' && this.columnsOf('interval').length === 0) return literal('interval', r.pick(['1 mon', '-1 days', '00:00:01']))
    if (type === 'text') return this.text(undefined, depth)
    if (type === 'bool' && depth > 0 && r.oneIn(2)) return this.atom(r.pick(atoms))
    const columns = this.columnsOf(type)
    if (columns.length === 0) return type === 'bool' ? this.atom('isNull') : this.number('int')
    const c = r.pick(columns)
    return r.oneIn(4) ? this.coalesce(c) : this.column(c)
  }

  /** A constant to compare a computed value with. */
  constantOf(type) {
    const { r } = this
    switch (type) {
      case 'int': return literal('int', r.between(-2, 12))
      case 'float': return literal('float', r.pick([0.5, -1.5, 24.5, 2023.5]))
      case 'interval': return literal('interval', r.pick(['1 mon', '30 days', '1 day 02:00:00', '-1 days']))
      case 'time': return literal('time', '09:30:00')
      case 'date': return literal('date', r.pick(['2024-02-29', '1970-01-01', '0044-03-15 BC']))
      case 'decimal': return literal('decimal', r.pick(['0.5', '-1.5', '1.50', '24', '0.00']))
      case 'text': return literal('text', r.pick(['', 'a', 'ab', 'É', '1', 'b', 'array']))
      default: return literal('timestamp', '2024-02-29T12:00:00.000Z')
    }
  }

  /** Sometimes a call of a function that gives a type. */
  called(type, depth) {
    if (depth === 0 || !this.r.oneIn(3)) return undefined
    return makeFunction(this, this.r.pick(Object.keys(functions).filter((f) => functions[f].includes(type))), type)
  }

  coalesce(c) {
    const { r, seen } = this
    seen.add('coalesce')
    const same = this.columns.filter((x) => x.type === c.type && (isSafe(x) || !isSafe(c)))
    const args = [this.column(c)]
    if (r.oneIn(2)) args.push(this.column(r.pick(same)))
    if (r.oneIn(6)) args.splice(r.below(args.length + 1), 0, literal(c.type, null))
    if (r.below(3) > 0) args.push(this.literalLike(c))
    return { op: 'coalesce', args }
  }

  length() {
    this.seen.add('length')
    return { op: 'length', args: [this.r.oneIn(4) ? this.text() : this.column(this.r.pick(this.columnsOf('text', 'bytes')))] }
  }

  text(kind, depth = 1) {
    const { r, seen } = this
    const columns = this.columnsOf('text')
    const leaf = () => (columns.length > 0 ? this.column(r.pick(columns)) : literal('text', r.pick(['a', 'B', ''])))
    const part = () => (depth > 0 && r.oneIn(3) ? this.text(undefined, depth - 1) : leaf())
    switch (kind ?? r.pick(['leaf', 'leaf', 'case', 'concat', 'coalesce'])) {
      case 'case':
        seen.add('case')
        return { op: r.pick(['lower', 'upper']), args: [part()] }
      case 'concat': {
        seen.add('concat')
        const args = Array.from({ length: r.between(1, 3) }, () => (r.oneIn(3) ? literal('text', r.pick(['a', '%', 'é'])) : part()))
        return { op: '||', args: [leaf(), ...args] }
      }
      case 'coalesce':
        return columns.length > 0 ? this.coalesce(r.pick(columns)) : leaf()
      default:
        return leaf()
    }
  }

  number(type, kind, depth = 1) {
    const { r, seen } = this
    const columns = this.columnsOf('int', ...(type === 'float' ? ['float'] : [])).filter(isSafe)
    const leaf = () => {
      if (columns.length === 0 || r.oneIn(4)) return literal(type, type === 'float' && r.oneIn(2) ? r.pick([0.5, 2.5, -1.5]) : r.between(-3, 5))
      return this.column(r.pick(columns))
    }
    const part = () => (depth > 0 ? this.number(type, undefined, depth - 1) : leaf())
    switch (kind ?? r.pick(['leaf', 'leaf', 'arithmetic', 'arithmetic', 'abs', 'coalesce', 'length'])) {
      case 'arithmetic': {
        seen.add('arithmetic')
        const op = r.pick(['+', '-', '*', '/', 'neg', ...(type === 'int' ? ['%'] : [])])
        if (op === 'neg') return { op, args: [part()] }
        if (op === '/' || op === '%') return { op, args: [part(), literal(type, r.pick([2, 3, -2, 4]))] }
        return { op, args: [part(), part()] }
      }
      case 'abs':
        seen.add('abs')
        return { op: 'abs', args: [part()] }
      case 'coalesce':
        return columns.length > 0 ? this.coalesce(r.pick(columns)) : leaf()
      case 'length':
        return type === 'int' && this.columnsOf('text', 'bytes').length > 0 ? this.length() : leaf()
      default:
        return columns.length > 0 ? this.column(r.pick(columns)) : leaf()
    }
  }

  /** A decimal; beside it integers. */
  decimal(depth = 1) {
    const { r, seen } = this
    const columns = this.columnsOf('decimal')
    const literals = ['0.5', '3', '-1.50', '0.00', '7.125']
    const leaf = () => (columns.length === 0 || r.oneIn(5) ? literal('decimal', r.pick(literals)) : this.column(r.pick(columns)))
    if (depth === 0 || r.oneIn(3)) return columns.length > 0 && r.oneIn(4) ? this.coalesce(r.pick(columns)) : leaf()
    const part = () => this.decimal(depth - 1)
    seen.add('decimalArithmetic')
    switch (r.below(6)) {
      case 0: return { op: r.pick(['+', '-', '*']), args: [part(), part()] }
      case 1: return { op: r.pick(['+', '-', '*']), args: r.shuffle([part(), this.number('int', undefined, 0)]) }
      case 2: return { op: r.pick(['/', '/', '%']), args: [part(), literal('decimal', r.pick(['3', '-0.7', '1000', '2.50']))] }
      case 3: return { op: r.pick(['neg', 'abs', 'sign', 'floor', 'ceil', 'round', 'trunc', 'trimScale']), args: [part()] }
      case 4: return { op: r.pick(['round', 'trunc']), args: [part(), literal('int', r.between(-2, 4))] }
      default: return { op: 'cast', name: 'decimal', args: [this.number('int', undefined, 0)] }
    }
  }

  /** A numeric expression that fails for some rows: divided by a column, beyond the type's range, of what has no such value. */
  hazard() {
    const { r, seen } = this
    const ints = this.columnsOf('int')
    const floats = this.columnsOf('float')
    seen.add('hazard')
    const decimals = this.columnsOf('decimal')
    if (decimals.length > 0 && r.oneIn(4)) return { op: r.pick(['/', '%']), args: [literal('decimal', '7.5'), this.column(r.pick(decimals))] }
    const columns = ints.length === 0 || (floats.length > 0 && r.oneIn(2)) ? floats : ints
    if (columns.length === 0) return undefined
    const a = this.column(r.pick(columns))
    const b = this.column(r.pick(columns))
    const integer = columns === ints
    const made = r.oneIn(2) ? failing(this) : undefined
    if (made) return made
    switch (r.below(4)) {
      case 0: return { op: '/', args: [r.oneIn(2) ? literal(columns[0].type, integer ? 7 : 1.5) : a, b] }
      case 1: return { op: integer ? '%' : '/', args: [a, b] }
      case 2: return integer && r.oneIn(2) ? { op: r.pick(['neg', 'abs']), args: [a] } : { op: '*', args: [a, b] }
      default: return { op: r.pick(['+', '-']), args: [a, b] }
    }
  }
}
