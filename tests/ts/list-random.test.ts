// Lists as users see them beside arrays: random splices, and every way to read what is there, with arguments of any kind.
import { describe, expect, it } from 'vitest'
import { ChunkedList } from '../../src/ts/chunked-list.js'
import { random } from './fixtures.js'

const seeds = Number(process.env.LIST_SEED ?? 1), runs = Number(process.env.LIST_RUNS ?? 6), steps = Number(process.env.LIST_STEPS ?? 20)

class Box {
  readonly object: { n: number }
  constructor(n: number) { this.object = { n } }
  get() { return this.object }
}
const NO_NUMBER = {}
type Row = { n: number }
type List = readonly Row[]
type Read = (list: List, odd: () => any, r: (n: number) => number) => unknown

/** What an array gives; where it throws, the kind of the error. */
const outcome = (fn: () => unknown): unknown => { try { return fn() } catch (error) { return `throws ${(error as Error).name}` } }

const reads: Record<string, Read> = {
  length: list => list.length,
  index: (list, odd) => { const at = odd(); return [list[at as number], at in list, Object.hasOwn(list, at as PropertyKey)] },
  at: (list, odd) => list.at(odd()),
  'at the end': list => [list.at(-1), list.at(-list.length), list.at(-list.length - 1), list[-1]],
  slice: (list, odd) => list.slice(odd(), odd()),
  'slice from': (list, odd) => list.slice(odd()),
  'slice to an end that is none': (list, odd) => list.slice(odd(), undefined),
  copy: list => [list.slice(), [...list], Array.from(list)],
  iterate: (list, _, r) => { const seen: unknown[] = [], most = r(200); for (const row of list) { if (seen.length === most) break; seen.push(row) } return seen },
  'iterators once': list => { const it = list.values(); it.next(); return [...it].length },
  entries: list => [...list.entries()].filter(([i, row]) => i !== list.indexOf(row)),
  keys: list => [[...list.keys()].length, Object.keys(list).join()],
  map: list => list.map(function (this: unknown, row, i, all) { return [this, row, i, all === list] }, 'self'),
  'map by number': list => list.map(Number),
  forEach: list => { const seen: unknown[] = []; list.forEach((row, i, all) => seen.push(row, i, all === list)); return seen },
  filter: (list, _, r) => { const m = 1 + r(5); return list.filter(row => row.n % m === 0) },
  find: (list, _, r) => { const n = r(4000); return [list.find(row => row.n === n), list.findIndex(row => row.n === n), list.findLast(row => row.n < n), list.findLastIndex(row => row.n > n)] },
  some: (list, _, r) => { const n = r(4000); let calls = 0; return [list.some(row => { calls++; return row.n === n }), list.every(row => { calls++; return row.n !== n }), calls] },
  reduce: list => [list.reduce((s, row, i) => s + row.n * i, 0), outcome(() => (list as any).reduce((s: any, row: any, i: number) => ({ n: s.n + row.n + i })).n), list.reduceRight((s, row, i) => s * 3 % 1009 + row.n + i, 1)],
  'reduce to undefined': list => (list as any).reduce((s: any, row: any) => (s === undefined ? 1 : s + row.n), undefined),
  search: (list, odd, r) => { const row = list[r(list.length + 1)]; return [list.indexOf(row), list.indexOf(row, odd()), list.lastIndexOf(row), list.includes(row), list.includes(row, odd()), list.indexOf({ n: 1 }), list.includes(undefined as never)] },
  concat: (list, odd) => [list.concat([{ n: -1 }], list), ([] as unknown[]).concat(list), list.concat(odd() as never), list.concat()],
  json: list => [JSON.stringify(list), JSON.stringify({ list }), JSON.stringify(list, null, 1).length],
  texts: list => [list.join('-'), String(list), list.toLocaleString(), Object.prototype.toString.call(list)],
  kinds: list => [Array.isArray(list), list instanceof Array, list.constructor === Array, typeof list, Object.getPrototypeOf(list) === Array.prototype],
  flat: list => [list.flat(), list.flatMap(row => [row.n, row])],
  changed: (list, odd) => [list.toSorted((a, b) => b.n % 7 - a.n % 7), list.toReversed(), list.toSpliced(odd(), 1, { n: -2 }), outcome(() => list.with(odd(), { n: -3 }))],
  destructured: list => { const [a, b, ...rest] = list; return [a, b, rest] },
  given: list => [Math.max(...list.map(row => row.n)), new Set(list).size, Object.entries(list).length, Object.values(list), Object.assign([], list)],
  'read by callbacks that are none': list => [outcome(() => (list as any).map()), outcome(() => (list as any).find(null)), outcome(() => (list as any).reduce('x')), outcome(() => (list as any).filter({}))],
  'names that are none': list => ['01', '1e1', '-0', '', ' 1', '1.5', '4294967295', '9007199254740993', 'toString', 'none'].map(name => [typeof (list as any)[name], name in list]),
}

