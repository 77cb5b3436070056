// A source of datoms, read in chunks that end with transactions; where it was left is kept with the data.
import { EddylineError } from '../errors.js'
import type { Face } from './face.js'

/** A fact of a source: `[e a v tx added]`, or an object of these. */
export type SourceDatom = readonly [e: unknown, a: string, v: unknown, tx: number, added?: boolean] | { readonly e: unknown; readonly a: string; readonly v: unknown; readonly tx: number; readonly added?: boolean }

/**
 * Where datoms come from. Without `since` all facts that hold, in any order; with it the log behind that transaction, by
 * transaction.
 */
export interface DatomSource {
  /** Whose position is kept. */
  readonly name?: string
  datoms(since: number | undefined): AsyncIterable<SourceDatom> | Iterable<SourceDatom>
  /** The last transaction, for progress. */
  max?(): number | Promise<number>
}

export interface SyncProgress { readonly datoms: number; readonly transactions: number; readonly chunks: number; readonly lastTx: number | undefined; readonly maxTx: number | undefined; readonly done: boolean }
export interface SyncOptions {
  /** Facts per version at least; 1,000 by default. */
  readonly chunk?: number
  readonly onProgress?: (progress: SyncProgress) => void
  /** Ends it after the chunk that is being applied. */
  readonly signal?: AbortSignal
}
export interface SyncResult extends SyncProgress { readonly cancelled: boolean }

interface Plain { e: unknown; a: string; v: unknown; tx: number; added: boolean }

const plain = (d: SourceDatom): Plain => Array.isArray(d)
  ? { e: d[0], a: d[1] as string, v: d[2], tx: d[3] as number, added: d[4] !== false }
  : { ...(d as Plain), added: (d as Plain).added !== false }

/**
 * Applies what a source has to say. Each chunk is one version that holds whole transactions, and is committed with the
 * source's position: what was applied is not applied again. Throws SOURCE_ORDER for a log that goes back.
 */
export async function syncFacts(face: Face, source: DatomSource, options: SyncOptions = {}): Promise<SyncResult> {
  const name = `datalog:${source.name ?? 'source'}`
  const size = Math.max(1, options.chunk ?? 1000)
  const cursor = face.db.cursor(name)
  const since = cursor === undefined ? undefined : Number(cursor)
  const maxTx = await source.max?.()
  let datoms = 0, transactions = 0, chunks = 0, lastTx = since
  const progress = (done: boolean): SyncProgress => ({ datoms, transactions, chunks, lastTx, maxTx, done })
  const apply = (facts: readonly Plain[]): void => {
    face.absorb(facts, name)
    datoms += facts.length
    transactions += new Set(facts.map(f => f.tx)).size
    chunks++
    lastTx = facts[facts.length - 1].tx
    options.onProgress?.(progress(false))
  }
  let waiting: Plain[] = []
  const input = source.datoms(since)
  const ordered = since === undefined ? snapshot(input) : log(input, since)
  for await (const datom of ordered) {
    if (waiting.length >= size && datom.tx !== waiting[waiting.length - 1].tx) {
      apply(waiting)
      waiting = []
      // Nothing blocks the page: whoever draws has a turn between chunks.
      await new Promise<void>(resolve => { setTimeout(resolve) })
    }
    if (options.signal?.aborted === true) return { ...progress(false), cancelled: true }
    waiting.push(datom)
  }
  if (waiting.length > 0) apply(waiting)
  const done = progress(true)
  options.onProgress?.(done)
  return { ...done, cancelled: false }
}

/** All facts by transaction: an index comes in another order, and a chunk must not end within a transaction. */
async function* snapshot(input: AsyncIterable<SourceDatom> | Iterable<SourceDatom>): AsyncGenerator<Plain> {
  const all: Plain[] = []
  for await (const d of input) all.push(plain(d))
  yield* all.sort((a, b) => a.tx - b.tx)
}

async function* log(input: AsyncIterable<SourceDatom> | Iterable<SourceDatom>, since: number): AsyncGenerator<Plain> {
  let last = since
  for await (const d of input) {
    const datom = plain(d)
    if (datom.tx <= since) continue
    if (datom.tx < last) throw new EddylineError('SOURCE_ORDER', `transaction ${datom.tx} comes behind ${last}`, { path: 'datoms' })
    last = datom.tx
    yield datom
  }
}
