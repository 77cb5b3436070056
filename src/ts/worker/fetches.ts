// Rows that the worker asks the page for: `fetchRow` runs here.
import type { FetchRow } from '../touches.js'
import { type ErrorJson, type Request, type Told, errorJson } from './messages.js'

/** The requests that are under way, by the numbers that the worker gave them. */
export class Fetches {
  readonly #running = new Map<number, AbortController>()

  #closed = false

  constructor(readonly fetchRow: FetchRow | undefined, readonly post: (request: Request) => void) {}

  fetch({ id, table, key, tenant }: NonNullable<Told['fetch']>): void {
    const abort = new AbortController()
    this.#running.set(id, abort)
    const answer = (row: object | null | undefined, error?: ErrorJson): void => {
      if (this.#running.delete(id) && !this.#closed) this.post({ t: 'fetched', id, row, error })
    }
    Promise.resolve().then(() => this.fetchRow!(table, key, { ...(tenant === undefined ? {} : { tenant }), signal: abort.signal }))
      .then(row => { answer(row) }).catch(error => { this.#running.set(id, abort); answer(undefined, errorJson(error)) })
  }

  /** Nobody waits for it any more. */
  drop(id: number): void {
    this.#running.get(id)?.abort()
    this.#running.delete(id)
  }

  close(): void {
    this.#closed = true
    for (const id of [...this.#running.keys()]) this.drop(id)
  }
}
