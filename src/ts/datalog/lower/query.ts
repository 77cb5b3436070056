// A read query as queries of the engine, and what their rows mean.
import type { ExprJson } from '../../query/expr.js'
import type { QueryJson } from '../../query/types.js'
import { unknownName } from '../../errors.js'
import type { FindItem, ParsedQuery, Pattern, PullPattern, Rules } from '../ast.js'
import type { Attribute, Catalog } from '../catalog.js'
import { Compiler, type CompilerOptions, type Step, columnName, unbound } from './compiler.js'
import { Conjunction, type Stage, asSource, columnsOf, stageOf } from './conjunction.js'
import type { InputSource } from './inputs.js'
import { mark } from './origins.js'
import { unionOf } from './disjunction.js'
import { anyAttribute, canBe, entityKind } from './patterns.js'
import { type Bound, type Scalar, type Shape, call, fault, isNumber, kindOf, scalar, scalarsOf, selected, truth } from './values.js'

/** A member of a result row, and which columns it is made of. */
export type Item =
  | { readonly kind: 'value'; readonly shape: Shape }
  /** A list that was put together in order, of which the first `most` count; or a set. */
  | { readonly kind: 'list'; readonly column: string; readonly type: string; readonly most?: number; /** It was put together from its end. */ readonly reversed?: boolean; readonly one?: boolean }
  | { readonly kind: 'pull'; readonly shape: Shape; readonly pattern: PullPattern | string; readonly table: string | undefined }

/** What a query of the language is to the engine. Rows of several queries are rows of one answer. */
export interface Compiled {
  readonly queries: readonly QueryJson[]
  /** What the rows of each query are made of. */
  readonly items: readonly (readonly Item[])[]
}
/** One combination of types. */
interface Alone { readonly query: QueryJson; readonly items: readonly Item[]; readonly never: boolean }

/** What is known of the inputs before lowering: constants, and steps that bind them. */
export interface GivenInputs {
  readonly constants: ReadonlyMap<string, Bound>
  readonly steps: readonly Step[]
  readonly relations: ReadonlyMap<string, InputSource>
}

const MOST_VARIANTS = 64

/**
 * Lowers a query. Throws DATALOG_UNSAFE, DATALOG_UNSAFE_OR, DATALOG_UNSTRATIFIED, DATALOG_TYPE, DATALOG_RULE, DATALOG_IMPURE, DATALOG_INPUT,
 * UNKNOWN_ATTRIBUTE, UNKNOWN_RULE, UNKNOWN_FUNCTION with the place of the clause.
 */
export function compileQuery(query: ParsedQuery, rules: Rules, options: CompilerOptions, given: GivenInputs): Compiled {
  const variants = variantsOf(query, options.catalog, given)
  if (variants.length === 1) return together([one(query, variants[0], rules, options, given)])
  // The types of values differ from attribute to attribute: a query for each combination.
  const loose = { ...options, strict: false }
  if (query.find.some(f => f.kind === 'aggregate')) return together(groupsOf(query, [...variants[0].keys()], variants.map(v => lowered(query, v, rules, loose, given))))
  const all = variants.map(v => one(query, v, rules, loose, given))
  const some = all.filter(c => !c.never)
  return together(some.length === 0 ? all.slice(0, 1) : some)
}

const kinds = (shape: Shape): unknown => shape.kind === 'scalar' ? kindOf(shape.type) : shape.items.map(kinds)
const shapeOf = (item: Item): Shape => item.kind === 'list' ? { kind: 'scalar', name: item.column, type: 'null' } : item.shape

/** Those whose rows look alike are one query: a row that several find is one row. */
function together(all: readonly Alone[]): Compiled {
  const alike = new Map<string, Alone[]>()
  for (const a of all) {
    const key = JSON.stringify(a.items.map(i => i.kind === 'list' ? [i.type] : kinds(shapeOf(i))))
    alike.set(key, [...alike.get(key) ?? [], a])
  }
  const merged = [...alike.values()].map((group): Pick<Alone, 'query' | 'items'> => {
    if (group.length === 1) return group[0]
    const { query, shapes } = unionOf(group.map(g => ({ query: g.query, shapes: g.items.map(shapeOf), never: false })), [], '')
    return { query, items: group[0].items.map((item, i) => ({ ...item, shape: shapes[i] } as Item)) }
  })
  return { queries: merged.map(m => m.query), items: merged.map(m => m.items) }
}

