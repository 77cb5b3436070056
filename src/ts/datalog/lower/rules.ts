// Rules: views that are joined where they are called; recursive ones are relations of a fixpoint.
import { EddylineError, unknownName } from '../../errors.js'
import type { ExprJson } from '../../query/expr.js'
import type { Branch, Clause, Rule, RuleCall, Rules, Term } from '../ast.js'
import { boundBy, calledBy } from '../ast.js'
import { type Compiler, stepVariables } from './compiler.js'
import { Conjunction, type SourceJson, type Stage, asSource } from './conjunction.js'
import { unionOf } from './disjunction.js'
import { plainName } from './magic.js'
import { Recursion } from './recursion.js'
import { inlined } from './rename.js'
import { type Bound, type Shape, constantFor, fault, keyBound } from './values.js'

/** What a rule can be read from: a query, or a relation of the fixpoint around. */
export interface RuleSource { readonly source: SourceJson; readonly shapes: readonly Shape[]; readonly never: boolean }

export class RuleBook {
  readonly #views = new Map<string, RuleSource | EddylineError>()
  /** For each rule the rules that it calls itself through, itself among them; none if it is not recursive. */
  readonly #groups = new Map<string, readonly string[]>()
  readonly #binding = new Map<string, readonly boolean[]>()
  /** Relations of the fixpoints that are being lowered: rules called within are read from there. */
  readonly within: Recursion[] = []

  constructor(readonly compiler: Compiler, readonly rules: Rules) {
    const reach = new Map<string, Set<string>>()
    const direct = new Map([...rules].map(([name, rule]) => [name, rule.branches.flatMap(b => calledBy(b.clauses))]))
    for (const name of rules.keys()) {
      const seen = new Set<string>()
      const todo = [name]
      while (todo.length > 0) for (const call of direct.get(todo.pop()!) ?? []) if (!seen.has(call.name)) { seen.add(call.name); todo.push(call.name) }
      reach.set(name, seen)
    }
    for (const name of rules.keys()) {
      // Parts of rules are made of their bodies: what these call is right before.
      for (const call of direct.get(name)!) {
        const called = rules.get(call.name)
        if (called !== undefined && called.vars.length !== call.args) throw wrongCount(called, call.args, call.at)
      }
      const group = [...rules.keys()].filter(other => reach.get(name)!.has(other) && reach.get(other)!.has(name))
      this.#groups.set(name, group)
      const against = group.flatMap(g => direct.get(g)!).find(call => call.negated && group.includes(call.name))
      if (against !== undefined && group.length > 0) throw fault('DATALOG_UNSTRATIFIED', `\`${against.name}\` depends on its own negation`, against.at, against.name)
    }
  }

  get(step: RuleCall): Rule {
    const rule = this.rules.get(step.name) ?? this.#asked(step.name)
    if (rule === undefined) throw unknownName('UNKNOWN_RULE', `rule \`${step.name}\` (at ${step.at})${this.rules.size === 0 ? ': the query has no rules' : ''}`, step.name, this.rules.keys(), step.at)
    if (rule.vars.length !== step.args.length) throw wrongCount(rule, step.args.length, step.at)
    return rule
  }

  /** What a program calls a rule: one that is made for a part of it has a name of its own. */
  said(name: string): string { return this.rules.has(name) ? name : plainName(name) }

