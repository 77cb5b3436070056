// A source of datoms, read in chunks that end with transactions; where it was left is kept with the data.
import { EddylineError } from '../errors.js'
import type { Catalog } from './catalog.js'
import type { Face } from './face.js'
import { checkSync } from './options.js'
import type { SourceFact } from './transact.js'
import { isTempid } from './tx-data.js'

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
  readonly chunk?: number | undefined
  readonly onProgress?: ((progress: SyncProgress) => void) | undefined
  /** Ends it after the chunk that is being applied. */
  readonly signal?: AbortSignal | undefined
}
export interface SyncResult extends SyncProgress { readonly cancelled: boolean }

/** A datom as a fact: `at` is how many came before it, for errors. Throws SOURCE_INVALID. */
function plain(d: SourceDatom, at: number, catalog: Catalog): SourceFact {
  const object = d as { readonly e: unknown; readonly a: string; readonly v: unknown; readonly tx: number; readonly added?: boolean }
  const isObject = typeof d === 'object' && d !== null
  const fact: SourceFact = Array.isArray(d) ? { e: d[0], a: d[1] as string, v: d[2], tx: d[3] as number, added: d[4] !== false, at }
    : { e: isObject ? object.e : undefined, a: isObject ? object.a : '', v: isObject ? object.v : undefined, tx: isObject ? object.tx : NaN, added: isObject && object.added !== false, at }
  const added: unknown = Array.isArray(d) ? d[4] : isObject ? object.added : undefined
  if (added !== undefined && typeof added !== 'boolean') throw new EddylineError('SOURCE_INVALID', 'whether a datom was added is true or false', { path: `datoms[${at}]` })
  if (typeof fact.a !== 'string' || !Number.isSafeInteger(fact.tx)) throw new EddylineError('SOURCE_INVALID', 'a datom is `[e a v tx added]`, with the name of an attribute and the number of a transaction', { path: `datoms[${at}]` })
  // A tempid would be another entity in each chunk.
  const attribute = isTempid(fact.e) || isTempid(fact.v) ? catalog.find(fact.a) : undefined
  const tempid = attribute?.fact !== true ? undefined : isTempid(fact.e) ? fact.e : attribute.ref === true && isTempid(fact.v) ? fact.v : undefined
  if (tempid !== undefined) throw new EddylineError('SOURCE_INVALID', `\`${String(tempid)}\` is no entity: sources name them by whole numbers from 1 on, or by \`[attribute value]\` (at datoms[${at}])`, { path: `datoms[${at}]`, offending: String(tempid) })
  return fact
}

/**
 * Applies what a source has to say. Each chunk is one version that holds whole transactions, and is committed with the
 * source's position: what was applied is not applied again. Throws INVALID_ARGUMENT for options, SOURCE_INVALID for what is no source or no datom, SOURCE_ORDER for
 * a log that goes back, and what is wrong with a fact, with its place as `datoms[i]`: the chunks before it stay.
 */
export async function syncFacts(face: Face, source: DatomSource, options: SyncOptions = {}): Promise<SyncResult> {
  checkSync(options)
  if (typeof source?.datoms !== 'function') throw new EddylineError('SOURCE_INVALID', 'a source has `datoms(since)`: the facts behind a transaction', { path: 'source.datoms' })
  if (source.max !== undefined && typeof source.max !== 'function') throw new EddylineError('SOURCE_INVALID', '`max` is a function: it gives the last transaction', { path: 'source.max' })
  const name = `datalog:${source.name ?? 'source'}`
  const size = options.chunk ?? 1000
  const { catalog } = face
  const { positions } = face.facts
  const maxTx = await source.max?.()
  let datoms = 0, transactions = 0, chunks = 0, lastTx: number | undefined
  const progress = (done: boolean): SyncProgress => ({ datoms, transactions, chunks, lastTx, maxTx, done })
  /** False: somebody else has read on meanwhile, or a state was restored. What was read before says nothing then: of what holds, not what has gone. */
  const apply = (facts: readonly SourceFact[]): boolean => {
    if (positions.get(name) !== lastTx) return false
    face.absorb(facts, name)
    datoms += facts.length
    transactions += new Set(facts.map(f => f.tx)).size
    chunks++
    lastTx = facts[facts.length - 1].tx
    options.onProgress?.(progress(false))
    return true
  }
  /** Reads from a transaction on; undefined if it has to be begun anew. */
  const read = async (since: number | undefined): Promise<SyncResult | undefined> => {
    let waiting: SourceFact[] = []
    const input = source.datoms(since)
    if (typeof input !== 'object' || input === null || !(Symbol.iterator in input || Symbol.asyncIterator in input)) throw new EddylineError('SOURCE_INVALID', '`datoms` gives a list, or what can be gone through', { path: 'source.datoms' })
    let last = since ?? -1
    let count = 0
    /** Whether there is a chunk before a datom of a log. */
    const isFull = (datom: SourceFact): boolean => {
      if (datom.tx < last) throw new EddylineError('SOURCE_ORDER', `transaction ${datom.tx} comes behind ${last}`, { path: `datoms[${datom.at}]` })
      last = datom.tx
      return waiting.length >= size && datom.tx !== waiting[waiting.length - 1].tx
    }
    const flush = async (): Promise<boolean> => {
      const applied = apply(waiting)
      waiting = []
      // Nothing blocks the page: whoever draws has a turn between chunks.
      if (applied) await new Promise<void>(resolve => { setTimeout(resolve) })
      return applied
    }
    const cancelled = (): SyncResult => ({ ...progress(false), cancelled: true })
    if (since !== undefined && !(Symbol.iterator in input)) {
      for await (const d of input) {
        const datom = plain(d, count++, catalog)
        if (datom.tx <= since) continue
        if (isFull(datom) && !await flush()) return undefined
        if (options.signal?.aborted === true) return cancelled()
        waiting.push(datom)
      }
    } else {
      // Of lists, and of everything, which comes by an index: a chunk must not end within a transaction.
      const all: SourceFact[] = []
      if (Symbol.iterator in input) for (const d of input) all.push(plain(d, all.length, catalog))
      else for await (const d of input) all.push(plain(d, all.length, catalog))
      for (const datom of since === undefined ? all.sort((a, b) => a.tx - b.tx) : all) {
        if (since !== undefined && datom.tx <= since) continue
        if (isFull(datom) && !await flush()) return undefined
        if (options.signal?.aborted === true) return cancelled()
        waiting.push(datom)
      }
    }
    if (waiting.length > 0 && !apply(waiting)) return undefined
    const done = progress(true)
    options.onProgress?.(done)
    return { ...done, cancelled: false }
  }

  for (;;) {
    // Another tab may have read on.
    positions.read()
    const outcome = await read(lastTx = positions.get(name))
    if (outcome !== undefined) return outcome
  }
}
