// Transaction data to changes of rows: entities are found or made, facts checked, and only what really changes is written.
import type { LooseChange } from '../changes.js'
import type { Attribute, Catalog } from './catalog.js'
import { type Row, keyOf } from './mirror.js'
import { type Facts, TX0 } from './store.js'
import { type Op, type TxData, expand, txError } from './tx-data.js'
import { normalized } from './tx-values.js'

/** A fact that was added or retracted. */
export interface Datom { readonly e: unknown; readonly a: string; readonly v: unknown; readonly tx: number; readonly added: boolean; /** Of a retracted one: the transaction that had added it. */ readonly since?: number }

/** What a transaction will do, before it is done. */
export interface Prepared {
  readonly tx: number
  readonly changes: readonly LooseChange[]
  readonly datoms: readonly Datom[]
  readonly tempids: Readonly<Record<string, number>>
  /** Tells the mirrors; returns what takes it back. */
  readonly enter: () => () => void
}

/** Most facts that come are of entities that had none. */
const NOTHING: ReadonlyMap<unknown, Row> = new Map()

/** The facts of one entity and attribute while a transaction is worked out. */
interface Cell { readonly before: ReadonlyMap<unknown, Row>; readonly now: Map<unknown, { v: unknown; tx: number }> }

export class Transaction {
  readonly #cells = new Map<Attribute, Map<number, Cell>>()
  /** Rows of tables that are to be: null for those that go. */
  readonly #rows = new Map<string, Map<unknown, { key: readonly unknown[]; before: Row | undefined; now: Row | null }>>()
  readonly #log: Datom[] = []
  /** What a source says needs no report. */
  #silent = false
  readonly #tempids = new Map<unknown, number>()
  #next: number | undefined

  constructor(readonly facts: Facts, readonly catalog: Catalog, private tx: number, readonly display: (a: Attribute) => string) {}

  prepare(data: TxData, call: (fn: Function, args: readonly unknown[]) => TxData): Prepared {
    this.facts.current()
    const ops = expand(data, this.catalog, call)
    this.#upserts(ops)
    for (const op of ops) this.#run(op)
    return this.#result()
  }

  /** Facts of a source with their own transactions, one after another. */
  replay(datoms: readonly { e: unknown; a: string; v: unknown; tx: number; added: boolean }[]): Prepared {
    this.facts.current()
    this.#silent = true
    datoms.forEach(({ e, a, v, tx, added }, i) => {
      this.tx = tx
      const path = `datoms[${i}]`
      this.#run({ kind: added ? 'add' : 'retract', attribute: this.catalog.get(a.replace(/^:(?=.)/, ''), path), e, v, path })
    })
    return this.#result()
  }

  /** Tempids that name what is there: by a value that is unique. */
  #upserts(ops: readonly Op[]): void {
    const firsts = new Map<string, unknown>()
    // A value may come to stand for an entity by another one: as long as something is found.
    for (let found = true; found;) {
      found = false
      for (const op of ops) {
        if (op.kind !== 'add' || op.attribute.unique !== 'identity' || !op.attribute.fact || !isTempid(op.e)) continue
        if (op.attribute.ref === true && isTempid(op.v) && !this.#tempids.has(op.v)) continue
        const v = this.#value(op.attribute, op.v, op.path, false)
        const holder = this.#holder(op.attribute, v)
        const known = this.#tempids.get(op.e)
        if (holder !== undefined) {
          if (known === undefined) { this.#tempids.set(op.e, holder); found = true }
          else if (known !== holder) throw txError('TX_CONFLICT', `\`${String(v)}\` of \`:${op.attribute.name}\` is that of entity ${holder}, not of ${known}`, op.path)
          continue
        }
        // Two tempids with one value are one entity.
        const id = `${op.attribute.name} ${typeof v} ${String(keyOf(v))}`
        const first = firsts.get(id)
        if (first === undefined) firsts.set(id, op.e)
        else if (first !== op.e) {
          const e = this.#tempids.get(first) ?? known ?? this.#fresh()
          if (this.#tempids.get(first) !== e || known !== e) { this.#tempids.set(first, e); this.#tempids.set(op.e, e); found = true }
        }
      }
    }
  }

  #fresh(): number {
    this.#next ??= this.facts.largestEntity() + 1
    return this.#next++
  }

  /** The entity that an operation is about. */
  #entity(e: unknown, path: string, make = true): number {
    if (Array.isArray(e)) return this.#lookup(e, path)
    if (e === ':db/current-tx' || e === 'db/current-tx' || e === 'datomic.tx') return this.tx
    if (isTempid(e)) {
      const known = this.#tempids.get(e)
      if (known !== undefined) return known
      if (!make) throw txError('TX_INVALID', 'a tempid stands for nothing yet', path)
      const made = this.#fresh()
      this.#tempids.set(e, made)
      return made
    }
    if (typeof e === 'number' && Number.isSafeInteger(e) && e > 0) {
      // Tempids never mean an entity that is named here.
      if (this.#next !== undefined && e >= this.#next && e < TX0) this.#next = e + 1
      return e
    }
    throw txError('TX_INVALID', `\`${String(e)}\` is no entity: a whole number, a tempid or \`[attribute value]\``, path)
  }

  #lookup(ref: readonly unknown[], path: string): number {
    const attribute = this.catalog.get(String(ref[0]), path)
    if (ref.length !== 2 || attribute.unique === false || !attribute.fact) throw txError('TX_INVALID', `\`[${String(ref[0])} …]\` is no unique attribute and value`, path)
    const holder = this.#holder(attribute, this.#value(attribute, ref[1], path, false))
    if (holder === undefined) throw txError('TX_UNKNOWN_ENTITY', `nothing has \`${String(ref[1])}\` as its \`:${attribute.name}\``, path)
    return holder
  }

