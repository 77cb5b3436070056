import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { ChunkedList, type Snapshot } from '../../src/ts/chunked-list.js'
import { random } from './fixtures.js'

class Box {
  reads = 0
  chunk: object | undefined
  readonly object: { n: number }
  constructor(n: number) { this.object = { n } }
  get() { this.reads++; return this.object }
}

setFlagsFromString('--expose_gc')
const gc: () => void = runInNewContext('gc')

describe('chunked list', () => {
  it('an old snapshot holds what it shows, and nothing of what came and went since', async () => {
    const r = random(7)
    const list = ChunkedList.from<Box>(5000, i => new Box(i), false, true)
    const first = list.snapshot()
    const came: WeakRef<Box>[] = []
    const box = (): Box => {
      const made = new Box(5000 + came.length)
      came.push(new WeakRef(made))
      return made
    }
    for (let step = 0; step < 20_000; step++) {
      const at = r(list.length)
      if (step % 4 === 0) list.insert(at, box())
      else if (step % 4 === 1) list.remove(at)
      else if (step % 4 === 2) list.replace(list.get(at), box())
      else list.move(at, r(list.length))
      list.snapshot()
    }
    const there = Array.from({ length: list.length }, (_, i) => list.get(i)).filter(b => b.object.n >= 5000).length
    await new Promise(resolve => setTimeout(resolve))
    gc()
    expect(came.filter(ref => ref.deref() !== undefined).length).toBe(there)
    expect(came.length).toBeGreaterThan(2 * there)
    expect(first.rows()).toHaveLength(5000)
  })

  it('cells are gone through as they were at the beginning, whatever happens to the list meanwhile', () => {
    const r = random(5)
    for (const tracked of [false, true]) {
      const list = ChunkedList.from<Box>(9000, i => new Box(i), false, tracked)
      const before = Array.from({ length: 9000 }, (_, i) => list.get(i))
      const seen: Box[] = []
      for (const cells of list.made()) {
        seen.push(...cells)
        for (let n = 0; n < 40 && list.length > 0; n++) {
          const p = r(4)
          if (p === 0) list.insert(r(list.length), new Box(9000 + n))
          else if (p === 1) list.remove(r(list.length))
          else list.move(r(list.length), r(list.length))
        }
      }
      expect(seen).toEqual(before)
    }
  })

  it.each([[1, false], [2, false], [3, false], [4, false], [2, true], [3, true], [4, true]])('follows an array through random changes, old snapshots stay (seed %d, cells when they are needed: %s)', (seed, later) => {
    const r = random(seed)
    let n = 0
    const size = [0, 700, 5000, 40000][seed - 1]
    const model: Box[] = Array.from({ length: size }, () => new Box(n++))
    const first = model.slice()
    const list = ChunkedList.from<Box>(size, i => first[i], later, !later)
    const kept: { snapshot: Snapshot<Box>; was: Box[] }[] = []
    for (let step = 0; step < 3000; step++) {
      const p = r(10)
      if (p < 4 || model.length === 0) {
        const at = seed === 1 ? model.length : r(model.length + 1)
        const box = new Box(n++)
        model.splice(at, 0, box)
        list.insert(at, box)
      } else if (p < 6) {
        const at = r(model.length)
        expect(list.remove(at)).toBe(model.splice(at, 1)[0])
      } else if (p < 8) {
        const [from, to] = [r(model.length), r(model.length)]
        model.splice(to, 0, model.splice(from, 1)[0])
        list.move(from, to)
      } else if (p < 9) {
        const at = r(model.length)
        const box = new Box(n++)
        expect(list.set(at, box)).toBe(model[at])
        model[at] = box
      } else {
        const at = r(model.length)
        const box = new Box(n++)
        if (later) list.set(at, box)
        else list.replace(model[at], box)
        model[at] = box
      }
      expect(list.length).toBe(model.length)
      if (step % 100 === 0) kept.push({ snapshot: list.snapshot(), was: model.slice() })
    }
    kept.push({ snapshot: list.snapshot(), was: model.slice() })
    for (const { snapshot, was } of kept) {
      const rows = snapshot.rows()
      expect(rows.length).toBe(was.length)
      expect(rows.map((row: any) => row.n)).toEqual(was.map(b => b.object.n))
      if (was.length > 0) expect(rows[was.length - 1]).toBe(was[was.length - 1].object)
    }
  })

  it('makes the cells that are read, and those beside a change, once', () => {
    const made = new Map<number, number>()
    const list = ChunkedList.from<Box>(100_000, i => { made.set(i, (made.get(i) ?? 0) + 1); return new Box(i) }, true)
    const before = list.snapshot()
    const rows: any = before.rows()
    expect([rows.length, made.size]).toEqual([100_000, 0])
    expect(rows.slice(0, 50).map((r: any) => r.n)).toEqual(Array.from({ length: 50 }, (_, i) => i))
    expect(made.size).toBeLessThanOrEqual(64)
    list.insert(50_000, new Box(-1))
    list.remove(70_001)
    expect(made.size).toBeLessThanOrEqual(3 * 64)
    const now: any = list.snapshot().rows()
    expect([rows[50_000].n, now[50_000].n, now[50_001].n, rows[70_000].n, now[70_001].n]).toEqual([50_000, -1, 50_000, 70_000, 70_001])
    expect(made.size).toBeLessThanOrEqual(4 * 64)
    expect([...before].length).toBe(100_000)
    expect([made.size, Math.max(...made.values())]).toEqual([100_000, 1])
  })

  it('empties and fills again', () => {
    const list = ChunkedList.from<Box>(3, i => new Box(i))
    for (let i = 0; i < 3; i++) list.remove(0)
    const empty = list.snapshot()
    list.insert(0, new Box(9))
    expect(empty.rows()).toEqual([])
    expect(list.snapshot().rows()).toEqual([{ n: 9 }])
    expect(() => list.insert(5, new Box(1))).toThrow(RangeError)
    expect(() => list.remove(1)).toThrow(RangeError)
  })

  describe('long lists look like arrays', () => {
    const boxes = Array.from({ length: 3000 }, (_, i) => new Box(i))
    const plain = boxes.map(b => b.object)
    const rows = ChunkedList.from<Box>(3000, i => boxes[i]).snapshot().rows() as readonly { n: number }[]
    it('read lazily', () => {
      const lazy = Array.from({ length: 3000 }, (_, i) => new Box(i))
      const list = ChunkedList.from<Box>(3000, i => lazy[i]).snapshot().rows()
      expect(list[1500]).toBe(lazy[1500].object)
      list.slice(10, 20)
      expect(lazy.reduce((n, b) => n + b.reads, 0)).toBe(11)
    })
    it('answer like arrays', () => {
      expect(Array.isArray(rows)).toBe(true)
      expect(rows.length).toBe(3000)
      expect(rows[2999]).toBe(plain[2999])
      expect(rows[3000]).toBeUndefined()
      expect((rows as any)['01']).toBeUndefined()
      expect(rows.at(-1)).toBe(plain[2999])
      expect(rows.at(5000)).toBeUndefined()
      // Truncated first: there is nothing before the first row.
      expect(rows.at(-0.5)).toBe(plain[0])
      expect(rows.slice(-2)).toEqual(plain.slice(-2))
      expect(rows.slice(700, 1300)).toEqual(plain.slice(700, 1300))
      expect([...rows]).toEqual(plain)
      expect(rows.map((r, i) => r.n + i)).toEqual(plain.map((r, i) => r.n + i))
      expect(rows.filter(r => r.n % 7 === 0)).toEqual(plain.filter(r => r.n % 7 === 0))
      expect(rows.find(r => r.n === 1234)).toBe(plain[1234])
      expect(rows.findIndex(r => r.n === 1234)).toBe(1234)
      expect(rows.findLast(r => r.n < 10)).toBe(plain[9])
      expect(rows.some(r => r.n === 9999)).toBe(false)
      expect(rows.every(r => r.n >= 0)).toBe(true)
      expect(rows.reduce((s, r) => s + r.n, 0)).toBe(plain.reduce((s, r) => s + r.n, 0))
      expect(rows.indexOf(plain[77])).toBe(77)
      expect(rows.includes(plain[77], 78)).toBe(false)
      expect([...rows.entries()].length).toBe(3000)
      expect(rows.flatMap(r => [r.n]).length).toBe(3000)
      expect(JSON.stringify(rows)).toBe(JSON.stringify(plain))
      expect(rows.concat([{ n: -1 }]).length).toBe(3001)
      expect(rows.toSorted((a, b) => b.n - a.n)[0].n).toBe(2999)
      expect(Object.keys(rows).length).toBe(3000)
      expect(5 in rows).toBe(true)
      expect(3000 in rows).toBe(false)
      expect(rows).toEqual(plain)
      let seen = 0
      for (const row of rows) { if (row.n === 5) break; seen++ }
      expect(seen).toBe(5)
    })
    it('cannot be changed', () => {
      expect(() => { (rows as any)[0] = 1 }).toThrow(TypeError)
      expect(() => { (rows as any).length = 0 }).toThrow(TypeError)
      expect(() => { (rows as any).push({}) }).toThrow(TypeError)
      expect(() => { delete (rows as any)[0] }).toThrow(TypeError)
    })
  })
})
