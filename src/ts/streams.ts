// JSON that comes in pieces: one stream after another, each one version or one per piece.
import type { Report } from './changes.js'
import { type JsonOptions, type JsonReader, type JsonStream, abort, engineOptions, openStream, pushStream } from './json-input.js'
import type { Port } from './port.js'

interface Host {
  /** Publishes what a call of the engine gives: nothing yet, or a report. */
  json(run: () => number): Report | undefined
  /** Whether there is room now for what was refused. */
  makesRoom(error: unknown): boolean
}

/** The streams of a database. */
export class Streams {
  readonly #readers = new Set<JsonReader>()
  #last: Promise<void> | undefined

  readonly #port: Port
  readonly #host: Host

  constructor(port: Port, host: Host) {
    this.#port = port
    this.#host = host
  }

  async apply(input: JsonStream, opts: JsonOptions | undefined): Promise<Report> {
    // Held at once, so that closing the database can end it while it waits.
    const reader = openStream(input)
    this.#readers.add(reader)
    const signal = opts?.signal
    // One at a time: the engine reads one stream. One that is ended while it waits lets nobody go before its time.
    const before = this.#last
    let finish!: () => void
    let end!: () => void
    const mine = this.#last = new Promise<void>(resolve => { finish = resolve }).then(() => before)
    try {
      signal?.throwIfAborted()
      await Promise.race([before, new Promise((_, reject) => {
        end = () => { reader.cancel(signal!.reason).catch(() => {}); reject(signal!.reason) }
        signal?.addEventListener('abort', end)
      })])
      const port = this.#port, host = this.#host
      port.call('json_begin', engineOptions(opts), false)
      let parts: Report | undefined
      const take = (method: 'json_part' | 'json_end'): Report | undefined => {
        const report = host.json(() => method === 'json_part' ? port.call(method) : port.call(method, false))
        if (report === undefined) return undefined
        port.relax()
        return parts = parts === undefined ? report : { ...report, applied: report.applied + parts.applied, ignored: report.ignored + parts.ignored, micros: report.micros + parts.micros }
      }
      const commit = (): Report => { signal?.throwIfAborted(); return take('json_end')! }
      // What the budget refuses, the engine keeps until it is asked again.
      const roomy = async <T>(run: () => T): Promise<T> => {
        try { return run() } catch (error) {
          if (!(opts?.pressed !== undefined ? await opts.pressed(error) : host.makesRoom(error))) throw error
          return run()
        }
      }
      // What is committed by another comes as a whole.
      const part = opts?.atomic === false && opts.around === undefined ? async () => (await roomy(() => take('json_part')))?.applied ?? parts?.applied ?? 0 : undefined
      try {
        await pushStream(port, reader, opts, part)
        return await roomy(() => opts?.around === undefined ? commit() : opts.around(commit))
      } catch (error) { abort(port, false); throw error }
    } catch (error) {
      reader.cancel(error).catch(() => {})
      throw error
    } finally {
      signal?.removeEventListener('abort', end)
      this.#readers.delete(reader)
      reader.releaseLock()
      // It may have ended before its turn: then the one before it is still at work.
      if (this.#last === mine) this.#last = before
      finish()
    }
  }

  close(): void { for (const reader of this.#readers) reader.cancel().catch(() => {}) }
}
