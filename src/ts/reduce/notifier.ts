import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { shown } from '../option-kinds.js'
import { type CompareCursors, compareCursors, type Cursor, isCursor } from './cursors.js'
import { badResume, checkPage, failedIn, goesOn as hasMore } from './checks.js'
import { described } from './fold.js'
import type { EventLog } from './log.js'
import { Pump, type Retry, backOff, pause } from './pump.js'
import type { Running } from './running.js'
import { type State, stateOf } from './state.js'

/** What a notifier does with events. */
export interface NotifierOptions<E = any> {
  partition(event: E): string | number | bigint | null | undefined
  cursor(event: E): Cursor
  compare?: CompareCursors | undefined
  type?(event: E): string
  /** What is to be delivered of an event, in order; nothing of undefined and []. */
  on: { [type: string]: (event: any) => unknown } | ((event: E) => unknown)
  /**
   * The side effect. At least once: after a crash, or a stop on the way, it may be called again with the same `idempotencyKey`. A rejection is
   * tried again with back-off, and after the last attempt kept among the dead letters. A stop aborts `signal`, and waits for nothing.
   */
  deliver(operations: readonly any[], context: { event: E; idempotencyKey: string; partition: string; cursor: Cursor; attempt: number; signal: AbortSignal }): unknown
  /** Where it begins at its first start: `'end'` (default: history is not repeated), `'start'`, or behind a cursor. */
  initialCursor?: 'start' | 'end' | Cursor | undefined
  retry?: Retry | undefined
  /** After the last attempt: go on and keep a dead letter (default), or halt the partition until `resume`. */
  exhausted?: 'deadLetter' | 'halt' | undefined
}
export interface Notifier<E = any> extends NotifierOptions<E> { readonly name: string }

/** A delivery that was given up. */
export interface DeadLetter { readonly key: string; readonly partition: string; readonly cursor: Cursor; readonly event: unknown; readonly operations: readonly unknown[]; readonly attempts: number; readonly message: string }

interface Place { cursor?: Cursor; error?: { cursor: Cursor; message: string } }
const GLOBAL = '$', PLACE = 'p:', DEAD = 'd:'

export interface NotifyOptions {
  source: EventLog
  batchSize?: number | undefined
  /** Only what this reducer has durably in its state is delivered; when it is stopped, what it has once it is started again. */
  after?: Running | undefined
  onError?: ((error: unknown) => void) | undefined
}

/** A notifier at work: its place is kept with the rows, so that a restart goes on where it was. */
export class Notifying {
  readonly pump: Pump
  readonly #state: State
  readonly #space: string
  readonly #places = new Map<string, Place>()
  /** The partition that is being resumed, and why it had halted. */
  #resumed: { name: string; error: NonNullable<Place['error']> } | undefined
  readonly #compare: CompareCursors

  constructor(readonly db: Database<any>, readonly notifier: Notifier, readonly options: NotifyOptions, readonly onStop: (n: Notifying) => void) {
    this.#state = stateOf(db)
    this.#space = `notifier:${notifier.name}`
    this.#compare = notifier.compare ?? compareCursors
    this.pump = new Pump(options.source, notifier.name, options.batchSize ?? 100, (events, cursor) => this.#take(events, cursor), options.onError, notifier.retry)
  }

  get name(): string { return this.notifier.name }

  async start(): Promise<void> {
    const known = this.#state.entries(this.#space)
    for (const [key, value] of known) if (key.startsWith(PLACE)) this.#places.set(key.slice(PLACE.length), value as Place)
    const at = known.get(GLOBAL) as { cursor: Cursor | 'start' } | undefined
    this.pump.cursor = at?.cursor ?? await this.#first()
    // The database may have been closed meanwhile.
    this.pump.check()
    if (at === undefined) this.#write({ [GLOBAL]: { cursor: this.pump.cursor } })
    // Where it begins has to be known before anything is sent.
    await this.#state.flush()
    this.pump.start()
  }

  async #first(): Promise<Cursor | 'start'> {
    const wanted = this.notifier.initialCursor ?? 'end'
    if (wanted !== 'end') return wanted
    const { source } = this.options
    if (source.head !== undefined) return this.pump.wanted(source.head())
    let cursor: Cursor | 'start' = 'start'
    for (;;) {
      const page: Awaited<ReturnType<EventLog['fetch']>> = checkPage(await this.pump.wanted(source.fetch(cursor, 1000)), this.name)
      const more = hasMore(page, cursor)
      cursor = page.cursor
      if (!more) return cursor
    }
  }

