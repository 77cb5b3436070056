// Clauses to queries. Patterns are tables joined, `not` is an anti join, `or` and rules are unions, functions are expressions.
import { EddylineError } from '../../errors.js'
import type { QueryJson } from '../../query/types.js'
import type { Clause, Rules, Term } from '../ast.js'
import { boundBy, variablesOf } from '../ast.js'
import type { Attribute, Catalog } from '../catalog.js'
import { addCall, addPredicate } from './calls.js'
import { Aliases, Conjunction, MOST_SOURCES, type SourceJson, type Stage, asSource, stageOf, withoutDistinct } from './conjunction.js'
import { Split, addOr } from './disjunction.js'
import type { UserFunction } from './functions.js'
import { withoutHelpers } from './helpers.js'
import { type InputSource, addInput } from './inputs.js'
import { addNot } from './negation.js'
import { marking } from './origins.js'
import { addPattern } from './patterns.js'
import { RuleBook } from './rules.js'
import { type Bound, fault } from './values.js'

export interface CompilerOptions {
  readonly catalog: Catalog
  readonly rules: Rules
  /** Values of different types compared for equality: an error, or never equal. */
  readonly strict: boolean
  readonly functions: ReadonlyMap<string, UserFunction>
  /** What an attribute is called where it is a value. */
  readonly attributeText: (attribute: Attribute) => string
  /** Most rounds of a recursion; the engine's where it is not said. */
  readonly maxRuleRounds?: number
}

/** What lowering goes through: clauses, and inputs that are sources. */
export type Step = Clause | InputSource

/** Makes queries of clauses, for one query of the language. */
export class Compiler {
  readonly aliases = new Aliases()
  readonly rules: RuleBook
  readonly catalog: Catalog
  readonly strict: boolean
  /** Relations given as inputs, by the name of their source (`$b`). */
  readonly relations = new Map<string, InputSource>()

  constructor(readonly options: CompilerOptions) {
    this.catalog = options.catalog
    this.strict = options.strict
    let book = new RuleBook(this, options.rules)
    for (let rules = withoutHelpers(book, this); rules !== undefined; rules = withoutHelpers(book, this)) book = new RuleBook(this, rules)
    this.rules = book
  }

  /** A source of one row, for clauses that read nothing. */
  one = (): { source: SourceJson; alias: string } => ({ source: { query: this.row([{ name: '_', expr: { op: 'lit', value: true } }]) }, alias: this.aliases.fresh('one') })

  /** A query of one row of constants. */
  row(select: NonNullable<QueryJson['select']>): QueryJson {
    return { from: this.catalog.someTable, where: { op: 'lit', value: false }, groupBy: [], select }
  }

  /** Lowers steps into a conjunction, in an order in which each finds bound what it needs. `wanted`: what is read afterwards. */
  lower(start: Conjunction, steps: readonly Step[], wanted: ReadonlySet<string>): Conjunction {
    let conj = start
    let rest = [...steps]
    while (rest.length > 0) {
      const step = this.#next(conj, rest, wanted)
      rest = rest.filter(s => s !== step)
      const later = new Set([...wanted, ...rest.flatMap(s => [...stepVariables(s)])])
      if (conj.joins.length >= MOST_SOURCES && conj.outer === undefined) conj = this.restaged(conj, new Set([...later, ...stepVariables(step)]))
      const mark = marking(conj, step.at)
      try { conj = this.#add(conj, step, later) } catch (e) {
        // What is to be split is said in terms of the clauses that were given.
        if (e instanceof Split) throw new Split(step, e.branches)
        throw e instanceof EddylineError && e.path === undefined ? fault(e.code, e.message, step.at, e.offending) : e
      }
      mark(conj)
    }
    return conj
  }

  /** A query of some variables: `outputs` name its columns. */
  stage(start: Conjunction, steps: readonly Step[], outputs: readonly { name: string; variable: string; at: string }[]): Stage {
    const conj = this.lower(start, steps, new Set(outputs.map(o => o.variable)))
    const bound = outputs.map(({ name, variable, at }) => {
      const value = conj.lookup(variable)
      if (value === undefined) throw unbound([variable], at, 'is not bound by any clause')
      return { name, bound: value }
    })
    return stageOf(conj, bound, this.one)
  }

  /** The same rows, as those of a query: what variables stand for are columns again. */
  restaged(conj: Conjunction, needed: ReadonlySet<string>): Conjunction {
    const names = [...conj.names()].filter(n => needed.has(n))
    const stage = stageOf(conj, names.map(n => ({ name: columnName(n), bound: conj.own(n)! })), this.one)
    const out = new Conjunction(this.strict, conj.outer, conj.visible)
    const alias = this.aliases.fresh('so')
    out.add({ query: conj.grows ? withoutDistinct(stage.query) : stage.query }, alias)
    names.forEach((n, i) => { out.set(n, asSource(stage.shapes[i], alias)) })
    out.never = conj.never
    out.selective = conj.selective
    out.grows = conj.grows
    return out
  }

  /** What a term stands for: undefined for what is not bound. */
  bound(conj: Conjunction, term: Term): Bound | undefined {
    return term.kind === 'var' ? conj.lookup(term.name) : undefined
  }

