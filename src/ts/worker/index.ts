// `eddyline/worker`: the engine in a worker, its live queries on the page.
import { later } from '../breathe.js'
import { report } from '../dispatch.js'
import { compileBrowser } from '../boot/browser.js'
import { EddylineError } from '../errors.js'
import type { StorageOption } from '../durability.js'
import { checkDatabaseOptions } from '../given.js'
import { COUNT, FUNCTION, type Kinds } from '../option-kinds.js'
import type { AnySchema } from '../schema.js'
import { placeFree } from '../storage-places.js'
import { hold, whenGone } from '../storage/alive.js'
import { engineBytes } from './binary.js'
import { WorkerDatabase } from './database.js'
import type { WorkerDatabaseOptions } from './options.js'
import { answerStorage, storageJson } from './durability.js'
import { type NeedsBinary, type OpenReply, PROTOCOL, type Told } from './messages.js'
import { Requests } from './requests.js'
import { type WorkerInput, isWorker, start } from './start.js'

export type { WorkerDatabase } from './database.js'
export type { WorkerDatabaseOptions, WorkerStats } from './options.js'
export type { WorkerLiveQuery } from './queries.js'
export type { WorkerSession } from './connect.js'
export type { WorkerTenant } from './tenant.js'
export type { WorkerDurability } from './durability.js'
export type { WorkerInput } from './start.js'

export interface CreateWorkerOptions<S extends AnySchema> extends WorkerDatabaseOptions<S> {
  /** A worker that runs `eddyline/worker/host`, for bundlers that do not find it by themselves; `'inline'`: the engine in this thread. */
  worker?: WorkerInput | undefined
  /**
   * One engine for all tabs of the origin that say so, in a SharedWorker: true, or the name of the engine. Where there is none the
   * page has a worker of its own, and `onWarning` gets NOT_SHARED.
   */
  shared?: boolean | string | undefined
  /** Keeps the state over a restart, in the worker: `indexedDb`, `opfs` or `files` of `eddyline/storage`. */
  storage?: StorageOption | undefined
  /** Told of what is less than was asked for. By default it goes to the console. */
  onWarning?: ((warning: EddylineError) => void) | undefined
  /** The engine's binary, if the page is not to find it itself: an address, bytes, or a compiled module. */
  module?: string | URL | BufferSource | WebAssembly.Module | undefined
}

/**
 * Makes a database whose engine is in a worker: loads, changes and queries take no time of the page.
 *
 * ```ts
 * import { createWorkerDatabase } from 'eddyline/worker'
 * const db = await createWorkerDatabase({ schema })
 * await db.applyJson(await fetch('/issues.json'), { table: 'issues' })
 * const live = db.live(db.query.issues.orderBy('title'))       // status 'loading', then 'ready'
 * ```
 * Rejects with LOAD_FAILED, and of an engine that tabs share with SCHEMA_MISMATCH and WORKER_MISMATCH.
 */
