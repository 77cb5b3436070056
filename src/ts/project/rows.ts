import { slices } from '../breathe.js'
import { define } from '../decoder.js'
import { pageSize } from '../limits.js'

/** Rows of one input: all of one version, however long the run takes. */
export interface Rows<R = any> extends Iterable<R>, AsyncIterable<R> {
  readonly length: number
  /** Some rows at a time; asynchronously, the page has its turn between them. */
  chunks(size?: number): Iterable<R[]> & AsyncIterable<R[]>
  toArray(): R[]
}

/** A value with nothing in it that others hold. */
function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(copied)
  if (value instanceof Date) return new Date(value)
  if (value instanceof Uint8Array) return value.slice()
  const prototype = Object.getPrototypeOf(value) as object | null
  if (prototype !== Object.prototype && prototype !== null) return value
  const out: Record<string, unknown> = {}
  for (const name of Object.keys(value)) define(out, name, copied((value as Record<string, unknown>)[name]))
  return out
}

/** Rows of a list that nobody changes. Objects are made as they are read: whoever gets them may change them, and nobody else sees it. */
export function rowsOf<R>(list: readonly R[]): Rows<R> {
  function *chunks(size: number): Generator<R[]> {
    for (let i = 0; i < list.length; i += size) yield list.slice(i, i + size).map(copied) as R[]
  }
  async function *slowly(size: number): AsyncGenerator<R[]> {
    const breathe = slices()
    for (const chunk of chunks(size)) {
      yield chunk
      await breathe()
    }
  }
  return {
    get length() { return list.length },
    *[Symbol.iterator]() { for (const row of list) yield copied(row) as R },
    async *[Symbol.asyncIterator]() { for await (const chunk of slowly(500)) yield* chunk },
    chunks(size = 500) {
      pageSize(size, 'size', 'INVALID_ARGUMENT')
      return { [Symbol.iterator]: () => chunks(size), [Symbol.asyncIterator]: () => slowly(size) }
    },
    toArray: () => Array.from(list, copied) as R[],
  }
}

/** Whether two lists show the same rows in the same order. */
export function areEqual(a: readonly object[], b: readonly object[]): boolean {
  if (a === b) return true
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i] && text(a[i]) !== text(b[i])) return false
  return true
}

const text = (row: object): string => JSON.stringify(row, (_, v: unknown) => typeof v === 'bigint' ? `${v}n` : typeof v === 'number' && !Number.isFinite(v) ? `#${v}` : v)
