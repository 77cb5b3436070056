// What a page and its worker tell each other. Rows and changes are bytes, which are handed over rather than copied.
import type { Report } from '../changes.js'
import type { DurabilityStatus, EntryWrites } from '../durability.js'
import { EddylineError, codedError, said } from '../errors.js'
import type { Pressure } from '../memory.js'
import type { RelationInfo, ViewInfo } from '../port.js'
import type { SchemaJson } from '../schema.js'

/** An error on its way; `name`: of one without a code. */
export interface ErrorJson { code: string; message: string; name?: string; path?: string; offending?: string; nearest?: string; needed?: number; budget?: number; cause?: ErrorJson }

/** Of these messages. Tabs may have been loaded at different times: the engine that they share speaks one. */
export const PROTOCOL = 1

/** One end of the line between a page and a worker. */
export interface Channel {
  post(message: unknown, transfer: ArrayBuffer[]): void
  /** Messages of the other end, in their order. */
  listen(fn: (message: any) => void): void
  /** The other end does not live any more, and why. `uncaught`: it had an error that nobody caught, and may live. */
  failed(fn: (why: string, uncaught?: boolean) => void): void
  /** A message of the other end came and could not be read. */
  unread(fn: () => void): void
  close(): void
}

/** The first request of a page. */
export interface Opening {
  t: 'open'; id: number; protocol: number; schema: SchemaJson; name: string; fetches: boolean; ahead: number
  /** The binary. Of a worker that has it none is needed; one that has not says so, if none came. */
  module: unknown
  /** A lock that the page holds while it lives. */
  alive?: string
  storage?: StorageJson
  /** The memory budget, and whether the page makes room. */
  budget?: number
  presses: boolean
}

/** A storage, and the versions of the schema to which the page can migrate. */
export interface StorageJson { readonly kind: 'indexedDb' | 'opfs' | 'files'; readonly name: string; readonly options: Readonly<Record<string, unknown>>; readonly steps: readonly number[] }

/** What is known of the storage. */
export interface DurabilityJson { readonly kind: string; readonly status: DurabilityStatus; readonly warning: ErrorJson | undefined }

/**
 * What the worker is asked; `id` names the answer. `relief`: by the hook that makes room, or what it returned: it does not wait for the
 * batch that waits for the hook, and is refused without asking the hook again.
 */
export type Request = Asked & { relief?: boolean }
type Asked =
  | Opening
  | { t: 'commit'; id: number; bytes: Uint8Array; source?: string; cursor?: string; origin?: string; durable?: boolean; entries?: EntryWrites }
  | { t: 'enter'; id: number; entries: EntryWrites }
  | { t: 'entries'; id: number; space: string }
  | { t: 'flush' | 'checkpoint' | 'rewrite' | 'leading'; id: number }
  | { t: 'migrated'; step: number; row: unknown; error?: ErrorJson }
  | { t: 'json'; id: number; input: string | Uint8Array; options: object | undefined }
  /** The hook has made room, or has failed. */
  | { t: 'relieved'; error?: ErrorJson }
  | { t: 'stream'; id: number; options: object | undefined }
  | { t: 'chunk'; id: number; bytes: Uint8Array | undefined; error?: ErrorJson }
  /** `sliced`: its rows come in slices; answered when all are there. `tells`: how far it is. */
  | { t: 'register'; id: number; query: number; json: unknown; sliced?: boolean; tells?: boolean }
  /** Rows that are still to come in slices come at once. */
  | { t: 'whole'; query: number }
  | { t: 'unregister'; query: number }
  | { t: 'params'; id: number; query: number; params: unknown }
  | { t: 'show'; id: number; query: number; start: number; count: number }
  | { t: 'explain'; id: number; query: number }
  | { t: 'plan'; id: number; json: unknown }
  | { t: 'stats' | 'retry'; id: number }
  /** Something that code inside of the worker answers. */
  | { t: 'ask'; id: number; name: string; args: readonly unknown[] }
  | { t: 'cursor'; id: number; source: string }
  | { t: 'source'; id: number; source: string; turn: number }
  | { t: 'sourced'; source: string }
  | { t: 'unsource'; source: string; turn: number }
  | { t: 'fetched'; id: number; row: object | null | undefined; error?: ErrorJson }
  | { t: 'ack'; n: number }
  | { t: 'close' }

/** What keeps its order behind a batch that waits for room, and so waits itself. What asks how it stands does not. */
export function waits({ t }: Request): boolean {
  return t === 'commit' || t === 'json' || t === 'stream' || t === 'flush' || t === 'cursor' || t === 'enter' || t === 'entries' || t === 'checkpoint'
}

