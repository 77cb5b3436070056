// Which clause a part of a lowered query is from, so that what the engine says about that part can be said about the clause.
import type { ExprJson } from '../../query/expr.js'
import type { QueryJson } from '../../query/types.js'
import type { Conjunction } from './conjunction.js'

const origins = new WeakMap<object, string>()

/** Notes where a part is from; who was first knows best. */
export function mark<T extends object>(part: T, at: string): T {
  if (at !== '' && !origins.has(part)) origins.set(part, at)
  return part
}

/** Marks what is made of a part as that. */
export function alike<T extends object>(part: object, made: T): T { return mark(made, origins.get(part) ?? '') }

/** Marks what a step adds to a conjunction: to be called before the step, the result with what it has made. */
export function marking(before: Conjunction, at: string): (after: Conjunction) => void {
  const [joins, where] = [before.joins.length, before.where.length]
  return after => {
    const isSame = after === before
    for (const join of after.joins.slice(isSame ? joins : 0)) { mark(join, at); if (join.on !== undefined) mark(join.on, at) }
    for (const condition of after.where.slice(isSame ? where : 0)) mark(condition, at)
  }
}

/** The place of the clause that a path of a query leads into: `joins[2].query.inputs[1].select[0]`. */
export function originAt(query: QueryJson, path: string): string | undefined {
  let part: unknown = query
  let found: string | undefined
  for (const step of path.match(/[^.[\]]+/g) ?? []) {
    if (typeof part !== 'object' || part === null) break
    part = (part as Record<string, unknown>)[step]
    if (typeof part === 'object' && part !== null) found = origins.get(part) ?? found
  }
  return found
}

/** Which calls of the engine can fail with a code, when a row is evaluated. */
const FAILS: Readonly<Record<string, (e: ExprJson | { recursive: unknown }) => boolean>> = {
  DIVISION_BY_ZERO: e => 'op' in e && (e.op === '/' || e.op === '%'),
  NUMERIC_OVERFLOW: e => 'op' in e && (/^([-+*/%]|neg|abs|cast|power|exp|round|trunc|floor|ceil)$/.test(e.op) || (e.op === 'agg' && e.name === 'sum')),
  INVALID_ARGUMENT: e => 'op' in e && /^(substring|left|right|repeat|sqrt|ln|log|power|chr)$/.test(e.op),
  INVALID_TEXT: e => 'op' in e && e.op === 'cast',
  TIMESTAMP_RANGE: e => 'op' in e && e.op === 'cast',
  RECURSION_LIMIT: e => 'recursive' in e,
}

/** The places of the clauses that can fail with a code, each once. */
export function suspects(queries: readonly QueryJson[], code: string): string[] {
  const out = new Set<string>()
  const fails = FAILS[code]
  const seen = new Set<unknown>()
  const go = (part: unknown, at: string | undefined): void => {
    if (typeof part !== 'object' || part === null) return
    const here = origins.get(part) ?? at
    if (here !== undefined && !Array.isArray(part) && fails(part as ExprJson)) out.add(here)
    if (seen.has(part)) return
    seen.add(part)
    for (const inner of Object.values(part)) go(inner, here)
  }
  if (fails !== undefined) for (const query of queries) go(query, undefined)
  return [...out]
}
