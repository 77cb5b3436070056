// Everything that the entries share. Each entry adds `init` and `createDatabase`, bound to its way of loading the engine.
export { EddylineError, type ErrorCode, type KnownErrorCode } from './errors.js'
export {
  string, number, int, bigint, boolean, timestamp, json, bytes, decimal, date, time, uuid, interval, array, table,
  belongsTo, hasOne, hasMany, manyToMany, through,
  type Column, type Table, type Schema, type AnySchema, type TableRow as Row, type TableInputRow as InputRow, type TableKey as Key, type Change, type Batch,
  type TableName, type RelationOptions, type Relation, type RelationKind, type Through, type AssociationName, type AssociationTable,
} from './schema.js'
export type { Decimal } from './decimal.js'
export type { DateText } from './calendar.js'
export type { IntervalParts, IntervalText } from './interval.js'
export { defineSchema } from './define-schema.js'
export { from, type Query, type QueryLike, type QueryOf, type OrderOptions } from './query/builder.js'
export type { Source as QuerySource } from './query/source.js'
export type { QueryJson, Refs, RowOf, WhereOp } from './query/types.js'
// What types of queries are made of: the compiler writes them into the declarations of who exports a query.
export type { Associated, Element as UnnestedElement } from './query/builder.js'
export type { Computed, Derived } from './query/source.js'
export type { Merged as MergedRow, Optional as OptionalRow, OptionalAliases, OptionalBase } from './query/types.js'
export {
  eq, ne, lt, lte, gt, gte, and, or, not, inArray, like, ilike, isNull, isNotNull,
  add, sub, mul, div, mod, neg, concat, coalesce, lower, upper, length, abs,
  type Expr, type Condition, type Operand, type Rows, type WindowFunction,
} from './query/expr.js'
export {
  count, sum, avg, min, max, boolAnd, boolOr, every, stringAgg, arrayAgg, jsonAgg, first, last,
  stddev, stddevSamp, stddevPop, variance, varSamp, varPop, median, percentileCont, percentileDisc, mode,
  type DistinctOptions, type FilterOptions, type ListOptions, type OrderedOptions, type OrderItem,
} from './query/aggregate.js'
export { cube, grouping, groupingSets, rollup, type GroupingItem, type GroupingSets } from './query/grouping.js'
export {
  when, match, nullif, greatest, least, between, notBetween, isDistinctFrom, isNotDistinctFrom, notInArray, notLike, notIlike, matches, imatches, regexpSubstr, regexpMatch, regexpMatches, regexpReplace,
  round, floor, ceil, trunc, trimScale, scale, addDays, diffDays, sign, power, sqrt, exp, ln, cast,
  substring, left, right, trim, ltrim, rtrim, replace, strpos, splitPart, startsWith, repeat, reverse, lpad, rpad, initcap, numeric, toChar,
  concatAll, concatWs, octetLength, ascii, chr,
  dateTrunc, extract, addInterval, intervalOf, elapsed, timesInterval, diffSeconds, makeTimestamp,
  jsonGet, jsonGetText, jsonPath, jsonPathText, jsonTypeof, jsonArrayLength, jsonContains, jsonExists,
  anyOf, arrayContains, arrayOverlaps, cardinality, arrayLength, arrayAt, arrayPosition, arrayToText,
  type Case, type CastTypes, type Interval, type TruncUnit, type ExtractUnit,
} from './query/functions.js'
export { recursive, type Bases, type Best, type Group, type GroupOptions, type Recursive, type RecursiveOptions } from './query/recursive.js'
export { param, withParams, type AnyParams, type ParamQuery, type ParamSpec, type ParamsOf, type ParamTypes, type ParamValues } from './query/params.js'
export { exists, notExists, inQuery, notInQuery, scalar, outer } from './query/subquery.js'
export {
  over, rowNumber, rank, denseRank, percentRank, cumeDist, ntile, lag, lead, firstValue, lastValue, nthValue,
  type WindowSpec, type Frame, type FrameBound,
} from './query/window.js'
export type { Cursor, Report } from './changes.js'
export type { Durability, DurabilityStatus, EntryWrites, StorageOption } from './durability.js'
export type { ApplyOptions, Database, DatabaseOptions, EngineStats, LiveOptions, QueryRoot, ReadOptions } from './database.js'
export type { LiveQuery, LiveSnapshot, LiveStatus } from './live-query.js'
export type { LiveEvent } from './dispatch.js'
export {
  applyPatches, toJsonPatch, plainPatches,
  type Patch, type AddPatch, type RemovePatch, type MovePatch, type SetPatch, type OnePatch, type JsonPatchOperation, type KeyOf,
} from './patches.js'
export type { Connection, ConnectionStatus, Source, SyncSession } from './source.js'
export type { JsonOptions, StreamProgress } from './json-input.js'
export type { SliceProgress } from './sliced.js'
export type { Tenant } from './tenant.js'
export type { MemoryOptions, Pressure, Relief } from './memory.js'
export type { FetchRow } from './touches.js'
export type { InitInput, InitOptions } from './boot/core.js'
