// Predicates, functions, and what is asked of an entity's attributes: get-else, get-some, missing?.
import type { QueryJson } from '../../query/types.js'
import type { Argument, Binding, Call, Clause, Predicate, Term } from '../ast.js'
import { boundBy } from '../ast.js'
import type { Constant } from '../edn.js'
import type { Compiler } from './compiler.js'
import { Conjunction, asSource } from './conjunction.js'
import { type FunctionContext, apply, isComparison } from './functions.js'
import { mark } from './origins.js'
import { attributeName } from './patterns.js'
import { addRegex, regexCall } from './regexes.js'
import { type Bound, type Scalar, type Shape, all, call, column, comparable, constant, equalities, fault, scalar, selected, together, truth } from './values.js'

const context = (compiler: Compiler, at: string): FunctionContext => ({ at, strict: compiler.strict, functions: compiler.options.functions })

const EQUALITY = /^(=|==|!=|not=)$/

/** The arguments of a call: what variables stand for, constants; members of a constant list are arguments of their own, where it is not compared. */
function argumentsOf(conj: Conjunction, name: string, args: readonly Argument[]): Bound[] {
  return args.flatMap((a): Bound[] => {
    switch (a.kind) {
      case 'var': {
        const bound = conj.lookup(a.name)
        if (bound === undefined) throw fault('DATALOG_UNSAFE', `\`${a.name}\` is not bound`, a.at, a.name)
        return [bound]
      }
      case 'const': return [constant(a.value)]
      case 'pattern': return [constant(a.value)]
      case 'members': return EQUALITY.test(name) ? [{ kind: 'tuple', items: argumentsOf(conj, name, a.items) }] : argumentsOf(conj, name, a.items)
      default: throw fault('DATALOG_SYNTAX', 'a variable or a constant must stand here', a.at)
    }
  })
}

function applied(compiler: Compiler, conj: Conjunction, { name, args, at }: Predicate | Call): Bound {
  const given = argumentsOf(conj, name, args)
  if (name === 'tuple' || name === 'vector') return { kind: 'tuple', items: given }
  if (name === 'untuple' || name === 'identity') if (given.length === 1 && given[0].kind === 'tuple') return given[0]
  if (given.some(g => g.kind === 'tuple')) {
    if (EQUALITY.test(name) && given.length === 2) {
      const same = comparable(given[0], given[1]) ? all(equalities(given[0], given[1])) : truth(false)
      return scalar(name.startsWith('=') ? same : call('not', same), 'bool')
    }
    throw fault('DATALOG_TYPE', `\`${name}\` does not take tuples`, at, name)
  }
  const made = apply(name, given as Scalar[], context(compiler, at))
  // What is there already, as the value of `identity`, is from elsewhere.
  if (made.json.op !== 'col' && made.json.op !== 'lit') mark(made.json, at)
  return made
}

export function addPredicate(compiler: Compiler, conj: Conjunction, step: Predicate, later: ReadonlySet<string>): Conjunction {
  if (step.name === 'missing?') return compiler.lower(conj, [missing(step.args, step.at)], later)
  const value = applied(compiler, conj, step)
  if (value.kind === 'tuple') return conj
  // What is no condition holds if it has a value, as everything but nil and false does.
  const condition = value.type === 'bool' ? value.json : call('isNotNull', value.json)
  if (condition.op === 'lit') { if (condition.value !== true) conj.never = true; return conj }
  conj.condition(condition, isComparison(step.name))
  return conj
}

export function addCall(compiler: Compiler, conj: Conjunction, step: Call, later: ReadonlySet<string>): Conjunction {
  switch (step.name) {
    case 'ground': return addGround(compiler, conj, step)
    case 'get-else': return addGetElse(compiler, conj, step, later)
    case 'get-some': return compiler.lower(conj, [getSome(compiler, step)], later)
    case 'missing?': throw fault('DATALOG_SYNTAX', '`missing?` is a condition and binds nothing', step.at)
  }
  if (regexCall(step.name) !== undefined && !compiler.options.functions.has(step.name)) return addRegex(compiler, conj, step, argumentsOf(conj, step.name, step.args), bind)
  return bind(conj, step.out, applied(compiler, conj, step), step.at)
}

/** Binds a value: to a variable, or a tuple's members to theirs. */
export function bind(conj: Conjunction, out: Binding, value: Bound, at: string): Conjunction {
  if (value.kind === 'scalar' && value.nullable === true && out.kind === 'var') {
    conj.condition(call('isNotNull', value.json))
    value = scalar(value.json, value.type)
  }
  switch (out.kind) {
    case 'blank': return conj
    case 'var': for (const c of conj.unify(out.name, value, out.at)) conj.condition(c); return conj
    case 'tuple':
      if (value.kind !== 'tuple') throw fault('DATALOG_TYPE', 'the value is no tuple', at)
      if (value.items.length < out.items.length) throw fault('DATALOG_TYPE', `the tuple has ${value.items.length} members, not ${out.items.length}`, at)
      out.items.forEach((o, i) => bind(conj, o, value.items[i], at))
      return conj
    default: throw fault('DATALOG_TYPE', 'only constants and inputs can be bound to a collection or relation', at)
  }
}