type Variant = ReadonlyMap<Pattern, readonly Attribute[]>

/** For patterns of any attribute: the attributes whose entities and values are of one type together. */
function variantsOf(query: ParsedQuery, catalog: Catalog, given: GivenInputs): Variant[] {
  let variants: Variant[] = [new Map()]
  for (const clause of query.where) {
    if (clause.kind !== 'pattern' || clause.source !== '$') continue
    const [, a, v] = clause.terms
    if (a !== undefined && (a.kind === 'const' || (a.kind === 'var' && given.constants.has(a.name)))) continue
    const groups = new Map<string, Attribute[]>()
    for (const attribute of catalog.all()) {
      if ((clause.terms.length > 3 && !attribute.fact) || !canBe(clause.terms[0], attribute)) continue
      const key = `${entityKind(attribute)} ${v?.kind === 'var' ? kindOf(attribute.value.type) : ''}`
      groups.set(key, [...groups.get(key) ?? [], attribute])
    }
    if (groups.size > 1) variants = variants.flatMap(known => [...groups.values()].map(g => new Map([...known, [clause, g] as const])))
    if (variants.length > MOST_VARIANTS) throw fault('DATALOG_TYPE', 'too many patterns of any attribute', clause.at)
  }
  return variants
}

/** The clauses of a query, lowered. */
interface Lowered { readonly compiler: Compiler; readonly conj: Conjunction; readonly bound: (name: string, at: string) => Bound }

function lowered(query: ParsedQuery, variant: Variant, rules: Rules, options: CompilerOptions, given: GivenInputs): Lowered {
  const compiler = new Compiler({ ...options, rules })
  for (const [name, source] of given.relations) compiler.relations.set(name, source)
  const conj = new Conjunction(options.strict)
  for (const [name, bound] of given.constants) conj.set(name, bound)
  const wanted = new Set([...query.with.map(v => v.name), ...query.find.flatMap(variablesOfItem)])
  const where = query.where.map((c): Step => {
    const among = c.kind === 'pattern' ? variant.get(c) : undefined
    return among === undefined ? c : anyAttribute(compiler, undefined, c as Pattern, among)
  })
  const done = compiler.lower(conj, [...given.steps, ...where], wanted)
  const bound = (name: string, at: string): Bound => {
    const found = done.lookup(name)
    if (found === undefined) throw unbound([name], at, 'is found by no clause')
    return found
  }
  for (const { name, at } of query.with) bound(name, at)
  return { compiler, conj: done, bound }
}

function one(query: ParsedQuery, variant: Variant, rules: Rules, options: CompilerOptions, given: GivenInputs): Alone {
  const made = lowered(query, variant, rules, options, given)
  const { compiler, conj: done, bound } = made
  const tables = entityTables(query)
  if (query.find.some(f => f.kind === 'aggregate')) return aggregated(compiler, query, combinations(query, made, new Set()), done.never, tables)
  if (done.never) {
    const shapes = query.find.map((f, i) => selected(`c${i}`, bound((f as { name: string }).name, f.at)).shape)
    return { query: nothing(compiler, shapes), items: query.find.map((f, i): Item => itemOf(f, shapes[i], tables)), never: true }
  }
  const stage = stageOf(done, query.find.map((f, i) => ({ name: `c${i}`, bound: bound((f as { name: string }).name, f.at) })), compiler.one)
  const items = query.find.map((f, i): Item => itemOf(f, stage.shapes[i], tables))
  return { query: stage.query, items, never: false }
}

/** No rows: what there would be of them may not even have a type. */
function nothing(compiler: Compiler, columns: readonly (Shape | { name: string })[]): QueryJson {
  const names = columns.flatMap((c): string[] => 'kind' in c ? columnsOf([c]) : [c.name])
  return { from: compiler.catalog.someTable, where: truth(false), select: names.map(name => ({ name, expr: { op: 'lit', value: null } })), distinct: true }
}

const variablesOfItem = (f: FindItem): string[] => f.kind === 'aggregate' ? f.args.flatMap(a => a.kind === 'var' ? [a.name] : []) : [f.name]

function itemOf(f: FindItem, shape: Shape, tables: ReadonlyMap<string, string>): Item {
  return f.kind === 'pull' ? { kind: 'pull', shape, pattern: f.pattern, table: tables.get(f.name) } : { kind: 'value', shape }
}

