import type { DateText } from './calendar.js'
import type { Cursor } from './changes.js'
import type { Decimal } from './decimal.js'
import type { IntervalParts, IntervalText } from './interval.js'
import { BOOLEAN, checkOptions, said, wrong } from './option-kinds.js'
import type { CellType } from './port.js'

/** One column: made by `string()`, `int()` and the like. `V` is the value in rows, `I` what is accepted on input. */
export class Column<V, I = V, N extends boolean = false, K extends boolean = false> {
  declare readonly $value: V
  declare readonly $input: I
  declare readonly $nullable: N
  declare readonly $key: K
  /** @internal */
  constructor(readonly type: CellType, readonly isNullable: boolean, readonly isKey: boolean) {}

  /** Allows `null`; a row without the column gets `null`. */
  nullable(): Column<V, I, true, K> { return new Column(this.type, true, this.isKey) }

  /** Makes it a key column. Several: a composite key, in order of declaration. */
  key(): Column<V, I, N, true> { return new Column(this.type, this.isNullable, true) }
}

/** `unknown` and not `any`: calls of `string()` in a record of columns would infer it from here. */
export type AnyColumn = Column<unknown, unknown, boolean, boolean>
export type Columns = Record<string, AnyColumn>

/** Text. `string<'open' | 'closed'>()` narrows the type of its values. */
export function string<V extends string = string>(): Column<V> { return new Column('text', false, false) }
/** A double: any number, NaN and ±Infinity too. −0 becomes 0. */
export function number<V extends number = number>(): Column<V> { return new Column('float', false, false) }
/** A safe integer, ±(2^53−1). `int<1 | 2 | 3>()` narrows the type of its values. */
export function int<V extends number = number>(): Column<V> { return new Column('int', false, false) }
/** A 64-bit integer. Safe integers are accepted too. */
export function bigint(): Column<bigint, bigint | number> { return new Column('bigint', false, false) }
export function boolean(): Column<boolean> { return new Column('bool', false, false) }
/** A moment, microseconds held. Rows have a `Date`; milliseconds and ISO 8601 text (UTC if it names no zone) are accepted. */
export function timestamp(): Column<Date, Date | number | string> { return new Column('timestamp', false, false) }
/** Any JSON value; equal values have equal canonical text. `json<T>()` names its type. */
export function json<V = unknown>(): Column<V> { return new Column('json', false, false) }
/**
 * An exact decimal of up to 1000 digits before and behind the point, PostgreSQL's `numeric`. Rows have its text with the digits
 * that it was written with: `'12.50'`. Texts, numbers (by the digits that JavaScript prints) and bigints are accepted.
 */
export function decimal(): Column<Decimal, string | number | bigint> { return new Column('decimal', false, false) }
/** A day. Rows have its text, `'2024-02-29'`; a `Date` stands for its day in UTC. */
export function date(): Column<DateText, string | Date> { return new Column('date', false, false) }
/** A time of day, microseconds held. Rows have its text, `'09:30:00'`. */
export function time(): Column<string> { return new Column('time', false, false) }
/** A uuid. Rows have its text in lower case with hyphens; other spellings of PostgreSQL are accepted. `uuid<UserId>()` narrows their type. */
export function uuid<V extends string = string>(): Column<V> { return new Column('uuid', false, false) }
/**
 * Months, days and microseconds. Rows have the text that PostgreSQL prints, `'1 mon 2 days 03:00:00'`; texts with units, ISO 8601
 * durations and parts (`{ days: 2, hours: 3 }`) are accepted. Compared by length, where a month is 30 days.
 */
export function interval(): Column<IntervalText, string | IntervalParts> { return new Column('interval', false, false) }
/**
 * A list of texts, numbers, booleans, moments, dates or uuids: `array(string())`; elements may be null, which
 * `array(string().nullable())` has in its type. Integers are numbers, beyond ±(2^53−1) bigints. Compared element by element, as PostgreSQL's arrays of one dimension are.
 */
export function array<V, I, N extends boolean>(element: Column<V, I, N>): Column<((V extends bigint ? number | bigint : V) | (N extends true ? null : never))[], readonly (N extends true ? I | null : I)[]> {
  // Types that there are no arrays of are for the engine to refuse.
  if (typeof element?.type !== 'string') throw wrong('SCHEMA_INVALID', '`array` is of a column: array(string())', 'array', said(element))
  const type = `${element.type === 'bigint' ? 'int' : element.type}[]` as CellType
  return new Column(type, false, false)
}
/** Bytes. */
export function bytes(): Column<Uint8Array> { return new Column('bytes', false, false) }

/** A table: its columns in order. */
export interface Table<C extends Columns = Columns> {
  readonly columns: C
  readonly tenant: boolean
}
export type Tables = Record<string, Table<any>>

