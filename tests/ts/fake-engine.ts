// A small engine that keeps the contract of www/docs/boundary.md by brute force: it evaluates every view anew and
// compares trees. It overwrites freed rows and reuses their handles at once, so that a stale read shows.
import { decodeRow } from '../../src/ts/decoder.js'
import { PackedLayout } from '../../src/ts/layout.js'
import type { CellType, EngineModule, LevelInfo, PackedInfo, ViewInfo, WasmEngine } from '../../src/ts/port.js'
import type { QueryJson } from '../../src/ts/query/types.js'
import type { SchemaJson } from '../../src/ts/schema.js'

type TableJson = SchemaJson['tables'][number]
/** `arrived`: by column, the number of the change that gave it its value. */
interface Stored { at: number; bytes: number; values: Record<string, any>; key: string; arrived: Record<string, number> }
interface Entry { key: string; handle: number; node: number; subs: Entry[][] }
interface LevelQuery { query: QueryJson; table: number; relation: any; single: boolean; subs: number[] }
interface FakeView { id: number; levels: LevelQuery[]; tree: Entry[]; nextNode: number }

const EIGHT: CellType[] = ['int', 'bigint', 'float', 'timestamp']

export function layoutOf(table: TableJson, id: number): PackedInfo {
  const columns = [...table.columns.map(c => ({ name: c.name, type: c.type })), ...(table.tenant ? [{ name: '$tenant', type: 'text' as CellType }] : [])]
  let at = 0
  const slots = new Map<number, number>()
  columns.forEach((c, i) => { if (EIGHT.includes(c.type)) { slots.set(i, at); at += 8 } })
  const varAt = at
  let vars = 0
  const varOf = columns.map(c => (EIGHT.includes(c.type) || c.type === 'bool' ? -1 : vars++))
  columns.forEach((_, i) => { if (varOf[i] >= 0) { slots.set(i, at); at += 4 } })
  const boolAt = at
  columns.forEach((c, i) => { if (c.type === 'bool') slots.set(i, at++) })
  const nullAt = at
  at += (columns.length + 7) >> 3
  const flagsAt = at++
  return { id, kind: 'packed', table: table.name, columns: columns.map((c, i) => ({ ...c, slot: slots.get(i)!, var: varOf[i] })), varAt, boolAt, nullAt, flagsAt, heapAt: at }
}

export class FakeEngine implements WasmEngine {
  readonly tables: TableJson[]
  readonly infos: PackedInfo[]
  readonly layouts: PackedLayout[]
  readonly rows: (Stored | undefined)[][]
  readonly index: Map<string, number>[]
  readonly vacant: number[][]
  #released: [number, number][] = []
  readonly views = new Map<number, FakeView>()
  #version = 0
  #clock = 0
  #nextView = 0
  #top = 65536
  #scratch = { at: 0, size: 0 }
  #report = { at: 0, size: 0 }
  readonly cursors = new Map<string, string>()
  readonly calls: string[] = []
  /** What the engine says before the trap of its next commit. */
  crash: string | undefined
  said: string | undefined
  /** Views that cannot be evaluated at present. */
  failing = new Set<number>()
  readonly ended: string[] = []
  /** Rows waited for, and whether they came. */
  readonly awaited = new Map<string, boolean>()
  #came = false

  constructor(readonly memory: WebAssembly.Memory, schema: SchemaJson) {
    this.tables = schema.tables
    this.infos = schema.tables.map(layoutOf)
    this.layouts = this.infos.map(i => new PackedLayout(i))
    this.rows = schema.tables.map(() => [])
    this.index = schema.tables.map(() => new Map())
    this.vacant = schema.tables.map(() => [])
  }

