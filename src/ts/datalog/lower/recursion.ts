// Rules that call themselves, as relations of a fixpoint.
import type { Branch, Clause, Rule, RuleCall } from '../ast.js'
import { calledBy } from '../ast.js'
import type { Compiler } from './compiler.js'
import { Conjunction, type Stage, columnsOf, stageOf, withoutDistinct } from './conjunction.js'
import { Split } from './disjunction.js'
import { type AskedBranch, type AskedRule, askedRules, factored } from './magic.js'
import { localized } from './rename.js'
import type { RuleBook, RuleSource } from './rules.js'
import { type Shape, constant, fault, isConstant, together, typeName } from './values.js'

/** Ways through the `or`s of one rule. */
const MOST_BODIES = 256

/** The rules of one group while their bodies are lowered. */
export class Recursion {
  /** Bodies that no row can satisfy. */
  readonly #never = new Set<AskedBranch>()
  readonly #shapes = new Map<string, readonly Shape[]>()

  constructor(readonly book: RuleBook, readonly group: readonly AskedRule[]) {}

  /** A rule of the group, to be read within a body. */
  rule(name: string): AskedRule | undefined { return this.group.find(r => r.name === name) }

  relation(name: string): RuleSource | undefined {
    const shapes = this.#shapes.get(name)
    return shapes === undefined ? undefined : { source: { relation: name }, shapes, never: false }
  }

  /** The whole relation of a rule. */
  static whole(book: RuleBook, rule: Rule): RuleSource {
    const group = book.groupOf(rule.name).map(n => book.rules.get(n)!)
    return new Recursion(book, group).source(rule.name)
  }

  /** The part of a relation that a call asks for, where its arguments restrict it; undefined if it must be whole. */
  static seeded(book: RuleBook, rule: Rule, step: RuleCall, conj: Conjunction): RuleSource | undefined {
    const { compiler } = book
    if (conj.never) return undefined
    const bounds = step.args.map(a => a.kind === 'const' ? constant(a.value) : a.kind === 'var' ? conj.lookup(a.name) : undefined)
    const fixed = bounds.map(b => b !== undefined && isConstant(b) && b.constant !== undefined && b.constant !== null)
    // Constants are known wherever the call stands; what other clauses find only if these are few, and not outside of a `not`.
    const rest = conj.outer === undefined && conj.selective && book.within.length === 0
    const known = bounds.map((b, i) => b !== undefined && (fixed[i] || rest))
    if (!known.some(k => k)) return undefined
    const names = step.args.map((_, i) => `?seed${i}`)
    const outputs = bounds.flatMap((bound, i) => known[i] ? [{ name: `a${i}`, bound: bound! }] : [])
    const start = known.every((k, i) => !k || fixed[i]) ? new Conjunction(compiler.strict) : conj
    const seed: AskedBranch = { vars: names.filter((_, i) => known[i]), clauses: [], at: step.at, stage: stageOf(start, outputs, compiler.one) }
    const group = new Set(book.groupOf(rule.name))
    // A call within an `or` asks for a part, too.
    const plain = new Map([...group].map(name => { const r = book.rules.get(name)!; return [name, { ...r, branches: r.branches.flatMap(b => split(b, group, compiler)) }] }))
    const asked = factored(plain.get(rule.name)!, group, known, [seed], (clauses, given) => book.boundIn(clauses, given)) ?? askedRules(plain, group, { name: rule.name, known }, [seed])
    return asked === undefined ? undefined : new Recursion(book, asked.rules).source(asked.result)
  }