  /** A rule that only stands for a part of one. */
  #asked(name: string): Rule | undefined {
    for (const recursion of this.within) { const rule = recursion.rule(name); if (rule !== undefined) return rule }
    return undefined
  }

  groupOf(name: string): readonly string[] { return this.#groups.get(name) ?? [] }

  /** Whether what must be bound before a rule is called is bound. */
  isReady(step: RuleCall, isBound: (v: string) => boolean): boolean {
    const rule = this.get(step)
    const binds = this.binding(step.name)
    return step.args.every((a, i) => a.kind === 'const' || a.kind === 'lookup' || a.kind === 'key' || (i >= rule.required && binds[i]) || (a.kind === 'var' && isBound(a.name)))
  }

  /** Of a call that is not ready: the first branch that leaves a variable of the head open which the call leaves open, too. */
  open(step: RuleCall, isBound: (v: string) => boolean): { readonly variable: string; readonly branch: Branch } | undefined {
    const rule = this.get(step)
    for (const [i, a] of step.args.entries()) {
      if (i < rule.required || (a.kind !== 'blank' && !(a.kind === 'var' && !isBound(a.name)))) continue
      const branch = rule.branches.find(b => !this.boundIn(b.clauses, new Set()).has(b.vars[i]))
      if (branch !== undefined) return { variable: branch.vars[i], branch }
    }
    return undefined
  }

  /** Which arguments a rule binds by itself, whatever it is called with. */
  binding(name: string): readonly boolean[] {
    const known = this.#binding.get(name)
    if (known !== undefined) return known
    const rule = this.rules.get(name)
    if (rule === undefined) return this.#asked(name)?.vars.map(() => true) ?? []
    // While a rule is looked into, it is taken to bind everything: its other branches decide.
    this.#binding.set(name, rule.vars.map(() => true))
    for (let changed = true; changed;) {
      changed = false
      const before = this.#binding.get(name)!
      const now = rule.vars.map((_, i) => before[i] && rule.branches.every(b => this.boundIn(b.clauses, new Set()).has(b.vars[i])))
      if (now.some((b, i) => b !== before[i])) { this.#binding.set(name, now); changed = true }
    }
    return this.#binding.get(name)!
  }

  /** The variables that clauses bind, given some. */
  boundIn(clauses: readonly Clause[], given: ReadonlySet<string>): Set<string> {
    const out = new Set(given)
    for (let size = -1; size !== out.size;) {
      size = out.size
      for (const c of clauses) {
        switch (c.kind) {
          case 'pattern': for (const v of stepVariables(c)) out.add(v); break
          case 'call': if ([...stepVariables({ ...c, out: { kind: 'blank', at: '' } })].every(v => out.has(v))) for (const v of boundBy(c.out)) out.add(v); break
          case 'rule': { const binds = this.binding(c.name); c.args.forEach((a, i) => { if (a.kind === 'var' && binds[i]) out.add(a.name) }); break }
          case 'or': {
            const sets = c.branches.map(b => this.boundIn(b, new Set([...out].filter(v => c.vars === undefined || c.vars.includes(v)))))
            for (const v of stepVariables(c)) if (sets.every(s => s.has(v))) out.add(v)
          }
        }
      }
    }
    return out
  }

  /** Joins what a rule says, or puts its branches in the place of the call. */
  add(conj: Conjunction, called: RuleCall, later: ReadonlySet<string>): Conjunction {
    // A key that is written is what a variable stands for.
    const step: RuleCall = { ...called, args: called.args.map((arg): Term => {
      if (arg.kind !== 'key') return arg
      const name = this.compiler.aliases.fresh('?key')
      conj.set(name, keyBound(arg))
      return { kind: 'var', name, at: arg.at }
    }) }
    const rule = this.get(step)
    const found = this.#source(rule, step, conj)
    if (!(found instanceof EddylineError)) return this.#joined(conj, step, found)
    if (this.groupOf(rule.name).length > 0) throw found
    const vars = [...new Set(step.args.flatMap(a => a.kind === 'var' ? [a.name] : []))]
    const branches = rule.branches.map(b => inlined(b.clauses, b.vars, step.args, this.compiler))
    return this.compiler.lower(conj, [{ kind: 'or', vars, required: [], branches, at: step.at }], later)
  }

  #joined(conj: Conjunction, step: RuleCall, { source, shapes, never }: RuleSource): Conjunction {
    const { aliases } = this.compiler
    const alias = aliases.fresh(step.name)
    const conditions: ExprJson[] = []
    const lookups: Clause[] = []
    const later = new Set<string>()
    step.args.forEach((arg: Term, i) => {
      const value: Bound = asSource(shapes[i], alias)
      if (arg.kind === 'var') conditions.push(...conj.unify(arg.name, value, arg.at))
      if (arg.kind === 'const') conditions.push(...conj.equal(value, constantFor(arg.value, value.kind === 'scalar' && value.type !== 'null' ? value.type : 'text'), arg.at, String(arg.value)))
      if (arg.kind === 'lookup') {
        const name = aliases.fresh('?lookup')
        conj.set(name, value)
        lookups.push({ kind: 'pattern', source: '$', terms: [{ kind: 'var', name, at: arg.at }, { kind: 'const', value: arg.attribute, at: arg.at }, arg.value], at: arg.at })
      }
    })
    conj.add(source, alias, conditions)
    if (never) conj.never = true
    if ('relation' in source) conj.grows = true
    return lookups.length === 0 ? conj : this.compiler.lower(conj, lookups, later)
  }

  /** Where a rule's rows are: shared by all its calls that ask for all of them. */
  #source(rule: Rule, step: RuleCall, conj: Conjunction): RuleSource | EddylineError {
    for (const recursion of this.within) {
      const relation = recursion.relation(rule.name)
      if (relation !== undefined) return relation
    }
    const recursive = this.groupOf(rule.name).length > 0
    if (recursive) {
      const some = Recursion.seeded(this, rule, step, conj)
      if (some !== undefined) return some
    }
    const known = this.#views.get(rule.name)
    if (known !== undefined) return known
    let made: RuleSource | EddylineError
    try {
      made = recursive ? Recursion.whole(this, rule) : this.#view(rule)
    } catch (e) {
      if (!(e instanceof EddylineError) || e.code !== 'DATALOG_UNSAFE') throw e
      made = e
    }
    this.#views.set(rule.name, made)
    return made
  }

  #view(rule: Rule): RuleSource {
    const { query, shapes, never } = unionOf(rule.branches.map(b => this.branch(b)), rule.vars, rule.at)
    return { source: { query }, shapes, never }
  }

  /** One body as a query of its head's variables. */
  branch(branch: Branch): Stage {
    return this.compiler.stage(new Conjunction(this.compiler.strict), branch.clauses, branch.vars.map((variable, i) => ({ name: `a${i}`, variable, at: branch.at })))
  }
}

const wrongCount = (rule: Rule, given: number, at: string): EddylineError =>
  fault('DATALOG_RULE', `the rule \`${rule.name}\` takes ${rule.vars.length} argument${rule.vars.length === 1 ? '' : 's'}, not ${given}`, at, rule.name)
