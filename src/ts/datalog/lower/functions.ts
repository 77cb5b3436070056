// The functions of the language as expressions of the engine's registry.
import { Expr, literal } from '../../query/expr.js'
import { unknownName } from '../../errors.js'
import type { CellType } from '../../port.js'
import { regexParts } from './regexes.js'
import { type Scalar, type Type, call, constant, fault, fitted, isNumber, kindOf, scalar, truth, wider } from './values.js'

/** A pure function that a program adds: expressions in, an expression out. */
export type UserFunction = (...args: Expr<any>[]) => Expr<any>
export interface FunctionContext {
  readonly at: string
  /** What to do where values of different types are compared for equality: refuse, or say that they are never equal. */
  readonly strict: boolean
  readonly functions: ReadonlyMap<string, UserFunction>
}
type Make = (args: readonly Scalar[], context: FunctionContext) => Scalar
interface Line { readonly least: number; readonly most: number; readonly make: Make }

const ANY = Infinity
const lit = (v: string | number | boolean | null): Scalar => constant(v)
const float = (a: Scalar): Scalar => a.type === 'float' ? a : scalar({ op: 'cast', name: 'float', args: [a.json] }, 'float', a.nullable)
const textual = (a: Scalar): Scalar => a.type === 'text' ? a : scalar({ op: 'cast', name: 'text', args: [a.json] }, 'text', a.nullable)
const some = (args: readonly Scalar[]): boolean => args.some(a => a.nullable === true)
const of = (op: string, type: Type, ...args: Scalar[]): Scalar => scalar(call(op, ...args.map(a => a.json)), type, some(args))

function numbers(args: readonly Scalar[], context: FunctionContext): void {
  const wrong = args.find(a => !isNumber(a.type))
  if (wrong !== undefined) throw fault('DATALOG_TYPE', `a number must stand here, not ${wrong.type}`, context.at)
}
function texts(args: readonly Scalar[], context: FunctionContext): void {
  const wrong = args.find(a => a.type !== 'text' && a.type !== 'null')
  if (wrong !== undefined) throw fault('DATALOG_TYPE', `a text must stand here, not ${wrong.type}`, context.at)
}

/** A comparison of each with the next. */
const chain = (op: string, equality: boolean): Make => (args, context) => {
  const parts = args.slice(1).map((right, i) => {
    const [a, b] = fitted(args[i], right)
    if (kindOf(a.type) !== kindOf(b.type) && a.type !== 'null' && b.type !== 'null') {
      if (!equality) throw fault('DATALOG_TYPE', `${a.type} and ${b.type} have no common order`, context.at)
      if (context.strict) throw fault('DATALOG_TYPE', `${a.type} and ${b.type} are never equal`, context.at)
      return truth(op === '!=')
    }
    return call(op, a.json, b.json)
  })
  return scalar(parts.length === 1 ? parts[0] : parts.length === 0 ? truth(true) : call('and', ...parts), 'bool')
}

/** From the left, two by two. */
const fold = (op: string, alone: (a: Scalar) => Scalar): Make => (args, context) => {
  numbers(args, context)
  return args.length === 1 ? alone(args[0]) : args.slice(1).reduce((a, b) => of(op, wider([a, b]), a, b), args[0])
}

const numeric = (make: (...args: Scalar[]) => Scalar): Make => (args, context) => { numbers(args, context); return make(...args) }
const textually = (make: (...args: Scalar[]) => Scalar): Make => (args, context) => { texts(args, context); return make(...args) }

/** What is left of a division that is cut off towards zero, or down. */
function remainder(a: Scalar, b: Scalar, down: boolean): Scalar {
  if (wider([a, b]) === 'int' || wider([a, b]) === 'bigint') {
    const rest = of('%', wider([a, b]), a, b)
    return down ? of('%', rest.type, of('+', rest.type, rest, b), b) : rest
  }
  return of('-', 'float', a, of('*', 'float', b, of(down ? 'floor' : 'trunc', 'float', of('/', 'float', float(a), float(b)))))
}

const isZero = (a: Scalar): Scalar => of('=', 'bool', a, lit(0))
const isTrue = (a: Scalar): Scalar => a.type === 'bool' ? a : of('isNotNull', 'bool', a)
/** The first of all or the last, as nothing but nil and false is false; of truths their conjunction or disjunction. */
const either = (op: 'and' | 'or'): Make => args =>
  args.length > 0 && args.every(a => a.type !== 'bool' && a.type !== 'null' && a.nullable !== true) ? args[op === 'or' ? 0 : args.length - 1] : of(op, 'bool', ...args.map(isTrue))
