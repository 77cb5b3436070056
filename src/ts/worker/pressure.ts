// The hook that makes room for a batch, on the page, and what it asks of the worker meanwhile.
import { later } from '../breathe.js'
import type { LooseBatch, LooseChange } from '../changes.js'
import { EddylineError } from '../errors.js'
import type { Pressure, Relief } from '../memory.js'
import { type ErrorJson, errorJson } from './messages.js'
import type { Requests } from './requests.js'

/** Runs `fn`, whose calls on the database make room: they do not wait for the batch that waits. */
export type Relieve = <T>(fn: () => T) => T

/** What it needs of the database. */
interface RoomHost {
  /** Drops queries that nobody uses any more. */
  drop(): void
  apply(changes: readonly LooseChange[] | LooseBatch): Promise<unknown>
  /** To the worker: the batch that waits may be tried again, or is refused. */
  relieved(error: ErrorJson | undefined): void
  failed(error: unknown): void
}

export class RoomMaker {
  /** Of the hook that a batch waits for: something more waits now. */
  #queued: (() => void) | undefined

  constructor(readonly hook: (pressure: Pressure, relieve: Relieve) => Relief | Promise<Relief>, readonly requests: Requests, readonly host: RoomHost) {
    requests.queued = () => { this.queued() }
  }

  /** Something waits behind the batch that waits: asked just now, or before it was known that there is one. */
  queued(): void {
    this.#queued?.()
    this.#queued = undefined
  }

  /** Makes room, and says so if a batch waits for it. */
  async make(pressure: Pressure): Promise<void> {
    const { host, requests } = this
    const relieve: Relieve = fn => requests.relief(fn)
    let waits = pressure.waits
    const end = (error?: ErrorJson): void => {
      if (!waits) return
      waits = false
      this.#queued = undefined
      host.relieved(error)
    }
    const fail = (error: unknown): void => {
      host.failed(error)
      end(errorJson(error))
    }
    // Behind an `await` nobody can tell the calls of the hook from others, which keep their order: it may wait for one that waits for it.
    if (waits) this.#queued = () => { later(() => { if (waits) fail(endless()) }, LONGEST) }
    try {
      host.drop()
      const changes = await relieve(() => this.hook(pressure, relieve))
      if (changes != null) await relieve(() => host.apply(changes))
      host.drop()
      end()
    } catch (error) { fail(error) }
  }
}

/** So long may a call wait behind a batch for the hook to end, in milliseconds. */
const LONGEST = 30_000
const endless = (): EddylineError => new EddylineError('CALLBACK_CIRCLE', 'calls waited 30 s for `onPressure`: if it awaits one of its own, that waits for the hook; it has to be made within `relieve`, the second argument')
