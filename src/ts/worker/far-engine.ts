// What the page has in place of an engine: its rows, and the states of views that a message brought.
import { EddylineError } from '../errors.js'
import { type EngineModule, Port, type WasmEngine } from '../port.js'
import type { RowHeap } from './heap.js'
import { slotOf } from './messages.js'

/** The states of views that the message at hand brought: handles of flat lists, reports of nested ones. */
export type Contents = Map<number, Int32Array<ArrayBuffer>>

/**
 * A port over the rows of a page. Reading rows, pairs and the states of views is answered here; what changes anything is asked of
 * the worker, by messages.
 */
export function farPort(heap: RowHeap, contents: Contents): { port: Port; done(): void } {
  // Words that are read at once: given back when the message is done.
  let lent: { at: number; bytes: number }[] = []
  let area = { at: 0, bytes: 0 }
  const lend = (words: Int32Array): number => {
    const at = heap.putWords(words)
    lent.push({ at, bytes: words.length * 4 + 4 })
    return at
  }
  const near = {
    scratch(bytes: number): number {
      if (area.bytes > 0) heap.release(area.at, area.bytes)
      area = { at: 0, bytes: 0 }
      const at = heap.alloc(bytes)
      area = { at, bytes }
      return at
    },
    row_ptr: (rel: number, handle: number) => heap.rowPtr(rel, handle),
    pair_left: (rel: number, handle: number) => heap.member(rel, handle, false),
    pair_right: (rel: number, handle: number) => heap.member(rel, handle, true),
    slice(view: number): number {
      const handles = contents.get(view)
      const words = new Int32Array((handles?.length ?? 0) + 1)
      words[0] = words.length - 1
      if (handles !== undefined) words.set(handles, 1)
      return lend(words)
    },
    snapshot: (view: number) => lend(contents.get(view) ?? NOTHING),
    fail() { throw new EddylineError('ENGINE_CRASHED', 'a row is not there') },
  }
  const module: EngineModule = { memory: heap, create: () => near as unknown as WasmEngine }
  const port = new Port(module, undefined)
  heap.onGrow = () => { port.refresh() }
  const done = (): void => {
    for (const { at, bytes } of lent) heap.release(at, bytes)
    lent = []
    if (!heap.restart(area.bytes > 0 ? slotOf(area.bytes) : 0)) return
    // The input area is asked for when there is a batch.
    area = { at: 0, bytes: 0 }
    port.capacity = 0
  }
  return { port, done }
}

/** A report without sections. */
const NOTHING = /* @__PURE__ */ Int32Array.of(8, 0, 0, 0, 0, 0, 0, 0)
