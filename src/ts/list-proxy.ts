// How long lists look to users: an array-like proxy that reads rows when asked.
import type { Cell, Snapshot } from './chunked-list.js'

const SNAPSHOT = Symbol('snapshot')
type Rows = readonly object[] & { [SNAPSHOT]: Snapshot<Cell> }
type Each = (row: object, at: number, rows: readonly object[]) => unknown

/** Own versions of the methods that people call on lists: one pass over the chunks instead of a trap per row. */
const METHODS = new Map<PropertyKey, Function>(Object.entries({
  map(this: Rows, fn: Each, self?: unknown) {
    const out: unknown[] = []
    this[SNAPSHOT].each(0, this.length, (row, i) => { out.push(fn.call(self, row, i, this)) })
    return out
  },
  forEach(this: Rows, fn: Each, self?: unknown) { this[SNAPSHOT].each(0, this.length, (row, i) => { fn.call(self, row, i, this) }) },
  filter(this: Rows, fn: Each, self?: unknown) {
    const out: object[] = []
    this[SNAPSHOT].each(0, this.length, (row, i) => { if (fn.call(self, row, i, this)) out.push(row) })
    return out
  },
  find(this: Rows, fn: Each, self?: unknown) {
    let found: object | undefined
    this[SNAPSHOT].each(0, this.length, (row, i) => { if (fn.call(self, row, i, this)) { found = row; return true } })
    return found
  },
  findIndex(this: Rows, fn: Each, self?: unknown) {
    let found = -1
    this[SNAPSHOT].each(0, this.length, (row, i) => { if (fn.call(self, row, i, this)) { found = i; return true } })
    return found
  },
  some(this: Rows, fn: Each, self?: unknown) {
    let found = false
    this[SNAPSHOT].each(0, this.length, (row, i) => (found = Boolean(fn.call(self, row, i, this))))
    return found
  },
  every(this: Rows, fn: Each, self?: unknown) {
    let all = true
    this[SNAPSHOT].each(0, this.length, (row, i) => !(all = Boolean(fn.call(self, row, i, this))))
    return all
  },
  reduce(this: Rows, ...args: [(sum: unknown, row: object, at: number, rows: readonly object[]) => unknown, unknown?]) {
    let sum: unknown = args[1], begun = args.length > 1
    if (!begun && this.length === 0) throw new TypeError('reduce of an empty list without an initial value')
    this[SNAPSHOT].each(0, this.length, (row, i) => { sum = begun ? args[0](sum, row, i, this) : row; begun = true })
    return sum
  },
  indexOf(this: Rows, wanted: unknown, from = 0) {
    let found = -1
    this[SNAPSHOT].each(clamp(from, this.length), this.length, (row, i) => { if (row === wanted) { found = i; return true } })
    return found
  },
  includes(this: Rows, wanted: unknown, from = 0) {
    let found = false
    this[SNAPSHOT].each(clamp(from, this.length), this.length, row => (found = row === wanted))
    return found
  },
  slice(this: Rows, start = 0, end = this.length) { return this[SNAPSHOT].slice(clamp(start, this.length), clamp(end, this.length)) },
  at(this: Rows, index: number) {
    index = Math.trunc(index) || 0
    return this[SNAPSHOT].get(index < 0 ? this.length + index : index)
  },
  toArray(this: Rows) { return this[SNAPSHOT].slice(0, this.length) },
  concat(this: Rows, ...others: unknown[]) { return this[SNAPSHOT].slice(0, this.length).concat(...(others as object[][])) },
  values(this: Rows) { return this[SNAPSHOT][Symbol.iterator]() },
} satisfies Record<string, Function>))
METHODS.set(Symbol.iterator, METHODS.get('values')!)

function clamp(index: number, length: number): number {
  index = Math.trunc(index) || 0
  return index < 0 ? Math.max(0, length + index) : Math.min(index, length)
}

/** The index that a property key names, or −1. */
function indexOfKey(key: string): number {
  const first = key.charCodeAt(0)
  if (first < 48 || first > 57) return -1
  const index = Number(key)
  return Number.isInteger(index) && String(index) === key ? index : -1
}

/** The shared target: never changed. `Array.isArray` is true of a proxy over an array. */
const TARGET: object[] = []

/** One handler per list: what a closure or a WeakMap would do at several times the cost. */
class ListHandler implements ProxyHandler<object[]> {
  /** What frameworks have marked the list with. */
  #marks: Map<symbol, unknown> | undefined
  constructor(readonly snapshot: Snapshot<Cell>) {}
  get(target: object[], key: PropertyKey): unknown {
    const { snapshot } = this
    if (typeof key === 'string') {
      const index = indexOfKey(key)
      if (index >= 0) return snapshot.get(index)
      if (key === 'length') return snapshot.length
    } else if (key === SNAPSHOT) return snapshot
    return METHODS.get(key) ?? (this.#marks?.has(key as symbol) ? this.#marks.get(key as symbol) : Reflect.get(target, key))
  }
  has(target: object[], key: PropertyKey): boolean {
    if (typeof key === 'string') {
      const index = indexOfKey(key)
      if (index >= 0) return index < this.snapshot.length
    // Svelte's state gives what is in the list, and the methods ask for it through that.
    } else if (key === SNAPSHOT || this.#marks?.has(key as symbol)) return true
    return Reflect.has(target, key)
  }
  ownKeys(): string[] {
    const keys: string[] = []
    for (let i = 0; i < this.snapshot.length; i++) keys.push(String(i))
    keys.push('length')
    return keys
  }
  getOwnPropertyDescriptor(_: object[], key: PropertyKey): PropertyDescriptor | undefined {
    const { snapshot } = this
    if (key === 'length') return { value: snapshot.length, writable: true, enumerable: false, configurable: false }
    const index = typeof key === 'string' ? indexOfKey(key) : -1
    if (index < 0 || index >= snapshot.length) return undefined
    return { value: snapshot.get(index), writable: false, enumerable: true, configurable: true }
  }
  set(): boolean { return false }
  /** Rows are not changed; the symbols of a framework (Solid's stores name their proxy at what it is for) are no part of the list. */
  defineProperty(_: object[], key: PropertyKey, { value }: PropertyDescriptor): boolean {
    if (typeof key !== 'symbol') return false
    ;(this.#marks ??= new Map()).set(key, value)
    return true
  }
  deleteProperty(): boolean { return false }
  setPrototypeOf(): boolean { return false }
  preventExtensions(): boolean { return false }
}

/** React, JSON.stringify and spreading work on it as on arrays. */
export function listProxy(snapshot: Snapshot<Cell>): readonly object[] { return new Proxy(TARGET, new ListHandler(snapshot)) }