  source(result: string): RuleSource {
    const { book } = this
    const names = new Set(this.group.map(r => r.name))
    const bodies = new Map(this.group.map(r => [r.name, r.branches.flatMap(b => b.stage === undefined ? split(b, names, book.compiler) : [b])]))
    book.within.unshift(this)
    try {
      this.#types(bodies)
      const relations = this.group.filter(r => this.#shapes.has(r.name)).map(r => ({
        name: r.name, columns: columnsOf(this.#shapes.get(r.name)!),
        branches: this.#stages(bodies, r.name).filter(s => !s.never).map(s => withoutDistinct(s.query)),
      })).filter(r => r.branches.length > 0)
      const shapes = this.#shapes.get(result)
      if (this.#never.size > 0 && !relations.some(r => r.name === result)) {
        // What it would begin with is never there.
        const columns = this.group.find(r => r.name === result)!.vars.map((_, i): Shape => ({ kind: 'scalar', name: `a${i}`, type: 'null' }))
        return { source: { query: book.compiler.row(columnsOf(columns).map(name => ({ name, expr: { op: 'lit', value: null } }))) }, shapes: columns, never: true }
      }
      if (shapes === undefined || !relations.some(r => r.name === result)) throw fault('DATALOG_UNSAFE', `no branch of \`${book.said(result)}\` begins with anything but itself: it is always empty`, this.group.find(r => r.name === result)!.at, book.said(result))
      const { maxRuleRounds } = book.compiler.options
      return { source: { recursive: { relations, result, ...(maxRuleRounds === undefined ? {} : { maxRounds: maxRuleRounds }) } }, shapes, never: false }
    } finally { book.within.shift() }
  }

  /** The queries of a rule's bodies of which all that they call is known. A body with an `or` that only tests what the others find is several. */
  #stages(bodies: Map<string, readonly AskedBranch[]>, name: string): Stage[] {
    const out: Stage[] = []
    const all = [...bodies.get(name)!]
    for (let i = 0; i < all.length; i++) {
      const body = all[i]
      if (!calledBy(body.clauses).every(c => !this.group.some(r => r.name === c.name) || this.#shapes.has(c.name))) continue
      try {
        const stage = body.stage ?? this.book.branch(body)
        if (stage.never) this.#never.add(body)
        out.push(stage)
      } catch (e) {
        if (!(e instanceof Split) || !body.clauses.includes(e.step as Clause)) throw e
        const { step, branches } = e
        all.splice(i--, 1, ...branches.map(b => ({ ...body, clauses: body.clauses.flatMap(c => c === step ? b : [c]) })))
        if (all.length > MOST_BODIES) throw fault('DATALOG_RULE', `the \`or\`s of \`${this.book.said(name)}\` are more than ${MOST_BODIES} ways together`, step.at, this.book.said(name))
      }
    }
    bodies.set(name, all)
    return out
  }

  /** Types of the columns: from bodies without recursion, then from those over these, until nothing is wider. */
  #types(bodies: Map<string, readonly AskedBranch[]>): void {
    for (let changed = true, rounds = 0; changed && rounds < 8; rounds++) {
      changed = false
      for (const rule of this.group) {
        for (const { shapes } of this.#stages(bodies, rule.name).filter(s => !s.never)) {
          const known = this.#shapes.get(rule.name)
          if (known === undefined) { this.#shapes.set(rule.name, shapes); changed = true; continue }
          const both = known.map((s, i) => together(s, shapes[i]))
          const wrong = both.findIndex(s => s === undefined)
          if (wrong >= 0) throw fault('DATALOG_TYPE', `\`${rule.vars[wrong]}\` is ${typeName(known[wrong])} in one branch of \`${this.book.said(rule.name)}\`, and ${typeName(shapes[wrong])} in another`, rule.at, rule.vars[wrong])
          if (JSON.stringify(both) !== JSON.stringify(known)) { this.#shapes.set(rule.name, both as Shape[]); changed = true }
        }
      }
    }
  }
}

/** Bodies without `or` around calls of the group: each way through it is a body. */
function split(branch: Branch, names: ReadonlySet<string>, compiler: Compiler): Branch[] {
  const at = branch.clauses.findIndex(c => c.kind === 'or' && c.branches.some(b => calledBy(b).some(call => names.has(call.name))))
  if (at < 0) return [branch]
  const or = branch.clauses[at] as Clause & { kind: 'or' }
  const kept = or.vars === undefined ? undefined : new Set(or.vars)
  return or.branches.map(b => kept === undefined ? b : localized(b, kept, compiler)).flatMap(b => split({ ...branch, clauses: [...branch.clauses.slice(0, at), ...b, ...branch.clauses.slice(at + 1)] }, names, compiler))
}
