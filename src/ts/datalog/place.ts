// Errors as their writer sees them: with the clause that they are about, in the form in which the query was given.
import { EddylineError } from '../errors.js'
import type { QueryJson } from '../query/types.js'
import { printed } from './canonical.js'
import { type Form, read } from './edn.js'
import { plainName } from './lower/magic.js'
import { originAt, suspects } from './lower/origins.js'

/** What was given, by the name that places begin with. */
export interface Given { readonly query?: unknown; readonly rules?: unknown; readonly pattern?: unknown }

/** A clause that is longer is cut off. */
const LONGEST = 100

/** The forms from the whole to the one at a place; empty if nothing begins there. */
function wayTo(form: Form, at: string): Form[] {
  if (form.at === at) return [form]
  const inner = form.kind === 'map' ? form.entries.flat() : 'items' in form ? form.items : []
  for (const f of inner) {
    const way = wayTo(f, at)
    if (way.length > 0) return [form, ...way]
  }
  return []
}

/** Whether a form is a part of a clause: a variable, a constant, the name of an entity. */
const isTerm = (form: Form): boolean => !('items' in form) || (form.kind === 'vector' && form.items.length > 1 && form.items.every(f => !('items' in f) && f.kind !== 'symbol' && f.kind !== 'map'))

/** A form as text: EDN, or (`loose`) as JavaScript has it. */
function written(form: Form, loose: boolean): string {
  const all = (of: readonly Form[]): string => of.map(f => written(f, loose)).join(loose ? ', ' : ' ')
  const quoted = (text: string): string => loose ? `'${text.replace(/['\\]/g, '\\$&')}'` : text
  switch (form.kind) {
    case 'symbol': case 'word': return quoted(form.value)
    case 'keyword': return quoted(`:${form.value}`)
    case 'text': return loose ? `text(${quoted(form.value)})` : JSON.stringify(form.value)
    case 'regex': return loose ? `/${form.value}/` : `#"${form.value}"`
    case 'constant': return form.value === null && loose ? 'null' : printed(form.value)
    case 'map': return `{${form.entries.map(([k, v]) => `${written(k, loose)}${loose ? ': ' : ' '}${written(v, loose)}`).join(', ')}}`
    case 'list': return `(${all(form.items)})`
    case 'set': return `#{${all(form.items)}}`
    case 'vector': return `[${all(form.items)}]`
  }
}

/**
 * The clause around a place: `[(> ?y 1980)]` for the place of `?y`. Undefined for what is no place of what was given, and where it would be
 * the whole query.
 */
export function clauseAt(given: Given, at: string): string | undefined {
  const name = /^(query|rules|pattern)\b/.exec(at)?.[1] as keyof Given | undefined
  if (name === undefined || given[name] === undefined) return undefined
  let way: Form[]
  try { way = wayTo(read(given[name], name), at) } catch { return undefined }
  let i = way.length - 1
  if (i < 1) return undefined
  // What stands within a clause is shown in it, a call with what it is bound to; but nothing by the whole around it.
  if (isTerm(way[i]) && i > 1 && 'items' in way[i - 1]) i--
  const outer = way[i - 1]
  if (i > 1 && outer.kind === 'vector' && outer.items[0] === way[i] && outer.items.length <= 2 && way[i - 2].kind !== 'map') i--
  const text = written(way[i], typeof given[name] !== 'string').replace(/\s+/g, ' ')
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text
}

/** Runs `fn`; an error that says where in the query it is says also what stands there. */
export function placed<T>(given: Given, fn: () => T): T {
  try { return fn() } catch (error) { throw explained(error, given) }
}

/** The same for an error that is there. */
export function explained(error: unknown, given: Given): unknown {
  if (!(error instanceof EddylineError) || error.path === undefined) return error
  const here = `(at ${error.path})`
  const clause = error.message.includes(here) ? clauseAt(given, error.path) : undefined
  if (clause !== undefined) error.message = error.message.replace(here, () => `(at ${error.path!}: \`${clause}\`)`)
  return error
}

/** What the engine has against a lowered query, said about the clause that it is about. */
export function refused(error: unknown, query: QueryJson, given: Given): unknown {
  if (!(error instanceof EddylineError) || error.path === undefined) return error
  const path = originAt(query, error.path) ?? 'query'
  const { code, offending, nearest, message } = error
  const what = message.replace(` (at ${error.path})`, '').replace(/^column \d+ is (.+) in the inputs before, and (.+) here$/, 'a variable is $1 in one branch, and $2 in another')
  return explained(new EddylineError(code === 'TYPE_MISMATCH' ? 'DATALOG_TYPE' : code, `${what} (at ${path})`, { path, cause: error, ...(offending === undefined ? {} : { offending }), ...(nearest === undefined ? {} : { nearest }) }), given)
}

/** Clauses of which one has failed are all named, but not without end. */
const MOST_SUSPECTS = 3

/** What failed when rows were evaluated: `who` it was, and which of its clauses can have. */
export function failed(error: EddylineError, who: string, queries: readonly QueryJson[], given: Given): EddylineError {
  const endless = error.code === 'RECURSION_LIMIT' ? /^`([^`]+)`/.exec(error.message)?.[1] : undefined
  const rules = endless === undefined ? {} : { offending: plainName(endless) }
  const what = (endless === undefined ? error.message : error.message.replace(`\`${endless}\``, () => `the rule \`${plainName(endless)}\``).replace('maxRounds', 'maxRuleRounds')).replace(/ in (a row of this query|row .*)$/s, '').replace(' of this query', '')
  const places = suspects(queries, error.code)
  const all = places.slice(0, MOST_SUSPECTS).map(at => { const clause = clauseAt(given, at); return clause === undefined ? at : `${at}: \`${clause}\`` })
  const more = places.length > MOST_SUSPECTS ? ', or elsewhere' : ''
  const where = all.length === 0 ? '' : ` (at ${all.join(', or ')}${more})`
  return new EddylineError(error.code, `${what}, in ${who}${where}`, { path: places[0] ?? 'query', ...rules, cause: error })
}