describe('lists beside arrays', () => {
  it.each(Array.from({ length: runs }, (_, i) => seeds + i))('seed %d', seed => {
    const r = random(seed)
    let n = 0
    // Lists of either kind, and those that become the other.
    const size = [1025, 3000, 0, 1000, 1500, 5000][seed % 6]
    const model: Box[] = Array.from({ length: size }, () => new Box(n++))
    const first = model.slice()
    const list = ChunkedList.from<Box>(size, i => first[i], r(2) === 0)
    const kept: { rows: List; was: Row[] }[] = []
    const names = Object.keys(reads)
    const compare = (rows: List, was: Row[], name: string): void => {
      const asked = r(1 << 30)
      const read = (of: List): unknown => {
        // The same arguments for both.
        const own = random(asked)
        const odd = (): any => [own(of.length + 2), -own(of.length + 2), own(of.length + 1) + 0.5, -0.5, -0, NaN, Infinity, -Infinity, undefined, null, '3', '-2', 'x', true, NO_NUMBER, 1e21][own(16)]
        return outcome(() => reads[name](of, odd, own))
      }
      const due = read(was), shown = read(rows)
      // Cheaper than a comparison by vitest, and rows have to be the same objects.
      if (!same(shown, due)) expect(shown, `seed ${seed}: ${name} of ${was.length} rows (${asked})`).toEqual(due)
      if (!same(shown, due)) throw new Error(`seed ${seed}: ${name} of ${was.length} rows (${asked}): other objects`)
    }
    for (let step = 0; step < steps; step++) {
      for (let splices = r(60); splices > 0; splices--) {
        const at = r(model.length + 1), gone = Math.min(r(3) === 0 ? r(40) : r(2), model.length - at), come = r(3) === 0 ? r(40) : r(2)
        const boxes = Array.from({ length: come }, () => new Box(n++))
        model.splice(at, gone, ...boxes)
        for (let i = 0; i < gone; i++) list.remove(at)
        boxes.forEach((box, i) => { list.insert(at + i, box) })
        if (model.length > 0 && r(2) === 0) {
          const [from, to] = [r(model.length), r(model.length)]
          model.splice(to, 0, model.splice(from, 1)[0])
          list.move(from, to)
          const place = r(model.length), box = new Box(n++)
          model[place] = box
          list.set(place, box)
        }
      }
      const was = model.map(box => box.object)
      // Some are looked at when they have long changed, some never.
      const snapshot = list.snapshot()
      if (r(3) > 0) {
        const rows = snapshot.rows() as List
        expect(snapshot.rows()).toBe(rows)
        for (let i = 0; i < 4; i++) compare(rows, was, names[r(names.length)])
        kept.push({ rows, was })
      }
      const start = r(was.length + 2), end = r(was.length + 2)
      if (!same(snapshot.slice(start, end), was.slice(start, end))) expect(snapshot.slice(start, end), `seed ${seed}: a part`).toEqual(was.slice(start, end))
      const old = kept[r(kept.length)]
      if (old !== undefined) compare(old.rows, old.was, names[r(names.length)])
    }
    for (const name of names) for (let i = 0; i < 3; i++) { const { rows, was } = kept[r(kept.length)]; compare(rows, was, name) }
  })
})

/** Equal, and rows the same objects. */
function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true
  if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) return typeof a === 'object' && typeof b === 'object' && a !== null && b !== null && !Array.isArray(a) && Object.keys(a).length === 1 && (a as Row).n !== undefined && (a as Row).n < 0 && (a as Row).n === (b as Row).n
  for (let i = 0; i < a.length; i++) if (!same(a[i], b[i])) return false
  return true
}