  #add(conj: Conjunction, step: Step, later: ReadonlySet<string>): Conjunction {
    switch (step.kind) {
      case 'pattern': return addPattern(this, conj, step, later)
      case 'predicate': return addPredicate(this, conj, step, later)
      case 'call': return addCall(this, conj, step, later)
      case 'not': return addNot(this, conj, step)
      case 'or': return addOr(this, conj, step, later)
      case 'rule': return this.rules.add(conj, step, later)
      case 'input': return addInput(this, conj, step)
    }
  }

  /** The step to take next: what only filters first, then what is connected to what is there. */
  #next(conj: Conjunction, rest: readonly Step[], wanted: ReadonlySet<string>): Step {
    let best: Step | undefined
    let least = Infinity
    rest.forEach((step, i) => {
      const score = this.#score(conj, step, rest, wanted)
      if (score !== undefined && score + i / 1000 < least) { least = score + i / 1000; best = step }
    })
    if (best !== undefined) return best
    const stuck = rest[0]
    const open = stuck.kind === 'rule' ? this.rules.open(stuck, v => conj.lookup(v) !== undefined) : undefined
    if (open !== undefined) throw fault('DATALOG_UNSAFE', `\`${open.variable}\` is bound by no clause of this branch of the rule \`${this.rules.said((stuck as { name: string }).name)}\`, nor where it is called, at ${stuck.at}`, open.branch.at, open.variable)
    const missing = [...stepVariables(stuck)].filter(v => conj.lookup(v) === undefined)
    throw unbound(missing, stuck.at, `must be bound by other clauses before \`${describe(stuck.kind === 'rule' ? { ...stuck, name: this.rules.said(stuck.name) } : stuck)}\` can be answered`)
  }

  /** How early a step should be taken; undefined while it lacks something. */
  #score(conj: Conjunction, step: Step, rest: readonly Step[], wanted: ReadonlySet<string>): number | undefined {
    const isBound = (v: string): boolean => conj.lookup(v) !== undefined
    const term = (t: Term): boolean => t.kind === 'const' || t.kind === 'lookup' || t.kind === 'key' || (t.kind === 'var' && isBound(t.name))
    switch (step.kind) {
      case 'predicate': return [...stepVariables(step)].every(isBound) ? 0 : undefined
      case 'call': return step.args.flatMap(a => [...stepVariables({ kind: 'predicate', name: '', args: [a], at: '' })]).every(isBound) ? 1 : undefined
      case 'not': {
        const binders = rest.filter(s => s !== step && s.kind !== 'not' && s.kind !== 'predicate')
        const elsewhere = new Set([...wanted, ...binders.flatMap(s => s.kind === 'call' ? boundBy(s.out) : [...stepVariables(s)])])
        const own = [...stepVariables(step)]
        if (own.some(v => elsewhere.has(v) && !isBound(v))) return undefined
        // What nothing else binds is local to the clause, if something ties it to its surroundings.
        const tied = own.length === 0 || own.some(isBound)
        return tied && (step.vars === undefined || own.every(isBound)) ? 2 : undefined
      }
      case 'pattern': {
        const [e, a, v] = step.terms
        if (e !== undefined && term(e)) return e.kind === 'const' ? 10 : 11
        if (v !== undefined && term(v)) return v.kind === 'const' ? 12 : 13
        return a !== undefined && a.kind === 'var' ? 101 : 100
      }
      case 'rule': {
        if (!this.rules.isReady(step, isBound)) return undefined
        return step.args.some(term) ? 20 : 110
      }
      case 'or': {
        if (step.required.some(v => !isBound(v))) return undefined
        const vars = [...stepVariables(step)]
        // What an `or` cannot bind by itself must come from others: it waits as long as there are any.
        const found = this.rules.boundIn([step], new Set(vars.filter(isBound)))
        if (vars.some(v => !found.has(v))) return 140
        return vars.every(isBound) ? 29 : vars.some(isBound) ? 30 : 120
      }
      case 'input': {
        const own = stepVariables(step)
        if ([...own].some(isBound)) return 15
        // What a recursive rule is asked for comes before it.
        const asked = rest.some(s => s.kind === 'rule' && this.rules.groupOf(s.name).length > 0 && s.args.some(a => a.kind === 'var' && own.has(a.name)))
        return asked ? 99 : 130
      }
    }
  }
}

export const stepVariables = (step: Step): Set<string> => step.kind === 'input' ? new Set(boundBy(step.binding)) : variablesOf(step)

/** A variable as the name of a column. */
export const columnName = (variable: string): string => variable.replace(/^\?/, '')

/** An error about variables that nothing binds. */
export function unbound(missing: readonly string[], at: string, why: string): EddylineError {
  return fault('DATALOG_UNSAFE', `${missing.map(v => `\`${v}\``).join(', ')} ${why}`, at, missing[0])
}

function describe(step: Step): string {
  switch (step.kind) {
    case 'predicate': case 'call': return `(${step.name} …)`
    case 'rule': return `(${step.name} …)`
    case 'not': return step.vars === undefined ? '(not …)' : '(not-join …)'
    case 'or': return step.vars === undefined ? '(or …)' : '(or-join …)'
    case 'pattern': return '[… ]'
    case 'input': return step.name
  }
}
