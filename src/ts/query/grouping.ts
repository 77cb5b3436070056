// Several groupings in one query: `rollup`, `cube`, `groupingSets`, and `grouping`, which says which of them a row is of.
import { EddylineError, unknownName } from '../errors.js'
import type { AnySchema, Row, TableName } from '../schema.js'
import { Expr, GroupingSets, exprOf, misshapen } from './expr.js'
import { type Member } from './parts.js'
import { type Plan, type Planned, membersOf, several } from './plan.js'
import type { Derived } from './source.js'
import type { Optional } from './types.js'

export type { GroupingSets }

/** A member to group by, or several that belong together. */
export type GroupingItem<C> = C | readonly C[]

/** What columns `C` are under several groupings: null in the rows of those without them. */
export type Loose<S extends AnySchema, T extends TableName<S>, J, C = keyof Row<S, T>> = 0 extends 1 & S ? any : [C] extends [never] ? S : [J] extends [null] ? Derived<S, T, { [K in keyof Row<S, T>]: Row<S, T>[K] | (K extends C ? null : never) }> : S
/** Columns of some groupings and not of all: those beside them are. */
export type Sometimes<G> = Exclude<G extends GroupingSets<infer C> ? C : never, G>
/** The members of rows that are grouped by columns and groupings. */
export type Grouped<R, G> = { [K in Extract<keyof R, G | Sometimes<G>>]: R[K] | (K extends Sometimes<G> ? null : never) }
/** What aliases are under several groupings: all that they have may be null. */
export type LooseAliases<J> = [J] extends [null] ? null : { [K in keyof J]: Optional<J[K]> }

const MOST = 64
const USAGE = 'groupings are made of names: rollup(\'a\', \'b\'), cube(\'a\', [\'b\', \'c\']), groupingSets([\'a\', \'b\'], [\'a\'], [])'

function listOf<C extends string>(item: GroupingItem<C>): readonly C[] {
  const list = Array.isArray(item) ? item as readonly C[] : [item as C]
  for (const name of list) if (typeof name !== 'string') throw misshapen(USAGE, name, 'groupBy')
  return list
}

function limited<C>(sets: (readonly C[])[]): (readonly C[])[] {
  if (sets.length > MOST) throw new EddylineError('QUERY_INVALID', `a query has at most ${MOST} groupings`, { path: 'groupBy' })
  return sets
}

/**
 * Groups by all of these, by all but the last, and so on to one group of everything: totals of totals.
 *
 * ```ts
 * q.groupBy(rollup('year', 'month')).select(s => ({ year: s.year, month: s.month, total: sum(s.amount) }))
 * ```
 */
export function rollup<C extends string>(...items: GroupingItem<C>[]): GroupingSets<C> {
  const lists = items.map(listOf)
  return new GroupingSets(limited([...lists, []].map((_, i) => lists.slice(0, lists.length - i).flat())))
}

/** Groups by every choice of these: `cube('a', 'b')` by both, by each, and one group of everything. At most six. */
export function cube<C extends string>(...items: GroupingItem<C>[]): GroupingSets<C> {
  return new GroupingSets(items.map(listOf).reduceRight<(readonly C[])[]>((sets, list) => limited([...sets.map(s => [...list, ...s]), ...sets]), [[]]))
}

/** Groups by each of these: `groupingSets(['a', 'b'], ['a'], [])`; a name alone is a grouping by it. */
export function groupingSets<C extends string>(...sets: GroupingItem<C>[]): GroupingSets<C> {
  return new GroupingSets(limited(sets.map(listOf)))
}

/**
 * Of a row of several groupings: a number with a bit for each argument, the last one's the lowest, set where the row is of a grouping
 * without it. `grouping(s.month)` is 1 in the rows of whole years, whose `month` is null, and 0 in those of months.
 */
export function grouping(...by: Expr<any>[]): Expr<number> {
  return new Expr({ op: 'grouping', args: by.map(e => exprOf(e, '`grouping` takes what is grouped by: grouping(i.status)')) }, 'int')
}

/** @internal What `groupBy` is given, as members and the numbers of those that each grouping is by. */
export function groupsOf(of: Planned, given: readonly unknown[], step: object): Pick<Plan, 'groupBy' | 'groupingSets'> {
  const items = given.filter(g => typeof g !== 'function') as (string | GroupingSets<string>)[]
  const many = items.some(g => g instanceof GroupingSets)
  if (!many) return { groupBy: membersOf(of, 'groupBy', given as unknown[], step), groupingSets: undefined }
  const odd = given.slice(1).find(g => typeof g === 'function')
  if (odd !== undefined) throw several('groupBy', odd, 'groupBy')
  const sets = items.map(g => g instanceof GroupingSets ? g.sets : [[g]])
  const named = [...new Set(sets.flat(2))]
  const by: Member[] = membersOf(of, 'groupBy', typeof given[0] === 'function' ? [given[0]] : named, step)
  for (const name of named) if (!by.some(m => m.name === name)) throw unknownName('UNKNOWN_COLUMN', `member \`${name}\` of \`groupBy\``, name, by.map(m => m.name), 'groupBy')
  // What no grouping names is in all of them.
  const always = by.flatMap(({ name }, i) => named.includes(name) ? [] : [i])
  const all = sets.reduce<(readonly number[])[]>((made, more) => limited(made.flatMap(m => more.map(s => [...m, ...s.map(name => by.findIndex(b => b.name === name))]))), [always])
  return { groupBy: by, groupingSets: all }
}
