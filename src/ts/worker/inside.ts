// `eddyline/worker/inside`: code of the application beside the engine of a worker, where watches, reducers, projections and
// Datalog work on the database itself, and what crosses to the pages is said by name.
import type { Database } from '../database.js'
import { EddylineError, unknownName } from '../errors.js'
import { type Kinds, BOOLEAN, checkFunction, checkOptions, said, wrong } from '../option-kinds.js'
import type { AnySchema } from '../schema.js'

/** What code inside of a worker has. */
export interface WorkerRoom<S extends AnySchema = any> {
  /** The database itself, as `createDatabase` makes it. */
  readonly db: Database<S>
  /**
   * Tells the pages, behind the versions before it: `db.on(name, fn)` there. Values are those of `structuredClone`, as they are now.
   * `latest`: of those told so by that name a page that is behind gets only the last, in its place; others wait for it, all of them.
   * Throws INVALID_ARGUMENT for a value that cannot cross.
   */
  tell(name: string, value?: unknown, options?: { latest?: boolean }): void
  /** Answers `db.ask(name, ...args)` of pages; what `fn` throws rejects there. Returns the function that ends it. Throws INVALID_ARGUMENT for a name that is taken. */
  answer(name: string, fn: (...args: any[]) => unknown): () => void
}

/** What runs inside of a worker; the function that it returns is called when the database closes. */
export type WorkerCode<S extends AnySchema = any> = (room: WorkerRoom<S>) => void | (() => void) | Promise<void | (() => void)>

const codes: WorkerCode[] = []
const TELL: Kinds = { latest: BOOLEAN }

/**
 * Runs code beside the engine of each database that this worker opens from now on: when it is there and restored, before a page has it.
 *
 * ```ts
 * // engine.ts, the worker: createWorkerDatabase({ schema, worker: () => new Worker(new URL('./engine.ts', import.meta.url), { type: 'module' }) })
 * import 'eddyline/worker/host'
 * import { inWorker } from 'eddyline/worker/inside'
 * import { watches } from 'eddyline/watch'
 * import { datalog } from 'eddyline/datalog'
 * inWorker(({ db, tell, answer }) => {
 *   watches(db).watch('issues', 'changes', ({ counts }) => tell('issues', counts))
 *   answer('q', (query, ...inputs) => datalog(db).q(query, ...inputs))
 * })
 * // The page:
 * db.on('issues', counts => flash(counts))
 * const titles = await db.ask('q', '[:find [?t ...] :where [_ :issues/title ?t]]')
 * ```
 * `inWorker<typeof schema>(…)` types the database, and with it what watches, reducers and queries get. What it throws rejects `createWorkerDatabase`. Returns the function that ends this for databases that are opened later.
 */
export function inWorker<S extends AnySchema = any>(code: WorkerCode<S>): () => void {
  checkFunction(code, 'inWorker', 'code')
  codes.push(code as WorkerCode)
  return () => { const at = codes.indexOf(code as WorkerCode); if (at >= 0) codes.splice(at, 1) }
}

/** @internal The rooms of one database, and what pages may ask them. */
export class Rooms {
  readonly #answers = new Map<string, (...args: any[]) => unknown>()

  constructor(readonly signal: (name: string, value: unknown, latest: boolean) => void) {}

  /** Runs all code for a database; what one of them throws ends the others. */
  async begin(db: Database<any>): Promise<void> {
    for (const code of [...codes]) {
      const end = await code({
        db,
        tell: (name, value, options) => {
          nameOf(name)
          checkOptions(options, TELL, { path: '', of: 'tell' })
          this.signal(name, cloned(value), options?.latest === true)
        },
        answer: (name, fn) => {
          nameOf(name)
          checkFunction(fn, 'answer')
          if (this.#answers.has(name)) throw wrong('INVALID_ARGUMENT', `\`${name}\` is answered already`, 'name', name)
          this.#answers.set(name, fn)
          return () => { if (this.#answers.get(name) === fn) this.#answers.delete(name) }
        },
      })
      if (typeof end === 'function') db.closers.add(() => { ended(end) })
    }
  }

  /** The answer to a page, as a value that can cross. */
  async ask(name: string, args: readonly unknown[]): Promise<unknown> {
    const fn = this.#answers.get(name)
    if (fn === undefined) throw unknownName('UNKNOWN_REQUEST', `answer to \`${name}\` in the worker`, name, this.#answers.keys(), 'name')
    return cloned(await fn(...args))
  }
}

/** What it throws goes to the console: the database is closed, and its storage let go, all the same. A thread of Node would end before that. */
function ended(end: () => unknown): void {
  (async () => end())().catch(error => { console.error(error) })
}

function nameOf(name: unknown): void {
  if (typeof name !== 'string') throw wrong('INVALID_ARGUMENT', 'what is told and asked has a name, a text', 'name', said(name))
}

/** Throws INVALID_ARGUMENT for what cannot cross. */
function cloned(value: unknown): unknown {
  try { return structuredClone(value) } catch (cause) { throw new EddylineError('INVALID_ARGUMENT', `this cannot cross to a page: ${(cause as Error).message}`, { path: 'value', cause }) }
}