/** Whether a regular expression is in a text, or is all of it. */
const matching = (name: string, whole: boolean): Make => (args, context) => {
  const { pattern, text } = regexParts(name, args, context.at, whole)
  return of('~', 'bool', text, lit(pattern.text))
}
const nameAt = (a: Scalar): Scalar => of('strpos', 'int', a, lit('/'))

const line = (least: number, most: number, make: Make): Line => ({ least, most, make })
const equal = line(1, ANY, chain('=', true))
const unequal = line(1, ANY, (args, context) => args.length === 2 ? chain('!=', true)(args, context) : of('not', 'bool', chain('=', true)(args, context)))
const member: Make = (args, context) => {
  const [x, ...list] = args
  const fitting = list.filter(m => m.type === 'null' || kindOf(m.type) === kindOf(x.type))
  if (context.strict && fitting.length < list.length) throw fault('DATALOG_TYPE', `not all members are of type ${x.type}`, context.at)
  return fitting.length === 0 ? lit(false) : of('in', 'bool', x, ...fitting)
}

const FUNCTIONS: Record<string, Line> = {
  '=': equal, '==': equal, 'identical?': equal, '!=': unequal, 'not=': unequal,
  '<': line(1, ANY, chain('<', false)), '<=': line(1, ANY, chain('<=', false)), '>': line(1, ANY, chain('>', false)), '>=': line(1, ANY, chain('>=', false)),
  '+': line(1, ANY, fold('+', a => a)), '*': line(1, ANY, fold('*', a => a)),
  '-': line(1, ANY, fold('-', a => of('neg', a.type, a))),
  '/': line(1, ANY, (args, context) => { numbers(args, context); return args.length === 1 ? of('/', 'float', lit(1), float(args[0])) : args.slice(1).reduce((a, b) => of('/', 'float', float(a), float(b)), args[0]) }),
  quot: line(2, 2, numeric((a, b) => wider([a, b]) === 'float' || wider([a, b]) === 'decimal' ? of('trunc', 'float', of('/', 'float', float(a), float(b))) : of('/', wider([a, b]), a, b))),
  rem: line(2, 2, numeric((a, b) => remainder(a, b, false))), mod: line(2, 2, numeric((a, b) => remainder(a, b, true))),
  inc: line(1, 1, numeric(a => of('+', a.type, a, lit(1)))), dec: line(1, 1, numeric(a => of('-', a.type, a, lit(1)))),
  abs: line(1, 1, numeric(a => of('abs', a.type, a))),
  max: line(1, ANY, numeric((...args) => of('greatest', wider(args), ...args))), min: line(1, ANY, numeric((...args) => of('least', wider(args), ...args))),
  'zero?': line(1, 1, numeric(isZero)), 'pos?': line(1, 1, numeric(a => of('>', 'bool', a, lit(0)))), 'neg?': line(1, 1, numeric(a => of('<', 'bool', a, lit(0)))),
  'even?': line(1, 1, numeric(a => isZero(remainder(a, lit(2), true)))), 'odd?': line(1, 1, numeric(a => of('not', 'bool', isZero(remainder(a, lit(2), true))))),
  compare: line(2, 2, ([a, b], context) => {
    const less = chain('<', false)([a, b], context)
    return of('case', 'int', less, lit(-1), of('=', 'bool', a, b), lit(0), lit(1))
  }),
  'true?': line(1, 1, ([a]) => a.type === 'bool' ? of('=', 'bool', a, lit(true)) : lit(false)),
  'false?': line(1, 1, ([a]) => a.type === 'bool' ? of('=', 'bool', a, lit(false)) : lit(false)),
  'nil?': line(1, 1, ([a]) => of('isNull', 'bool', a)), 'some?': line(1, 1, ([a]) => of('isNotNull', 'bool', a)),
  not: line(1, 1, ([a]) => of('not', 'bool', isTrue(a))), and: line(0, ANY, either('and')), or: line(0, ANY, either('or')),
  identity: line(1, 1, ([a]) => a),
  'contains?': line(1, ANY, (args, context) => member([args[args.length - 1], ...args.slice(0, -1)], context)), 'in': line(1, ANY, member),
  str: line(0, ANY, args => args.length === 0 ? lit('') : of('concat', 'text', ...args.map(textual))),
  subs: line(2, 3, (args, context) => {
    texts([args[0]], context)
    numbers(args.slice(1), context)
    const from = of('+', 'int', args[1], lit(1))
    return args.length === 2 ? of('substring', 'text', args[0], from) : of('substring', 'text', args[0], from, of('-', 'int', args[2], args[1]))
  }),
  'empty?': line(1, 1, textually(a => of('=', 'bool', a, lit('')))), 'not-empty': line(1, 1, textually(a => ({ ...of('case', 'text', of('!=', 'bool', a, lit('')), a), nullable: true }))),
  count: line(1, 1, textually(a => of('length', 'int', a))),
  keyword: line(1, 2, textually((a, b) => b === undefined ? of('concat', 'text', lit(':'), a) : of('concat', 'text', lit(':'), a, lit('/'), b))),
  name: line(1, 1, textually(a => of('case', 'text', of('>', 'bool', nameAt(a), lit(1)), of('substring', 'text', a, of('+', 'int', nameAt(a), lit(1))), of('ltrim', 'text', a, lit(':'))))),
  namespace: line(1, 1, textually(a => ({ ...of('case', 'text', of('>', 'bool', nameAt(a), lit(1)), of('ltrim', 'text', of('left', 'text', a, of('-', 'int', nameAt(a), lit(1))), lit(':'))), nullable: true }))),
  're-pattern': line(1, 1, textually(a => a)), 're-find': line(2, 2, matching('re-find', false)), 're-matches': line(2, 2, matching('re-matches', true)), 're-seq': line(2, 2, matching('re-seq', false)),
  like: line(2, 2, textually((a, b) => of('like', 'bool', a, b))), 'not-like': line(2, 2, textually((a, b) => of('not', 'bool', of('like', 'bool', a, b)))), ilike: line(2, 2, textually((a, b) => of('ilike', 'bool', a, b))),
  'starts-with?': line(2, 2, textually((a, b) => of('startsWith', 'bool', a, b))),
  'ends-with?': line(2, 2, textually((a, b) => of('=', 'bool', of('right', 'text', a, of('length', 'int', b)), b))),
  'includes?': line(2, 2, textually((a, b) => of('>', 'bool', of('strpos', 'int', a, b), lit(0)))),
  'blank?': line(1, 1, textually(a => of('=', 'bool', of('trim', 'text', a), lit('')))),
  'lower-case': line(1, 1, textually(a => of('lower', 'text', a))), 'upper-case': line(1, 1, textually(a => of('upper', 'text', a))),
  trim: line(1, 1, textually(a => of('trim', 'text', a))), triml: line(1, 1, textually(a => of('ltrim', 'text', a))), trimr: line(1, 1, textually(a => of('rtrim', 'text', a))),
  reverse: line(1, 1, textually(a => of('reverse', 'text', a))),
}

