// Queries as text in one form: equal queries have equal texts, whatever they were written like, and so equal hashes.
import type { Argument, Binding, Clause, FindItem, InputSpec, Literal, ParsedQuery, PullAttribute, PullPattern, Rules, Term } from './ast.js'
import type { Constant } from './edn.js'

/** A constant as EDN. */
export function printed(value: Constant, keyword = false): string {
  if (value === null) return 'nil'
  if (value instanceof Date) return `#inst "${value.toISOString()}"`
  if (value instanceof Uint8Array) return `#bytes "${[...value].map(b => b.toString(16).padStart(2, '0')).join('')}"`
  if (typeof value === 'string') return keyword ? value : JSON.stringify(value)
  if (typeof value === 'bigint') return `${value}N`
  if (typeof value === 'number' && !Number.isFinite(value)) return Number.isNaN(value) ? '##NaN' : value > 0 ? '##Inf' : '##-Inf'
  return String(value)
}

function printedValue(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(printedValue).join(' ')}]`
  if (typeof value !== 'object' || value === null || value instanceof Date || value instanceof Uint8Array) return printed(value as Constant)
  return `{${Object.entries(value).map(([k, v]) => `${/^:./.test(k) ? k : JSON.stringify(k)} ${printedValue(v)}`).join(' ')}}`
}

const literal = (l: Literal): string => printed(l.value, l.keyword === true)
const attribute = (name: unknown): string => `:${String(name).replace(/^:(?=.)/, '')}`

function term(t: Term): string {
  switch (t.kind) {
    case 'var': return t.name
    case 'blank': return '_'
    case 'key': return `[${t.items.map(literal).join(' ')}]`
    case 'lookup': return `[${attribute(t.attribute)} ${literal(t.value)}]`
    default: return literal(t)
  }
}

const argument = (a: Argument): string => a.kind === 'members' ? `[${a.items.map(argument).join(' ')}]` : a.kind === 'pattern' ? `#"${a.value}"` : term(a)

function binding(b: Binding): string {
  switch (b.kind) {
    case 'var': return b.name
    case 'blank': return '_'
    case 'collection': return `[${binding(b.item)} ...]`
    case 'relation': return `[[${b.items.map(binding).join(' ')}]]`
    default: return `[${b.items.map(binding).join(' ')}]`
  }
}

/** Clauses in the order of their texts: the order in which they are written says nothing. */
const clauses = (list: readonly Clause[]): string => list.map(clause).sort().join(' ')
const grouped = (list: readonly Clause[]): string => list.length === 1 ? clause(list[0]) : `(and ${clauses(list)})`

function clause(c: Clause): string {
  switch (c.kind) {
    case 'pattern': {
      const terms = c.terms.map((t, i) => i === 1 && t.kind === 'const' && c.source === '$' ? attribute(t.value) : term(t))
      while (terms.length > 2 && terms.at(-1) === '_') terms.pop()
      return `[${[...(c.source === '$' ? [] : [c.source]), ...terms].join(' ')}]`
    }
    case 'predicate': return `[(${[c.name, ...c.args.map(argument)].join(' ')})]`
    case 'call': return `[(${[c.name, ...c.args.map(argument)].join(' ')}) ${binding(c.out)}]`
    case 'rule': return `(${[c.name, ...c.args.map(term)].join(' ')})`
    case 'not': return c.vars === undefined ? `(not ${clauses(c.clauses)})` : `(not-join [${[...c.vars].sort().join(' ')}] ${clauses(c.clauses)})`
    case 'or': {
      const branches = c.branches.map(grouped).sort().join(' ')
      if (c.vars === undefined) return `(or ${branches})`
      const free = c.vars.filter(v => !c.required.includes(v)).sort()
      return `(or-join [${[...(c.required.length === 0 ? [] : [`[${c.required.join(' ')}]`]), ...free].join(' ')}] ${branches})`
    }
  }
}

function pullAttribute(a: PullAttribute): string {
  const options = [...(a.as === undefined ? [] : [`:as ${JSON.stringify(a.as)}`]), ...(a.limit === undefined ? [] : [`:limit ${a.limit === null ? 'nil' : a.limit}`]), ...(a.fallback === undefined ? [] : [`:default ${printedValue(a.fallback)}`])]
  const name = options.length === 0 ? attribute(a.label) : `[${attribute(a.label)} ${options.join(' ')}]`
  if (a.nested === undefined) return name
  return `{${name} ${typeof a.nested === 'number' ? (a.nested === Infinity ? '...' : a.nested) : pullText(a.nested)}}`
}

/** A pull pattern as EDN. */
export function pullText(p: PullPattern): string {
  return `[${[...(p.wildcard ? ['*'] : []), ...(p.id ? [':db/id'] : []), ...p.attributes.map(pullAttribute)].join(' ')}]`
}

function find(f: FindItem): string {
  switch (f.kind) {
    case 'var': return f.name
    case 'aggregate': return `(${[f.name, ...f.args.map(term)].join(' ')})`
    case 'pull': return `(pull ${f.name} ${typeof f.pattern === 'string' ? f.pattern : pullText(f.pattern)})`
  }
}

const input = (i: InputSpec): string => i.kind === 'source' ? i.name : i.kind === 'rules' ? '%' : binding(i.binding)

/** A query and its rules as canonical EDN: a map that `parseQuery` reads. */
export function canonicalQuery(query: ParsedQuery, rules: Rules): string {
  const items = query.find.map(find).join(' ')
  const shaped = query.shape === 'scalar' ? `${items} .` : query.shape === 'collection' ? `[${items} ...]` : query.shape === 'tuple' ? `[${items}]` : items
  const inputs = query.inputs.filter(i => i.kind !== 'rules')
  const bodies = [...rules.values()].flatMap(r => r.branches.map(b => {
    const head = [...(r.required === 0 ? [] : [`[${b.vars.slice(0, r.required).join(' ')}]`]), ...b.vars.slice(r.required)]
    return `[(${r.name} ${head.join(' ')}) ${clauses(b.clauses)}]`
  })).sort()
  return `{${[
    `:find [${shaped}]`,
    ...(query.names === undefined ? [] : [`:keys [${query.names.join(' ')}]`]),
    ...(query.with.length === 0 ? [] : [`:with [${query.with.map(v => v.name).sort().join(' ')}]`]),
    ...(inputs.length === 0 ? [] : [`:in [${inputs.map(input).join(' ')}]`]),
    ...(query.where.length === 0 ? [] : [`:where [${clauses(query.where)}]`]),
    ...(bodies.length === 0 ? [] : [`:rules [${bodies.join(' ')}]`]),
  ].join(' ')}}`
}

/** A short name of a text: 64 bits of FNV-1a, not meant against malice. */
export function hashOf(text: string): string {
  let hash = 0xcbf29ce484222325n
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n)
  return hash.toString(16).padStart(16, '0')
}
