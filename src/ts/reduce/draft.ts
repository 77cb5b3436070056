import type { LooseChange } from '../changes.js'
import type { Database } from '../database.js'
import { EddylineError } from '../errors.js'
import { isObject, shown, wrong } from '../option-kinds.js'
import { rowByKey } from '../row-by-key.js'
import { valueText } from '../keys.js'
import { keyText, keyValues, rowKeyText, tableOf, type TableJson, columnType } from '../watch/row-keys.js'

type RowObject = Record<string, unknown>
/** A key, an object of key columns, or `{ where: { column: value } }` for every row that has these values. */
export type Selector = unknown
interface Held { table: TableJson; tenant: string | undefined; row: RowObject | null; id: unknown[]; was: boolean; event: number }

/** What a handler does with its events: recorded, and done when the handler has returned. */
export interface Operations {
  /** A new row; one that is there already fails the batch. */
  insert(table: string, row: object, at?: At): void
  /** A new row; nothing when there is one with the key. */
  insertNew(table: string, row: object, at?: At): void
  /** Some columns, or what a function of the row gives. A missing row and an empty set do nothing. */
  update(table: string, id: Selector, set: object | ((row: any) => object), at?: At): void
  /** Inserts, or treats the row that is there: `'replaceAll'` (default), `'nothing'`, `{ replace: [columns] }`, `{ replaceAllExcept: [columns] }`, or a function. */
  upsert(table: string, row: object, onConflict?: OnConflict, at?: At): void
  /** Sets what is given, inserting the row when it is missing. */
  merge(table: string, row: object, at?: At): void
  /** The whole row: columns that are absent become null. */
  replace(table: string, row: object, at?: At): void
  /** Deletes; a missing row is nothing. */
  delete(table: string, id: Selector, at?: At): void
  /** Adds to integer columns (null counts as 0). */
  inc(table: string, id: Selector, by: { [column: string]: number | bigint }, at?: At): void
  /** Adds a value to a JSON array unless it is in there. */
  arrayPushUniq(table: string, id: Selector, values: { [column: string]: unknown }, at?: At): void
  /** Takes a value out of a JSON array. */
  arrayDelete(table: string, id: Selector, values: { [column: string]: unknown }, at?: At): void
  /** Anything, over what is there by then: `t.get(table, id)` and all operations, done at once. If it throws, the batch fails. */
  transaction(fn: (t: Operations & Reader) => void): void
  /** The engine's own changes: insert, upsert, update, delete. */
  apply(changes: readonly LooseChange[]): void
}
export interface Reader { get(table: string, id: unknown, at?: At): any; all(table: string, where?: object, at?: At): any[] }
export interface At { tenant?: string }
export type OnConflict = 'replaceAll' | 'nothing' | { replace: readonly string[] } | { replaceAllExcept: readonly string[] } | ((old: any, row: any) => object)

/** Something that rows can be read from: the database, or a draft over it. */
export interface Base {
  readonly db: Database<any>
  /** Tables that may be written. */
  readonly tables: readonly string[]
  /** Where the tables of others are: beside a database that is made anew they are in the present one. */
  readonly others: Database<any>
  /** `name`: that of the row within its table and tenant, if it is known. */
  read(table: TableJson, id: unknown[], tenant: string | undefined, name?: string): RowObject | null
  held(): Iterable<[string, Held]>
}

/** The rows of a database as they are. */
export const baseOf = (db: Database<any>, tables: readonly string[], others: Database<any>): Base => ({
  db, tables, others, held: () => [],
  read: (table, id, tenant) => rowByKey((tables.includes(table.name) ? db : others).inside, table.name, id, tenant) ?? null,
})

/**
 * Rows as they will be: operations over a base, kept as the last state of each row they touch.
 *
 * A draft over a draft is a step that can be dropped; `absorb` takes it in. Cost: one look-up per row touched.
 */
export class Draft implements Base {
  readonly db: Database<any>
  readonly tables: readonly string[]
  readonly others: Database<any>
  readonly #rows = new Map<string, Held>()
  /** Which event writes. */
  #event = 0

  constructor(readonly base: Base) {
    this.db = base.db
    this.tables = base.tables
    this.others = base.others
  }