/**
 * A table of columns; at least one must be `.key()`.
 *
 * ```ts
 * table({ id: string().key(), title: string(), done: boolean() })
 * table({ id: int().key(), text: string() }, { tenant: true })   // rows of each tenant are apart
 * ```
 * Throws SCHEMA_INVALID for options that there are not.
 */
export function table<C extends Columns>(columns: C, options?: { tenant?: boolean | undefined }): Table<C> {
  checkOptions(options, { tenant: BOOLEAN }, { code: 'SCHEMA_INVALID', path: '', of: 'table' })
  return { columns, tenant: options?.tenant ?? false }
}

type Names = string | readonly string[]
/** `[column, direction]` pairs. */
export type RelationOrder = readonly (readonly [column: string, direction?: 'asc' | 'desc', options?: { nulls?: 'first' | 'last' }])[]
/** The part of the query builder that a relation's `where` uses: not typed by the schema, which is not known yet. */
export interface LooseQuery {
  where(column: string, op: string, value: unknown): LooseQuery
  where(condition: (row: any) => unknown): LooseQuery
}
export interface RelationOptions {
  /** Columns that are pointed at; the key by default. */
  references?: Names | undefined
  where?: ((q: LooseQuery) => LooseQuery) | undefined
  orderBy?: RelationOrder | undefined
}

export interface Relation<K extends RelationKind = RelationKind, T extends string = string> extends RelationOptions {
  readonly kind: K
  readonly table: T
  readonly columns: readonly string[]
  readonly join?: string
  readonly joinTarget?: readonly string[]
  readonly duplicates?: 'once' | 'keep'
}
export interface Through<P extends readonly string[] = readonly string[]> { readonly kind: 'through'; readonly path: P }
export type RelationKind = 'belongsTo' | 'hasOne' | 'hasMany' | 'manyToMany'
export type AnyRelation<T extends string = string> = Relation<RelationKind, T> | Through

/** What is none stays: `defineSchema` says where. */
const listOf = (names: Names | undefined): readonly string[] => typeof names === 'string' ? [names] : names!

/** The row of `table` that `columns` of this table point at; `null` if there is none. */
export function belongsTo<const T extends string>(table: T, columns: Names, options?: Pick<RelationOptions, 'references'>): Relation<'belongsTo', T> {
  return { kind: 'belongsTo', table, columns: listOf(columns), ...options }
}
/** The first row of `table` whose `columns` point here; `null` if there is none. `orderBy` says which is first. */
export function hasOne<const T extends string>(table: T, columns: Names, options?: RelationOptions): Relation<'hasOne', T> {
  return { kind: 'hasOne', table, columns: listOf(columns), ...options }
}
/** The rows of `table` whose `columns` point here. */
export function hasMany<const T extends string>(table: T, columns: Names, options?: RelationOptions): Relation<'hasMany', T> {
  return { kind: 'hasMany', table, columns: listOf(columns), ...options }
}
/** Options of `manyToMany`. */
export interface ManyToManyOptions extends RelationOptions {
  /** Several rows of the join table lead to one row: it shows `'once'` (the default), or `'keep'`: once for each of them. */
  duplicates?: 'once' | 'keep' | undefined
}
/**
 * The rows of `table` that rows of `join` connect: `[columns that point here, columns that point there]`.
 *
 * With `duplicates: 'keep'` the rows of the list are identified by their key and that of the row of `join`: patches carry both.
 */
export function manyToMany<const T extends string>(table: T, join: string, columns: readonly [Names, Names], options?: ManyToManyOptions): Relation<'manyToMany', T> {
  return { kind: 'manyToMany', table, join, columns: listOf(columns?.[0]), joinTarget: listOf(columns?.[1]), ...options }
}
/** What relation after relation leads to: `through('issues', 'labels')`. */
export function through<const P extends readonly [string, string, ...string[]]>(...path: P): Through<P> { return { kind: 'through', path } }

/** What `defineSchema` returns: hand it to `createDatabase`. */
export interface Schema<T extends Tables = any, R = any> {
  readonly tables: T
  readonly relations: R
  /** @internal The schema JSON of the boundary. */
  readonly json: SchemaJson
}
export type AnySchema = Schema<any, any>

export interface SchemaJson {
  tables: {
    name: string; tenant: boolean; key: string[]
    columns: { name: string; type: CellType; nullable: boolean }[]
    relations: Record<string, unknown>[]
  }[]
}

// ---- inference -------------------------------------------------------------------------------------------------------

/** Flattens intersections, so that editors show rows. */
export type Simplify<T> = { [K in keyof T]: T[K] } & {}

