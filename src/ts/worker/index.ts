// `eddyline/worker`: the engine in a worker, its live queries on the page.
import { compileBrowser } from '../boot/browser.js'
import { EddylineError } from '../errors.js'
import type { AnySchema } from '../schema.js'
import { WorkerDatabase, type WorkerDatabaseOptions } from './database.js'
import type { OpenReply, Told } from './messages.js'
import { Requests } from './requests.js'
import { type WorkerInput, start } from './start.js'

export type { WorkerDatabase, WorkerDatabaseOptions, WorkerLiveQuery, WorkerStats } from './database.js'
export type { WorkerSession } from './connect.js'
export type { WorkerInput } from './start.js'

export interface CreateWorkerOptions<S extends AnySchema> extends WorkerDatabaseOptions<S> {
  /** A worker that runs `eddyline/worker/host`, for bundlers that do not find it by themselves; `'inline'`: the engine in this thread. */
  worker?: WorkerInput
  /** The engine's binary, if the page is not to find it itself: an address, bytes, or a compiled module. */
  module?: string | URL | BufferSource | WebAssembly.Module
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
 * Rejects with LOAD_FAILED.
 */
export async function createWorkerDatabase<S extends AnySchema>(options: CreateWorkerOptions<S>): Promise<WorkerDatabase<S>> {
  const channel = start(options.worker)
  const requests = new Requests(channel)
  let db: WorkerDatabase<S> | undefined
  channel.failed(why => {
    if (db !== undefined) db.fail(new EddylineError('WORKER_FAILED', `the worker of \`${db.name}\` does not run any more: ${why}`))
    else requests.end(new EddylineError('LOAD_FAILED', `the worker could not be started: ${why}`))
  })
  return new Promise((resolve, reject) => {
    channel.listen((told: Told) => {
      if (db !== undefined) db.take(told)
      else for (const reply of told.replies ?? []) requests.answered(reply)
    })
    // Compiled here, where bundlers have put the binary, while the worker starts: it need not find it.
    const given = options.module
    const module = given === undefined ? compileBrowser() : Promise.resolve(given instanceof URL ? given.href : given)
    module.then(binary => requests.ask<OpenReply>({
      t: 'open', schema: options.schema.json, name: options.name ?? 'eddyline', fetches: options.fetchRow !== undefined,
      module: binary, ahead: Math.max(1, options.ahead ?? 4),
    })).then(opened => { resolve(db = new WorkerDatabase(options, channel, requests, opened)) })
      .catch(error => { channel.close(); reject(error) })
  })
}