/** A view that is there now. */
export interface OpenedView { query: number; info: ViewInfo }

/** Rows that the page does not have yet. */
export interface RowsMessage {
  /** Packed rows, each in a slot of `slotOf(its bytes)`. */
  bytes: Uint8Array<ArrayBuffer>
  /** Relation, handle and place in the bytes, in turns. */
  packed: Int32Array<ArrayBuffer>
  /** Relation, handle and the handles of both members, in turns. */
  pairs: Int32Array<ArrayBuffer>
}

/** What the worker tells. A message with a number is acknowledged. */
export interface Told {
  /** Number of the message: each one more than the last. */
  n?: number
  /** The version, and the last batch of it; absent where no batch is told. */
  report?: Report
  version?: number
  /** A report of the engine, without the freed handles that the page has not. */
  words?: Int32Array<ArrayBuffer>
  /** The state of views, not the steps to it: handles of a flat list, or the report of a snapshot. */
  contents?: [view: number, words: Int32Array<ArrayBuffer>][]
  /** Several versions in one: `words` has freed handles only, and what changed is in `contents`. */
  net?: boolean
  rows?: RowsMessage
  opened?: OpenedView[]
  /** Views that cannot be evaluated, and why. */
  failures?: [view: number, failure: { code: string; message: string; path?: string; offending?: string }][]
  /** Rows of whole lists of which a part is shown. */
  totals?: [view: number, total: number][]
  /** What code inside of the worker tells, in order. */
  signals?: [name: string, value: unknown][]
  /** How far a query is that comes in slices. */
  progress?: [query: number, processed: number, total: number]
  /** Relations that no view needs any more. */
  forgotten?: number[]
  replies?: Reply[]
  /** Touched rows that could not be fetched, or are known again. */
  fetched?: Fetched[]
  /** A row is wanted. */
  fetch?: { id: number; table: string; key: unknown; tenant?: string }
  /** The row is not wanted any more. */
  drop?: number
  /** The stream of this request may send its next piece. */
  pull?: number
  /** The stream of this request is not read any more. */
  cancel?: number
  /** An error that has no caller. */
  error?: ErrorJson
  crash?: ErrorJson
  /** The storage of the database, when something about it changes. */
  durability?: DurabilityJson
  /** A warning of the storage. */
  warning?: ErrorJson
  /** A stored row is to be brought to a version of the schema. */
  migrate?: { step: number; version: number; row: unknown; table: string; tenant: string | undefined }
  /** More memory is wanted than the budget allows. A batch that `waits` is held until `relieved`. */
  pressure?: Pressure
  /** Something waits behind the batch that `waits`. */
  queued?: true
  /** A lock that the worker holds while it lives, told before the answer to `open`. */
  alive?: string
  /** The database is closed, and its storage let go. */
  closed?: true
  /** Another tab runs these sources, and has loaded. */
  sourced?: string[]
}

export type Fetched = [name: string, table: string, tenant: string | undefined, error: ErrorJson | undefined]
export type Reply = [id: number, value: unknown, error?: ErrorJson]

/** Answer to `open`. */
export interface OpenReply {
  relations: RelationInfo[]
  version: number
  durability?: DurabilityJson
  /** Touched rows that could not be fetched before the page was there. */
  fetched?: Fetched[]
}
/** Answer to `open`: the engine's binary is wanted first. */
export interface NeedsBinary { needs: true }

/** `deep`: so many causes go with it, which may lead in a circle. */
export function errorJson(error: unknown, deep = 8): ErrorJson {
  const below = (error as Error | null | undefined)?.cause
  const cause = below === undefined || deep === 0 ? undefined : errorJson(below, deep - 1)
  const coded = codedError(error)
  if (coded === undefined) return error instanceof Error ? { code: '', message: error.message, name: error.name, cause } : { code: '', message: said(error), cause }
  const { code, message, path, offending, nearest, needed, budget } = coded
  return { code, message, path, offending, nearest, needed, budget, cause }
}

/** The error again; one that had no code is an ordinary one. */
export function errorOf({ code, message, name, cause: below, ...details }: ErrorJson): Error {
  const cause = below && errorOf(below)
  if (code !== '') return new EddylineError(code, message, { ...details, cause })
  const error = new Error(message, cause && { cause })
  if (name !== undefined) error.name = name
  return error
}

/** Bytes of the slot for a row: of few sizes, so that what one row leaves another one takes. At most an eighth is wasted beyond 512 bytes. */
export function slotOf(bytes: number): number {
  if (bytes <= 512) return Math.max(16, (bytes + 15) & ~15)
  const step = 1 << (28 - Math.clz32(bytes - 1))
  return Math.ceil(bytes / step) * step
}
