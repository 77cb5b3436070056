// EDN text and JavaScript arrays as forms that know where they are from.
import { EddylineError } from '../errors.js'

/** A read form. `at` is its place: `2:14` (line and column) of a text, `[3][1]` of arrays. */
export type Form =
  | { readonly kind: 'symbol' | 'keyword' | 'text' | 'word' | 'regex'; readonly value: string; readonly at: string }
  | { readonly kind: 'constant'; readonly value: Constant; readonly at: string }
  | { readonly kind: 'list' | 'vector' | 'set'; readonly items: readonly Form[]; readonly loose?: boolean; readonly at: string }
  | { readonly kind: 'map'; readonly entries: readonly (readonly [Form, Form])[]; readonly at: string }
export type Constant = null | boolean | number | bigint | string | Date | Uint8Array

/** Forms nested deeper than this are refused: whoever writes them is a program gone wrong. */
const DEEPEST = 200

/** An error of syntax at a place. */
export function syntax(message: string, at: string, offending?: string): EddylineError {
  return new EddylineError('DATALOG_SYNTAX', `${message} (at ${at})`, { path: at, ...(offending === undefined ? {} : { offending }) })
}

/**
 * Reads one form: EDN text, or the same as JavaScript arrays and objects.
 *
 * In arrays, texts that begin with `:` are keywords; `?x`, `$`, `%`, `_`, `.` and `...` are symbols; what else is a text is a symbol
 * where one must stand (`['>=', '?y', 1980]`) and a text elsewhere. Throws DATALOG_SYNTAX with the place.
 */
export function read(input: unknown, name = 'query'): Form {
  if (typeof input !== 'string') return fromValue(input, name, 0)
  const reader = new Reader(input, name)
  const form = reader.form(0)
  reader.end()
  return form
}

