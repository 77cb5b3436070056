// A query, and rules, as read.
import { EddylineError, nearestName } from '../errors.js'
import { type Branch, type FindItem, type InputSpec, type ParsedQuery, type PullPattern, type Rule, type Rules, boundBy } from './ast.js'
import { type Form, read, syntax } from './edn.js'
import { attributeOf, binding, clauses, constantOf, headOf, itemsOf, symbolOf, variable } from './parse-clause.js'
import { pullPattern } from './parse-pull.js'
import { placed } from './place.js'

const SECTIONS = ['find', 'with', 'in', 'where', 'keys', 'strs', 'syms', 'rules'] as const
type Section = (typeof SECTIONS)[number]
type Sections = Partial<Record<Section, readonly Form[]>> & { at: string }

/**
 * Reads a query: EDN text, a vector `[:find … :where …]` or map of sections, or the same as arrays and objects. Rules may
 * stand beside it, or in it as `:rules`. Throws DATALOG_SYNTAX with the place.
 */
export function parseQuery(input: unknown, rulesInput?: unknown): { query: ParsedQuery; rules: Rules } {
  return placed({ query: input, rules: rulesInput }, () => parsed(input, rulesInput))
}

function parsed(input: unknown, rulesInput: unknown): { query: ParsedQuery; rules: Rules } {
  const form = read(input)
  const sections = sectionsOf(form)
  const ruleForms = [...(rulesInput === undefined ? [] : [read(rulesInput, 'rules')]), ...(sections.rules ?? [])]
  const rules = parseRules(ruleForms)
  const names = new Set(rules.keys())
  const { find, shape } = parseFind(sections.find, sections.at)
  const where = clauses(sections.where ?? [], names)
  const labels = (['keys', 'strs', 'syms'] as const).filter(s => sections[s] !== undefined)
  if (labels.length > 1) throw syntax('only one of `:keys`, `:strs`, `:syms` can be said', sections[labels[1]]![0]?.at ?? sections.at)
  const labelled = labels.length === 0 ? undefined : sections[labels[0]]!.map(f => attributeOf(f) ?? (f.kind === 'symbol' ? f.value : ''))
  if (labelled !== undefined && (shape === 'collection' || shape === 'scalar' || labelled.length !== find.length)) throw syntax(`\`:${labels[0]}\` names each member of rows or of a tuple`, sections.at)
  const twice = labelled?.findIndex((name, i) => labelled.indexOf(name) < i) ?? -1
  if (twice >= 0) throw syntax(`\`${labelled![twice]}\` would name two members`, sections[labels[0]]![twice].at, labelled![twice])
  const query: ParsedQuery = {
    find, shape, with: (sections.with ?? []).map(f => variable(f)), inputs: distinctInputs((sections.in ?? []).map(parseInput)), where,
    ...(labelled === undefined ? {} : { names: labelled }),
  }
  return { query, rules }
}

function noSection(name: string, at: string): EddylineError {
  const nearest = nearestName(name, SECTIONS)
  return new EddylineError('DATALOG_SYNTAX', `no section \`:${name}\` of queries (at ${at}); ${nearest === undefined ? `there are ${SECTIONS.map(s => `:${s}`).join(', ')}` : `did you mean \`:${nearest}\`?`}`, { path: at, offending: `:${name}`, ...(nearest === undefined ? {} : { nearest: `:${nearest}` }) })
}

/** Throws where a variable, a source or the rules would be given twice. */
function distinctInputs(inputs: readonly InputSpec[]): readonly InputSpec[] {
  const seen = new Set<string>()
  for (const spec of inputs) {
    for (const name of spec.kind === 'binding' ? boundBy(spec.binding) : [spec.kind === 'rules' ? '%' : spec.name]) {
      if (seen.has(name)) throw syntax(`\`${name}\` stands twice in \`:in\``, spec.at, name)
      seen.add(name)
    }
  }
  return inputs
}

function sectionsOf(form: Form): Sections {
  const out: Sections = { at: form.at }
  const put = (key: Form, items: readonly Form[]): void => {
    const name = attributeOf(key) as Section
    if (!SECTIONS.includes(name)) throw noSection(name, key.at)
    if (out[name] !== undefined) throw syntax(`\`:${name}\` is said twice`, key.at)
    out[name] = items
  }
  if (form.kind === 'map') {
    for (const [key, value] of form.entries) {
      const name = attributeOf(key)
      const items = name === 'rules' ? [value] : itemsOf(value)
      if (items === undefined) throw syntax('a vector must stand here', value.at)
      put(key, items)
    }
    return out
  }
  if (form.kind !== 'vector' || form.items.length === 0) throw syntax('a query is a vector `[:find … :where …]` or a map', form.at)
  let key: Form | undefined
  let items: Form[] = []
  for (const item of form.items) {
    if (item.kind === 'keyword' && (SECTIONS as readonly string[]).includes(item.value)) {
      if (key !== undefined) put(key, items)
      key = item
      items = []
    } else if (key === undefined) throw syntax('a query begins with `:find`', item.at)
    else if (item.kind === 'keyword' && !/^:?(keys|strs|syms)$/.test(attributeOf(key)!)) throw noSection(item.value, item.at)
    else items.push(item)
  }
  if (key !== undefined) put(key, items)
  return out
}