/** Which table's rows a variable stands for, as far as its patterns say. */
function entityTables(query: ParsedQuery): Map<string, string> {
  const out = new Map<string, string>()
  for (const c of query.where) {
    const [e, a] = c.kind === 'pattern' ? c.terms : []
    if (e?.kind === 'var' && a?.kind === 'const') out.set(e.name, String(a.value).replace(/^:(?=.)/, '').replace(/\/[^/]*$/, ''))
  }
  return out
}

/** The variables of an aggregating query whose values are told apart. */
const toldApart = (query: ParsedQuery): string[] => [...new Set([...query.find.flatMap(variablesOfItem), ...query.with.map(v => v.name)])]

/** The distinct combinations of what is found, `:with` and aggregated. `counted`: variables of which only the number counts, as texts that tell their types. */
function combinations(query: ParsedQuery, { compiler, conj, bound }: Lowered, counted: ReadonlySet<string>): Stage {
  return stageOf(conj, toldApart(query).map(n => {
    const value = bound(n, query.find[0].at)
    return { name: columnName(n), bound: counted.has(n) ? written(value) : value }
  }), compiler.one)
}

/** A value as a text that no other has, of whatever type: each part behind its type and length. */
function written(value: Bound): Scalar {
  const parts = scalarsOf(value).flatMap(({ json, type }): ExprJson[] => {
    const text: ExprJson = type === 'text' || type === 'null' ? json : { op: 'cast', name: 'text', args: [json] }
    const lit = (v: string): ExprJson => ({ op: 'lit', value: v })
    return [lit(`${kindOf(type)} `), { op: 'cast', name: 'text', args: [call('length', text)] }, lit(' '), text]
  })
  return scalar(call('concat', ...parts), 'text')
}

/**
 * Groups over several combinations of types. What is only counted may be of any; groups by values of several types, or by the attributes whose
 * values differ (`patterns`), are apart anyway; otherwise what is summed or compared has one type.
 */
function groupsOf(query: ParsedQuery, patterns: readonly Pattern[], all: readonly Lowered[]): Alone[] {
  const some = all.filter(v => !v.conj.never)
  const used = some.length === 0 ? all.slice(0, 1) : some
  const kindsOf = (name: string): string[] => [...new Set(used.map(v => JSON.stringify(scalarsOf(v.bound(name, '')).map(s => kindOf(s.type)))))]
  const grouped = new Set(query.find.flatMap(f => f.kind === 'aggregate' ? [] : [f.name]))
  const measured = new Map(query.find.flatMap(f => f.kind === 'aggregate' && f.name !== 'count' && f.name !== 'count-distinct' ? variablesOfItem(f).map(n => [n, f] as const) : []))
  const counted = new Set(toldApart(query).filter(n => !grouped.has(n) && !measured.has(n) && kindsOf(n).length > 1))
  const areApart = patterns.every(({ terms: [, a] }) => a?.kind === 'var' && grouped.has(a.name))
  const alike = new Map<string, { lowered: Lowered; stage: Stage }[]>()
  for (const lowered of used) {
    const stage = combinations(query, lowered, counted)
    const key = areApart ? String(alike.size) : JSON.stringify(toldApart(query).flatMap((n, i) => grouped.has(n) ? [kinds(stage.shapes[i])] : []))
    alike.set(key, [...alike.get(key) ?? [], { lowered, stage }])
  }
  return [...alike.values()].map(group => {
    for (const [name, f] of measured) {
      const types = new Set(group.map(({ stage }) => JSON.stringify(kinds(stage.shapes[toldApart(query).indexOf(name)]))))
      if (types.size > 1) throw fault('DATALOG_TYPE', `\`${f.name}\` would be of values of several types, as attributes have them: only \`count\` and \`count-distinct\` take these`, f.at, f.name)
    }
    return aggregated(group[0].lowered.compiler, query, unionOf(group.map(g => g.stage), toldApart(query), query.find[0].at), some.length === 0, entityTables(query))
  })
}