export async function createWorkerDatabase<S extends AnySchema>(options: CreateWorkerOptions<S>): Promise<WorkerDatabase<S>> {
  checkDatabaseOptions(options, FAR)
  const name = options.name ?? 'eddyline'
  const storage = options.storage === undefined ? undefined : storageJson(options.storage)
  const wanted = options.shared === true ? name : options.shared || undefined
  const { channel, shared } = start(options.worker, wanted)
  if (wanted !== undefined && !shared) warn(options, new EddylineError('NOT_SHARED', 'there is no SharedWorker here: this tab has an engine of its own'))
  const requests = new Requests(channel)
  let db: WorkerDatabase<S> | undefined
  let over = false
  const failed = (why: string): void => {
    if (db !== undefined) db.fail(new EddylineError('WORKER_FAILED', `the worker of \`${db.name}\` does not run any more: ${why}`))
    else requests.end(new EddylineError('LOAD_FAILED', `the worker could not be started: ${why}`))
  }
  let unwatch: (() => void) | undefined
  channel.failed((why, uncaught) => {
    // Of its script, before it has said anything.
    if (uncaught !== true || (db === undefined && unwatch === undefined)) { failed(why); return }
    const error = new EddylineError('WORKER_ERROR', `in the worker of \`${name}\` nobody caught this: ${why}`)
    if (db === undefined) report(error, options.onError)
    else db.erred(error)
    // Its lock says when it ends; without one any answer says that it has not.
    if (unwatch !== undefined) return
    const silent = later(() => { failed(why) }, SILENT)
    requests.ask({ t: 'explain', query: -1 }).catch(() => { clearTimeout(silent) })
  })
  channel.unread(() => { failed('a message could not be read') })
  channel.listen((told: Told) => {
    if (told.alive !== undefined) {
      if (!over) unwatch ??= whenGone(told.alive, () => { failed('it has ended') })
      return
    }
    if (db !== undefined) db.take(told)
    else for (const reply of told.replies ?? []) requests.answered(reply)
    if (told.warning !== undefined || told.migrate !== undefined) answerStorage(told, storage?.far, channel)
  })
  await placeFree(storage?.far)
  const lock = shared ? await hold() : undefined
  const open = (module: unknown, transfer: ArrayBuffer[] = []): Promise<OpenReply | NeedsBinary> => requests.ask({
    t: 'open', protocol: PROTOCOL, schema: options.schema.json, name, fetches: options.fetchRow !== undefined, module, ahead: Math.max(1, options.ahead ?? 4), alive: lock?.name, storage: storage?.json,
    budget: options.memory?.budget, presses: options.memory?.onPressure !== undefined,
  }, transfer)
  // Where there are no locks, a page that goes must say so itself; one that crashes cannot.
  const hidden = ({ persisted }: PageTransitionEvent): void => { if (!persisted) db?.close() }
  if (shared && lock === undefined) globalThis.addEventListener?.('pagehide', hidden)
  const ended = (): void => {
    over = true
    lock?.release()
    unwatch?.()
    globalThis.removeEventListener?.('pagehide', hidden)
  }
  try {
    const opened = await opening(open, options.module, shared)
    db = new WorkerDatabase(options, channel, requests, opened, storage?.far, ended)
    return db
  } catch (error) {
    ended()
    channel.close()
    throw error
  }
}

/** After an error a worker without a lock has so long to answer, in milliseconds. */
const SILENT = 5000

/** Options that databases of the page have not. */
const FAR: Kinds = {
  worker: { is: v => v === 'inline' || typeof v === 'function' || isWorker(v), what: "a Worker, a SharedWorker, a function that makes one, or 'inline'", words: ['inline'] },
  shared: { is: v => typeof v === 'boolean' || typeof v === 'string', what: 'true, false or the name of the engine' },
  module: { is: v => typeof v === 'string' || (typeof v === 'object' && v !== null), what: 'an address, bytes or a compiled module' },
  ahead: COUNT, onWarning: FUNCTION,
}

type Given = CreateWorkerOptions<AnySchema>['module']
const address = (given: Exclude<Given, undefined>): unknown => given instanceof URL ? given.href : given

/** Compiled here, where bundlers have put the binary, while the worker starts: it need not find it. */
const compiled = async (given: Given): Promise<unknown> => given === undefined ? compileBrowser() : address(given)

/** A compiled module does not cross to a SharedWorker, to which the first tab brings the bytes, nor in a page without an origin (`file:`). */
async function opening(open: (module: unknown, transfer?: ArrayBuffer[]) => Promise<OpenReply | NeedsBinary>, given: Given, shared: boolean): Promise<OpenReply> {
  if (shared && given instanceof WebAssembly.Module) throw uncrossed('to a SharedWorker')
  const first = await open(shared ? undefined : await compiled(given))
  if (!('needs' in first)) return first
  if (given instanceof WebAssembly.Module) throw uncrossed('in a page without an origin')
  const bytes = given === undefined ? await engineBytes() : undefined
  return await open(bytes ?? address(given!), bytes === undefined ? [] : [bytes]) as OpenReply
}

const uncrossed = (where: string): EddylineError =>
  new EddylineError('LOAD_FAILED', `a compiled module cannot be handed over ${where}: give the address or the bytes of the engine`, { path: 'module' })

function warn({ onWarning }: { onWarning?: (warning: EddylineError) => void }, warning: EddylineError): void {
  if (onWarning !== undefined) onWarning(warning)
  else console.warn(`eddyline: ${warning.code}: ${warning.message}`)
}
