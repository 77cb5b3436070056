import { later, slices } from './breathe.js'
import { EddylineError, codedError } from './errors.js'

/** The exports of the wasm class `Engine`: www/docs/boundary.md is the contract. */
export interface WasmEngine {
  free?(): void
  relations(): RelationInfo[]
  scratch(len: number): number
  stage(len: number): void
  fail(): void
  commit(len: number): number
  json_begin(opts: unknown, whole: boolean): void
  json_push(len: number, whole: boolean): void
  json_part(): number
  json_end(whole: boolean): number
  json_abort(whole: boolean): void
  json_apply(len: number): number
  envelope(): (string | undefined)[]
  register(query: unknown, sliced: boolean): ViewInfo
  admit(view: number, places: number): number
  pending(view: number): number
  form(query: unknown): number
  mount(form: number, constants: readonly unknown[]): number
  set_params(view: number, params: unknown): number
  show(view: number, start: number, count: number): number
  total(view: number): number
  snapshot(view: number): number
  slice(view: number, start: number, count: number): number
  unregister(view: number): boolean
  sweep(pieces: number, all: boolean): boolean
  row_ptr(rel: number, handle: number): number
  pair_left(rel: number, handle: number): number
  pair_right(rel: number, handle: number): number
  explain(view: number): string
  stats(): Record<string, unknown>
  cursor(source: string): string | undefined
  version(): number
  view_error(view: number): { code: string; message: string; path: string; offending: string } | undefined
  budget(bytes: number): number
}

/** An instantiated wasm module: makes engines that share one memory. */
export interface EngineModule {
  readonly memory: { readonly buffer: ArrayBufferLike }
  create(schema: unknown): WasmEngine
  /** What the engine said before it crashed. */
  lastPanic?(): string | undefined
}

export type CellType = 'text' | 'int' | 'bigint' | 'float' | 'bool' | 'timestamp' | 'json' | 'bytes' | 'decimal' | 'date' | 'time' | 'uuid' | 'interval' |
  'bool[]' | 'int[]' | 'float[]' | 'text[]' | 'timestamp[]' | 'date[]' | 'uuid[]'

export interface PackedInfo {
  id: number; kind: 'packed'; table?: string
  columns: { name: string; type: CellType; slot: number; var: number }[]
  varAt: number; boolAt: number; nullAt: number; flagsAt: number; heapAt: number
}
export interface PairInfo { id: number; kind: 'pair'; left: number; right: number }
export type RelationInfo = PackedInfo | PairInfo

export type FieldInfo = { name: string; hops: number[]; column: number } | { name: string; hops: number[]; rel: number; row: true }
export interface LevelInfo {
  name: string; parent: number; single: boolean; rel: number
  fields: FieldInfo[]; key: { hops: number[]; column: number }[]
  maskWords: number; plain: boolean; subs: number[]
}
export interface ViewInfo { view: number; flat: boolean; length: number; levels: LevelInfo[]; relations: RelationInfo[] }

/** Pieces of what forgotten views left that go at a time: some 3 ms. */
const PIECES = 50_000
/** Milliseconds of a slice of what goes. */
const TURN = 4
// Sizes of the input area: at first and at rest, kept between batches at most, and ever.
const AREA_LEAST = 65536, AREA_KEPT = 4 << 20, AREA_MOST = 1 << 30

/** Of each module the engine that goes: the next one that goes waits for it no longer. */
const leaving = /* @__PURE__ */ new WeakMap<EngineModule, () => void>()

/** What may make another version, or ends a view. */
const CHANGES = /* @__PURE__ */ new Set<string>(['json_part', 'json_end', 'admit', 'set_params', 'show', 'unregister'])

/**
 * One engine as the rest of the library sees it: kept views over the memory, and the guard that poisons the engine.
 *
 * Views are re-made only when the memory grew. Growing detaches the old buffer, which makes its views zero long: that
 * test costs a field read, whereas `memory.buffer` is a call into the host.
 */