/** Constants as values: one, a tuple, or the rows of a collection or relation. */
function addGround(compiler: Compiler, conj: Conjunction, step: Call): Conjunction {
  const [arg, ...more] = step.args
  if (arg === undefined || more.length > 0) throw fault('DATALOG_SYNTAX', '`ground` takes one constant', step.at)
  if (step.out.kind === 'var' || step.out.kind === 'blank') {
    const [value] = arg.kind === 'members' ? [] : argumentsOf(conj, step.name, [arg])
    if (value === undefined) return bind(conj, step.out, tupleOf(arg), step.at)
    return bind(conj, step.out, value, step.at)
  }
  if (step.out.kind === 'tuple') return bind(conj, step.out, tupleOf(arg), step.at)
  if (arg.kind !== 'members') throw fault('DATALOG_TYPE', 'a list of constants must stand here', step.at)
  const item: Binding = step.out.kind === 'collection' ? step.out.item : { kind: 'tuple', items: step.out.items, at: step.out.at }
  const rows = arg.items.map(i => i.kind === 'members' ? tupleOf(i) : constant(valueOf(i)))
  return addRows(compiler, conj, item, rows, step.at)
}

function tupleOf(arg: Argument): Bound { return arg.kind === 'members' ? { kind: 'tuple', items: arg.items.map(tupleOf) } : constant(valueOf(arg)) }
function valueOf(arg: Argument): Constant {
  if (arg.kind === 'const') return arg.value
  throw fault('DATALOG_SYNTAX', 'a constant must stand here', arg.at)
}

/** Rows beyond this many belong into a table, or an input. */
const MOST_ROWS = 500

/** Joins rows of constants. */
export function addRows(compiler: Compiler, conj: Conjunction, item: Binding, rows: readonly Bound[], at: string): Conjunction {
  const vars = boundBy(item)
  if (rows.length > MOST_ROWS) throw fault('DATALOG_INPUT', `${rows.length} rows of constants are too many; ${MOST_ROWS} are the most`, at)
  if (rows.length === 0) {
    conj.never = true
    for (const v of vars) if (conj.lookup(v) === undefined) conj.set(v, scalar({ op: 'lit', value: null }, 'null'))
    return conj
  }
  if (new Set(vars).size < vars.length) throw fault('DATALOG_SYNTAX', 'a variable stands twice in what is bound', at)
  let shapes: readonly Shape[] = []
  const inputs: QueryJson[] = rows.map(row => {
    const one = bind(new Conjunction(compiler.strict), item, row, at)
    const fields = vars.map((v, i) => selected(`v${i}`, one.lookup(v)!))
    shapes = shapes.length === 0 ? fields.map(f => f.shape) : fields.map(({ shape }, i) => {
      const both = together(shapes[i], shape)
      if (both === undefined) throw fault('DATALOG_TYPE', `values of different types cannot be bound to \`${vars[i]}\``, at, vars[i])
      return both
    })
    return compiler.row(fields.length === 0 ? [{ name: '_', expr: truth(true) }] : fields.flatMap(f => f.fields))
  })
  const alias = compiler.aliases.fresh('rows')
  conj.selective = true
  const query: QueryJson = inputs.length === 1 ? inputs[0] : { setOp: 'union', inputs }
  conj.add({ query }, alias, vars.flatMap((v, i) => conj.unify(v, asSource(shapes[i], alias), at)))
  return conj
}

/** `[(get-else $ ?e :a 0) ?v]`: the attribute's value, or a constant for entities without. */
function addGetElse(compiler: Compiler, conj: Conjunction, step: Call, later: ReadonlySet<string>): Conjunction {
  const { e, names: [name], rest } = attributeCall(step.args, step.at, 1)
  const [fallback] = rest
  if (fallback?.kind !== 'const' || fallback.value === null) throw fault('DATALOG_SYNTAX', '`get-else` ends with a constant that is not nil', step.at)
  const attribute = compiler.catalog.find(name.value)
  if (attribute === undefined && compiler.strict) compiler.catalog.get(name.value, name.at)
  if (attribute === undefined) return bind(conj, step.out, constant(fallback.value), step.at)
  if (attribute.many) throw fault('DATALOG_TYPE', `\`:${attribute.name}\` has several values: \`get-else\` is for one`, step.at, `:${attribute.name}`)
  const entity: Bound | undefined = e.kind === 'var' ? conj.own(e.name) : undefined
  const known = e.kind === 'var' ? conj.rows.get(`${attribute.table} ${e.name}`) : undefined
  const otherwise = constant(fallback.value)
  const joinable = entity !== undefined && entity.kind === 'scalar' && attribute.entity.length === 1 && conj.isLocal(entity.json)
  const fits = comparable(otherwise, scalar({ op: 'lit' }, attribute.value.type))
  if (!fits && boundBy(step.out).some(v => later.has(v))) throw fault('DATALOG_TYPE', `\`:${attribute.name}\` is ${attribute.value.type}, and what is said for entities without is ${otherwise.type}: a variable has one type`, step.at, `:${attribute.name}`)
  const present: Term = { kind: 'var', name: `${boundBy(step.out)[0] ?? '?_'}`, at: step.at }
  if ((known === undefined && (!joinable || conj.joins.length === 0)) || !fits) {
    // The same in words of the language.
    const without: Clause[] = [missing(step.args.slice(0, -1), step.at), { kind: 'call', name: 'ground', args: [fallback], out: step.out, at: step.at }]
    const vars = [...(e.kind === 'var' ? [e.name] : []), present.name]
    return compiler.lower(conj, [{ kind: 'or', vars, required: e.kind === 'var' ? [e.name] : [], branches: [[{ kind: 'pattern', source: '$', terms: [e, { kind: 'const', value: attribute.name, at: step.at }, present], at: step.at }], without], at: step.at }], later)
  }
  const alias = known ?? compiler.aliases.fresh(attribute.table)
  if (known === undefined) conj.add({ table: attribute.table }, alias, conj.equal(entity!, column(alias, attribute.entity[0].name, attribute.entity[0].type), step.at, 'the entity'), 'left')
  return bind(conj, step.out, scalar(call('coalesce', { op: 'col', of: alias, name: attribute.value.name }, otherwise.json), attribute.value.type), step.at)
}

