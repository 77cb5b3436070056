import { EddylineError } from './errors.js'
import { isObject, said, shown, wrong } from './option-kinds.js'

/** The value of a row's key: a scalar, or an array for composite keys. */
export type RowKey = unknown
/** `[]` for the top list, else `[rowKey, association, rowKey, association, …]`. */
export type PatchPath = readonly unknown[]

export interface AddPatch<R = any> { readonly t: 'add'; readonly path: PatchPath; readonly key: RowKey; readonly at: number; readonly value: R }
export interface RemovePatch { readonly t: 'remove'; readonly path: PatchPath; readonly key: RowKey; readonly at: number }
export interface MovePatch { readonly t: 'move'; readonly path: PatchPath; readonly key: RowKey; readonly from: number; readonly to: number }
export interface SetPatch<R = any> { readonly t: 'set'; readonly path: PatchPath; readonly key: RowKey; readonly fields: Partial<R> }
export interface OnePatch<R = any> { readonly t: 'one'; readonly path: PatchPath; readonly value: R | null }

/**
 * One step from the old rows to the new ones. Patches apply in order: `at`, `from` and `to` are positions at that moment.
 *
 * `key`, `path`, `value` and `fields` of the patches that a live query delivers are getters that read the row on first
 * use: destructure them or call `plainPatches` before posting them to a worker.
 */
export type Patch<R = any> = AddPatch<R> | RemovePatch | MovePatch | SetPatch<R> | OnePatch<R>

/** Patches of a live query know their position and how to find the key of a row. */
interface Located {
  /** Position of a `set`; −1 if unknown. */
  readonly position?: number
  /** Key of a row of the list at depth `depth` of the path. */
  keyAt?(depth: number, row: object): unknown
}

/** How rows are recognised when patches come from elsewhere (after JSON or `postMessage`). */
export type KeyOf = (row: any, path: PatchPath) => RowKey

/** An RFC 6902 operation. */
export type JsonPatchOperation =
  | { op: 'add' | 'replace'; path: string; value: unknown }
  | { op: 'remove'; path: string }
  | { op: 'move'; from: string; path: string }

/**
 * Old rows + diff = new rows. Pure: untouched rows and sub-trees keep their identity (`===`).
 *
 * ```ts
 * live.subscribe(({ diff }) => { copy = applyPatches(copy, diff) })
 * ```
 * `keyOf` is needed for nested or `set` patches that were copied: without it the property `id` is taken.
 * Throws UNKNOWN_KEY when a row on the path is not there, INVALID_ARGUMENT for what is no patch or has no place in these rows. Cost: one
 * copy of each list and row on the way.
 */
export function applyPatches<R extends object>(rows: readonly R[], diff: readonly Patch<any>[], keyOf?: KeyOf): R[] {
  return applyAll(rows, diff, keyOf, undefined) as R[]
}

/**
 * The same diff as JSON Patch (RFC 6902) operations over `rows`, the rows before the diff.
 *
 * ```ts
 * socket.send(JSON.stringify(toJsonPatch(diff, before)))
 * ```
 */
export function toJsonPatch(diff: readonly Patch<any>[], rows: readonly object[], keyOf?: KeyOf): JsonPatchOperation[] {
  const out: JsonPatchOperation[] = []
  applyAll(rows, diff, keyOf, out)
  return out
}

/** Plain copies of patches: for `postMessage`, storage and test expectations. Reads every lazy value. */
export function plainPatches<R = any>(diff: readonly Patch<R>[]): Patch<R>[] {
  checkList(diff, 'diff')
  return diff.map((p, i) => {
    checkPatch(p, i)
    switch (p.t) {
      case 'add': return { t: p.t, path: p.path, key: p.key, at: p.at, value: p.value }
      case 'remove': return { t: p.t, path: p.path, key: p.key, at: p.at }
      case 'move': return { t: p.t, path: p.path, key: p.key, from: p.from, to: p.to }
      case 'set': return { t: p.t, path: p.path, key: p.key, fields: p.fields }
      case 'one': return { t: p.t, path: p.path, value: p.value }
    }
  })
}

/** Keys of nested rows whose objects do not hold their key columns (`select` left them out). */
export const rowKeys = /* @__PURE__ */ new WeakMap<object, unknown>()

interface Holder { rows: object[] }

function applyAll(rows: readonly object[], diff: readonly Patch<any>[], keyOf: KeyOf | undefined, out: JsonPatchOperation[] | undefined): object[] {
  checkList(rows, 'rows')
  checkList(diff, 'diff')
  const root: Holder = { rows: rows.slice() }
  const fresh = new Set<object>([root.rows])
  diff.forEach((patch, i) => {
    checkPatch(patch, i)
    applyOne(root, patch, keyOf, fresh, out)
  })
  return root.rows
}

function checkList(list: unknown, path: string): void {
  if (typeof (list as readonly unknown[] | null | undefined)?.forEach !== 'function' || !('slice' in (list as object))) throw wrong('INVALID_ARGUMENT', `\`${path}\` is a list, not ${shown(list)}`, path, said(list))
}