export class Port {
  u8!: Uint8Array<ArrayBuffer>
  i32!: Int32Array<ArrayBuffer>
  f64!: Float64Array<ArrayBuffer>
  view!: DataView<ArrayBuffer>
  /** Why this engine answers no more; undefined while it lives. */
  dead: EddylineError | undefined
  /** Told once, when the engine crashes. */
  onCrash: ((error: EddylineError) => void) | undefined
  /** Address of the input area and its size. */
  base = 0
  capacity = 0
  /** It is closed, and what was shown can be read until it is copied. */
  #leaving = false
  /** What can wait is being done. */
  #sweeping = false
  /** What is to be fetched of a version before there is another. */
  readonly #owed = new Set<() => void>()
  readonly engine: WasmEngine
  readonly #module: EngineModule

  constructor(module: EngineModule, schema: unknown) {
    this.#module = module
    try { this.engine = module.create(schema) } catch (error) { throw this.failure(error) }
    this.refresh()
  }

  refresh(): void {
    const buffer = this.#module.memory.buffer as ArrayBuffer
    this.u8 = new Uint8Array(buffer)
    this.i32 = new Int32Array(buffer)
    this.f64 = new Float64Array(buffer)
    this.view = new DataView(buffer)
  }

  /** Makes the views usable after any call that may have grown the memory. */
  fresh(): void { if (this.i32.length === 0) this.refresh() }

  /** The error to throw for `error`; poisons the engine unless it is a coded one. */
  failure(error: unknown): EddylineError {
    const coded = codedError(error)
    if (coded !== undefined) return coded
    if (this.dead !== undefined) return this.dead
    const text = this.#said() ?? (error instanceof Error ? error.message : String(error))
    this.end(new EddylineError('ENGINE_CRASHED', `the engine crashed, which is a bug of eddyline: ${text}`, { cause: error }))
    this.onCrash?.(this.dead!)
    return this.dead!
  }

  /** The engine answers no more. The input area is not ours any more: others may get its memory. */
  end(why: EddylineError): void {
    this.dead = why
    this.capacity = 0
  }

  /**
   * The engine answers no more, but for what was shown, which `steps` copy in slices; its memory is given back after that, in slices too.
   * At most one engine of a module is on its way: who closes another has the rest of this done at once.
   */
  leave(why: EddylineError, steps: Generator<void, void, void>): void {
    this.end(why)
    this.#leaving = true
    this.others()
    const module = this.#module
    const going = this.#going(steps)
    const rest = (): void => { for (const _ of going); }
    leaving.set(module, rest)
    const run = async (): Promise<void> => {
      const breath = slices(TURN)
      for (const _ of going) {
        const wait = breath()
        if (wait !== undefined) await wait
      }
      if (leaving.get(module) === rest) leaving.delete(module)
    }
    void run()
  }