  #partitionOf(event: unknown): string | undefined {
    let id: unknown
    try { id = this.notifier.partition(event) } catch (error) { throw failedIn('REDUCER_INVALID', `\`partition\` of \`${this.name}\``, error, 'partition') }
    return id === null || id === undefined ? undefined : String(id)
  }

  /** Where an event is: what it is known by for ever. */
  #cursorOf(event: unknown): Cursor {
    let cursor: unknown
    try { cursor = this.notifier.cursor(event) } catch (error) { throw failedIn('REDUCER_INVALID', `\`cursor\` of \`${this.name}\``, error, 'cursor') }
    if (isCursor(cursor)) return cursor
    throw new EddylineError('REDUCER_INVALID', `\`cursor\` of \`${this.name}\` gives ${shown(cursor)}: it is a text, a number or a bigint`, { offending: shown(cursor), path: 'cursor' })
  }

  async #take(events: readonly unknown[], cursor: Cursor | 'start'): Promise<void> {
    const groups = new Map<string, unknown[]>()
    for (const event of events) {
      const id = this.#partitionOf(event)
      if (id === undefined) continue
      const group = groups.get(id)
      if (group === undefined) groups.set(id, [event])
      else group.push(event)
    }
    await Promise.all([...groups].map(([id, group]) => this.#deliverAll(id, group)))
    this.pump.check()
    this.#write({ [GLOBAL]: { cursor } })
  }

  async #deliverAll(id: string, events: readonly unknown[]): Promise<void> {
    for (const event of events) {
      const place = this.#places.get(id)
      const cursor = this.#cursorOf(event)
      if (this.pump.stopped || place?.error !== undefined) return
      if (place?.cursor !== undefined && this.#compare(cursor, place.cursor) <= 0) continue
      await this.#ready(event)
      if (this.pump.stopped) return
      const outcome = await this.#deliver(id, event, cursor)
      if (outcome === undefined) return
      this.#places.set(id, outcome)
      this.#keep(id)
    }
  }

  /** Stores a place. One that is being resumed is behind the log: it stays halted there, or after a crash nothing would be read again. */
  #keep(id: string): void {
    const place = this.#places.get(id)!
    this.#write({ [PLACE + id]: this.#resumed?.name === id && place.error === undefined ? { ...place, error: this.#resumed.error } : place })
  }

  /** What the event has led to is durable. */
  async #ready(event: unknown): Promise<void> {
    const { after } = this.options
    while (after !== undefined && !this.pump.stopped) {
      // It may have been stopped and started again since.
      const now = after.waiters.latest ?? after
      const partition = now.partitionOf(event)
      if (partition === undefined) break
      const cursor = now.cursorOf(event)
      if (now.outcome(partition, cursor) === 'done') break
      // A halted partition is waited for: nothing is sent of what did not happen.
      await new Promise<void>(resolve => {
        const { signal } = this.pump
        const over = (): void => { end(); signal.removeEventListener('abort', over); resolve() }
        const end = after.waiters.add({ partition, cursor, done: error => { if (error === undefined) over() }, again: over })
        signal.addEventListener('abort', over)
      })
    }
    // Not for longer than somebody wants it. Where it fails: in memory from here on, which was told.
    await this.pump.wanted(this.#state.flush()).catch(() => {})
  }

  /** Where the partition is then; undefined when it was stopped meanwhile. */
  async #deliver(id: string, event: unknown, cursor: Cursor): Promise<Place | undefined> {
    const { notifier, pump } = this
    const { retry = {} } = notifier
    const idempotencyKey = `${notifier.name}:${id}:${cursor}`
    let operations: unknown[] = []
    for (let attempt = 1; ; attempt++) {
      try {
        operations = this.#operations(event)
        // One that is stopped waits for no delivery: whether it has arrived it is told at its next start, by the same key.
        if (operations.length > 0) await pump.wanted(notifier.deliver(operations, { event, idempotencyKey, partition: id, cursor, attempt, signal: pump.signal }))
        return pump.stopped ? undefined : { cursor }
      } catch (error) {
        if (pump.stopped) return undefined
        if (attempt >= (retry.attempts ?? 5)) {
          const { message } = described(error)
          if (notifier.exhausted === 'halt') return { ...this.#places.get(id), error: { cursor, message } }
          const letter: DeadLetter = { key: idempotencyKey, partition: id, cursor, event, operations, attempts: attempt, message }
          this.#write({ [DEAD + idempotencyKey]: letter })
          return { cursor }
        }
        await pause(backOff(retry, attempt), pump.signal)
        if (pump.stopped) return undefined
      }
    }
  }

  #operations(event: unknown): unknown[] {
    const { notifier } = this
    const { on } = notifier
    const type = String(notifier.type !== undefined ? notifier.type(event) : (event as { type?: unknown } | null)?.type)
    const handler = typeof on === 'function' ? on : Object.hasOwn(on, type) ? on[type] : undefined
    const made = handler?.(event)
    return made === undefined || made === null ? [] : Array.isArray(made) ? made : [made]
  }

  #write(values: Record<string, unknown>): void { this.#state.commit([], { [this.#space]: values }) }

  /** Deliveries that were given up, oldest first. */
  deadLetters(): DeadLetter[] { return [...this.#state.entries(this.#space)].filter(([key]) => key.startsWith(DEAD)).map(([, letter]) => letter as DeadLetter) }

  /** Drops a dead letter. Throws UNKNOWN_KEY. */
  dismiss(key: string): void {
    this.#letter(key)
    this.#write({ [DEAD + key]: undefined })
  }

  #letter(key: string): DeadLetter {
    const letter = this.deadLetters().find(l => l.key === key)
    if (letter === undefined) throw new EddylineError('UNKNOWN_KEY', `no dead letter \`${key}\``, { offending: key })
    return letter
  }

  /** Tries a dead letter once more, and drops it when that works. */
  async redeliver(key: string): Promise<void> {
    const letter = this.#letter(key)
    await this.notifier.deliver(letter.operations, { event: letter.event, idempotencyKey: key, partition: letter.partition, cursor: letter.cursor, attempt: letter.attempts + 1, signal: this.pump.signal })
    this.#write({ [DEAD + key]: undefined })
  }

  /** Partitions that have halted, with the event they wait for. */
  errors(): { id: string; cursor: Cursor; message: string }[] { return [...this.#places].flatMap(([id, p]) => p.error === undefined ? [] : [{ id, ...p.error }]) }

  /** Goes on with a halted partition. Rejects with UNKNOWN_PARTITION; with CLOSED when it is stopped before: then the partition stays halted as far as it came. */
  resume(id: string | number | bigint, from: 'retry' | 'skip' = 'retry'): Promise<void> {
    const name = String(id)
    if (from !== 'retry' && from !== 'skip') return Promise.reject(badResume(from))
    return this.pump.alone(async () => {
      const place = this.#places.get(name)
      if (place === undefined) throw new EddylineError('UNKNOWN_PARTITION', `\`${this.name}\` has no partition ${name}`, { offending: name })
      if (place.error === undefined) return
      const { error, cursor: reached } = place
      const global = this.pump.cursor
      const begin = from === 'skip' && (reached === undefined || this.#compare(error.cursor, reached) > 0) ? error.cursor : reached
      this.#places.set(name, begin === undefined ? {} : { cursor: begin })
      this.#resumed = { name, error }
      let isDone = false
      try {
        this.#keep(name)
        const { source, batchSize = 100 } = this.options
        const goesOn = (): boolean => !this.pump.stopped && this.#places.get(name)!.error === undefined
        for (let cursor: Cursor | 'start' = reached ?? 'start', more = true; more && goesOn();) {
          const page = checkPage(await this.pump.wanted(source.fetch(cursor, batchSize)), this.name)
          const within = page.events.filter(e => global !== 'start' && this.#compare(this.#cursorOf(e), global) <= 0)
          // Without a place of its own it begins at what halted it.
          await this.#deliverAll(name, within.filter(e => this.#partitionOf(e) === name && this.#compare(this.#cursorOf(e), error.cursor) >= 0))
          more = hasMore(page, cursor) && within.length === page.events.length
          cursor = page.cursor
        }
        isDone = goesOn()
        if (!isDone) this.pump.check()
      } finally {
        this.#resumed = undefined
        const now = this.#places.get(name)!
        if (isDone) this.#keep(name)
        // As far as it came, and halted: what it has not read it reads when it is resumed.
        else if (now.error === undefined) this.#places.set(name, { ...now, error })
      }
    })
  }

  /** Resolves when everything in the log by now was delivered or given up. Rejects with CLOSED when it is stopped before. */
  awaitCatchup(): Promise<void> { return this.pump.caughtUp() }

  /** Goes to the end of the log without delivering anything, as after a rebuild of what it tells of. */
  skipToEnd(): Promise<void> {
    return this.pump.alone(async () => {
      const { source } = this.options
      this.pump.cursor = source.head !== undefined ? await this.pump.wanted(source.head()) : await (async () => {
        let cursor = this.pump.cursor
        for (;;) {
          const page = checkPage(await this.pump.wanted(source.fetch(cursor, 1000)), this.name)
          const more = hasMore(page, cursor)
          cursor = page.cursor
          if (!more) return cursor
        }
      })()
      this.#write({ [GLOBAL]: { cursor: this.pump.cursor } })
    })
  }

  async stop(): Promise<void> {
    this.onStop(this)
    await this.pump.stop()
  }

  /** Frameworks that put proxies around plain objects (Vue) leave alone what names itself: no proxy reaches private members. */
  get [Symbol.toStringTag](): string { return 'Notifying' }
}
