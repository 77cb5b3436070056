// Data patterns: rows of tables, joined by what variables already stand for.
import type { ExprJson } from '../../query/expr.js'
import type { Clause, Or, Pattern, Term } from '../ast.js'
import type { Attribute } from '../catalog.js'
import type { Compiler } from './compiler.js'
import { Conjunction } from './conjunction.js'
import { addInputPattern } from './inputs.js'
import { type Bound, type Scalar, call, column, constantFor, fault, isColumn, isConstant, keyBound, kindOf, scalarsOf } from './values.js'

export function addPattern(compiler: Compiler, start: Conjunction, pattern: Pattern, later: ReadonlySet<string>): Conjunction {
  const relation = compiler.relations.get(pattern.source)
  if (relation !== undefined) return addInputPattern(compiler, start, pattern, relation)
  if (pattern.source !== '$') throw fault('DATALOG_INPUT', `\`${pattern.source}\` is no input of the query`, pattern.at, pattern.source)
  const [, attributeTerm] = pattern.terms
  if (pattern.terms.length > 5) throw fault('DATALOG_SYNTAX', 'a pattern has at most five terms: entity, attribute, value, transaction, added', pattern.at)
  const name = attributeName(start, attributeTerm)
  if (name === undefined) return compiler.lower(start, [anyAttribute(compiler, start, pattern)], later)
  const attribute = compiler.catalog.find(name)
  if (attribute === undefined && !compiler.strict) { start.never = true; return bindNothing(start, pattern) }
  return addFact(compiler, start, pattern, attribute ?? compiler.catalog.get(name, attributeTerm!.at), later)
}

/** An attribute that nobody knows has no facts; what the pattern would bind has some type, whichever. */
function bindNothing(conj: Conjunction, pattern: Pattern): Conjunction {
  for (const t of pattern.terms) if (t.kind === 'var' && conj.lookup(t.name) === undefined) conj.set(t.name, { kind: 'scalar', json: { op: 'lit', value: null }, type: 'null' })
  return conj
}

/** The attribute's name, if it is known: written, or of a variable that stands for a constant. */
export function attributeName(conj: Conjunction, term: Term | undefined): string | undefined {
  if (term?.kind === 'const' && typeof term.value === 'string') return term.value.replace(/^:(?=.)/, '')
  if (term?.kind === 'const') throw fault('DATALOG_SYNTAX', 'an attribute must stand here', term.at)
  const bound = term?.kind === 'var' ? conj.lookup(term.name) : undefined
  return bound !== undefined && isConstant(bound) && typeof bound.constant === 'string' ? bound.constant.replace(/^:(?=.)/, '') : undefined
}

/** Of which kind the entities of an attribute are: that of a key's one column, or of all. */
export const entityKind = (attribute: Attribute): string => attribute.entity.map(c => kindOf(c.type)).join()
const kindOfBound = (bound: Bound): string => scalarsOf(bound).map(s => kindOf(s.type)).join()
/** Whether an entity that is written can have the attribute: what it is called has as many columns as the key. */
export function canBe(e: Term | undefined, attribute: Attribute): boolean {
  const width = attribute.entity.length
  switch (e?.kind) {
    case 'key': return width === e.items.length
    case 'lookup': return width === 1 || (width === 2 && e.key !== undefined)
    case 'const': return width === 1
    default: return true
  }
}

/** A pattern of any attribute, as one branch for each that fits. `among`: only these. */
export function anyAttribute(compiler: Compiler, conj: Conjunction | undefined, pattern: Pattern, among?: readonly Attribute[]): Or {
  const [e, a, v, ...rest] = pattern.terms
  const typeOf = (t: Term | undefined): string | undefined => {
    if (t?.kind === 'key') return kindOfBound(keyBound(t))
    if (t?.kind === 'const' && t.value !== null) return kindOf(constantFor(t.value, 'text').type)
    const bound = t?.kind === 'var' ? conj?.lookup(t.name) : undefined
    return bound === undefined || scalarsOf(bound).some(s => s.type === 'null') ? undefined : kindOfBound(bound)
  }
  const fits = (want: string | undefined, has: string): boolean => want === undefined || want === has
  const attributes = among ?? [...compiler.catalog.all()].filter(x =>
    (rest.length === 0 || x.fact) && canBe(e, x) && fits(typeOf(e), entityKind(x)) && fits(typeOf(v), kindOf(x.value.type)))
  const branches = attributes.map((x): Clause[] => {
    const at = pattern.at
    const name: Term = { kind: 'const', value: x.name, at }
    const fact: Clause = { kind: 'pattern', source: '$', terms: [e ?? { kind: 'blank', at }, name, v ?? { kind: 'blank', at }, ...rest], at }
    return a?.kind === 'var' ? [fact, { kind: 'call', name: 'ground', args: [{ kind: 'const', value: compiler.options.attributeText(x), at }], out: a, at }] : [fact]
  })
  if (branches.length === 0) {
    // No attribute fits: a branch that is never true.
    const at = pattern.at
    const vars = pattern.terms.filter(t => t.kind === 'var')
    branches.push([...vars.map((out): Clause => ({ kind: 'call', name: 'ground', args: [{ kind: 'const', value: null, at }], out, at })), { kind: 'predicate', name: '=', args: [{ kind: 'const', value: 0, at }, { kind: 'const', value: 1, at }], at }])
  }
  return { kind: 'or', required: [], branches, at: pattern.at }
}

