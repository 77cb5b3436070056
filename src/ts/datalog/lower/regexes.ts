// Regular expressions: patterns as Clojure writes them, what they find as texts and tuples, all matches as rows.
import type { Binding, Call } from '../ast.js'
import type { Compiler } from './compiler.js'
import type { Conjunction } from './conjunction.js'
import { mark } from './origins.js'
import { type Bound, type Scalar, call, column, fault, scalar } from './values.js'

/** A pattern in the engine's syntax, and the number of its groups. */
export interface Pattern { readonly text: string; readonly groups: number }

const TOKEN = /\\[\s\S]|\[\^?\]?(?:\[[:.=].*?[:.=]\]|\\[\s\S]|[^\]\\])*\]|\(\?<[A-Za-z]\w*>|\((?!\?)|\./g
const ESCAPES: Readonly<Record<string, string>> = { '\\b': '\\y', '\\B': '\\Y', '\\z': '\\Z' }

/** Reads a pattern as Clojure's: `\b` is an edge of a word, `.` no end of a line unless `(?s)` says so, groups may have names. `whole`: it must match all of a text. */
export function patternOf(written: string, whole: boolean): Pattern {
  const options = /^\(\?([is]+)\)/.exec(written)
  const flags = options?.[1] ?? ''
  let groups = 0
  const body = written.slice(options?.[0].length ?? 0).replace(TOKEN, token => {
    if (token.startsWith('(')) { groups++; return '(' }
    return token === '.' ? (flags.includes('s') ? '.' : '[^\\n\\r\\u2028\\u2029]') : ESCAPES[token] ?? token
  })
  return { text: `${flags.includes('i') ? '(?i)' : ''}${whole ? `^(?:${body})$` : body}`, groups }
}

const KINDS: Readonly<Record<string, 'find' | 'matches' | 'seq'>> = { 're-find': 'find', 're-matches': 'matches', 're-seq': 'seq' }

/** What a call asks of a pattern, if it does. */
export const regexCall = (name: string): 'find' | 'matches' | 'seq' | undefined => {
  const short = name.replace(/^(clojure|cljs)\.core\//, '')
  return Object.hasOwn(KINDS, short) ? KINDS[short] : undefined
}

/** The pattern and the text of a call. Throws DATALOG_SYNTAX, DATALOG_TYPE. */
export function regexParts(name: string, args: readonly Bound[], at: string, whole: boolean): { pattern: Pattern; text: Scalar } {
  if (args.length !== 2) throw fault('DATALOG_SYNTAX', `\`${name}\` takes 2 arguments, not ${args.length}`, at, name)
  const [written, text] = args
  if (written.kind !== 'scalar' || typeof written.constant !== 'string') throw fault('DATALOG_TYPE', 'the pattern must be a literal', at)
  if (text.kind !== 'scalar' || (text.type !== 'text' && text.type !== 'null')) throw fault('DATALOG_TYPE', `a text must stand here, not ${text.kind === 'tuple' ? 'a tuple' : text.type}`, at)
  return { pattern: patternOf(written.constant, whole), text }
}

const lit = (value: string | number): { op: 'lit'; value: string | number } => ({ op: 'lit', value })

/** What an array of a match is: its text, or with groups a tuple, the whole first. A group that takes no part is nil. */
function matchOf(array: Scalar, groups: number): Bound {
  const items = Array.from({ length: groups + 1 }, (_, i) => scalar(call('arrayAt', array.json, lit(i + 1)), 'text'))
  return groups === 0 ? items[0] : { kind: 'tuple', items }
}

/** `re-find`, `re-matches` and `re-seq` where their value is bound. */
export function addRegex(compiler: Compiler, conj: Conjunction, step: Call, args: readonly Bound[], bind: (conj: Conjunction, out: Binding, value: Bound, at: string) => Conjunction): Conjunction {
  const kind = regexCall(step.name)!
  const { pattern, text } = regexParts(step.name, args, step.at, kind === 'matches')
  const found = mark(call(kind === 'seq' ? 'reSeq' : 'reFind', text.json, lit(pattern.text)), step.at)
  const { out } = step
  if (kind !== 'seq') {
    conj.condition(mark(call('isNotNull', found), step.at))
    return bind(conj, out, matchOf(scalar(found, 'text[]'), pattern.groups), step.at)
  }
  if (out.kind === 'collection' || out.kind === 'relation') {
    if (conj.joins.length === 0) { const { source, alias } = compiler.one(); conj.add(source, alias) }
    const alias = compiler.aliases.fresh('match')
    conj.add({ unnest: found }, alias)
    const item: Binding = out.kind === 'collection' ? out.item : { kind: 'tuple', items: out.items, at: out.at }
    return bind(conj, item, matchOf(column(alias, 'value', 'text[]'), pattern.groups), step.at)
  }
  if (pattern.groups > 0) throw fault('DATALOG_TYPE', `\`${step.name}\` of a pattern with groups is bound to rows: \`[[?whole ?group] ...]\``, step.at, step.name)
  const least = out.kind === 'tuple' ? out.items.length : 1
  conj.condition(mark(call('>=', call('cardinality', found), lit(least)), step.at))
  return bind(conj, out, out.kind === 'tuple' ? matchOf(scalar(found, 'text[]'), least - 1) : scalar(found, 'text[]'), step.at)
}
