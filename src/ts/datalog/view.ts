// A named query that stays answered: a circuit, its inputs, its listeners.
import { EddylineError, unknownName } from '../errors.js'
import type { QueryJson } from '../query/types.js'
import { Answer, type Asker, type Difference, live } from './answer.js'
import type { InputSpec, ParsedQuery, PullPattern, Rules } from './ast.js'
import { canonicalQuery, hashOf, pullText } from './canonical.js'
import { answer, identity, named } from './decode.js'
import type { Face } from './face.js'
import { type InputRows, asConstants, asRows, givenSpecs, resolved, rowsOf, storable } from './given.js'
import { type Compiled, compileQuery } from './lower/query.js'
import { fault } from './lower/values.js'
import { checkDefinition, checkDrop } from './options.js'
import { parseQuery } from './parse.js'
import { parsePull } from './parse-pull.js'
import { type Given, placed } from './place.js'
import type { Kept } from './shelf.js'
import type { SyncOptions, SyncResult, DatomSource } from './sync.js'
import type { TxData } from './tx-data.js'

/** A query with its rules and inputs. */
export interface Definition {
  /** EDN text, or the same as arrays and objects. */
  readonly query: unknown
  readonly rules?: unknown
  /** Inputs by how `:in` writes them: `{ '?min': 1980, '[?genre ...]': ['drama'] }`. */
  readonly in?: Readonly<Record<string, unknown>> | undefined
  /** `'durable'`: the definition and its inputs are kept by the storage of the database. `'memory'` (default of `view`): they are not. */
  readonly storage?: 'durable' | 'memory' | undefined
  /** Where something else is kept under this name: an error (default), or this definition counts. */
  readonly onMismatch?: 'error' | 'rebuild' | undefined
}

/** Called after a version that changes the answer, once, with rows as `:find` says: lists, or objects where `:keys` names their members. What it returns is transacted, in a version of its own. */
export type ViewListener = (added: any[], removed: any[], view: DatalogView) => TxData | void | null | undefined

/** What a view is, for people and devtools. */
export interface ViewJson { readonly name: string; readonly edn: string; readonly hash: string; readonly inputs: Readonly<Record<string, unknown>>; readonly queries: readonly QueryJson[]; readonly rows: number }

export class DatalogView {
  readonly name: string
  /** The definition as canonical EDN: the same for equal queries. */
  readonly edn: string
  readonly hash: string
  readonly listeners = new Set<ViewListener>()
  readonly #face: Face
  readonly #query: ParsedQuery
  readonly #rules: Rules
  readonly #number: number
  readonly #patterns: Map<string, PullPattern>
  readonly #durable: boolean
  readonly #given: Given
  #inputs: Map<InputSpec, InputRows>
  #answer: Answer
  #closed = false
  /** Its inputs are rows: they can change without another circuit. */
  #hasRows = false