  /** An engine that is on its way goes at once: somebody needs its memory. */
  others(): void { leaving.get(this.#module)?.() }

  *#going(steps: Generator<void, void, void>): Generator<void, void, void> {
    const { engine } = this
    try {
      yield* steps
      this.#leaving = false
      // Old lists hold this: that must not lead to the database. V8 keeps who was called when an error was made, until its stack is read.
      this.onCrash = undefined
      void this.dead!.stack
      while (engine.sweep?.(PIECES / 5, true)) yield
      engine.free?.()
    } catch {
      // What is not copied cannot be read.
      this.#leaving = false
    }
  }

  #said(): string | undefined {
    try { return this.#module.lastPanic?.() } catch { return undefined }
  }

  /** Throws when the engine is closed or crashed. */
  alive(): void { if (this.dead !== undefined) throw this.dead }

  /**
   * Makes the input area hold `bytes`, keeping its first `used` bytes. The address stays good until the area is asked
   * to grow again, so a batch that fits costs no call.
   */
  reserve(bytes: number, used: number): void {
    if (bytes <= this.capacity) { this.fresh(); return }
    this.alive()
    if (bytes > AREA_MOST) throw new EddylineError('VALUE_TOO_LARGE', `a batch of more than ${AREA_MOST >> 20} MB: apply it in parts, or as JSON`)
    this.fresh()
    const kept = used > 0 ? this.u8.slice(this.base, this.base + used) : undefined
    this.#area(Math.max(bytes, Math.min(this.capacity * 2, AREA_MOST), AREA_LEAST))
    if (kept !== undefined) this.u8.set(kept, this.base)
  }

  /** Gives a large input area back: rows go where it was. Nothing of the batch may be needed any more. */
  relax(): void { if (this.capacity > AREA_KEPT && this.dead === undefined) this.#area(AREA_LEAST) }

  #area(size: number): void {
    // The engine drops the old area first: if there is no memory for the new one, there is none.
    this.capacity = 0
    try { this.base = this.engine.scratch(size) >>> 0 } catch (error) { throw this.failure(error) }
    this.capacity = size
    this.fresh()
  }

  /** `fetch` is called before the next version, unless it is `paid`. */
  owe(fetch: () => void): void { this.#owed.add(fetch) }

  paid(fetch: () => void): void { this.#owed.delete(fetch) }

  #pay(): void { for (const fetch of [...this.#owed]) fetch() }

  commit(len: number): number {
    if (this.dead !== undefined) throw this.dead
    if (this.#owed.size > 0) this.#pay()
    try { return this.engine.commit(len) >>> 0 || this.#failed() } catch (error) { throw this.failure(error) }
  }

  rowPtr(rel: number, handle: number): number {
    if (this.dead !== undefined && !this.#leaving) throw this.dead
    try { return this.engine.row_ptr(rel, handle) >>> 0 || this.#failed() } catch (error) { throw this.failure(error) }
  }

  /** Applies the JSON batch in the input area. */
  applyJson(len: number): number {
    if (this.dead !== undefined) throw this.dead
    if (this.#owed.size > 0) this.#pay()
    try { return this.engine.json_apply(len) >>> 0 || this.#failed() } catch (error) { throw this.failure(error) }
  }

  /** A member of a pair; −1 = none. */
  member(rel: number, handle: number, right: boolean): number {
    if (this.dead !== undefined && !this.#leaving) throw this.dead
    try {
      const member = right ? this.engine.pair_right(rel, handle) : this.engine.pair_left(rel, handle)
      return member === -2 ? this.#failed() : member
    } catch (error) { throw this.failure(error) }
  }

  /** Exports on the path of a change say that they failed by their value: this throws why. */
  #failed(): never {
    this.engine.fail()
    throw new Error('an export failed and does not say why')
  }

  /** Forgets a view; what only that used of the engine goes in slices. */
  forget(view: number): void { this.tidy(this.call('unregister', view)) }

  /** What can wait is done in slices, if there is anything: an index may be filled, and what forgotten views left dropped. */
  tidy(left = this.call('sweep', 1, false)): void {
    if (!left || this.#sweeping) return
    this.#sweeping = true
    const go = (): void => {
      if (this.dead !== undefined) return
      this.#sweeping = this.call('sweep', PIECES, false)
      if (this.#sweeping) later(go)
    }
    later(go)
  }

  /** Calls any rare export under the guard. */
  call<K extends Exclude<keyof WasmEngine, 'free'>>(name: K, ...args: Parameters<WasmEngine[K]>): ReturnType<WasmEngine[K]> {
    if (this.dead !== undefined && !(this.#leaving && name === 'slice')) throw this.dead
    if (this.#owed.size > 0 && CHANGES.has(name)) this.#pay()
    try {
      return (this.engine[name] as (...a: unknown[]) => unknown).apply(this.engine, args) as ReturnType<WasmEngine[K]>
    } catch (error) { throw this.failure(error) }
  }
}
