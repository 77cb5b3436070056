// Forms to clauses: patterns, predicates, function calls, not, or, rules.
import type { Argument, Binding, Clause, Key, Literal, Lookup, Term, Variable } from './ast.js'
import { type Form, syntax } from './edn.js'

/** The items of something with items. */
export function itemsOf(form: Form): readonly Form[] | undefined {
  return form.kind === 'list' || form.kind === 'vector' || form.kind === 'set' ? form.items : undefined
}

/** The name, where a symbol must stand: texts of arrays may be symbols. */
export const symbolOf = (form: Form | undefined): string | undefined => form !== undefined && (form.kind === 'symbol' || form.kind === 'word') ? form.value : undefined
const isVariable = (name: string): boolean => name.length > 1 && name.startsWith('?')
const isSource = (name: string): boolean => name.startsWith('$')

/** The name of a variable, or an error that says what must stand here. */
export function variable(form: Form, what = 'a variable'): Variable {
  if (form.kind === 'symbol' && isVariable(form.value)) return { kind: 'var', name: form.value, at: form.at }
  throw syntax(`${what} must stand here, such as \`?x\``, form.at)
}

/** The text that names an attribute: a keyword without its colon, or a text. */
export function attributeOf(form: Form): string | undefined {
  return form.kind === 'keyword' ? form.value : form.kind === 'text' || form.kind === 'word' ? form.value.replace(/^:(?=.)/, '') : undefined
}

export function constantOf(form: Form): Literal | undefined {
  switch (form.kind) {
    case 'constant': return { kind: 'const', value: form.value, at: form.at }
    case 'text': case 'word': return { kind: 'const', value: form.value, at: form.at }
    case 'keyword': return { kind: 'const', value: `:${form.value}`, keyword: true, at: form.at }
    default: return undefined
  }
}

function term(form: Form): Term {
  if (form.kind === 'symbol') {
    if (form.value === '_') return { kind: 'blank', at: form.at }
    if (isVariable(form.value)) return { kind: 'var', name: form.value, at: form.at }
  }
  const constant = constantOf(form)
  if (constant !== undefined) return constant
  const entity = form.kind === 'vector' ? entityOf(form.items, form.at) : undefined
  if (entity !== undefined) return entity
  throw syntax('a variable, a constant, `_`, `[attribute value]` or the key of a row must stand here', form.at)
}

/** `[:attribute value]`, or a key of several columns. */
function entityOf(forms: readonly Form[], at: string): Lookup | Key | undefined {
  const items = forms.flatMap(f => constantOf(f) ?? [])
  if (items.length < 2 || items.length < forms.length) return undefined
  const key: Key = { kind: 'key', items, at }
  const attribute = items.length === 2 ? attributeOf(forms[0]) : undefined
  if (attribute === undefined) return key
  return { kind: 'lookup', attribute, value: items[1], ...(items[0].keyword === true ? {} : { key }), at }
}

function argument(form: Form): Argument {
  if (form.kind === 'regex') return { kind: 'pattern', value: form.value, at: form.at }
  // A source handed to `get-else` and the like is always the database.
  if (form.kind === 'symbol' && !isVariable(form.value) && form.value !== '_') return { kind: 'const', value: form.value, at: form.at }
  const items = itemsOf(form)
  if (form.kind === 'list' && symbolOf(items![0]) !== undefined) throw syntax('a call cannot stand within a call: bind its value to a variable first', form.at)
  if (items !== undefined) return { kind: 'members', items: items.map(argument), at: form.at }
  return term(form)
}

/** What a value is bound to: `?x`, `[?x ?y]`, `[?x ...]`, `[[?x ?y]]`. */
export function binding(form: Form): Binding {
  if (form.kind === 'symbol') {
    if (form.value === '_') return { kind: 'blank', at: form.at }
    return variable(form)
  }
  const items = form.kind === 'vector' ? form.items : undefined
  if (items === undefined || items.length === 0) throw syntax('a variable, `[?x ?y]`, `[?x ...]` or `[[?x ?y]]` must stand here', form.at)
  if (items.length === 2 && symbolOf(items[1]) === '...') return { kind: 'collection', item: binding(items[0]), at: form.at }
  if (items.length === 1 && items[0].kind === 'vector' && symbolOf(items[0].items[1]) !== '...') return { kind: 'relation', items: items[0].items.map(binding), at: form.at }
  return { kind: 'tuple', items: items.map(binding), at: form.at }
}