  #holder(attribute: Attribute, v: unknown): number | undefined {
    const cells = this.#cells.get(attribute)
    const key = keyOf(v)
    for (const [e, cell] of cells ?? []) if (cell.now.has(key)) return e
    return this.facts.entities(attribute, v).find(e => !(cells?.has(e as number) ?? false)) as number | undefined
  }

  #value(attribute: Attribute, v: unknown, path: string, make = true): unknown {
    if (attribute.ref === true) return this.#entity(v, path, make)
    return normalized(attribute, v, path)
  }

  #cell(attribute: Attribute, e: number): Cell {
    let cells = this.#cells.get(attribute)
    if (cells === undefined) this.#cells.set(attribute, cells = new Map())
    let cell = cells.get(e)
    if (cell === undefined) {
      const rows = this.facts.rows(attribute, e)
      const before = rows.length === 0 ? NOTHING : new Map(rows.map(r => [keyOf(r.v), r]))
      const now = new Map<unknown, { v: unknown; tx: number }>()
      for (const [k, r] of before) now.set(k, { v: r.v, tx: r.tx as number })
      cells.set(e, cell = { before, now })
    }
    return cell
  }

  #run(op: Op): void {
    switch (op.kind) {
      case 'add': return op.attribute.fact ? this.#add(op.attribute, this.#entity(op.e, op.path), this.#value(op.attribute, op.v, op.path), op.path) : this.#setColumn(op.attribute, op.e, op.v, op.path)
      case 'retract': return this.#retract(op)
      case 'cas': return this.#cas(op)
      case 'retractEntity': return op.table === undefined ? this.#retractEntity(this.#entity(op.e, op.path), new Set()) : this.#dropRow(op.table, op.e)
    }
  }

  #add(attribute: Attribute, e: number, v: unknown, path: string): void {
    const cell = this.#cell(attribute, e)
    const key = keyOf(v)
    if (cell.now.has(key)) return
    if (attribute.unique !== false) {
      const holder = this.#holder(attribute, v)
      if (holder !== undefined && holder !== e) throw txError('TX_CONFLICT', `\`${String(v)}\` of \`:${attribute.name}\` is that of entity ${holder} already`, path)
    }
    if (!attribute.many) for (const { v: old } of [...cell.now.values()]) this.#remove(attribute, e, old)
    // What was there before this transaction and comes back is what it was.
    const before = cell.before.get(key)
    cell.now.set(key, { v, tx: before === undefined ? this.tx : before.tx as number })
    this.#note({ e, a: this.display(attribute), v, tx: this.tx, added: true })
  }

  #remove(attribute: Attribute, e: number, v: unknown): void {
    const { now } = this.#cell(attribute, e)
    const known = now.get(keyOf(v))
    if (known === undefined) return
    now.delete(keyOf(v))
    this.#note({ e, a: this.display(attribute), v, tx: this.tx, added: false, since: known.tx })
  }

  #retract(op: Op & { kind: 'retract' }): void {
    const { attribute } = op
    if (!attribute.fact) {
      const row = this.#row(attribute, op.e)
      if (row.now === null || row.now === undefined) return
      if (op.v !== undefined && keyOf(normalized(attribute, op.v, op.path)) !== keyOf(row.now[attribute.value.name])) return
      if (!attribute.nullable) throw txError('TX_INVALID', `\`:${attribute.name}\` cannot be without a value; \`:db/retractEntity\` deletes the row`, op.path)
      this.#assign(attribute, row, null)
      return
    }
    const e = this.#entity(op.e, op.path, false)
    if (op.v !== undefined) this.#remove(attribute, e, this.#value(attribute, op.v, op.path, false))
    else for (const { v } of [...this.#cell(attribute, e).now.values()]) this.#remove(attribute, e, v)
  }

  #cas(op: Op & { kind: 'cas' }): void {
    const { attribute } = op
    const e = attribute.fact ? this.#entity(op.e, op.path, false) : op.e
    const now = attribute.fact ? [...this.#cell(attribute, e as number).now.values()].map(x => x.v) : [this.#row(attribute, e).now?.[attribute.value.name]].filter(v => v !== null && v !== undefined)
    const wanted = op.old === null || op.old === undefined ? undefined : this.#value(attribute, op.old, op.path, false)
    const fits = wanted === undefined ? now.length === 0 : now.some(v => keyOf(v) === keyOf(wanted))
    if (!fits) throw txError('TX_CAS', `\`:${attribute.name}\` of ${String(e)} is ${now.length === 0 ? 'nothing' : String(now[0])}, not ${String(op.old)}`, op.path)
    this.#run({ kind: 'add', attribute, e: op.e, v: op.v, path: op.path })
  }

  /** Everything about an entity, everything that refers to it, and its components. */
  #retractEntity(e: number, done: Set<number>): void {
    if (done.has(e)) return
    done.add(e)
    for (const attribute of this.catalog.facts()) {
      for (const { v } of [...this.#cell(attribute, e).now.values()]) {
        this.#remove(attribute, e, v)
        if (attribute.component) this.#retractEntity(v as number, done)
      }
      if (attribute.ref !== true) continue
      for (const owner of this.facts.entities(attribute, e)) this.#remove(attribute, owner as number, e)
      for (const [owner, cell] of [...this.#cells.get(attribute) ?? []]) if (cell.now.has(e)) this.#remove(attribute, owner, e)
    }
  }

  // ---- rows of tables ------------------------------------------------------------------------------------------------

  #row(attribute: Pick<Attribute, 'table' | 'entity'>, e: unknown): { key: readonly unknown[]; before: Row | undefined; now: Row | null | undefined } {
    const key = Array.isArray(e) ? e : [e]
    let rows = this.#rows.get(attribute.table)
    if (rows === undefined) this.#rows.set(attribute.table, rows = new Map())
    const id = JSON.stringify(key.map(k => String(keyOf(k))))
    let row = rows.get(id)
    if (row === undefined) {
      const before = this.facts.mirror(attribute.table).get(key)
      rows.set(id, row = { key, before, now: before as Row })
    }
    return row
  }

  #setColumn(attribute: Attribute, e: unknown, v: unknown, path: string): void {
    const value = normalized(attribute, v, path)
    const row = this.#row(attribute, e)
    if (row.now === null || row.now === undefined) {
      if (attribute.entity.length !== row.key.length) throw txError('TX_INVALID', `rows of \`${attribute.table}\` have a key of ${attribute.entity.length} columns`, path)
      row.now = Object.fromEntries(attribute.entity.map((c, i) => [c.name, row.key[i]]))
    }
    const isKey = attribute.entity.some(c => c.name === attribute.value.name)
    if (isKey && keyOf(row.now[attribute.value.name]) !== keyOf(value)) throw txError('TX_INVALID', `\`:${attribute.name}\` is the key of the row and cannot change`, path)
    if (!isKey) this.#assign(attribute, row, value)
  }

  #assign(attribute: Attribute, row: { key: readonly unknown[]; now: Row | null | undefined }, value: unknown): void {
    const old = row.now![attribute.value.name]
    if (keyOf(old) === keyOf(value)) return
    row.now = { ...row.now!, [attribute.value.name]: value }
    const e = row.key.length === 1 ? row.key[0] : row.key
    const a = this.display(attribute)
    if (old !== null && old !== undefined) this.#note({ e, a, v: old, tx: this.tx, added: false })
    if (value !== null) this.#note({ e, a, v: value, tx: this.tx, added: true })
  }

  #dropRow(table: string, e: unknown): void {
    const [attribute] = this.catalog.ofTable(table)
    const row = this.#row(attribute, e)
    for (const a of this.catalog.ofTable(table)) {
      const v = row.now?.[a.value.name]
      if (v !== null && v !== undefined) this.#note({ e, a: this.display(a), v, tx: this.tx, added: false })
    }
    row.now = null
  }

  // ---- the result ----------------------------------------------------------------------------------------------------

  #result(): Prepared {
    const deletes: LooseChange[] = []
    const writes: LooseChange[] = []
    const enters: (() => () => void)[] = []
    const told: { table: string; removed: Row[]; added: Row[] }[] = []
    const move = (table: string, key: readonly unknown[], before: Row | undefined, now: Row | undefined): void => {
      const mirror = this.facts.mirror(table)
      enters.push(() => now === undefined ? mirror.drop(key) : mirror.put(now))
      if (mirror.isHeard) told.push({ table, removed: before === undefined ? [] : [before], added: now === undefined ? [] : [now] })
    }
    for (const [attribute, cells] of this.#cells) {
      const { table } = attribute
      for (const [e, { before, now }] of cells) {
        for (const [key, row] of before) {
          if (now.has(key)) continue
          if (!attribute.many && now.size > 0) continue
          const id = attribute.many ? [e, row.v] : [e]
          deletes.push({ op: 'delete', table, id: attribute.many ? id : e } as LooseChange)
          move(table, id, row, undefined)
        }
        for (const [key, { v, tx }] of now) {
          if (before.has(key)) continue
          const row = { e, v, tx }
          writes.push({ op: 'upsert', table, row } as LooseChange)
          move(table, attribute.many ? [e, v] : [e], attribute.many ? undefined : [...before.values()][0], row)
        }
      }
    }
    for (const [table, rows] of this.#rows) {
      for (const { key, before, now } of rows.values()) {
        if (now === before) continue
        const id = key.length === 1 ? key[0] : key
        if (now === null || now === undefined) { if (before !== undefined) { deletes.push({ op: 'delete', table, id } as LooseChange); move(table, key, before, undefined) } continue }
        const row = before === undefined ? { ...Object.fromEntries(this.catalog.ofTable(table).filter(a => a.nullable).map(a => [a.value.name, null])), ...now } : now
        writes.push({ op: 'upsert', table, row } as LooseChange)
        move(table, key, before, row)
      }
    }
    return {
      tx: this.tx, changes: [...deletes, ...writes], datoms: this.#net(), tempids: this.#named(),
      enter: () => {
        const backs = enters.map(enter => enter())
        for (const { table, removed, added } of told) this.facts.mirror(table).tell(removed, added)
        return () => { for (const back of backs.reverse()) back() }
      },
    }
  }

  #note(datom: Datom): void { if (!this.#silent) this.#log.push(datom) }

  /** The log without what was undone in the same transaction. */
  #net(): Datom[] {
    const last = new Map<string, { datom: Datom; balance: number }>()
    for (const datom of this.#log) {
      const id = `${typeof datom.e} ${String(datom.e)} ${datom.a} ${typeof datom.v} ${String(keyOf(datom.v))}`
      const known = last.get(id)
      const step = datom.added ? 1 : -1
      if (known === undefined) last.set(id, { datom, balance: step })
      else { known.balance += step; known.datom = datom }
    }
    return [...last.values()].filter(x => x.balance !== 0).map(x => x.datom)
  }

  #named(): Record<string, number> {
    const out: Record<string, number> = {}
    for (const [id, e] of this.#tempids) if (typeof id === 'number' || typeof id === 'string') out[String(id)] = e
    return out
  }
}

/** Negative numbers and texts; and what stands for an entity of a map that says no id. */
export function isTempid(e: unknown): boolean {
  return (typeof e === 'number' && e < 0) || (typeof e === 'string' && e !== ':db/current-tx' && e !== 'db/current-tx' && e !== 'datomic.tx') || typeof e === 'symbol'
}
