// Where sources and the face itself were left: rows beside the inputs of views, committed with the facts. Unlike cursors they can be put back.
import type { LooseChange } from '../changes.js'
import type { Database } from '../database.js'
import { INPUTS } from './attributes.js'

/** Transactions count from here, as DataScript's do; entities stay below. */
export const TX0 = 0x20000000
/** Whose position the transactions of the face are. */
export const SOURCE = 'datalog'

/** The number under which positions stand in the table of inputs: views count from 1. */
const POSITIONS = -1

interface Position { readonly row: number; readonly tx: number }
/** A row of the table of inputs. */
export interface InputRow { readonly view: number; readonly input: number; readonly row: number; readonly v: unknown }

/** Reads the table of inputs once. */
export function inputRows(db: Database<any>): readonly InputRow[] {
  const live = db.live({ toJSON: () => ({ from: INPUTS }) } as never)
  try { return [...live.rows as InputRow[]] } finally { live.dispose() }
}

/**
 * The last transaction of each source. A schema without facts has no table for it: there the engine's cursors do, which cannot go
 * back.
 */
export class Positions {
  #known = new Map<string, Position>()
  /** The largest number that an entity ever had: it is not given again when the entity is gone. */
  entities = 0
  /** The last transaction is none before this one. */
  #least = -1

  constructor(readonly db: Database<any>, readonly kept: boolean) {
    this.read()
    const tx = kept ? undefined : db.cursor(SOURCE)
    if (tx !== undefined) this.#known.set(SOURCE, { row: 0, tx: Number(tx) })
  }

  /** Reads them anew: another tab may have moved them. */
  read(): void {
    if (!this.kept) return
    this.#known.clear()
    for (const { view, row, v } of inputRows(this.db)) {
      if (view !== POSITIONS) continue
      const [name, tx, entities] = v as [string, number, number]
      this.#known.set(name, { row, tx })
      if (entities > this.entities) this.entities = entities
    }
  }

  /** Entities and transactions up to these are taken. */
  reserve(entities: number, tx: number): void {
    if (entities > this.entities) this.entities = entities
    if (tx > this.#least) this.#least = tx
  }

  get(source: string): number | undefined {
    if (this.kept) return this.#known.get(source)?.tx
    const cursor = this.db.cursor(source)
    return cursor === undefined ? undefined : Number(cursor)
  }

  /** The last transaction of all that are known. */
  get last(): number {
    let last = this.#least
    for (const { tx } of this.#known.values()) if (tx > last) last = tx
    return last < 0 ? TX0 : last
  }

  /** What a batch is committed with; `done` notes it, and returns what takes the note back. */
  moving(source: string, tx: number, entities: number): { changes: readonly LooseChange[]; envelope: object; done: () => () => void } {
    const known = this.#known.get(source)
    const row = known?.row ?? this.#known.size
    const note = (): () => void => {
      const before = this.entities
      this.#known.set(source, { row, tx })
      if (entities > before) this.entities = entities
      return () => {
        if (known === undefined) this.#known.delete(source)
        else this.#known.set(source, known)
        this.entities = before
      }
    }
    if (!this.kept) return { changes: [], envelope: { source, cursor: tx }, done: note }
    return { changes: [stored(row, source, tx, Math.max(entities, this.entities))], envelope: { source }, done: note }
  }

  /** Positions in the place of those that are there; `done` as of `moving`. */
  replacing(positions: Readonly<Record<string, string>>, entities: number): { changes: LooseChange[]; done: () => () => void } {
    const all = Object.entries(positions)
    const changes = all.map(([name, tx], row) => stored(row, name, Number(tx), entities))
    for (let row = all.length; row < this.#known.size; row++) changes.push({ op: 'delete', table: INPUTS, id: [POSITIONS, 0, row] } as LooseChange)
    const set = (known: ReadonlyMap<string, Position>, most: number): void => {
      this.#known = new Map(known)
      this.entities = most
    }
    return {
      changes: this.kept ? changes : [],
      done: () => {
        const [known, most] = [this.#known, this.entities]
        set(new Map(all.map(([name, tx], row) => [name, { row, tx: Number(tx) }])), entities)
        return () => { set(known, most) }
      },
    }
  }

  toJSON(): Record<string, string> { return Object.fromEntries([...this.#known].map(([name, { tx }]) => [name, String(tx)])) }
}

const stored = (row: number, name: string, tx: number, entities: number): LooseChange =>
  ({ op: 'upsert', table: INPUTS, row: { view: POSITIONS, input: 0, row, v: [name, tx, entities] } } as LooseChange)