/** `[(missing? $ ?e :a)]` is `(not [?e :a _])`. */
function missing(args: readonly Argument[], at: string): Clause {
  const { e, names: [name] } = attributeCall(args, at, 1)
  return { kind: 'not', clauses: [{ kind: 'pattern', source: '$', terms: [e, { kind: 'const', value: name.value, at: name.at }, { kind: 'blank', at }], at }], at }
}

/** `[(get-some $ ?e :a :b) [?attribute ?v]]`: the first attribute that the entity has. */
function getSome(compiler: Compiler, step: Call): Clause {
  const { e, names } = attributeCall(step.args, step.at, Infinity)
  const at = step.at
  const out = step.out.kind === 'tuple' && step.out.items.length === 2 ? step.out.items : undefined
  if (out === undefined || out.some(o => o.kind !== 'var' && o.kind !== 'blank')) throw fault('DATALOG_SYNTAX', '`get-some` is bound to `[?attribute ?value]`', at)
  const branches = names.map((name, i): Clause[] => [
    ...names.slice(0, i).map((before): Clause => ({ kind: 'not', clauses: [{ kind: 'pattern', source: '$', terms: [e, { kind: 'const', value: before.value, at }, { kind: 'blank', at }], at }], at })),
    { kind: 'pattern', source: '$', terms: [e, { kind: 'const', value: name.value, at }, out[1] as Term], at },
    ...(out[0].kind === 'var' ? [{ kind: 'call', name: 'ground', args: [{ kind: 'const', value: nameOf(compiler, name.value), at }], out: out[0], at } as Clause] : []),
  ])
  const vars = [...(e.kind === 'var' ? [e.name] : []), ...out.flatMap(boundBy)]
  return { kind: 'or', vars, required: e.kind === 'var' ? [e.name] : [], branches, at }
}

function nameOf(compiler: Compiler, name: string): string {
  const attribute = compiler.catalog.find(name)
  return attribute === undefined ? `:${name}` : compiler.options.attributeText(attribute)
}

/** What names an entity: `[1 2]` and `[:a 1]` are lists of constants where arguments stand. */
function entityTerm(arg: Argument | undefined): Term | undefined {
  if (arg?.kind !== 'members') return arg === undefined || arg.kind === 'blank' || arg.kind === 'pattern' ? undefined : arg
  const items = arg.items.flatMap(i => i.kind === 'const' ? [i] : [])
  if (items.length < 2 || items.length < arg.items.length) return undefined
  const [first, value] = items
  if (items.length > 2 || typeof first.value !== 'string') return { kind: 'key', items, at: arg.at }
  return { kind: 'lookup', attribute: first.value.replace(/^:(?=.)/, ''), value, ...(first.keyword === true ? {} : { key: { kind: 'key', items, at: arg.at } }), at: arg.at }
}

/** An entity and attributes, behind a source that may be left out. */
function attributeCall(args: readonly Argument[], at: string, most: number): { e: Term; names: { value: string; at: string }[]; rest: readonly Argument[] } {
  const [first] = args
  const given = first?.kind === 'const' && typeof first.value === 'string' && first.value.startsWith('$') ? args.slice(1) : args
  const [named, ...rest] = given
  const e = entityTerm(named)
  if (e === undefined) throw fault('DATALOG_SYNTAX', 'an entity must stand here', at)
  const names: { value: string; at: string }[] = []
  while (names.length < most && rest.length > 0) {
    const next = rest.shift()!
    if (next.kind !== 'const' || typeof next.value !== 'string') throw fault('DATALOG_SYNTAX', 'an attribute must stand here', at)
    names.push({ value: attributeName(new Conjunction(false), next)!, at: next.at })
  }
  if (names.length === 0) throw fault('DATALOG_SYNTAX', 'an attribute must stand here', at)
  return { e, names, rest }
}