/** Groups of combinations. */
function aggregated(compiler: Compiler, query: ParsedQuery, inner: Stage, never: boolean, tables: ReadonlyMap<string, string>): Alone {
  const alias = compiler.aliases.fresh('all')
  const values = new Map(toldApart(query).map((n, i) => [n, asSource(inner.shapes[i], alias)]))
  const groupBy: { name?: string; expr: ExprJson }[] = []
  const select: { name: string; expr: ExprJson }[] = []
  const items = query.find.map((f, i): Item => {
    if (f.kind === 'aggregate') {
      const { item, expr } = aggregate(f, `c${i}`, values)
      select.push({ name: `c${i}`, expr: mark(expr, f.at) })
      return item
    }
    const { shape, fields } = selected(`c${i}`, values.get(f.name)!)
    groupBy.push(...fields.map(({ expr }) => ({ expr })))
    select.push(...fields)
    return itemOf(f, shape, tables)
  })
  if (never) return { query: nothing(compiler, select), items, never: true }
  // Without groups there is one row, of nothing, where there should be none.
  const having = groupBy.length === 0 ? { having: call('>', { op: 'agg', name: 'count' }, { op: 'lit', value: 0 }) } : {}
  return { query: { from: { query: inner.query, alias }, groupBy, ...having, select }, items, never: false }
}

const PLAIN: Record<string, string> = { sum: 'sum', avg: 'avg', min: 'min', max: 'max', median: 'median', variance: 'varPop', stddev: 'stddevPop' }

function aggregate(f: FindItem & { kind: 'aggregate' }, column: string, values: ReadonlyMap<string, Bound>): { item: Item; expr: ExprJson } {
  const last = f.args.at(-1)
  if (last?.kind !== 'var') throw fault('DATALOG_SYNTAX', `\`${f.name}\` ends with a variable`, f.at, f.name)
  const value = values.get(last.name)!
  const plain = (name: string, type: Scalar['type'], more: Partial<ExprJson> = {}): { item: Item; expr: ExprJson } => {
    const args = value.kind === 'scalar' ? [value.json] : []
    return { item: { kind: 'value', shape: { kind: 'scalar', name: column, type } }, expr: { op: 'agg', name, ...(name === 'count' && more.distinct !== true ? {} : { args }), ...more } }
  }
  const take = (count: number): void => { if (f.args.length !== count) throw fault('DATALOG_SYNTAX', `\`${f.name}\` takes ${count === 1 ? 'one variable' : 'a number and a variable'}`, f.at, f.name) }
  if (f.name === 'count') { take(1); return plain('count', 'int') }
  if (value.kind === 'tuple') throw fault('DATALOG_TYPE', `\`${f.name}\` does not take tuples`, f.at, f.name)
  const list = (more: Partial<ExprJson>, rest: { most?: number; reversed?: boolean }): { item: Item; expr: ExprJson } =>
    ({ item: { kind: 'list', column, type: value.type, ...rest }, expr: { op: 'agg', name: 'jsonAgg', args: [value.json], ...more } })
  if (f.name === 'count-distinct') { take(1); return plain('count', 'int', { distinct: true }) }
  if (f.name === 'distinct') { take(1); return list({ distinct: true }, {}) }
  if ((f.name === 'min' || f.name === 'max') && f.args.length === 2) {
    const [n] = f.args
    if (n.kind !== 'const' || typeof n.value !== 'number' || !Number.isInteger(n.value) || n.value < 0) throw fault('DATALOG_SYNTAX', `\`${f.name}\` takes a whole number first`, f.at, f.name)
    return list({ orderBy: [{ expr: value.json, ...(f.name === 'max' ? { desc: true } : {}) }] }, { most: n.value, ...(f.name === 'max' ? { reversed: true } : {}) })
  }
  if (f.name === 'rand' || f.name === 'sample') throw fault('DATALOG_IMPURE', `\`${f.name}\` gives something else each time: a live answer is a function of the data`, f.at, f.name)
  if (!Object.hasOwn(PLAIN, f.name)) throw unknownName('UNKNOWN_FUNCTION', `aggregate \`${f.name}\` (at ${f.at})`, f.name, [...Object.keys(PLAIN), 'count', 'count-distinct', 'distinct'], f.at)
  take(1)
  const ordered = f.name === 'min' || f.name === 'max'
  if (!ordered && !isNumber(value.type)) throw fault('DATALOG_TYPE', `\`${f.name}\` takes numbers, not ${value.type}`, f.at, f.name)
  return plain(PLAIN[f.name], ordered ? value.type : f.name === 'sum' ? (value.type === 'float' || value.type === 'decimal' ? value.type : 'bigint') : 'float')
}