/** What stands between forms. */
const BLANK = /(?:[\s,]|;[^\n]*)*/y
const TOKEN = /[^\s,;()[\]{}"]+/y
const NUMBER = /^[+-]?(?:\d+(?:\.\d*)?(?:[eE][+-]?\d+)?[MN]?)$/

class Reader {
  #at = 0
  readonly #text: string
  readonly #name: string
  #lines: number[] | undefined

  constructor(text: string, name: string) { this.#text = text; this.#name = name }

  /** Line and column of an offset, counted from 1. */
  #place(offset: number): string {
    this.#lines ??= [...this.#text.matchAll(/\n/g)].map(m => m.index + 1)
    let line = 0
    while (line < this.#lines.length && this.#lines[line] <= offset) line++
    return `${this.#name} ${line + 1}:${offset - (line === 0 ? 0 : this.#lines[line - 1]) + 1}`
  }

  #skip(depth: number): void {
    for (;;) {
      BLANK.lastIndex = this.#at
      BLANK.exec(this.#text)
      this.#at = BLANK.lastIndex
      if (!this.#text.startsWith('#_', this.#at)) return
      this.#at += 2
      this.form(depth + 1)
    }
  }

  end(): void {
    this.#skip(0)
    if (this.#at < this.#text.length) throw syntax('there is something behind the form', this.#place(this.#at), this.#text.slice(this.#at, this.#at + 20))
  }

  form(depth: number): Form {
    this.#skip(depth)
    const start = this.#at
    const at = this.#place(start)
    if (depth > DEEPEST) throw syntax('nested too deeply', at)
    const c = this.#text[start]
    switch (c) {
      case undefined: throw syntax('the text ends where a form should be', at)
      case '(': return { kind: 'list', items: this.#items(')', at, depth), at }
      case '[': return { kind: 'vector', items: this.#items(']', at, depth), at }
      case '{': return this.#map(at, depth)
      case '"': return { kind: 'text', value: this.#quoted(at), at }
      case ')': case ']': case '}': throw syntax(`\`${c}\` closes nothing`, at, c)
      case "'": case '`':
        this.#at++
        return this.form(depth + 1)
      case '\\': return this.#character(at)
      case '#': return this.#dispatch(at, depth)
    }
    return token(this.#token(), at)
  }

  #token(): string {
    TOKEN.lastIndex = this.#at
    const [text] = TOKEN.exec(this.#text) ?? ['']
    this.#at += text.length
    return text
  }

  #items(close: string, at: string, depth: number): Form[] {
    this.#at++
    const items: Form[] = []
    for (;;) {
      this.#skip(depth)
      const c = this.#text[this.#at]
      if (c === undefined) throw syntax(`the text ends, and \`${close}\` is missing for what begins at ${at}`, this.#place(this.#at), close)
      if (c !== close && (c === ')' || c === ']' || c === '}')) throw syntax(`\`${c}\` stands where \`${close}\` should close what begins at ${at}`, this.#place(this.#at), c)
      if (c === close) { this.#at++; return items }
      items.push(this.form(depth + 1))
    }
  }

  #map(at: string, depth: number): Form {
    const items = this.#items('}', at, depth)
    if (items.length % 2 === 1) throw syntax('a map has a key without a value', at)
    const entries: [Form, Form][] = []
    for (let i = 0; i < items.length; i += 2) entries.push([items[i], items[i + 1]])
    return { kind: 'map', entries, at }
  }

  #dispatch(at: string, depth: number): Form {
    const next = this.#text[this.#at + 1]
    if (next === '#') return token(this.#token(), at)
    this.#at++
    if (next === '{') return { kind: 'set', items: this.#items('}', at, depth), at }
    if (next === '"') return { kind: 'regex', value: this.#pattern(at), at }
    const tag = this.#token()
    const form = this.form(depth + 1)
    const text = form.kind === 'text' ? form.value : undefined
    if (tag === 'inst' && text !== undefined) {
      const value = new Date(text)
      if (!Number.isNaN(value.getTime())) return { kind: 'constant', value, at }
    }
    if (tag === 'uuid' && text !== undefined) return { kind: 'text', value: text.toLowerCase(), at }
    throw syntax(`\`#${tag}\` cannot be read`, at, `#${tag}`)
  }

  #quoted(at: string): string {
    let out = ''
    for (this.#at++; ; this.#at++) {
      const c = this.#text[this.#at]
      if (c === undefined) throw syntax('the text has no end', at)
      if (c === '"') { this.#at++; return out }
      out += c === '\\' ? this.#escape() : c
    }
  }

  #escape(): string {
    const c = this.#text[++this.#at]
    const simple = ({ n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '"': '"', '\\': '\\', '/': '/' } as Record<string, string>)[c]
    if (simple !== undefined) return simple
    const digits = this.#text.slice(this.#at + 1, this.#at + 5)
    if (c !== 'u' || !/^[\da-f]{4}$/i.test(digits)) throw syntax(`\`\\${c ?? ''}\` cannot be read`, this.#place(this.#at - 1), `\\${c ?? ''}`)
    this.#at += 4
    return String.fromCharCode(parseInt(digits, 16))
  }

  /** Between quotes everything stands for itself; a backslash keeps the quote behind it. */
  #pattern(at: string): string {
    const start = ++this.#at
    for (; ; this.#at++) {
      const c = this.#text[this.#at]
      if (c === undefined) throw syntax('the pattern has no end', at)
      if (c === '\\') this.#at++
      else if (c === '"') return this.#text.slice(start, this.#at++)
    }
  }

  #character(at: string): Form {
    this.#at++
    const first = this.#text[this.#at++] ?? ''
    const rest = this.#token()
    const name = first + rest
    const value = ({ newline: '\n', space: ' ', tab: '\t', return: '\r' } as Record<string, string>)[name] ?? name
    if ([...value].length !== 1) throw syntax(`\`\\${name}\` is no character`, at, `\\${name}`)
    return { kind: 'text', value, at }
  }
}

function token(text: string, at: string): Form {
  if (text === 'nil') return { kind: 'constant', value: null, at }
  if (text === 'true' || text === 'false') return { kind: 'constant', value: text === 'true', at }
  if (NUMBER.test(text)) {
    if (/[.eE]/.test(text)) return { kind: 'constant', value: Number(text.replace(/[MN]$/, '')), at }
    const whole = BigInt(text.replace(/^\+|[MN]$/g, ''))
    const value = Number(whole)
    return { kind: 'constant', value: Number.isSafeInteger(value) ? value : whole, at }
  }
  if (/^[+-]?\d/.test(text)) throw syntax(`\`${text}\` is no number`, at, text)
  if (text.startsWith(':')) {
    if (text.length === 1) throw syntax('`:` is no keyword', at, text)
    return { kind: 'keyword', value: text.slice(1), at }
  }
  if (text === '##NaN' || text === '##Inf' || text === '##-Inf') return { kind: 'constant', value: text === '##NaN' ? NaN : text === '##Inf' ? Infinity : -Infinity, at }
  return { kind: 'symbol', value: text, at }
}

function fromValue(value: unknown, at: string, depth: number): Form {
  if (depth > DEEPEST) throw syntax('nested too deeply', at)
  if (typeof value === 'string') return fromText(value, at)
  if (value === undefined || value === null) return { kind: 'constant', value: null, at }
  if (value instanceof Date && Number.isNaN(value.getTime())) throw syntax('an invalid Date cannot stand in a query', at)
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint' || value instanceof Date || value instanceof Uint8Array) return { kind: 'constant', value, at }
  if (Array.isArray(value)) return { kind: 'vector', items: value.map((v, i) => fromValue(v, `${at}[${i}]`, depth + 1)), loose: true, at }
  if (value instanceof Text) return { kind: 'text', value: value.value, at }
  if (value instanceof RegExp) return { kind: 'regex', value: value.source, at }
  if (typeof value === 'object') {
    const key = (k: string): Form => { const form = fromText(k, `${at}.${k}`); return form.kind === 'symbol' || form.kind === 'keyword' ? form : { kind: 'word', value: k, at: form.at } }
    return { kind: 'map', entries: Object.entries(value).filter(([, v]) => v !== undefined).map(([k, v]) => [key(k), fromValue(v, `${at}.${k}`, depth + 1)] as const), at }
  }
  throw syntax(`a ${typeof value} cannot stand in a query`, at)
}

const fromText = (text: string, at: string): Form =>
  /^:./.test(text) ? { kind: 'keyword', value: text.slice(1), at }
  : /^(\?.+|\$.*|_|%|\.|\.\.\.)$/.test(text) ? { kind: 'symbol', value: text, at }
  : { kind: 'word', value: text, at }

/** A text in JavaScript arrays that looks like something else: `text(':open')`, `text('?')`. */
export class Text { constructor(readonly value: string) {} }
/** Marks a text that begins with `:`, `?` or `$` as a text. */
export const text = (value: string): Text => new Text(value)