const ALSO = ['get-else', 'get-some', 'missing?', 'ground', 'tuple', 'untuple', 'vector']
const RANDOM = ['rand', 'rand-int', 'rand-nth', 'random-uuid', 'squuid', 'now', 'shuffle', 'sample']

/** Whether a function gives the same for the same arguments and cannot fail: then it may be asked for more rows than remain. */
export const isComparison = (name: string): boolean => /^(=|==|!=|not=|<|<=|>|>=)$/.test(name)

/** The names that can be called, for suggestions. */
export const functionNames = (context: FunctionContext): string[] => [...Object.keys(FUNCTIONS), ...ALSO, ...context.functions.keys()]

const counted = (least: number, most: number): string =>
  `${least === most ? least : most === ANY ? `at least ${least}` : `${least} to ${most}`} argument${least === 1 && (most === 1 || most === ANY) ? '' : 's'}`

/** A call as an expression. Throws UNKNOWN_FUNCTION, DATALOG_TYPE, DATALOG_IMPURE, DATALOG_SYNTAX at the place of the clause. */
export function apply(name: string, args: readonly Scalar[], context: FunctionContext): Scalar {
  const user = context.functions.get(name)
  if (user !== undefined) {
    const made = user(...args.map(a => new Expr<any>(a.json, a.type === 'null' ? undefined : a.type)))
    return scalar(literal(made), made instanceof Expr ? made.cellType ?? inferred(args) : constant(made).type, true)
  }
  const short = name.replace(/^(clojure\.string|str|string|clojure\.core|cljs\.core)\//, '')
  if (RANDOM.includes(short)) throw fault('DATALOG_IMPURE', `\`${name}\` gives something else each time: a live answer is a function of the data`, context.at, name)
  if (!Object.hasOwn(FUNCTIONS, short)) throw unknownName('UNKNOWN_FUNCTION', `function \`${name}\` (at ${context.at})`, name, functionNames(context), context.at)
  const { least, most, make } = FUNCTIONS[short]
  if (args.length < least || args.length > most) throw fault('DATALOG_SYNTAX', `\`${name}\` takes ${counted(least, most)}, not ${args.length}`, context.at, name)
  return make(args, context)
}

const inferred = (args: readonly Scalar[]): CellType => {
  const type = args.find(a => a.type !== 'null')?.type
  return type === undefined || type === 'null' ? 'text' : type
}