export type TableName<S extends AnySchema> = keyof S['tables'] & string
type ColumnsOf<S extends AnySchema, T> = T extends keyof S['tables'] ? S['tables'][T]['columns'] : never
type ValueOf<C> = C extends Column<infer V, any, infer N, any> ? (N extends true ? V | null : V) : never
type InputOf<C> = C extends Column<any, infer I, infer N, any> ? (N extends true ? I | null : I) : never
type OptionalNames<C> = { [K in keyof C]: C[K] extends Column<any, any, true, any> ? K : never }[keyof C]
type KeyNames<C> = { [K in keyof C]: C[K] extends Column<any, any, any, true> ? K : never }[keyof C]

/** The row type of a table: `Row<typeof schema, 'issues'>`. */
export type Row<S extends AnySchema, T> = Simplify<{ [C in keyof ColumnsOf<S, T>]: ValueOf<ColumnsOf<S, T>[C]> }>

/** What `insert` and `upsert` take: nullable columns may be left out. */
export type InputRow<S extends AnySchema, T> = Simplify<
  { [C in Exclude<keyof ColumnsOf<S, T>, OptionalNames<ColumnsOf<S, T>>>]: InputOf<ColumnsOf<S, T>[C]> } &
  { [C in OptionalNames<ColumnsOf<S, T>>]?: InputOf<ColumnsOf<S, T>[C]> | undefined }
>

/** A key: its value, or for composite keys an array in key order or an object. */
export type Key<S extends AnySchema, T> =
  | InputOf<ColumnsOf<S, T>[KeyNames<ColumnsOf<S, T>>]>
  | readonly InputOf<ColumnsOf<S, T>[KeyNames<ColumnsOf<S, T>>]>[]
  | Simplify<{ [C in KeyNames<ColumnsOf<S, T>>]: InputOf<ColumnsOf<S, T>[C]> }>

// The same for who writes the name of a table: one that there is not would be a row without members, which anything is.
/** The row type of a table: `Row<typeof schema, 'issues'>`. */
export type TableRow<S extends AnySchema, T extends keyof S['tables'] & string> = Row<S, T>
/** What `insert` and `upsert` take: `InputRow<typeof schema, 'issues'>`; nullable columns may be left out. */
export type TableInputRow<S extends AnySchema, T extends keyof S['tables'] & string> = InputRow<S, T>
/** A key of a table: its value, or for composite keys an array in key order or an object. */
export type TableKey<S extends AnySchema, T extends keyof S['tables'] & string> = Key<S, T>

/** One change of one table. */
type ChangeOf<S extends AnySchema, T extends TableName<S>> =
  | { op: 'insert' | 'upsert'; table: T; row: InputRow<S, T>; tenant?: string | undefined }
  | { op: 'insert' | 'upsert'; table: T; rows: readonly InputRow<S, T>[]; tenant?: string | undefined }
  | { op: 'update'; table: T; id: Key<S, T>; set: { [C in keyof InputRow<S, T>]?: InputRow<S, T>[C] | undefined }; tenant?: string | undefined }
  | { op: 'delete' | 'touch'; table: T; id: Key<S, T>; tenant?: string | undefined }
  | { op: 'reset'; table: T; rows?: readonly InputRow<S, T>[] | undefined; tenant?: string | undefined }

/** One change, typed by the schema, of any table or of those of `T`. What each does: www/docs/api.md, "Database". */
export type Change<S extends AnySchema = AnySchema, T extends TableName<S> = TableName<S>> = { [N in T]: ChangeOf<S, N> }[T]

/** Changes that are applied as one version, with the position of their source. */
export interface Batch<S extends AnySchema = AnySchema, T extends TableName<S> = TableName<S>> {
  changes: readonly Change<S, T>[]
  source?: string | undefined
  cursor?: Cursor | undefined
  origin?: string | undefined
  tenant?: string | undefined
  stale?: 'error' | 'ignore' | undefined
}

type Follow<S extends AnySchema, T, P> = P extends readonly [infer A, ...infer Rest] ? Follow<S, AssociationTable<S, T, A>, Rest> : T
/** The associations of a table, by name. */
export type RelationsOf<S extends AnySchema, T> = T extends keyof S['relations'] ? S['relations'][T] : {}

/** Names of a table's associations. */
export type AssociationName<S extends AnySchema, T> = keyof RelationsOf<S, T> & string

/** The table that an association leads to. */
export type AssociationTable<S extends AnySchema, T, A> =
  A extends keyof RelationsOf<S, T>
    ? RelationsOf<S, T>[A] extends Through<infer P> ? Follow<S, T, P>
    : RelationsOf<S, T>[A] extends { table: infer N extends string } ? N : never
    : never

/** Whether an association is one row or null rather than a list. */
export type IsSingle<S extends AnySchema, T, A> =
  A extends keyof RelationsOf<S, T> ? RelationsOf<S, T>[A] extends { kind: 'belongsTo' | 'hasOne' } ? true : false : false
