// The whole state, written anew: beside the log as it goes on, or in its place.
import { slices } from '../breathe.js'
import type { Database } from '../database.js'
import { cursorBatch, cursorsOf, exportRows } from './doors.js'
import { type Medium, storageError } from './medium.js'
import { type Transaction, encodeTransaction } from './record.js'
import type { Stored } from './stored.js'
import type { Writer } from './writer.js'

/** Bytes of rows in a record. */
const PIECE = 256 * 1024

/** A whole state on its way out. */
export interface State {
  readonly head: Transaction
  readonly cursors: readonly [source: string, cursor: string][]
  next(bytes: number): Uint8Array | undefined
  /** Takes out all that is left, of an engine that goes. */
  keep(): void
  end(): void
}

/** The rows of some tables and the cursors of this moment, behind a head that says the rest. */
export function stateOf(db: Database<any>, head: Transaction, tables: readonly string[]): State {
  const cursors = cursorsOf(db)
  const rows = exportRows(db, tables)
  let kept: Uint8Array[] | undefined
  return {
    head, cursors,
    next: bytes => kept === undefined ? rows.next(bytes) : kept.shift(),
    keep() {
      if (kept !== undefined) return
      const left: Uint8Array[] = []
      for (let batch = rows.next(PIECE); batch !== undefined; batch = rows.next(PIECE)) left.push(batch)
      // Not before all of it is there: a part of a state would be taken for all of it.
      kept = left
    },
    end: () => { rows.end() },
  }
}

/** A state as the records of a checkpoint. */
async function *recordsOf({ head, cursors, next }: State): AsyncIterable<Uint8Array> {
  const { number } = head
  yield encodeTransaction(head)
  for (const [source, cursor] of cursors) yield encodeTransaction({ number, batch: cursorBatch(source, cursor) })
  const breathe = slices()
  for (let batch = next(PIECE); batch !== undefined; batch = next(PIECE)) {
    yield encodeTransaction({ number, batch })
    await breathe()
  }
}

/** Writes states, one at a time. */
export class Checkpoints {
  /** Size of the last one, or what the log may grow to after one that failed. */
  bytes = 0
  #running: Promise<void> | undefined
  /** The state that is being written in one step. */
  #rewritten: State | undefined

  constructor(readonly writer: Writer, readonly medium: Medium, readonly stored: Stored, readonly state: () => State) {}

  /** One is being written beside the log. */
  get running(): Promise<void> | undefined { return this.#running }

  /** Whether the log has grown so that one is worth it. */
  isDue(least: number): boolean {
    const { logBytes } = this.writer
    return this.#running === undefined && logBytes >= least && logBytes * 2 >= this.bytes
  }

  /** Writes the state of now; what is applied meanwhile goes into a log behind it. One that fails takes nothing away. */
  write(): Promise<void> {
    return this.#running ??= this.#write().finally(() => { this.#running = undefined })
  }

  async #write(): Promise<void> {
    const { writer, medium } = this
    // The line of the writer decides what is before: the state of now, and all that is in the line.
    const state = this.state()
    try {
      await writer.step(async () => {
        await medium.begin()
        writer.logBytes = 0
      })
      let bytes = 0
      for await (const record of recordsOf(state)) {
        bytes += record.length
        await writer.step(() => medium.piece(record), false)
      }
      await writer.step(() => medium.publish(), false)
      this.bytes = bytes
    } catch (error) {
      // The log goes on without it: tried again when it has doubled.
      this.bytes = Math.max(this.bytes, writer.logBytes * 4, PIECE)
      throw error
    } finally { state.end() }
  }

  /** Writes the whole state in one step: what is applied meanwhile follows behind it, and is nothing without it. */
  async rewrite(): Promise<void> {
    const { medium, writer, stored } = this
    const state = this.#vital()
    this.#rewritten = state
    try {
      await writer.step(async () => {
        await medium.begin()
        let bytes = 0
        for await (const record of recordsOf(state)) {
          bytes += record.length
          stored.tries(record)
          await medium.piece(record)
        }
        await medium.publish()
        writer.logBytes = 0
        this.bytes = bytes
        stored.rewritten(state.head.number)
      })
    } finally {
      this.#rewritten = undefined
      state.end()
    }
  }

  /** The state of now. Without it, as of an engine that has crashed, nothing may follow in the line: it would be behind what is not there. */
  #vital(): State {
    try { return this.state() } catch (error) {
      this.writer.fail(storageError(error, 'the state cannot be read'))
      throw error
    }
  }

  /** The engine goes: what is left of a state that is being written in one step is taken out first. */
  keep(): void {
    try { this.#rewritten?.keep() } catch { /* an engine that has crashed: it will not be whole */ }
  }
}
