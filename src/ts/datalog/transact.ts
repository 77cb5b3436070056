// Transaction data to changes of rows: entities are found or made, facts checked, and only what really changes is written.
import type { LooseChange } from '../changes.js'
import { EddylineError } from '../errors.js'
import type { Attribute, Catalog } from './catalog.js'
import { type Mirror, type Row, keyOf } from './mirror.js'
import { type Facts, TX0 } from './store.js'
import { Cell } from './tx-cell.js'
import { MapRef, type Op, type TxData, expand, isTempid, said, txError } from './tx-data.js'
import { PendingRows, type Place } from './tx-rows.js'
import { leader, upserts } from './tx-upserts.js'
import { normalized } from './tx-values.js'

/** A fact that was added or retracted. */
export interface Datom { readonly e: unknown; readonly a: string; readonly v: unknown; readonly tx: number; readonly added: boolean; /** Of a retracted one: the transaction that had added it. */ readonly since?: number }

/** A fact of a source, and the how many-th it was. */
export interface SourceFact { readonly e: unknown; readonly a: string; readonly v: unknown; readonly tx: number; readonly added: boolean; readonly at: number }

/** What a transaction will do, before it is done. */
export interface Prepared {
  readonly tx: number
  readonly changes: readonly LooseChange[]
  readonly datoms: readonly Datom[]
  readonly tempids: Readonly<Record<string, number>>
  /** The largest entity that it names or makes. */
  readonly entities: number
  /** What the data says wrong, by where the changes are wrong: `[2].row.title`. */
  readonly placeOf: (change: number, rest: string) => string | undefined
  /** Tells the mirrors; returns what takes it back. */
  readonly enter: () => () => void
}

/** Stands for the place of a fact of a source, which is said when something is wrong with it. */
const HERE = '\u0000'
function placed(error: unknown, path: string): unknown {
  if (!(error instanceof EddylineError) || error.path !== HERE) return error
  return new EddylineError(error.code, error.message.replace(HERE, path), { path, ...(error.offending === undefined ? {} : { offending: error.offending }), ...(error.nearest === undefined ? {} : { nearest: error.nearest }), cause: error })
}

export class Transaction {
  readonly #cells = new Map<Attribute, Map<number, Cell>>()
  readonly #rows: PendingRows
  readonly #log: Datom[] = []
  /** What a source says needs no report. */
  #silent = false
  readonly #tempids = new Map<unknown, number>()
  /** Tempids that are one with another. */
  readonly #aliases = new Map<unknown, unknown>()
  /** Who holds which value of a unique attribute, as far as this transaction has written it. */
  readonly #holders = new Map<Attribute, Map<unknown, number>>()
  /** Entities that are named somewhere in the data: no tempid means one of them by chance. */
  readonly #named = new Set<number>()
  /** What maps say that they are about. */
  readonly #refs = new Map<unknown, number>()
  #next: number | undefined
  /** The largest entity so far. */
  #most = 0

  constructor(readonly facts: Facts, readonly catalog: Catalog, private tx: number, readonly display: (a: Attribute) => string) {
    this.#rows = new PendingRows(facts, catalog, display, (e, a, v, added) => { this.#note({ e, a, v, tx: this.tx, added }) })
  }

  prepare(data: TxData, call: (fn: Function, args: readonly unknown[]) => TxData): Prepared {
    this.facts.current()
    const ops = expand(data, this.catalog, call)
    for (const op of ops) this.#mention(op)
    upserts(ops, {
      tempids: this.#tempids, aliases: this.#aliases,
      value: (attribute, v, path) => this.#value(attribute, v, path, false),
      holder: (attribute, v) => this.#holder(attribute, v),
      values: (attribute, e) => this.facts.values(attribute, e),
      components: this.catalog.facts().filter(a => a.component),
      named: (e, path) => Array.isArray(e) ? this.#find(e, path) : typeof e === 'number' && e > 0 ? e : undefined,
    })
    for (const op of ops) this.#run(op)
    return this.#result()
  }

  /** Facts of a source with their own transactions, one after another. */
  replay(datoms: readonly SourceFact[]): Prepared {
    this.facts.current()
    this.#silent = true
    const attributes = new Map<string, Attribute>()
    for (const { e, a, v, tx, added, at } of datoms) {
      this.tx = tx
      this.#rows.at = at
      try {
        let attribute = attributes.get(a)
        if (attribute === undefined) attributes.set(a, attribute = this.catalog.get(a.replace(/^:(?=.)/, ''), HERE))
        if (added && attribute.fact) this.#add(attribute, this.#entity(e, HERE), this.#value(attribute, v, HERE), HERE)
        else this.#run({ kind: added ? 'add' : 'retract', attribute, e, v, path: HERE })
      } catch (error) { throw placed(error, `datoms[${at}]`) }
    }
    return this.#result()
  }