function addFact(compiler: Compiler, start: Conjunction, pattern: Pattern, attribute: Attribute, later: ReadonlySet<string>): Conjunction {
  let conj = start
  const at = pattern.at
  const [e, , v, tx, added] = pattern.terms
  if (tx !== undefined && !attribute.fact) throw fault('DATALOG_TYPE', `\`:${attribute.name}\` is a column of a table, whose rows have no transaction`, at, `:${attribute.name}`)
  if (added !== undefined && added.kind !== 'blank' && !(added.kind === 'const' && added.value === true)) throw fault('DATALOG_SYNTAX', 'only facts that are true now can be asked for', added.at)
  const computed = [e, v, tx].some(t => {
    const bound = t?.kind === 'var' ? conj.own(t.name) : undefined
    return bound !== undefined && scalarsOf(bound).some(s => !isColumn(s) && !isConstant(s))
  })
  // Joins look up columns: computed values become columns first.
  if (computed && conj.outer === undefined) conj = compiler.restaged(conj, new Set([...later, ...pattern.terms.flatMap(t => t.kind === 'var' ? [t.name] : [])]))

  const terms: [Term | undefined, (alias: string) => Bound][] = [
    [e, alias => entityOf(attribute, alias)],
    [v, alias => column(alias, attribute.value.name, attribute.value.type)],
    [tx, alias => column(alias, 'tx', 'int')],
  ]
  const identity = rowIdentity(conj, attribute, e)
  const known = identity === undefined ? undefined : conj.rows.get(identity)
  const alias = known ?? compiler.aliases.fresh(attribute.table)
  const conditions: ExprJson[] = []
  const lookups: [Term & { kind: 'lookup' }, Bound][] = []
  for (const [written, of] of terms) {
    if (written === undefined || written.kind === 'blank') continue
    const value = of(alias)
    // A text is an attribute, if there is one of that name.
    const term = written.kind === 'lookup' && value.kind === 'tuple' && compiler.catalog.find(written.attribute) === undefined ? written.key ?? written : written
    if (term.kind === 'key') {
      conj.selective = true
      if (value.kind !== 'tuple' || value.items.length !== term.items.length) throw fault('DATALOG_TYPE', `${value.kind === 'tuple' ? `the key has ${value.items.length} columns` : 'what stands here has one column'}, not ${term.items.length}`, term.at)
      conditions.push(...conj.equal(keyBound(term, value), value, term.at, 'the key'))
    } else if (term.kind === 'lookup') lookups.push([term, value])
    else if (term.kind === 'var') conditions.push(...conj.unify(term.name, value, term.at))
    else conditions.push(...constantEqual(conj, term, value))
  }
  if (attribute.nullable) conditions.push(call('isNotNull', { op: 'col', of: alias, name: attribute.value.name }))
  if (known !== undefined) for (const c of conditions) conj.condition(c)
  else conj.add({ table: attribute.table }, alias, conditions)
  for (const [term, value] of lookups) addLookup(compiler, conj, term, value)
  // Another pattern about the same entity of the table is about the same row.
  const now = identity ?? rowIdentity(conj, attribute, e)
  if (now !== undefined) conj.rows.set(now, alias)
  return conj
}

const entityOf = (attribute: Attribute, alias: string): Bound => {
  const items = attribute.entity.map(c => column(alias, c.name, c.type))
  return items.length === 1 ? items[0] : { kind: 'tuple', items }
}

/** What makes two patterns be about one row: the table and what its entity stands for. */
function rowIdentity(conj: Conjunction, attribute: Attribute, e: Term | undefined): string | undefined {
  if (attribute.many || e === undefined) return undefined
  if (e.kind === 'const') return `${attribute.table} ${String(typeof e.value)} ${String(e.value)}`
  const bound = e.kind === 'var' ? conj.lookup(e.name) : undefined
  return bound === undefined || e.kind !== 'var' ? undefined : `${attribute.table} ${e.name}`
}

function constantEqual(conj: Conjunction, term: Term & { kind: 'const' }, value: Bound): ExprJson[] {
  conj.selective = true
  if (value.kind === 'tuple') throw fault('DATALOG_TYPE', 'the key has several columns: bind it to a variable, or name its columns', term.at)
  return conj.equal(constantFor(term.value, value.type === 'null' ? 'text' : value.type), value, term.at, String(term.value))
}

/** `[:person/email "x"]`: the entity that has the value, joined by it. */
function addLookup(compiler: Compiler, conj: Conjunction, term: Term & { kind: 'lookup' }, entity: Bound): void {
  const attribute = compiler.catalog.get(term.attribute, term.at)
  if (attribute.unique === false) throw fault('DATALOG_TYPE', `\`:${attribute.name}\` is not unique: it names no entity`, term.at, `:${attribute.name}`)
  const alias = compiler.aliases.fresh(attribute.table)
  const value: Scalar = column(alias, attribute.value.name, attribute.value.type)
  conj.add({ table: attribute.table }, alias, [...constantEqual(conj, term.value, value), ...conj.equal(entityOf(attribute, alias), entity, term.at, 'the entity')])
}