function parseFind(forms: readonly Form[] | undefined, at: string): { find: FindItem[]; shape: ParsedQuery['shape'] } {
  if (forms === undefined || forms.length === 0) throw syntax('a query needs `:find` with what to find', at)
  const [first, second] = forms
  if (forms.length === 2 && symbolOf(second) === '.') return { find: [findItem(first)], shape: 'scalar' }
  if (forms.length === 1 && first.kind === 'vector' && !isPullOrAggregate(first)) {
    const items = first.items
    if (items.length === 2 && symbolOf(items[1]) === '...') return { find: [findItem(items[0])], shape: 'collection' }
    if (items.length === 0) throw syntax('a tuple needs members', first.at)
    return { find: items.map(findItem), shape: 'tuple' }
  }
  return { find: forms.map(findItem), shape: 'relation' }
}

/** `['count', '?x']` of arrays, against a tuple of variables. */
const isPullOrAggregate = (form: Form): boolean => form.kind === 'vector' && form.loose === true && form.items[0]?.kind === 'word'

function findItem(form: Form): FindItem {
  if (form.kind === 'symbol') return variable(form)
  const items = itemsOf(form)
  const name = symbolOf(items?.[0])
  if (items === undefined || name === undefined || items.length < 2) throw syntax('a variable, `(count ?x)` or `(pull ?x [...])` must stand here', form.at)
  if (name === 'pull') {
    const rest = items[1].kind === 'symbol' && items[1].value.startsWith('$') ? items.slice(2) : items.slice(1)
    if (rest.length !== 2) throw syntax('`pull` takes a variable and a pattern', form.at)
    const named = rest[1].kind === 'symbol' ? rest[1].value : undefined
    const pattern: PullPattern | string = named ?? pullPattern(rest[1])
    return { kind: 'pull', name: variable(rest[0]).name, pattern, at: form.at }
  }
  const args = items.slice(1).map(f => f.kind === 'symbol' ? variable(f) : constantOf(f) ?? variable(f))
  return { kind: 'aggregate', name, args, at: form.at }
}

function parseInput(form: Form): InputSpec {
  const name = symbolOf(form)
  if (name === '%') return { kind: 'rules', at: form.at }
  if (form.kind === 'symbol' && form.value.startsWith('$')) return { kind: 'source', name: form.value, at: form.at }
  if (form.kind === 'symbol' && !form.value.startsWith('?') && form.value !== '_') return { kind: 'binding', binding: { kind: 'var', name: form.value, at: form.at }, name: form.value, at: form.at }
  const bound = binding(form)
  return { kind: 'binding', binding: bound, name: inputName(form), at: form.at }
}

/** How an input is called when it is set: as it is written, without blanks that say nothing. */
function inputName(form: Form): string {
  if (form.kind === 'symbol') return form.value
  return `[${(itemsOf(form) ?? []).map(inputName).join(' ')}]`
}

/** Reads rules: `[[(name ?x ?y) clause …] …]`, from several texts or forms. Throws DATALOG_SYNTAX, DATALOG_RULE. */
export function parseRules(forms: readonly Form[]): Rules {
  const all: { name: string; vars: string[]; required: number; body: readonly Form[]; at: string }[] = []
  for (const form of forms) {
    const items = itemsOf(form)
    if (items === undefined) throw syntax('rules are a vector `[[(rule ?x) …] …]`', form.at)
    for (const rule of items) {
      const parts = itemsOf(rule)
      const head = parts === undefined ? undefined : itemsOf(parts[0])
      const name = symbolOf(head?.[0])
      if (parts === undefined || head === undefined || name === undefined) throw syntax('a rule begins with its head: `[(rule ?x ?y) …]`', rule.at)
      if (parts.length < 2) throw syntax(`the rule \`${name}\` has no clause`, rule.at, name)
      const { vars, required } = headOf(head.slice(1))
      if (vars.length === 0) throw syntax(`the rule \`${name}\` needs a variable`, parts[0].at, name)
      if (new Set(vars).size !== vars.length) throw syntax(`the head of \`${name}\` has a variable twice`, parts[0].at, name)
      all.push({ name, vars, required: required.length, body: parts.slice(1), at: rule.at })
    }
  }
  const names = new Set(all.map(r => r.name))
  const rules = new Map<string, Rule>()
  for (const { name, vars, required, body, at } of all) {
    const known = rules.get(name)
    const branch: Branch = { vars, clauses: clauses(body, names), at }
    if (known === undefined) { rules.set(name, { name, vars, required, branches: [branch], at }); continue }
    if (known.vars.length !== vars.length || known.required !== required) throw new EddylineError('DATALOG_RULE', `the branches of the rule \`${name}\` have different heads (at ${at})`, { path: at, offending: name })
    rules.set(name, { ...known, branches: [...known.branches, branch] })
  }
  return rules
}