  get u8(): Uint8Array { return new Uint8Array(this.memory.buffer) }
  get view(): DataView { return new DataView(this.memory.buffer) }
  alloc(bytes: number): number {
    const at = this.#top
    this.#top = (at + bytes + 15) & ~7
    while (this.#top > this.memory.buffer.byteLength) this.memory.grow(1)
    return at
  }

  relations() { return this.infos }
  /** Large batches are tried with the real one (`real/large-batches.test.ts`). */
  stage(): void { throw new Error('this engine takes batches whole') }

  scratch(len: number): number {
    this.calls.push('scratch')
    // A new place every time: nobody may rely on the old one.
    this.#scratch = { at: this.alloc(len), size: len }
    return this.#scratch.at
  }
  row_ptr(rel: number, handle: number): number { return this.#row(rel, handle).at }
  fail(): void {}
  #row(rel: number, handle: number): Stored {
    const row = this.rows[rel][handle]
    if (row === undefined) throw new Error(`stale handle ${rel}:${handle}`)
    return row
  }
  pair_left(): number { return -1 }
  pair_right(): number { return -1 }
  explain(view: number): string { return `view ${view}` }
  stats() { return { rows: this.index.map(i => i.size) } }
  cursor(source: string): string | undefined { return this.cursors.get(source) }
  version(): number { return this.#version }
  set_params(): number { throw new Error('the fake has no parameters') }
  show(): number { throw new Error('the fake moves no windows') }
  total(view: number): number { return this.views.get(view)!.tree.length }
  budget(): number { return 0 }
  view_error(view: number) { return this.failing.has(view) ? { code: 'OVERFLOW', message: 'overflow', path: '', offending: '' } : undefined }
  // Two readers: of streams, and of whole texts.
  readonly #json: { pieces: Uint8Array[]; opts: any }[] = [{ pieces: [], opts: {} }, { pieces: [], opts: {} }]
  #whole = 1
  get pieces(): Uint8Array[] { return this.#json[this.#whole].pieces }
  json_begin(opts: any, whole: boolean): void {
    this.#whole = Number(whole)
    this.#json[this.#whole] = { pieces: [], opts }
    this.calls.push(`json_begin ${JSON.stringify(opts)}`)
  }
  json_push(len: number, whole: boolean): void {
    this.#whole = Number(whole)
    this.pieces.push(this.u8.slice(this.#scratch.at, this.#scratch.at + len))
  }
  json_abort(whole: boolean): void { this.#json[Number(whole)].pieces = []; this.calls.push('json_abort') }
  json_part(): number { throw new Error('the fake applies streams as one') }
  admit(): number { throw new Error('the fake has no slices') }
  pending(): number { return 0 }
  form(): number { return 0 }
  /** Every query is described anew. */
  mount(): number { return 0 }
  json_end(whole: boolean): number { this.#whole = Number(whole); this.ended.push(this.json); return this.#named(this.#finish(0, 0, [], [])) }
  json_apply(len: number): number { this.#json[1] = { pieces: [], opts: {} }; this.json_push(len, true); return this.#named(this.#finish(0, 0, [], [])) }
  envelope(): (string | undefined)[] { const { source, cursor, origin } = this.#json[this.#whole].opts; return [source, cursor, origin] }
  get json(): string { return Buffer.concat(this.pieces).toString() }

  /** What the rows of a view should be. */
  expected(id: number): object[] {
    const view = this.views.get(id)!
    const build = (level: number, entries: Entry[]): object[] => entries.map(e => {
      const { table, query, subs } = view.levels[level]
      const values = this.rows[table][e.handle]!.values
      const row: Record<string, unknown> = {}
      for (const name of query.select?.map(s => s.name) ?? this.tables[table].columns.map(c => c.name)) row[name] = values[name]
      subs.forEach((s, i) => {
        const list = build(s, e.subs[i])
        row[view.levels[s].relation.name] = view.levels[s].single ? list[0] ?? null : list
      })
      return row
    })
    return build(0, view.tree)
  }

  register(query: QueryJson): ViewInfo {
    const levels: LevelQuery[] = []
    const infos: LevelInfo[] = []
    const add = (q: QueryJson, table: number, relation: any, parent: number): number => {
      const index = levels.length
      const t = this.tables[table]
      const single = relation?.kind === 'belongsTo' || relation?.kind === 'hasOne'
      const level: LevelQuery = { query: q, table, relation, single, subs: [] }
      levels.push(level)
      const names = q.select?.map(s => s.name) ?? t.columns.map(c => c.name)
      infos.push({
        name: relation?.name ?? '', parent, single, rel: table,
        fields: names.map(name => ({ name, hops: [], column: t.columns.findIndex(c => c.name === name) })),
        key: t.key.map(k => ({ hops: [], column: t.columns.findIndex(c => c.name === k) })),
        maskWords: (names.length + 31) >> 5, plain: q.select === undefined && !q.with?.length, subs: level.subs,
      })
      for (const w of q.with ?? []) {
        const r = t.relations.find(r => r.name === w.relation) as any
        level.subs.push(add(w.query ?? {}, this.tables.findIndex(x => x.name === r.table), r, index))
      }
      return index
    }
    const root = this.tables.findIndex(t => t.name === query.from)
    if (root < 0) throw Object.assign(new Error('no table'), { code: 'UNKNOWN_TABLE', path: 'from' })
    add(query, root, undefined, -1)
    const view: FakeView = { id: this.#nextView++, levels, tree: [], nextNode: 1 }
    this.views.set(view.id, view)
    view.tree = this.#evaluate(view, 0, undefined)
    return { view: view.id, flat: levels.length === 1, length: view.tree.length, levels: infos, relations: [] }
  }

  unregister(view: number): boolean { this.views.delete(view); this.calls.push(`unregister ${view}`); return false }
  sweep(): boolean { return false }

  slice(id: number, start: number, count: number): number {
    const part = this.views.get(id)!.tree.slice(start, start + count)
    return this.#write([part.length, ...part.map(e => e.handle)])
  }

  snapshot(id: number): number {
    const view = this.views.get(id)!
    const patches: number[][] = []
    view.tree.forEach((e, i) => { this.#added(view, 0, 0, i, e, patches, 0) })
    return this.#write(this.#reportWords(0, [[view, patches]], []))
  }

  commit(len: number): number {
    if (this.crash !== undefined) { this.said = this.crash; throw new WebAssembly.RuntimeError('unreachable') }
    const base = this.#scratch.at
    for (const [table, handle] of this.#released) {
      const row = this.rows[table][handle]!
      this.u8.fill(0xee, row.at, row.at + row.bytes)
      this.rows[table][handle] = undefined
      this.vacant[table].push(handle)
    }
    this.#released = []
    const n = this.view.getUint32(base, true)
    let at = base + 8
    const text = (): string | undefined => {
      const length = this.view.getInt32(at, true)
      at += 4
      if (length < 0) return undefined
      const t = Buffer.from(this.u8.slice(at, at + length)).toString()
      at += (length + 3) & ~3
      return t
    }
    const [source, cursor] = [text(), text(), text()]
    at = base + ((at - base + 7) & ~7)
    if (source !== undefined && cursor !== undefined) {
      if (this.cursors.get(source) === cursor) return this.#write([8, this.#version, 1, 0, 0, 0, 0, 0])
    }
    const before = this.index.map(i => new Map(i))
    let applied = 0, ignored = 0
    const touches: number[][] = []
    for (let i = 0; i < n; i++) {
      const [op, table, rowBytes, presentBytes] = [0, 4, 8, 12].map(o => this.view.getUint32(at + o, true))
      at += 16
      const present = this.u8.slice(at, at + presentBytes)
      at += (presentBytes + 7) & ~7
      const bytes = this.u8.slice(at, at + rowBytes)
      at += (rowBytes + 7) & ~7
      if (op === 6) { for (const key of [...this.index[table].keys()]) this.#delete(table, key); continue }
      const place = this.alloc(rowBytes)
      this.u8.set(bytes, place)
      const values = this.#values(table, place)
      const key = JSON.stringify(this.tables[table].key.map(k => String(values[k])))
      const old = this.index[table].get(key)
      const name = `${table} ${key}`
      if (op !== 5 && !(op === 3 && old === undefined) && this.awaited.has(name)) { this.awaited.set(name, true); this.#came = true }
      if (op === 5) { touches.push([table, rowBytes, ...this.#wordsOf(bytes)]); continue }
      if (op === 4) { if (old === undefined) ignored++; else { this.#delete(table, key); applied++ } continue }
      if (op === 3) {
        if (old === undefined) { ignored++; continue }
        const merged = { ...this.rows[table][old]!.values }
        this.tables[table].columns.forEach((c, ci) => { if (present[ci >> 3] >> (ci & 7) & 1) merged[c.name] = values[c.name] })
        const packed = this.pack(table, merged)
        this.#put(table, key, packed.at, packed.bytes, merged)
        applied++
        continue
      }
      if (op === 1 && old !== undefined) {
        if (JSON.stringify(this.rows[table][old]!.values) === JSON.stringify(values)) continue
        throw Object.assign(new Error('duplicate'), { code: 'DUPLICATE_KEY', path: `changes[${i}].row` })
      }
      if (old !== undefined && Buffer.compare(Buffer.from(this.u8.slice(this.rows[table][old]!.at, this.rows[table][old]!.at + this.rows[table][old]!.bytes)), Buffer.from(bytes)) === 0) continue
      this.#put(table, key, place, rowBytes, values)
      applied++
    }
    // A row that is as it was at the beginning keeps its handle.
    this.#released = this.#released.filter(([table, handle]) => {
      const old = this.rows[table][handle]!
      const now = this.index[table].get(old.key)
      if (before[table].get(old.key) !== handle) return true
      if (now === undefined || JSON.stringify(this.rows[table][now]!.values) !== JSON.stringify(old.values)) return true
      this.index[table].set(old.key, handle)
      this.rows[table][now] = undefined
      this.vacant[table].push(now)
      return false
    })
    // What a batch leaves with the value that it found has not moved.
    this.index.forEach((rows, table) => {
      for (const [key, handle] of rows) {
        const old = before[table].get(key)
        const [then, now] = [old === undefined ? undefined : this.rows[table][old], this.rows[table][handle]!]
        if (then !== undefined) for (const c of Object.keys(now.values)) if (then.values[c] === now.values[c]) now.arrived[c] = then.arrived[c]
      }
    })
    if (at - base !== len) throw new Error(`batch of ${len} bytes, read ${at - base}`)
    if (source !== undefined && cursor !== undefined) this.cursors.set(source, cursor)
    return this.#finish(applied, ignored, touches, this.#released)
  }

  /** The row that the one change of the batch names. */
  find(): number {
    const { table, key } = this.#rowOf()
    return this.index[table].get(key) ?? -1
  }

  waitFor(): number {
    const { table, key } = this.#rowOf()
    this.awaited.set(`${table} ${key}`, false)
    return 0
  }

  hasCome(): number {
    const { table, key } = this.#rowOf()
    const came = this.awaited.get(`${table} ${key}`) === true
    if (came) this.awaited.delete(`${table} ${key}`)
    return Number(came)
  }

  #rowOf(): { table: number; key: string } {
    const row = this.#scratch.at + 40
    const table = this.view.getUint32(row - 12, true)
    const values = this.#values(table, row)
    return { table, key: JSON.stringify(this.tables[table].key.map(k => String(values[k]))) }
  }

  /** Packs plainly: text, numbers and booleans only. */
  pack(table: number, values: Record<string, any>): { at: number; bytes: number } {
    const info = this.infos[table]
    let heap = Buffer.alloc(0)
    const fixed = Buffer.alloc(info.heapAt)
    info.columns.forEach((c, i) => {
      const v = values[c.name]
      if (v === null || v === undefined) fixed[info.nullAt + (i >> 3)] |= 1 << (i & 7)
      else if (c.type === 'text') heap = Buffer.concat([heap, Buffer.from(v)])
      else if (c.type === 'int') fixed.writeBigInt64LE(BigInt(v), c.slot)
      else if (c.type === 'float') fixed.writeDoubleLE(v, c.slot)
      else if (c.type === 'bool') fixed[c.slot] = v ? 1 : 0
      else throw new Error(`the fake cannot pack ${c.type}`)
      if (c.var >= 0) fixed.writeUInt32LE(heap.length, c.slot)
    })
    fixed[info.flagsAt] = heap.every(b => b < 128) ? 1 : 0
    const bytes = Buffer.concat([fixed, heap])
    const at = this.alloc(bytes.length)
    this.u8.set(bytes, at)
    return { at, bytes: bytes.length }
  }

  #values(table: number, at: number): Record<string, any> {
    const port = { u8: this.u8, view: this.view, fresh() {} }
    return decodeRow(port as never, this.layouts[table], at) as Record<string, any>
  }

  #wordsOf(bytes: Uint8Array): number[] {
    const padded = new Uint8Array((bytes.length + 3) & ~3)
    padded.set(bytes)
    return [...new Int32Array(padded.buffer)]
  }

  #put(table: number, key: string, at: number, bytes: number, values: Record<string, any>): void {
    const old = this.rows[table][this.index[table].get(key) ?? -1]
    this.#clock++
    const arrived = Object.fromEntries(Object.keys(values).map(c => [c, old !== undefined && old.values[c] === values[c] ? old.arrived[c] : this.#clock]))
    this.#delete(table, key)
    const handle = this.vacant[table].pop() ?? this.rows[table].length
    this.rows[table][handle] = { at, bytes, values, key, arrived }
    this.index[table].set(key, handle)
  }

  #delete(table: number, key: string): void {
    const handle = this.index[table].get(key)
    if (handle === undefined) return
    this.index[table].delete(key)
    this.#released.push([table, handle])
  }

  #evaluate(view: FakeView, levelIndex: number, parent: Record<string, any> | undefined): Entry[] {
    const level = view.levels[levelIndex]
    const { query, relation } = level
    const t = this.tables[level.table]
    let handles = [...this.index[level.table].values()]
    const values = (h: number): Record<string, any> => this.rows[level.table][h]!.values
    if (parent !== undefined) {
      const parentTable = this.tables[view.levels.find(l => l.subs.includes(levelIndex))!.table]
      if (relation.kind === 'belongsTo') handles = handles.filter(h => values(h)[t.key[0]] === parent[relation.columns[0]])
      else handles = handles.filter(h => values(h)[relation.columns[0]] === parent[(relation.references ?? parentTable.key)[0]])
    }
    const test = (e: any, row: any): any => {
      switch (e.op) {
        case 'col': return row[e.name]
        case 'lit': return e.value
        case 'and': return e.args.every((a: any) => test(a, row))
        case '=': return test(e.args[0], row) === test(e.args[1], row)
        case '!=': return test(e.args[0], row) !== test(e.args[1], row)
        case '>': return test(e.args[0], row) > test(e.args[1], row)
        default: throw new Error(`the fake has no ${e.op}`)
      }
    }
    if (query.where) handles = handles.filter(h => test(query.where, values(h)))
    const orders = [...(query.orderBy ?? relation?.orderBy ?? []), ...t.key.map(k => ({ expr: { op: 'col', name: k } }))] as any[]
    const declared = (query.orderBy ?? relation?.orderBy ?? []).length > 0
    const arrived = (h: number): number => this.rows[level.table][h]!.arrived[relation.columns[0]]
    if (relation?.kind === 'hasMany' && !declared) handles.sort((a, b) => arrived(a) - arrived(b))
    else handles.sort((a, b) => {
      for (const o of orders) {
        const [x, y] = [values(a)[o.expr.name], values(b)[o.expr.name]]
        if (x !== y) return (x < y ? -1 : 1) * (o.desc ? -1 : 1)
      }
      return 0
    })
    const start = query.offset ?? 0
    handles = handles.slice(start, level.single ? start + 1 : query.limit === undefined ? undefined : start + query.limit)
    return handles.map(handle => ({
      key: this.rows[level.table][handle]!.key, handle, node: -1,
      subs: level.subs.map(s => this.#evaluate(view, s, values(handle))),
    }))
  }

  #added(view: FakeView, level: number, owner: number, at: number, entry: Entry, patches: number[][], inner: number): void {
    const { subs, single } = view.levels[level]
    if (subs.length > 0) entry.node = view.nextNode++
    patches.push([(single && level > 0 ? 5 : 1) | inner, level, owner, at, 0, entry.handle, -1, entry.node])
    entry.subs.forEach((list, s) => list.forEach((e, i) => { this.#added(view, subs[s], entry.node, i, e, patches, 0x100) }))
  }

  #compare(view: FakeView, level: number, owner: number, old: Entry[], now: Entry[], patches: number[][]): void {
    const { subs, single, table } = view.levels[level]
    const changed = (a: Entry, b: Entry, at: number): void => {
      b.node = a.node
      if (a.handle === b.handle) return
      const [x, y] = [this.rows[table][a.handle]!.values, this.rows[table][b.handle]!.values]
      const names = view.levels[level].query.select?.map(s => s.name) ?? this.tables[table].columns.map(c => c.name)
      const mask = new Array((names.length + 31) >> 5).fill(0)
      names.forEach((n, i) => { if (x[n] !== y[n]) mask[i >> 5] |= 1 << (i & 31) })
      if (mask.every(m => m === 0)) patches.push([6, level, owner, at, 0, b.handle, a.handle, b.node])
      else patches.push([4, level, owner, at, 0, b.handle, a.handle, b.node, ...mask])
    }
    if (single && level > 0) {
      if (old.length > 0 && now.length > 0 && old[0].key === now[0].key) changed(old[0], now[0], 0)
      else if (now.length > 0) { this.#added(view, level, owner, 0, now[0], patches, 0); return }
      else { if (old.length > 0) patches.push([5, level, owner, 0, 0, -1, old[0].handle, -1]); return }
    } else {
      const here = [...old]
      for (let i = here.length - 1; i >= 0; i--) {
        if (now.some(e => e.key === here[i].key)) continue
        patches.push([2, level, owner, i, 0, -1, here[i].handle, here[i].node])
        here.splice(i, 1)
      }
      now.forEach((entry, i) => {
        const from = here.findIndex(e => e.key === entry.key)
        if (from < 0) { this.#added(view, level, owner, i, entry, patches, 0); here.splice(i, 0, entry); return }
        const was = here[from]
        if (from !== i) {
          patches.push([3, level, owner, from, i, was.handle, -1, was.node])
          here.splice(i, 0, here.splice(from, 1)[0])
        }
        changed(was, entry, i)
      })
    }
    for (const entry of now) {
      const was = old.find(e => e.key === entry.key)
      if (was !== undefined) subs.forEach((s, i) => { this.#compare(view, s, entry.node, was.subs[i], entry.subs[i], patches) })
    }
  }

  #named(address: number): number {
    if (this.envelope().some(text => text !== undefined)) new Int32Array(this.memory.buffer)[(address >> 2) + 2] |= 4
    return address
  }

  #finish(applied: number, ignored: number, touches: number[][], freed: [number, number][]): number {
    this.#version++
    const sections: [FakeView, number[][]][] = []
    for (const view of this.views.values()) {
      if (this.failing.has(view.id)) { sections.push([view, []]); continue }
      const now = this.#evaluate(view, 0, undefined)
      const patches: number[][] = []
      this.#compare(view, 0, 0, view.tree, now, patches)
      view.tree = now
      if (patches.length > 0) sections.push([view, patches])
    }
    const words = this.#reportWords(applied, sections, freed)
    words[4] = ignored
    if (this.#came) words[2] |= 16
    this.#came = false
    if (touches.length > 0) { words[2] |= 2; words[7] = touches.length; for (const t of touches) words.push(...t) }
    words[0] = words.length
    return this.#write(words)
  }

  #reportWords(applied: number, sections: [FakeView, number[][]][], freed: [number, number][]): number[] {
    const words = [0, this.#version, 0, applied, 0, sections.length, 0, 0]
    for (const [view, patches] of sections) words.push(view.id, this.failing.has(view.id) ? 1 : 0, patches.length, patches.flat().length, ...patches.flat())
    const byTable = new Map<number, number[]>()
    for (const [t, h] of freed) byTable.set(t, [...(byTable.get(t) ?? []), h])
    words[6] = byTable.size
    for (const [t, handles] of byTable) words.push(t, handles.length, ...handles)
    words[0] = words.length
    return words
  }

  #write(words: number[]): number {
    // One buffer, used again: whoever keeps its address too long sees another report.
    if (this.#report.size < words.length * 4) this.#report = { at: this.alloc(words.length * 8), size: words.length * 8 }
    new Int32Array(this.memory.buffer, this.#report.at, words.length).set(words)
    return this.#report.at
  }
}

export function fakeModule(): EngineModule & { engines: FakeEngine[] } {
  const memory = new WebAssembly.Memory({ initial: 2 })
  const engines: FakeEngine[] = []
  return {
    memory, engines,
    create(schema) {
      const engine = new FakeEngine(memory, schema as SchemaJson)
      engines.push(engine)
      return engine
    },
    lastPanic: () => engines.find(e => e.said !== undefined)?.said,
  }
}