  /** Notes the entities that an operation names by their numbers. */
  #mention(op: Op): void {
    // To retract is not to say that it is there.
    if (op.kind !== 'add' && op.kind !== 'cas') return
    if (typeof op.e === 'number' && op.e > 0) this.#named.add(op.e)
    if (op.kind === 'add' && op.attribute.ref === true && typeof op.v === 'number' && op.v > 0) this.#named.add(op.v)
  }

  /** A number that no entity has, had, or is given in this transaction. */
  #fresh(): number {
    this.#next ??= this.facts.largestEntity() + 1
    if (this.#next <= this.#most) this.#next = this.#most + 1
    while (this.#named.has(this.#next)) this.#next++
    return this.#most = this.#next++
  }

  /** The entity that an operation is about. */
  #entity(e: unknown, path: string, make = true): number {
    if (Array.isArray(e)) {
      const known = this.#refs.get(e) ?? this.#lookup(e, path)
      if (e instanceof MapRef) this.#refs.set(e, known)
      return known
    }
    if (e === ':db/current-tx' || e === 'db/current-tx' || e === 'datomic.tx') return this.tx
    if (isTempid(e)) {
      e = leader(this.#aliases, e)
      const known = this.#tempids.get(e)
      if (known !== undefined) return known
      if (!make) throw txError('TX_INVALID', `\`${said(e)}\` is a tempid, and stands for nothing yet${typeof e === 'string' ? '; the key of a row goes with its table: `[:db/retractEntity key table]`' : ''}`, path)
      const made = this.#fresh()
      this.#tempids.set(e, made)
      return made
    }
    if (typeof e === 'number' && Number.isSafeInteger(e) && e > 0) {
      if (make && e > this.#most && e < TX0) this.#most = e
      return e
    }
    throw txError('TX_INVALID', `\`${said(e)}\` is no entity: a whole number, a tempid or \`[attribute value]\``, path)
  }

  /** The entity that something is retracted of: undefined if it is named by what nobody has. */
  #there(e: unknown, path: string): number | undefined { return Array.isArray(e) ? this.#find(e, path) : this.#entity(e, path, false) }

  #lookup(ref: readonly unknown[], path: string): number {
    const holder = this.#find(ref, path)
    if (holder === undefined) throw txError('TX_UNKNOWN_ENTITY', `nothing has \`${said(ref[1])}\` as its \`:${this.catalog.getDeclared(said(ref[0]), path).name}\``, path)
    return holder
  }

  #find(ref: readonly unknown[], path: string): number | undefined {
    const attribute = this.catalog.getDeclared(said(ref[0]), path)
    if (ref.length !== 2 || attribute.unique === false || !attribute.fact) throw txError('TX_INVALID', `\`[${said(ref[0])} …]\` is no unique attribute and value`, path)
    return attribute.table === '' ? undefined : this.#holder(attribute, this.#value(attribute, ref[1], path, false))
  }

  #holder(attribute: Attribute, v: unknown): number | undefined {
    const cells = this.#cells.get(attribute)
    const key = keyOf(v)
    return this.#holders.get(attribute)?.get(key) ?? this.facts.entities(attribute, v).find(e => { const cell = cells?.get(e as number); return cell === undefined || cell.get(v) !== undefined }) as number | undefined
  }

  #value(attribute: Attribute, v: unknown, path: string, make = true): unknown {
    if (attribute.ref === true) return this.#entity(v, path, make)
    return normalized(attribute, v, path)
  }

  #cell(attribute: Attribute, e: number): Cell {
    let cells = this.#cells.get(attribute)
    if (cells === undefined) this.#cells.set(attribute, cells = new Map())
    let cell = cells.get(e)
    if (cell === undefined) cells.set(e, cell = new Cell(this.facts, attribute, e))
    return cell
  }

  #run(op: Op): void {
    switch (op.kind) {
      case 'add': return op.attribute.fact ? this.#add(op.attribute, this.#entity(op.e, op.path), this.#value(op.attribute, op.v, op.path), op.path) : this.#rows.set(op.attribute, op.e, op.v, op.path)
      case 'retract': return this.#retract(op)
      case 'cas': return this.#cas(op)
      case 'retractEntity': {
        if (op.table !== undefined) return this.#rows.drop(op.table, op.e, op.path)
        const e = this.#there(op.e, op.path)
        return e === undefined ? undefined : this.#retractEntity(e)
      }
    }
  }

  #add(attribute: Attribute, e: number, v: unknown, path: string): void {
    const cell = this.#cell(attribute, e)
    const key = keyOf(v)
    if (cell.get(v) !== undefined) return
    if (attribute.unique !== false) {
      const holder = this.#holder(attribute, v)
      if (holder !== undefined && holder !== e) throw txError('TX_CONFLICT', `\`${said(v)}\` of \`:${attribute.name}\` is that of entity ${holder} already`, path)
    }
    if (!attribute.many) for (const old of cell.all()) this.#remove(attribute, e, old)
    // What was there before this transaction and comes back is what it was.
    const before = cell.before(v)
    cell.set(v, { v, tx: before === undefined ? this.tx : before.tx as number, path: this.#rows.at ?? path })
    if (attribute.unique !== false) {
      const holders = this.#holders.get(attribute)
      if (holders === undefined) this.#holders.set(attribute, new Map([[key, e]]))
      else holders.set(key, e)
    }
    this.#note({ e, a: this.display(attribute), v, tx: this.tx, added: true })
  }

  #remove(attribute: Attribute, e: number, v: unknown): void {
    const cell = this.#cell(attribute, e)
    const known = cell.get(v)
    if (known === undefined) return
    cell.set(v, undefined)
    if (attribute.unique !== false) this.#holders.get(attribute)?.delete(keyOf(v))
    this.#note({ e, a: this.display(attribute), v, tx: this.tx, added: false, since: known.tx })
  }

  #retract(op: Op & { kind: 'retract' }): void {
    const { attribute } = op
    if (!attribute.fact) {
      const row = this.#rows.row(attribute, op.e, op.path)
      if (row.now === null || row.now === undefined) return
      if (op.v !== undefined && keyOf(normalized(attribute, op.v, op.path)) !== keyOf(row.now[attribute.value.name])) return
      if (!attribute.nullable) throw txError('TX_INVALID', `\`:${attribute.name}\` cannot be without a value; \`:db/retractEntity\` deletes the row`, op.path)
      this.#rows.assign(attribute, row, null)
      return
    }
    const e = this.#there(op.e, op.path)
    if (e === undefined) return
    const gone = op.v !== undefined ? [this.#value(attribute, op.v, op.path, false)] : this.#cell(attribute, e).all()
    for (const v of gone) this.#remove(attribute, e, v)
    if (op.whole === true && attribute.component) for (const v of gone) this.#retractEntity(v as number)
  }

  #cas(op: Op & { kind: 'cas' }): void {
    const { attribute } = op
    const e = attribute.fact ? this.#entity(op.e, op.path, false) : op.e
    const now = attribute.fact ? this.#cell(attribute, e as number).all() : [this.#rows.row(attribute, e, op.path).now?.[attribute.value.name]].filter(v => v !== null && v !== undefined)
    const wanted = op.old === null || op.old === undefined ? undefined : this.#value(attribute, op.old, op.path, false)
    const fits = wanted === undefined ? now.length === 0 : now.some(v => keyOf(v) === keyOf(wanted))
    if (!fits) throw txError('TX_CAS', `\`:${attribute.name}\` of ${said(e)} is ${now.length === 0 ? 'nothing' : said(now[0])}, not ${said(op.old)}`, op.path)
    this.#run({ kind: 'add', attribute, e: op.e, v: op.v, path: op.path })
  }

  /** Everything about an entity, everything that refers to it, and its components. */
  #retractEntity(entity: number): void {
    const attributes = this.catalog.facts()
    const refs = attributes.filter(a => a.ref === true)
    const all = new Set([entity])
    // A set that grows while it is gone through: components of components.
    for (const e of all) {
      for (const attribute of attributes) {
        for (const v of this.#cell(attribute, e).all()) {
          this.#remove(attribute, e, v)
          if (attribute.component) all.add(v as number)
        }
      }
      for (const attribute of refs) for (const owner of this.facts.entities(attribute, e)) this.#remove(attribute, owner as number, e)
    }
    // Those that began to refer to them in this transaction.
    for (const attribute of refs) {
      for (const [owner, cell] of this.#cells.get(attribute) ?? []) {
        for (const { v, now } of [...cell.told()]) if (now !== undefined && all.has(v as number)) this.#remove(attribute, owner, v as number)
      }
    }
  }

  // ---- the result ----------------------------------------------------------------------------------------------------

  #result(): Prepared {
    const deletes: LooseChange[] = []
    const writes: LooseChange[] = []
    const places: ((rest: string) => Place | undefined)[] = []
    const moves: { mirror: Mirror; key: readonly unknown[]; before: Row | undefined; now: Row | undefined }[] = []
    for (const [attribute, cells] of this.#cells) {
      const { table } = attribute
      const mirror = this.facts.mirror(table)
      const rows: Row[] = []
      const paths: (Place | undefined)[] = []
      for (const [e, cell] of cells) {
        const told = [...cell.told()]
        // Of one value another takes the place.
        const old = attribute.many ? undefined : told.find(t => t.before !== undefined)?.before
        const isTaken = !attribute.many && told.some(t => t.now !== undefined)
        for (const { v, before, now } of told) {
          const key = attribute.many ? [e, before?.v ?? v] : [e]
          if (before !== undefined && now === undefined && !isTaken) {
            deletes.push({ op: 'delete', table, id: attribute.many ? key : e } as LooseChange)
            moves.push({ mirror, key, before, now: undefined })
          }
          if (before !== undefined || now === undefined) continue
          const row = { e, v: now.v, tx: now.tx }
          rows.push(row)
          paths.push(now.path)
          moves.push({ mirror, key, before: old, now: row })
        }
      }
      if (rows.length === 0) continue
      writes.push({ op: 'upsert', table, rows } as LooseChange)
      places.push(rest => paths[Number(/^\.rows\[(\d+)\]/.exec(rest)?.[1] ?? 0)])
    }
    for (const [table, { key, before, now, path, columns }] of this.#rows.all()) {
      if (now === before) continue
      const mirror = this.facts.mirror(table)
      const id = key.length === 1 ? key[0] : key
      if (now === null || now === undefined) { if (before !== undefined) { deletes.push({ op: 'delete', table, id } as LooseChange); moves.push({ mirror, key, before, now: undefined }) } continue }
      const row = before === undefined ? { ...Object.fromEntries(this.catalog.ofTable(table).filter(a => a.nullable).map(a => [a.value.name, null])), ...now } : now
      writes.push({ op: 'upsert', table, row } as LooseChange)
      // What is missing is missing in the whole item.
      places.push(rest => columns.get(rest.replace(/^\.row\./, '')) ?? (typeof path === 'string' ? path.replace(/\][^\]]*$/, ']') : path))
      moves.push({ mirror, key, before, now: row })
    }
    return {
      tx: this.tx, changes: deletes.length === 0 ? writes : [...deletes, ...writes], datoms: this.#net(), tempids: this.#tempidsByName(), entities: this.#most,
      placeOf: (change, rest) => { const place = places[change - deletes.length]?.(rest); return typeof place === 'number' ? `datoms[${place}]` : place },
      enter: () => {
        for (const { mirror, key, before, now } of moves) mirror.change(key, before, now)
        for (const { mirror, before, now } of moves) if (mirror.isHeard) mirror.tell(before === undefined ? [] : [before], now === undefined ? [] : [now])
        return () => { for (const { mirror, key, before, now } of moves.reverse()) mirror.change(key, now, before) }
      },
    }
  }

  #note(datom: Datom): void { if (!this.#silent) this.#log.push(datom) }

  /** The log without what was undone in the same transaction. */
  #net(): Datom[] {
    const last = new Map<string, { datom: Datom; balance: number }>()
    for (const datom of this.#log) {
      const id = `${typeof datom.e} ${String(keyOf(datom.e))} ${datom.a} ${typeof datom.v} ${String(keyOf(datom.v))}`
      const known = last.get(id)
      const step = datom.added ? 1 : -1
      if (known === undefined) last.set(id, { datom, balance: step })
      else { known.balance += step; known.datom = datom }
    }
    return [...last.values()].filter(x => x.balance !== 0).map(x => x.datom)
  }

  #tempidsByName(): Record<string, number> {
    const out: Record<string, number> = {}
    for (const [id, e] of this.#tempids) if (typeof id === 'number' || typeof id === 'string') out[String(id)] = e
    for (const id of this.#aliases.keys()) if (typeof id === 'number' || typeof id === 'string') out[String(id)] = this.#tempids.get(leader(this.#aliases, id))!
    return out
  }
}
