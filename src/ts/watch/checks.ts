// What watches and assigns are asked for: everything is checked before anything is held.
import { EddylineError, unknownName } from '../errors.js'
import { said, shown } from '../option-kinds.js'
import { KINDS, type Counters, type Rule } from './kinds.js'

const invalid = (message: string, path: string, offending?: unknown): EddylineError =>
  new EddylineError('WATCH_INVALID', message, { path, ...(offending === undefined ? {} : { offending: said(offending) }) })

/** Throws WATCH_INVALID for an option that there is not, with the one that was probably meant. */
export function checkOptions(given: unknown, known: readonly string[]): void {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) throw invalid('options are an object', 'options', given)
  for (const name of Object.keys(given)) if (!known.includes(name)) throw unknownName('WATCH_INVALID', `option \`${name}\``, name, known, name)
}

/** One of some words, or nothing. */
export function checkWord(value: unknown, words: readonly string[], path: string): void {
  if (value !== undefined && !words.includes(value as string)) throw unknownName('WATCH_INVALID', `\`${path}\` of ${shown(value)}`, said(value), words, path)
}

export function checkRule({ upsertAs, noop }: Rule, at = ''): void {
  checkWord(upsertAs, ['actual', 'insert'], `${at}upsertAs`)
  checkWord(noop, ['skip', 'signal'], `${at}noop`)
}

/** What ends a watch: a signal, an owner. */
export function checkEnds(signal: unknown, owner: unknown): void {
  if (signal !== undefined && typeof (signal as AbortSignal | null)?.addEventListener !== 'function') throw invalid('`signal` is an AbortSignal', 'signal', signal)
  if (owner !== undefined && (owner === null || (typeof owner !== 'object' && typeof owner !== 'function'))) throw invalid('`owner` is an object', 'owner', owner)
}

export function checkFunction(fn: unknown, path: string): void {
  if (typeof fn !== 'function') throw invalid(`\`${path}\` is a function`, path, fn)
}

/** A list; with something in it. */
export function checkList(value: unknown, path: string, some = false): void {
  if (!Array.isArray(value) || (some && value.length === 0)) throw invalid(`\`${path}\` is a list${some ? ' of one at least' : ''}`, path, value)
}

export function checkFlag(value: unknown, path: string): void {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(`\`${path}\` is true or false`, path, value)
}

/** The database that something is made for. */
export function checkDatabase(db: unknown): void {
  if (!((db as { closers?: unknown } | null | undefined)?.closers instanceof Set)) throw invalid('the first argument is a database', 'db', db)
}

/** A table's name or a query. */
export function checkWhat(what: unknown): void {
  if (typeof what !== 'string' && typeof (what as { toJSON?: unknown } | null | undefined)?.toJSON !== 'function') throw invalid('a table or a query is watched', 'query', what)
}

/** The values of columns: at least one, none undefined. `check` says whether there is such a column. */
export function checkBy(by: object, check: (column: string) => unknown, at = ''): void {
  const columns = typeof by === 'object' && by !== null ? Object.keys(by) : []
  if (columns.length === 0) throw invalid('`by` names no column', `${at}by`)
  for (const c of columns) {
    check(c)
    if ((by as Record<string, unknown>)[c] === undefined) throw invalid(`\`by.${c}\` has no value`, `${at}by.${c}`, c)
  }
}

/** Columns that a query's rows have, as far as it says so: its members, or the columns of its only table and what it nests. */
export function checkShown(columns: readonly string[], json: any, columnsOf: (table: string) => readonly string[]): void {
  const selected = json.select as { name: string }[] | undefined
  if (selected === undefined && (typeof json.from !== 'string' || json.joins !== undefined || json.groupBy !== undefined)) return
  const nested = ((json.with ?? []) as { relation: string; as?: string }[]).map(w => w.as ?? w.relation)
  const computed = ((json.computed ?? []) as { as: string }[]).map(c => c.as)
  const known = [...selected?.map(f => f.name) ?? columnsOf(json.from), ...nested, ...computed]
  columns.forEach((c, i) => { if (!known.includes(c)) throw unknownName('UNKNOWN_COLUMN', `member \`${c}\` of the query`, c, known, `columns[${i}]`) })
}

/** Counters that were kept somewhere else. `check` looks at what one of them counts. */
export function checkSaved(saved: unknown, check: (one: { table: unknown; by?: object }, path: string) => void): void {
  checkList(saved, 'saved')
  for (const [i, one] of (saved as unknown[]).entries()) {
    const path = `saved[${i}]`
    const { counts, ...rest } = (one ?? {}) as { counts?: Counters; table: unknown; by?: object } & Rule
    for (const kind of KINDS) if (!(Number.isFinite(counts?.[kind]) && counts![kind] >= 0)) throw invalid(`saved counters have a number from 0 for each of ${KINDS.join(', ')}`, `${path}.counts.${kind}`, counts?.[kind])
    checkRule(rest, `${path}.`)
    check(rest, path)
  }
}
