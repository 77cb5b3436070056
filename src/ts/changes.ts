/** A position in a source: compared as integers, as LSNs (`X/Y`), else bytewise. */
export type Cursor = string | number | bigint

/** The value of a single-column key, an array in key order, or an object by column. */
export type KeyInput = unknown

/** One change, untyped: `Change<S>` of schema.ts is the typed form. */
export interface LooseChange {
  op: 'insert' | 'upsert' | 'update' | 'delete' | 'touch' | 'reset'
  table: string
  row?: object
  rows?: readonly object[]
  id?: KeyInput
  set?: object
  tenant?: string
}

/** A batch without types. */
export interface LooseBatch {
  changes: readonly LooseChange[]
  source?: string
  cursor?: Cursor
  origin?: string
  tenant?: string
  stale?: 'error' | 'ignore'
}

/** What a batch did. `micros` is the time inside the engine. */
export interface Report {
  version: number
  /** Rows that changed. */
  applied: number
  /** Updates and deletes of rows that are not held. */
  ignored: number
  /** The batch was there already: nothing happened. */
  replayed: boolean
  source?: string
  cursor?: string
  origin?: string
  micros: number
}
