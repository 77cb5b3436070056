// The storage of a database in a worker: made there, of what the page can say; functions stay on the page and are asked.
import type { Database } from '../database.js'
import type { StorageOption } from '../durability.js'
import { files, indexedDb, opfs } from '../storage/index.js'
import { type Channel, type DurabilityJson, type Request, type StorageJson, errorJson, errorOf } from './messages.js'

const KINDS = { indexedDb, opfs, files }

export class WorkerStorage {
  readonly option: StorageOption
  readonly #waiting = new Map<number, { resolve(row: never): void; reject(error: unknown): void }>()
  #next = 0

  /** `channel` is that of the page that opens the database; all that come later are told by `warn`. */
  constructor({ kind, name, options, steps }: StorageJson, readonly channel: Channel, warn: (channel: Channel, warning: unknown) => void) {
    const migrations = Object.fromEntries(steps.map(version => [version, (row: unknown, table: string, tenant: string | undefined) => new Promise<never>((resolve, reject) => {
      const step = this.#next++
      this.#waiting.set(step, { resolve, reject })
      channel.post({ migrate: { step, version, row, table, tenant } }, [])
    })]))
    this.option = KINDS[kind](name, { ...options, migrations: migrations as never, onWarning: warning => { warn(channel, warning) } })
  }

  /** The page has migrated a row. */
  migrated({ step, row, error }: Extract<Request, { t: 'migrated' }>): void {
    const waiting = this.#waiting.get(step)
    this.#waiting.delete(step)
    if (error === undefined) waiting?.resolve(row as never)
    else waiting?.reject(errorOf(error))
  }

  /** The page does not answer any more. */
  fail(error: unknown): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

/** What a page is to know of the storage. */
export function durabilityJson({ keeper }: Database<any>): DurabilityJson | undefined {
  return keeper === undefined ? undefined : { kind: keeper.kind, status: keeper.status, warning: keeper.warning === undefined ? undefined : errorJson(keeper.warning) }
}
