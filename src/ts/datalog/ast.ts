// What a query is made of, once read. Places (`at`) are those of the forms, for errors.
import type { Constant } from './edn.js'

export interface Variable { readonly kind: 'var'; readonly name: string; readonly at: string }
/** A constant; keywords are texts that begin with `:`, and say so. */
export interface Literal { readonly kind: 'const'; readonly value: Constant; readonly keyword?: boolean; readonly at: string }
export interface Blank { readonly kind: 'blank'; readonly at: string }
/** `[:person/email "x"]` in the place of an entity. */
export interface Lookup { readonly kind: 'lookup'; readonly attribute: string; readonly value: Literal; /** Of `["x" 1]`: what it is where the key has two columns. */ readonly key?: Key; readonly at: string }
/** `[1 2]` in the place of an entity: a row whose key has several columns. */
export interface Key { readonly kind: 'key'; readonly items: readonly Literal[]; readonly at: string }
export type Term = Variable | Literal | Blank | Lookup | Key

/** What a function's value, or an input, is bound to. */
export type Binding =
  | Variable | Blank
  | { readonly kind: 'tuple'; readonly items: readonly Binding[]; readonly at: string }
  | { readonly kind: 'collection'; readonly item: Binding; readonly at: string }
  | { readonly kind: 'relation'; readonly items: readonly Binding[]; readonly at: string }

/** What can be handed to a function: terms, and for `ground`, `contains?` and the like constants with members. */
export type Argument = Term | { readonly kind: 'members'; readonly items: readonly Argument[]; readonly at: string } | { readonly kind: 'pattern'; readonly value: string; readonly at: string }

export interface Pattern { readonly kind: 'pattern'; readonly source: string; readonly terms: readonly Term[]; readonly at: string }
export interface Predicate { readonly kind: 'predicate'; readonly name: string; readonly args: readonly Argument[]; readonly at: string }
export interface Call { readonly kind: 'call'; readonly name: string; readonly args: readonly Argument[]; readonly out: Binding; readonly at: string }
/** `vars`: those of `not-join`; without, all that the surroundings know, too. */
export interface Not { readonly kind: 'not'; readonly vars?: readonly string[]; readonly clauses: readonly Clause[]; readonly at: string }
/** `vars`: those of `or-join`, `required` the ones among them that must be bound before. */
export interface Or { readonly kind: 'or'; readonly vars?: readonly string[]; readonly required: readonly string[]; readonly branches: readonly (readonly Clause[])[]; readonly at: string }
export interface RuleCall { readonly kind: 'rule'; readonly name: string; readonly args: readonly Term[]; readonly at: string }
export type Clause = Pattern | Predicate | Call | Not | Or | RuleCall

/** One head with its bodies. */
export interface Rule { readonly name: string; readonly vars: readonly string[]; readonly required: number; readonly branches: readonly Branch[]; readonly at: string }
/** A body, in terms of its own head's variables. */
export interface Branch { readonly vars: readonly string[]; readonly clauses: readonly Clause[]; readonly at: string }
export type Rules = ReadonlyMap<string, Rule>

/** A pull pattern: `options` of an attribute are as written. */
export interface PullPattern { readonly wildcard: boolean; readonly id: boolean; readonly attributes: readonly PullAttribute[]; readonly at: string }
export interface PullAttribute {
  /** Name without the underscore of `reverse`. */
  readonly name: string
  readonly reverse: boolean
  /** As written, which is its name in results unless `as` says otherwise. */
  readonly label: string
  readonly as?: string
  /** `undefined`: 1,000, `null`: no limit. */
  readonly limit?: number | null
  readonly fallback?: unknown
  /** A pattern for what is referred to, or how deep the pattern repeats (`Infinity` for `...`). */
  readonly nested?: PullPattern | number
  readonly at: string
}

export type FindItem =
  | { readonly kind: 'var'; readonly name: string; readonly at: string }
  | { readonly kind: 'aggregate'; readonly name: string; readonly args: readonly Term[]; readonly at: string }
  | { readonly kind: 'pull'; readonly name: string; readonly pattern: PullPattern | string; readonly at: string }

export type InputSpec =
  | { readonly kind: 'source'; readonly name: string; readonly at: string }
  | { readonly kind: 'rules'; readonly at: string }
  | { readonly kind: 'binding'; readonly binding: Binding; readonly name: string; readonly at: string }

/** A query as read. `names`: what the members of result rows are called, for `:keys`, `:strs`, `:syms`. */
export interface ParsedQuery {
  readonly find: readonly FindItem[]
  readonly shape: 'relation' | 'collection' | 'tuple' | 'scalar'
  readonly with: readonly Variable[]
  readonly inputs: readonly InputSpec[]
  readonly where: readonly Clause[]
  readonly names?: readonly string[]
}

/** The variables in a binding, in order. */
export function boundBy(binding: Binding): string[] {
  switch (binding.kind) {
    case 'var': return [binding.name]
    case 'blank': return []
    case 'collection': return boundBy(binding.item)
    default: return binding.items.flatMap(boundBy)
  }
}

/** The variables that occur in a clause for its surroundings: local ones of `not-join` and `or-join` do not. */
export function variablesOf(clause: Clause): Set<string> {
  const out = new Set<string>()
  const argument = (a: Argument): void => {
    if (a.kind === 'var') out.add(a.name)
    else if (a.kind === 'members') a.items.forEach(argument)
  }
  switch (clause.kind) {
    case 'pattern': clause.terms.forEach(argument); break
    case 'rule': clause.args.forEach(argument); break
    case 'predicate': clause.args.forEach(argument); break
    case 'call': clause.args.forEach(argument); boundBy(clause.out).forEach(v => out.add(v)); break
    case 'not': for (const v of clause.vars ?? clause.clauses.flatMap(c => [...variablesOf(c)])) out.add(v); break
    case 'or': for (const v of clause.vars ?? clause.branches.flatMap(b => b.flatMap(c => [...variablesOf(c)]))) out.add(v); break
  }
  return out
}

/** The names of all rules that clauses call, at any depth. */
export function calledBy(clauses: readonly Clause[], negated = false): { name: string; negated: boolean; args: number; at: string }[] {
  return clauses.flatMap(c =>
    c.kind === 'rule' ? [{ name: c.name, negated, args: c.args.length, at: c.at }]
    : c.kind === 'not' ? calledBy(c.clauses, true)
    : c.kind === 'or' ? c.branches.flatMap(b => calledBy(b, negated))
    : [])
}
