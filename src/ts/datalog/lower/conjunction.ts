// Clauses that must all hold, as a query in the making: sources joined so far, conditions, and what variables stand for.
import type { ExprJson } from '../../query/expr.js'
import type { QueryJson } from '../../query/types.js'
import { alike } from './origins.js'
import { type Bound, type Shape, all, boundOf, comparable, equalities, fault, fitted, selected, sourcesOf, truth, typeName } from './values.js'

/** What can be joined: a table, a query, a relation of a recursion, a recursion, elements of an array. */
export type SourceJson = { table: string } | { query: QueryJson } | { relation: string } | { recursive: RecursiveJson } | { unnest: ExprJson }
export interface RecursiveJson { relations: { name: string; columns: string[]; branches: QueryJson[] }[]; result: string; maxRounds?: number }
type JoinJson = SourceJson & { kind: 'inner' | 'left' | 'cross'; alias: string; on?: ExprJson }

/** A query whose rows are values of variables. */
export interface Stage { readonly query: QueryJson; readonly shapes: readonly Shape[]; readonly never: boolean }

/** Joins beyond this many are cut into a query of their own: rows can nest only so deep. */
export const MOST_SOURCES = 16

/** Hands out names of sources, each once in a query. */
export class Aliases {
  #next = 0
  fresh(name: string): string { return `${name.replace(/^:/, '')}.${this.#next++}` }
}

export class Conjunction {
  readonly joins: JoinJson[] = []
  readonly where: ExprJson[] = []
  /** Rows that patterns are about: patterns of one entity over one table are one source. */
  readonly rows = new Map<string, string>()
  /** Constants or inputs restrict it: few rows satisfy it, most likely. */
  selective = false
  /** A relation of the fixpoint around is among its sources: it may only be joined. */
  grows = false
  /** No row can satisfy it. */
  never = false
  readonly #env = new Map<string, Bound>()
  readonly #own = new Set<string>()

  /** Of a `not`: `outer` is what it is within, of which it sees `visible` variables, or all. */
  constructor(readonly strict: boolean, readonly outer?: Conjunction, readonly visible?: ReadonlySet<string>) {}

  lookup(name: string): Bound | undefined {
    return this.#env.get(name) ?? (this.visible === undefined || this.visible.has(name) ? this.outer?.lookup(name) : undefined)
  }

  /** What the conjunction itself has bound. */
  own(name: string): Bound | undefined { return this.#env.get(name) }
  names(): IterableIterator<string> { return this.#env.keys() }
  set(name: string, bound: Bound): void { this.#env.set(name, bound) }

  /** Whether an expression reads nothing outside. */
  isLocal(e: ExprJson): boolean { return [...sourcesOf(e)].every(s => this.#own.has(s)) }

  /** Joins a source; conditions that read what is outside, and those of the first source, go to the others. */
  add(source: SourceJson, alias: string, conditions: readonly ExprJson[] = [], kind: 'inner' | 'left' = 'inner'): void {
    const first = this.joins.length === 0
    this.#own.add(alias)
    const on = first ? [] : conditions.filter(c => this.isLocal(c))
    this.where.push(...conditions.filter(c => !on.includes(c)))
    if (on.length > 0 || kind === 'left') this.joins.push({ ...source, kind, alias, on: all(on) })
    else this.joins.push({ ...source, kind: 'cross', alias })
  }

  /** A condition on what is there. A comparison beside the last source is part of its join, where it can use an order. */
  condition(e: ExprJson, joining = false): void {
    const last = this.joins.at(-1)
    if (!joining || this.joins.length < 2 || last === undefined || last.kind === 'left' || !this.isLocal(e) || !sourcesOf(e).has(last.alias)) { this.where.push(e); return }
    last.on = last.on === undefined ? e : all([...(last.on.op === 'and' ? last.on.args! : [last.on]), e])
    last.kind = 'inner'
  }

  /** Conditions under which a variable has a value; it stands for it from now on, if it stood for nothing here. */
  unify(name: string, bound: Bound, at: string): ExprJson[] {
    const own = this.#env.get(name)
    const known = own ?? this.lookup(name)
    if (own === undefined) this.#env.set(name, bound)
    return known === undefined ? [] : this.equal(known, bound, at, name)
  }

  /** Conditions under which two are equal. Of types that never are: an error, or nothing is ever true. */
  equal(one: Bound, other: Bound, at: string, what: string): ExprJson[] {
    const [a, b] = fitted(one, other)
    if (comparable(a, b)) return equalities(a, b)
    if (this.strict) {
      throw fault('DATALOG_TYPE', `\`${what}\` would be both ${typeName(a)} and ${typeName(b)}, which are never equal`, at, what)
    }
    this.never = true
    return []
  }

  /** What a sub-query has besides its fields. */
  parts(emptySource: () => { source: SourceJson; alias: string }): QueryJson {
    if (this.joins.length === 0) {
      const { source, alias } = emptySource()
      this.add(source, alias)
    }
    const [first, ...rest] = this.joins
    const { kind: _, on: __, alias, ...source } = first
    const from = 'table' in source ? { from: source.table, alias } : { from: alike(first, { ...source, alias }) as never }
    const where = this.never ? [truth(false)] : this.where
    return { ...from, ...(rest.length === 0 ? {} : { joins: rest as QueryJson['joins'] }), ...(where.length === 0 ? {} : { where: all(where) }) }
  }
}

/** The query of a conjunction with some variables as its fields: each combination of values once. */
export function stageOf(conj: Conjunction, outputs: readonly { name: string; bound: Bound }[], emptySource: () => { source: SourceJson; alias: string }): Stage {
  const fields = outputs.map(({ name, bound }) => selected(name, bound))
  const select = fields.flatMap(f => f.fields)
  if (select.length === 0) select.push({ name: '_', expr: truth(true) })
  return { query: { ...conj.parts(emptySource), select, distinct: true }, shapes: fields.map(f => f.shape), never: conj.never }
}

/** The rows as they come: what is made of them within a recursion is a set already. */
export function withoutDistinct(query: QueryJson): QueryJson {
  const { distinct: _, ...rest } = query
  return rest
}

/** The columns of a shape, as a source's. */
export const columnsOf = (shapes: readonly Shape[]): string[] => shapes.flatMap(s => s.kind === 'scalar' ? [s.name] : columnsOf(s.items))
export const asSource = (shape: Shape, alias: string): Bound => boundOf(shape, alias)