  /** No row was touched. */
  get isEmpty(): boolean { return this.#rows.size === 0 }
  held(): Iterable<[string, Held]> { return this.#rows }

  read(table: TableJson, id: unknown[], tenant: string | undefined, name = nameOf(table, id, tenant)): RowObject | null {
    const held = this.#rows.get(name)
    return held !== undefined ? held.row : this.base.read(table, id, tenant, name)
  }

  /** What follows is written by another event. */
  next(): void { this.#event++ }

  /** Takes in what a draft over this one has. Throws where the engine refuses a row that this takes the place of. */
  absorb(step: Draft): void {
    for (const [name, held] of step.#rows) {
      const known = this.#rows.get(name)
      if (known !== undefined) this.#check(known)
      this.#rows.set(name, known === undefined ? held : { ...held, was: known.was })
    }
  }

  /** What leads from the base to here. */
  changes(): LooseChange[] {
    const out: LooseChange[] = []
    for (const held of this.#rows.values()) if (held.row !== null || held.was) out.push(changeOf(held))
    return out
  }

  /** Throws where the engine refuses a row that an event has left: what a later one makes of it depends on no cut between them. */
  #check(held: Held): void { if (held.row !== null) this.db.inside.encoder.encode([changeOf(held)], undefined) }

  #set(table: TableJson, id: unknown[], tenant: string | undefined, row: RowObject | null, name: string): void {
    const known = this.#rows.get(name)
    if (known !== undefined && known.event !== this.#event) this.#check(known)
    const was = known !== undefined ? known.was : this.base.read(table, id, tenant, name) !== null
    this.#rows.set(name, { table, tenant, row, id, was, event: this.#event })
  }

  #now: (Operations & Reader) | undefined
  /** Operations that are done at once. */
  get now(): Operations & Reader { return this.#now ??= this.#operations() }

  #operations(): Operations & Reader {
    const locate = (name: string, at: At | undefined): { table: TableJson; tenant: string | undefined } => {
      const table = tableOf(this.db.schema, name)
      if (table.tenant && typeof at?.tenant !== 'string') throw new EddylineError('TENANT_REQUIRED', `\`${name}\` is tenanted: give \`{ tenant }\``, { offending: name })
      return { table, tenant: table.tenant ? at!.tenant : undefined }
    }
    /** A rebuild makes the tables of the reducer anew, and would leave others as they were. */
    const own = (name: string, at: At | undefined): { table: TableJson; tenant: string | undefined } => {
      const found = locate(name, at)
      if (!this.tables.includes(name)) throw new EddylineError('REDUCER_INVALID', `a reducer writes only what its \`tables\` name, and \`${name}\` is not among them`, { offending: name, path: 'tables' })
      return found
    }
    const each = (name: string, selector: Selector, at: At | undefined, change: (row: RowObject, table: TableJson) => RowObject | null): void => {
      const { table, tenant } = own(name, at)
      const where = typeof selector === 'object' && selector !== null && !Array.isArray(selector) && 'where' in selector && !table.key.includes('where')
      const one = where ? undefined : keyValues(table, selector)
      if (where && Object.keys(columns('where', (selector as { where: unknown }).where, name)).length === 0) throw wrong('REDUCER_INVALID', `\`where\` for rows of \`${name}\` names no column: it would mean everything`, 'where', name)
      const at1 = one === undefined ? undefined : nameOf(table, one, tenant)
      const rows = one === undefined ? this.#matching(table, (selector as { where: object }).where, tenant) : [this.read(table, one, tenant, at1)]
      for (const row of rows) {
        if (row === null) continue
        const next = change(row, table)
        if (next === row) continue
        const id = table.key.map(k => row[k])
        if (next !== null && table.key.some(k => next[k] !== row[k]) && rowKeyText(table, next) !== keyText(table, id)) throw new EddylineError('KEY_CHANGE', `an update cannot change the key of \`${name}\``, { offending: name })
        this.#set(table, id, tenant, next, at1 ?? nameOf(table, id, tenant))
      }
    }
    const put = (name: string, row: object, at: At | undefined, there: (old: RowObject, row: RowObject) => RowObject): void => {
      const { table, tenant } = own(name, at)
      const given = columns('row', row, name)
      const id = keyValues(table, Object.fromEntries(table.key.map(k => [k, given[k]])))
      const key = nameOf(table, id, tenant)
      const old = this.read(table, id, tenant, key)
      const next = old === null ? given : there(old, given)
      if (next !== old) this.#set(table, id, tenant, next, key)
    }
    const list = (row: RowObject, column: string, name: string): unknown[] => {
      const value = row[column]
      if (value === null || value === undefined) return []
      if (!Array.isArray(value)) throw new EddylineError('TYPE_MISMATCH', `\`${name}.${column}\` is no array`, { offending: column })
      return value
    }
    const defined = (given: object, path: string, of: string): RowObject => {
      const set = columns(path, given, of)
      for (const name of Object.keys(set)) if (set[name] === undefined) return Object.fromEntries(Object.entries(set).filter(([, v]) => v !== undefined))
      return set
    }
    const ops: Operations & Reader = {
      get: (name, id, at) => { const { table, tenant } = locate(name, at); return this.read(table, keyValues(table, id), tenant) },
      all: (name, where, at) => { const { table, tenant } = locate(name, at); return this.#matching(table, columns('where', where ?? {}, name), tenant) },
      insert: (name, row, at) => {
        put(name, row, at, () => { throw new EddylineError('DUPLICATE_KEY', `\`${name}\` holds a row with the key of ${JSON.stringify(row, (_, v) => typeof v === 'bigint' ? String(v) : v)} already`, { offending: name }) })
      },
      insertNew: (name, row, at) => { put(name, row, at, old => old) },
      upsert: (name, row, onConflict = 'replaceAll', at) => {
        put(name, row, at, (old, given) => {
          if (onConflict === 'nothing') return old
          if (onConflict === 'replaceAll') return given
          if (typeof onConflict === 'function') return { ...old, ...defined(onConflict(old, given), 'onConflict', name) }
          const { replace, replaceAllExcept } = (onConflict ?? {}) as { replace?: readonly string[]; replaceAllExcept?: readonly string[] }
          if (!Array.isArray(replace ?? replaceAllExcept)) throw new EddylineError('REDUCER_INVALID', `\`upsert\` treats what is there by 'replaceAll', 'nothing', { replace: [columns] }, { replaceAllExcept: [columns] } or a function, not by ${shown(onConflict)}`, { offending: shown(onConflict), path: 'onConflict' })
          const names = replace !== undefined ? replace : tableOf(this.db.schema, name).columns.map(c => c.name).filter(c => !replaceAllExcept!.includes(c))
          return { ...old, ...Object.fromEntries(names.map(c => [c, given[c] ?? null])) }
        })
      },
      merge: (name, row, at) => { put(name, row, at, (old, given) => ({ ...old, ...defined(given, 'row', name) })) },
      replace: (name, row, at) => { put(name, row, at, (_, given) => given) },
      update: (name, id, set, at) => {
        each(name, id, at, row => {
          const given = defined(typeof set === 'function' ? (set as (row: any) => object)(row) : set, 'set', name)
          return Object.keys(given).length === 0 ? row : { ...row, ...given }
        })
      },
      delete: (name, id, at) => { each(name, id, at, () => null) },
      inc: (name, id, by, at) => {
        each(name, id, at, row => {
          const next = { ...row }
          for (const [column, n] of Object.entries(columns('by', by, name) as typeof by)) {
            const old = row[column] ?? (typeof n === 'bigint' ? 0n : 0)
            next[column] = typeof old === 'bigint' ? old + BigInt(n) : (old as number) + Number(n)
          }
          return next
        })
      },
      arrayPushUniq: (name, id, values, at) => {
        each(name, id, at, row => {
          const next = { ...row }
          for (const [column, value] of Object.entries(columns('values', values, name))) {
            const old = list(row, column, name)
            if (!old.some(v => isSame(v, value))) next[column] = [...old, value]
          }
          return next
        })
      },
      arrayDelete: (name, id, values, at) => {
        each(name, id, at, row => {
          const next = { ...row }
          for (const [column, value] of Object.entries(columns('values', values, name))) if (row[column] != null) next[column] = list(row, column, name).filter(v => !isSame(v, value))
          return next
        })
      },
      transaction: fn => {
        if (typeof fn !== 'function') throw wrong('REDUCER_INVALID', `\`transaction\` takes a function, not ${shown(fn)}`, 'transaction', shown(fn))
        let open = true
        const t = Object.fromEntries(Object.entries(ops).map(([name, op]) => [name, (...args: unknown[]) => {
          if (!open) throw outside(name, 'function of its `transaction`')
          return (op as (...a: unknown[]) => unknown)(...args)
        }])) as unknown as Operations & Reader
        try {
          const returned: unknown = fn(t)
          if (returned instanceof Promise) {
            returned.catch(() => {})
            throw new EddylineError('REDUCER_INVALID', 'the function of a `transaction` cannot be asynchronous', { offending: 'transaction' })
          }
        } finally { open = false }
      },
      apply: changes => {
        if (!Array.isArray(changes) || changes.some(c => !isObject(c))) throw wrong('REDUCER_INVALID', '`apply` takes an array of changes: { op, table, … }', 'changes', shown(changes))
        for (const c of changes as readonly LooseChange[]) {
          const at = c.tenant === undefined ? undefined : { tenant: c.tenant }
          const rows = (c.rows ?? (c.row === undefined ? [] : [c.row])) as object[]
          if (c.op === 'insert') for (const row of rows) ops.insert(c.table, row, at)
          else if (c.op === 'upsert') for (const row of rows) ops.replace(c.table, row, at)
          else if (c.op === 'update') ops.update(c.table, c.id, c.set ?? {}, at)
          else if (c.op === 'delete') ops.delete(c.table, c.id, at)
          else throw new EddylineError('CHANGE_INVALID', `a reducer cannot \`${c.op}\``, { offending: c.op })
        }
      },
    }
    return ops
  }

  /** Rows with these values: of the database, then as the drafts have them. Cost: a look at the whole table. */
  #matching(table: TableJson, where: object, tenant: string | undefined): RowObject[] {
    const wanted = Object.entries(where)
    const has = (row: RowObject): boolean => wanted.every(([c, v]) => { const type = columnType(table, c, 'where'); return valueText(type, row[c]) === valueText(type, v) })
    const db = this.tables.includes(table.name) ? this.db : this.others
    let query = (db.query as any)[table.name]
    for (const [column, value] of wanted) query = query.where(column, value === null ? 'is' : '=', value)
    const live = db.live<any>(query, tenant === undefined ? undefined : { tenant })
    const found = new Map<string, RowObject>()
    try { for (const row of live.rows) found.set(nameOf(table, table.key.map(k => row[k]), tenant), row) } finally { live.dispose() }
    const drafts: Base[] = []
    for (let b: Base = this; b instanceof Draft; b = b.base) drafts.unshift(b)
    for (const draft of drafts) {
      for (const [name, held] of draft.held()) {
        if (held.table.name !== table.name || held.tenant !== tenant) continue
        if (held.row !== null && has(held.row)) found.set(name, held.row)
        else found.delete(name)
      }
    }
    return [...found.values()]
  }
}

function changeOf({ table, tenant, row, id }: Held): LooseChange {
  const change: LooseChange = row !== null ? { op: 'upsert', table: table.name, row } : { op: 'delete', table: table.name, id: id.length === 1 ? id[0] : id }
  if (tenant !== undefined) change.tenant = tenant
  return change
}

/** Values by column, of an operation on a table. */
function columns(path: string, given: unknown, table: string): RowObject {
  if (isObject(given)) return given
  throw wrong('REDUCER_INVALID', `\`${path}\` for \`${table}\` is an object of values by column, not ${shown(given)}`, path, shown(given))
}

const nameOf = (table: TableJson, id: unknown[], tenant: string | undefined): string => `${table.name} ${tenant ?? ''} ${keyText(table, id)}`

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === 'object' && typeof b === 'object' && a !== null && b !== null && valueText('json', a) === valueText('json', b))
}

/** An operation that a handler has asked for. */
export type Recorded = (ops: Operations & Reader) => void

const NAMES = ['insert', 'insertNew', 'update', 'upsert', 'merge', 'replace', 'delete', 'inc', 'arrayPushUniq', 'arrayDelete', 'transaction', 'apply'] as const

const outside = (name: string, of: string): EddylineError => new EddylineError('REDUCER_INVALID', `\`${name}\` is for the ${of}, which has returned${of === 'handler' ? '; within a `transaction` use what its function is given: transaction(t => t.…)' : ''}`, { offending: name })

/** Records what handlers ask for, one handler after the other. What is asked for when it has returned throws REDUCER_INVALID. */
export class Recorder {
  #into: Recorded[] | undefined
  readonly #operations = Object.fromEntries(NAMES.map(name => [name, (...args: unknown[]) => {
    if (this.#into === undefined) throw outside(name, 'handler')
    this.#into.push(ops => { (ops[name] as (...a: unknown[]) => void)(...args) })
  }])) as unknown as Operations

  /** What `handle` asks for, and what it returns. */
  record(handle: (ops: Operations) => unknown): { operations: Recorded[]; returned: unknown } {
    const operations: Recorded[] = this.#into = []
    try { return { operations, returned: handle(this.#operations) } } finally { this.#into = undefined }
  }
}