  /** @internal Made by `view`. `anew`: whatever the storage keeps under its name. */
  constructor(face: Face, name: string, definition: Definition, number: number, anew: boolean) {
    checkDefinition(definition)
    this.#given = { query: definition.query, rules: definition.rules }
    const { query, rules } = parseQuery(definition.query, definition.rules)
    this.name = name
    this.#face = face
    this.#query = query
    this.#rules = rules
    this.#number = number
    this.edn = canonicalQuery(query, rules)
    this.hash = hashOf(this.edn)
    this.#durable = definition.storage === 'durable'
    if (this.#durable && !face.shelf.durable) throw new EddylineError('NOT_DURABLE', `the database has no storage that could keep the circuit \`${name}\`: createDatabase({ storage })`, { path: name, offending: name })
    const kept = this.#durable && !anew ? face.shelf.get(name) : undefined
    const isSame = kept?.hash === this.hash
    if (kept !== undefined && !isSame && definition.onMismatch !== 'rebuild') throw new EddylineError('DEFINITION_MISMATCH', `the circuit \`${name}\` is defined otherwise than the one that is kept: \`onMismatch: 'rebuild'\` takes this one`, { path: name, offending: name })
    const given = { ...definition.in, ...(isSame ? kept.inputs : {}) }
    this.#patterns = namedPatterns(query, n => given[n])
    placed(this.#given, () => { for (const f of query.find) if (f.kind === 'pull') face.puller.check(typeof f.pattern === 'string' ? this.#patterns.get(f.pattern)! : f.pattern) })
    const specs = valueSpecs(query)
    for (const key of Object.keys(given)) {
      if (!specs.some(s => nameOf(s) === key) && !this.#patterns.has(key)) throw unknownName('DATALOG_INPUT', `input \`${key}\``, key, specs.map(nameOf), `in.${key}`)
    }
    this.#inputs = new Map(specs.map(s => [s, this.#rows(s, given[nameOf(s)])]))
    this.#answer = this.#made(this.#inputs)
  }

  #rows(spec: InputSpec, value: unknown): InputRows { return placed(this.#given, () => rowsOf(spec, resolved(spec, value, this.#face))) }

  #made(inputs: ReadonlyMap<InputSpec, InputRows>): Answer {
    const face = this.#face
    const all = [...inputs.values()]
    const compiled = this.#compiled(inputs)
    const entries = this.#durable && !face.shelf.isFollower ? face.shelf.entry(this.name, this.#kept(inputs)) : undefined
    this.#hasRows = face.storesInputs && all.every(storable)
    if (this.#hasRows) face.writeInputs(this.#number, all, entries)
    else if (entries !== undefined) face.db.durability!.commit(undefined, entries)
    const made = new Answer(face.db, face.facts, face.puller, this.#query, compiled, this.#patterns, this.#asker)
    if (this.listeners.size > 0) made.watch()
    return made
  }

  #compiled(inputs: ReadonlyMap<InputSpec, InputRows>): Compiled {
    const list = [...inputs.values()]
    return placed(this.#given, () => compileQuery(this.#query, this.#rules, this.#face.compilerOptions(this.#rules), this.#face.storesInputs && list.every(storable) ? asRows(list, this.#number) : asConstants(list)))
  }

  /** @internal Puts it among what is kept, if it is to be: this tab may not have written before. */
  keep(): void { if (this.#durable && !this.#face.shelf.isFollower) this.#face.shelf.keep(this.name, this.#kept(this.#inputs)) }

  get #asker(): Asker { return { name: `the view \`${this.name}\``, given: this.#given, label: `datalog:${this.name}` } }

  /** What is kept of it. */
  #kept(inputs: ReadonlyMap<InputSpec, InputRows>): Kept {
    return { edn: this.edn, hash: this.hash, inputs: { ...Object.fromEntries([...this.#patterns].map(([name, p]) => [name, pullText(p)])), ...plainInputs(inputs) } }
  }

  /** The answer in the form that `:find` says: the same object until it changes. Throws what evaluation fails with. */
  get(): unknown { return this.#answer.get() }
  /** The error of the query's evaluation, if it has one. */
  get error(): EddylineError | undefined { return this.#answer.error }
  get lastTx(): number { return this.#face.lastTx }
  /** The inputs as they are set. */
  get inputs(): Readonly<Record<string, unknown>> {
    return plainInputs(this.#inputs)
  }

  /** Calls `fn` after each version that changes the answer. Returns the function that ends it. */
  listen(fn: ViewListener): () => void {
    this.#alive()
    if (typeof fn !== 'function') throw new EddylineError('LISTENER_INVALID', `a listener of \`${this.name}\` is a function`, { path: this.name, offending: this.name })
    this.#answer.watch()
    this.listeners.add(fn)
    this.#face.follow(this)
    return () => {
      this.listeners.delete(fn)
      if (this.listeners.size === 0) this.#face.unfollow(this)
    }
  }

  /**
   * Sets an input: listeners are told the difference. The circuit stays, unless the values are of another type. Throws
   * DATALOG_INPUT; then nothing has changed.
   */
  setInput(name: string, value: unknown): void {
    this.#alive()
    if (typeof name !== 'string') throw new EddylineError('DATALOG_INPUT', 'an input has a name, as `:in` writes it', { path: 'name' })
    const spec = [...this.#inputs.keys()].find(s => nameOf(s) === name)
    if (spec === undefined) throw unknownName('DATALOG_INPUT', `input \`${name}\``, name, [...this.#inputs.keys()].map(nameOf), name)
    const before = this.#inputs
    const given = this.#rows(spec, value)
    // Nothing has no type: it is nothing of the type that was there.
    const rows = given.rows.length === 0 ? { ...given, type: before.get(spec)!.type } : given
    const next = new Map(before).set(spec, rows)
    if (this.#hasRows && this.#face.storesInputs && [...next.values()].every(storable) && identity(before.get(spec)!.type) === identity(rows.type)) {
      this.#inputs = next
      this.#face.writeInputs(this.#number, [...next.values()], this.#durable ? this.#face.shelf.entry(this.name, this.#kept(next)) : undefined)
      return
    }
    // A query of other types, or of other constants: the difference is that of the two answers.
    this.#compiled(next)
    const old = this.#answer
    const was = new Map(old.tuples().map(t => [identity(t), t]))
    old.close()
    const made = this.#made(next)
    this.#inputs = next
    this.#answer = made
    const now = new Map(made.tuples().map(t => [identity(t), t]))
    const difference = { added: [...now].filter(([k]) => !was.has(k)).map(([, t]) => t), removed: [...was].filter(([k]) => !now.has(k)).map(([, t]) => t) }
    if (this.listeners.size > 0 && difference.added.length + difference.removed.length > 0) this.#face.tell(this, difference)
  }

  /** @internal Rows as `:keys` names them. */
  named(tuples: unknown[][]): unknown[] { return this.#query.names === undefined ? tuples : tuples.map(t => named(this.#query, t)) }

  /** @internal What changed since the last version. */
  take(): Difference | undefined { return this.#answer.take() }

  /** Reads a source from where it was left, in chunks that end with transactions. */
  sync(source: DatomSource, options?: SyncOptions): Promise<SyncResult> { return this.#face.sync(source, options) }

  /** The plan with counters, as text for people. */
  explain(): string { return this.#answer.lives.map(l => this.#face.db.explain(l)).join('\n') }

  toJSON(): ViewJson {
    return { name: this.name, edn: this.edn, hash: this.hash, inputs: this.inputs, queries: this.#answer.compiled.queries, rows: this.#answer.lives.reduce((n, l) => n + l.rows.length, 0) }
  }

  /** Evaluates the query anew over the same rows, in an engine of its own, and compares. Throws CLOSED once it is dropped. Cost: that of loading all rows. */
  verify(): { ok: boolean; missing: unknown[][]; extra: unknown[][] } {
    this.#alive()
    const twin = this.#face.twin()
    try {
      const lives = this.#answer.compiled.queries.map(q => live(twin, q, this.name))
      const fresh = new Answer(twin, this.#face.facts, this.#face.puller, this.#query, { ...this.#answer.compiled, queries: [] }, this.#patterns, this.#asker)
      const wanted = new Map(lives.flatMap((l, i) => l.rows.map(row => { const t = fresh.decode(i, row); return [identity(t), t] as const })))
      const shown = new Map(this.#answer.tuples().map(t => [identity(t), t]))
      const missing = [...wanted].filter(([k]) => !shown.has(k)).map(([, t]) => t)
      const extra = [...shown].filter(([k]) => !wanted.has(k)).map(([, t]) => t)
      return { ok: missing.length === 0 && extra.length === 0, missing, extra }
    } finally { twin.close() }
  }

  /** Ends the view and gives its circuit back. What storage keeps of it stays, but with `forget`. */
  drop(options?: { readonly forget?: boolean }): void {
    checkDrop(options)
    if (this.#closed) return
    this.#closed = true
    if (options?.forget === true && this.#durable) this.#face.shelf.forget(this.name)
    this.listeners.clear()
    this.#answer.close()
    this.#face.dropped(this, this.#number)
  }

  #alive(): void { if (this.#closed) throw new EddylineError('CLOSED', `the view \`${this.name}\` was dropped`) }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'DatalogView' }
}

/** A query asked once. */
export function ask(face: Face, query: unknown, given: readonly unknown[] | Readonly<Record<string, unknown>>, rulesGiven: unknown, number: () => number): unknown {
  const list = Array.isArray(given) ? given as readonly unknown[] : undefined
  const first = parseQuery(query, rulesGiven)
  const { inputs } = first.query
  // Values are given in the order of `:in`, the database itself left out.
  const slots = inputs.filter(i => !(i.kind === 'source' && i.name === '$'))
  if (list !== undefined && list.length > slots.length) throw new EddylineError('DATALOG_INPUT', `${list.length} input${list.length === 1 ? ' is' : 's are'} given, and \`:in\` has ${slots.length} besides \`$\``, { path: 'in' })
  const valueOf = (spec: InputSpec): unknown => list !== undefined ? list[slots.indexOf(spec)] : (given as Record<string, unknown>)[spec.kind === 'rules' ? '%' : nameOf(spec)]
  const rulesSpec = slots.find(s => s.kind === 'rules')
  const rules = rulesSpec === undefined || valueOf(rulesSpec) === undefined ? rulesGiven : valueOf(rulesSpec)
  if (rulesSpec !== undefined && rules === undefined) placed({ query }, () => { throw fault('DATALOG_INPUT', 'the input `%`, the rules, is missing', rulesSpec.at, '%') })
  const { query: parsed, rules: parsedRules } = rules === rulesGiven ? first : parseQuery(query, rules)
  const at = (spec: InputSpec): unknown => valueOf(inputs[parsed.inputs.indexOf(spec)])
  const patterns = namedPatterns(parsed, n => { const spec = parsed.inputs.find(i => i.kind === 'binding' && i.name === n); return spec === undefined ? undefined : at(spec) })
  const source: Given = { query, rules }
  const rows = placed(source, () => valueSpecs(parsed).map(s => rowsOf(s, resolved(s, at(s), face))))
  const large = rows.some(r => r.spec.kind === 'source' || r.rows.length > 200)
  const view = large && face.storesInputs && rows.every(storable) ? number() : undefined
  if (view !== undefined) face.writeInputs(view, rows)
  try {
    const compiled = placed(source, () => compileQuery(parsed, parsedRules, face.compilerOptions(parsedRules), view === undefined ? asConstants(rows) : asRows(rows, view)))
    const asked = new Answer(face.db, face.facts, face.puller, parsed, compiled, patterns, { name: 'the query', given: source, label: 'datalog:q' })
    try {
      if (asked.error !== undefined) throw asked.error
      return placed(source, () => answer(parsed, asked.tuples()))
    } finally { asked.close() }
  } finally { if (view !== undefined) face.clearInputs(view) }
}

export const nameOf = (spec: InputSpec): string => spec.kind === 'rules' ? '%' : spec.name
const plainInputs = (inputs: ReadonlyMap<InputSpec, InputRows>): Record<string, unknown> =>
  Object.fromEntries([...inputs].map(([spec, { rows }]) => [nameOf(spec), isMany(spec) ? rows : rows[0]]))
const isMany = (spec: InputSpec): boolean => spec.kind === 'source' || (spec.kind === 'binding' && (spec.binding.kind === 'collection' || spec.binding.kind === 'relation'))

/** Inputs that are values, not patterns of `pull`. */
function valueSpecs(query: ParsedQuery): InputSpec[] {
  const patterns = new Set(query.find.flatMap(f => f.kind === 'pull' && typeof f.pattern === 'string' ? [f.pattern] : []))
  return givenSpecs(query).filter(s => !patterns.has(nameOf(s)))
}

function namedPatterns(query: ParsedQuery, given: (name: string) => unknown): Map<string, PullPattern> {
  const out = new Map<string, PullPattern>()
  for (const f of query.find) {
    if (f.kind !== 'pull' || typeof f.pattern !== 'string') continue
    const value = given(f.pattern)
    if (value === undefined) throw new EddylineError('DATALOG_INPUT', `the pattern \`${f.pattern}\` is no input (at ${f.at})`, { path: f.at, offending: f.pattern })
    out.set(f.pattern, parsePull(value))
  }
  return out
}