function checkPatch(patch: Patch, i: number): void {
  if (!['add', 'remove', 'move', 'set', 'one'].includes(patch?.t) || !Array.isArray(patch.path) || (patch.t === 'one' && patch.path.length < 2) || (patch.t === 'set' && !isObject(patch.fields))) throw wrong('INVALID_ARGUMENT', `no patch, which has \`t\` and \`path\`: ${shown(patch?.t ?? patch)}`, `diff[${i}]`, said(patch?.t))
}

/** Takes a row out of a list: out of one that is there, and from a place that it has. */
function take(list: unknown, at: number): object {
  if (!Array.isArray(list) || !Number.isInteger(at) || !(at in list)) throw nowhere(at)
  return list.splice(at, 1)[0]
}

function insert(list: unknown, at: number, row: object): void {
  if (!Array.isArray(list) || !Number.isInteger(at) || at < 0 || at > list.length) throw nowhere(at)
  list.splice(at, 0, row)
}

function nowhere(at: unknown): EddylineError {
  return wrong('INVALID_ARGUMENT', `no place ${said(at)}: the rows are not those before the diff`, 'diff', said(at))
}

function applyOne(root: Holder, patch: Patch, keyOf: KeyOf | undefined, fresh: Set<object>, out: JsonPatchOperation[] | undefined): void {
  const { path } = patch
  const located = patch as Located
  const keyFor = (depth: number, row: any): unknown =>
    located.keyAt !== undefined ? located.keyAt(depth, row) : keyOf !== undefined ? keyOf(row, path.slice(0, 2 * depth)) : row?.id
  let pointer = ''
  let owner: Record<string, unknown> | undefined
  let slot: object[] | object | null = root.rows
  for (let step = 0; step < path.length; step += 2) {
    let row: Record<string, unknown>
    if (Array.isArray(slot)) {
      const at = find(slot as object[], path[step], step / 2, keyFor, path)
      row = own(slot as unknown as Record<string, unknown>, at as never, fresh)
      pointer += `/${at}`
    } else row = slot as Record<string, unknown>
    owner = row
    const name = said(path[step + 1])
    pointer += `/${escape(name)}`
    const next = ownGet(row, name)
    slot = patch.t === 'one' && step + 2 >= path.length ? next as object : next === null || next === undefined ? null : own(row, name, fresh) as never
  }
  switch (patch.t) {
    case 'one':
      put(owner!, said(path[path.length - 1]), patch.value)
      out?.push({ op: 'replace', path: pointer, value: patch.value })
      return
    case 'add':
      insert(slot, patch.at, patch.value)
      out?.push({ op: 'add', path: `${pointer}/${patch.at}`, value: patch.value })
      return
    case 'remove':
      take(slot, patch.at)
      out?.push({ op: 'remove', path: `${pointer}/${patch.at}` })
      return
    case 'move':
      insert(slot, patch.to, take(slot, patch.from))
      out?.push({ op: 'move', from: `${pointer}/${patch.from}`, path: `${pointer}/${patch.to}` })
      return
    case 'set': {
      let row: Record<string, unknown>
      if (Array.isArray(slot)) {
        const at = located.position ?? find(slot as object[], patch.key, path.length / 2, keyFor, path)
        row = own(slot as unknown as Record<string, unknown>, at as never, fresh)
        pointer += `/${at}`
      } else row = slot as Record<string, unknown>
      for (const name of Object.keys(patch.fields)) {
        const value = ownGet(patch.fields as Record<string, unknown>, name)
        put(row, name, value)
        out?.push({ op: 'replace', path: `${pointer}/${escape(name)}`, value })
      }
    }
  }
}

function find(rows: object[], key: unknown, depth: number, keyFor: (depth: number, row: object) => unknown, path: PatchPath): number {
  for (let i = 0; i < rows.length; i++) if (sameKey(keyFor(depth, rows[i]), key)) return i
  throw new EddylineError('UNKNOWN_KEY', `no row with the key ${said(key)}: the rows are not those before the diff, or \`keyOf\` is missing`, { path: path.map(said).join('/') })
}

/** Makes the member at `name` a copy that this run may change, once per run. */
function own(holder: Record<string, unknown>, name: string, fresh: Set<object>): Record<string, unknown> {
  const value = ownGet(holder, name) as object
  if (fresh.has(value)) return value as Record<string, unknown>
  const copy = Array.isArray(value) ? value.slice() : { ...value }
  const key = rowKeys.get(value)
  if (key !== undefined) rowKeys.set(copy, key)
  fresh.add(copy)
  put(holder, name, copy)
  return copy as Record<string, unknown>
}

function ownGet(object: Record<string, unknown>, name: string): unknown {
  return name === '__proto__' ? Object.getOwnPropertyDescriptor(object, name)?.value : object[name]
}

function put(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === '__proto__') Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
  else object[name] = value
}

function escape(name: string): string { return name.replaceAll('~', '~0').replaceAll('/', '~1') }

/** Whether two keys are the same: by value for composite keys, dates and bytes. */
export function sameKey(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (a instanceof Date && b instanceof Date) return a.getTime() === b.getTime()
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const x = a as ArrayLike<unknown>, y = b as ArrayLike<unknown>
  if (typeof x.length !== 'number' || x.length !== y.length) return false
  for (let i = 0; i < x.length; i++) if (!sameKey(x[i], y[i])) return false
  return true
}