/** The variables of a head: `[?x ?y]`, or `[[?required] ?x]`. */
export function headOf(forms: readonly Form[]): { vars: string[]; required: string[] } {
  const [first, ...rest] = forms
  const inner = first !== undefined && first.kind === 'vector' ? first.items : undefined
  const required = (inner ?? []).map(f => variable(f).name)
  const vars = [...required, ...(inner === undefined ? forms : rest).map(f => variable(f).name)]
  return { vars, required }
}

const WORDS = ['not', 'or', 'and', 'not-join', 'or-join']

/** Clauses in order; `and` is dissolved into its surroundings. `rules`: names that are those of rules, where arrays leave it open. */
export function clauses(forms: readonly Form[], rules: ReadonlySet<string>): Clause[] { return forms.flatMap(f => clause(f, rules)) }

function clause(form: Form, rules: ReadonlySet<string>): Clause[] {
  const items = itemsOf(form)
  if (items === undefined || items.length === 0) throw syntax('a clause must stand here: `[?e :attribute ?v]`, `[(< ?x 3)]`, `(not …)`, `(rule ?x)`', form.at)
  const at = form.at
  const loose = form.kind === 'vector' && form.loose === true
  if (form.kind === 'list' || loose) {
    // A source may come first: `($ not …)`.
    const name = symbolOf(items[0])
    if (form.kind === 'list' && name !== undefined && isSource(name)) return clause({ ...form, items: items.slice(1) } as Form, rules)
    if (form.kind === 'list' || (name !== undefined && (WORDS.includes(name) || rules.has(name)) && items[1]?.kind !== 'keyword')) return called(name, items, at, rules)
  }
  const call = itemsOf(items[0])
  if (call !== undefined && isCall(items[0], items[1])) return [functionOrPredicate(call, items, at)]
  const source = symbolOf(items[0])
  const named = items[0].kind === 'symbol' && source !== undefined && isSource(source)
  const terms = (named ? items.slice(1) : items).map(term)
  if (terms.length === 0) throw syntax('a pattern needs a term', at)
  return [{ kind: 'pattern', source: named ? source : '$', terms, at }]
}

/** `[(f …)]` against a lookup reference `[[:a 1] :b ?c]`. */
function isCall(first: Form, second: Form | undefined): boolean {
  if (first.kind === 'list') return true
  if (first.kind !== 'vector' || first.loose !== true) return false
  return symbolOf(first.items[0]) !== undefined && (second === undefined || second.kind !== 'keyword')
}

function called(name: string | undefined, items: readonly Form[], at: string, rules: ReadonlySet<string>): Clause[] {
  if (name === undefined) throw syntax('the name of a rule, or `not`, `or`, `and` must stand here', items[0].at)
  const rest = items.slice(1)
  const some = (what: readonly Form[]): readonly Form[] => {
    if (what.length === 0) throw syntax(`\`${name}\` needs a clause`, at, name)
    return what
  }
  switch (name) {
    case 'and': return clauses(some(rest), rules)
    case 'not': return [{ kind: 'not', clauses: clauses(some(rest), rules), at }]
    case 'not-join': return [{ kind: 'not', vars: head(rest[0], at, name).vars, clauses: clauses(some(rest.slice(1)), rules), at }]
    case 'or': return [{ kind: 'or', required: [], branches: some(rest).map(f => clause(f, rules)), at }]
    case 'or-join': return [{ kind: 'or', ...head(rest[0], at, name), branches: some(rest.slice(1)).map(f => clause(f, rules)), at }]
  }
  if (isVariable(name) || isSource(name)) throw syntax(`\`${name}\` cannot be called here`, at, name)
  return [{ kind: 'rule', name, args: rest.map(term), at }]
}

function head(form: Form | undefined, at: string, name: string): { vars: string[]; required: string[] } {
  if (form === undefined || form.kind !== 'vector') throw syntax(`\`${name}\` begins with its variables: \`(${name} [?x] …)\``, at, name)
  const found = headOf(form.items)
  if (found.vars.length === 0) throw syntax(`\`${name}\` needs a variable`, form.at, name)
  return found
}

function functionOrPredicate(call: readonly Form[], items: readonly Form[], at: string): Clause {
  const name = symbolOf(call[0])
  if (name === undefined) throw syntax('the name of a function must stand here', call[0]?.at ?? at)
  const args = call.slice(1).map(argument)
  if (items.length === 1) return { kind: 'predicate', name, args, at }
  if (items.length === 2) return { kind: 'call', name, args, out: binding(items[1]), at }
  throw syntax('a call is followed by nothing, or by what its value is bound to', at)
}
