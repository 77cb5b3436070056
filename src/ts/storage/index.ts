// Storage of databases. `eddyline/storage` knows no entry: it works on the database that is made with it.
import type { Durability, FarStorage, StorageOption } from '../durability.js'
import { type Kinds, ANYTHING, BOOLEAN, COUNT, FUNCTION, MILLISECONDS, checkOptions, isObject, TEXTS, oneOf, said, shown, wrong } from '../option-kinds.js'
import { type Place, placeFree, placeLeft } from '../storage-places.js'
import { Durable } from './durable.js'
import { type Folder, Generations } from './generations.js'
import { IndexedDbMedium, type IndexedDbOptions } from './indexeddb.js'
import type { Medium } from './medium.js'
import { MemoryFolder } from './memory.js'
import { NodeFolder } from './node-files.js'
import { type OpfsOptions, opfsMedium } from './opfs.js'
import type { StoreOptions } from './options.js'
import { shared } from './tabs.js'

export type { StoreOptions } from './options.js'
export type { WarmQuery } from './warm.js'
export type { IndexedDbOptions } from './indexeddb.js'
export type { OpfsOptions } from './opfs.js'
export type { Medium } from './medium.js'
export type { File, Folder } from './generations.js'
export type { MigrateRow, Migrations } from './schemas.js'
export type { Durability, DurabilityStatus, EntryWrites, StorageOption } from '../durability.js'
export { Generations } from './generations.js'
export { IndexedDbMedium } from './indexeddb.js'
export { opfsMedium } from './opfs.js'
export { type Transaction, decodeTransaction, encodeTransaction } from './record.js'
export { MemoryFolder } from './memory.js'

/** Functions by the version that they lead to. */
const isMigrations = (v: unknown): boolean => isObject(v) && Object.entries(v).every(([version, step]) => /^[1-9]\d*$/.test(version) && (step === undefined || typeof step === 'function'))

const STORE: Kinds = {
  version: COUNT, migrations: { is: isMigrations, what: 'an object of functions by version, `{ 2: row => … }`' }, onMismatch: oneOf('refuse', 'rebuild'), onCorrupt: oneOf('rebuild', 'refuse'), onWarning: FUNCTION,
  checkpointBytes: { ...MILLISECONDS, what: 'a number of bytes from 0, or Infinity' }, queries: ANYTHING, except: TEXTS,
}
/** Throws INVALID_ARGUMENT for what are no options of a storage. */
const check = (options: StoreOptions & TabOptions, more: Kinds = {}): void => {
  checkOptions(options, { ...STORE, ...more }, { path: 'storage' })
  // Those that follow could neither be told of such tables nor write them.
  if (options.tabs === true && options.except !== undefined && options.except.length > 0) throw wrong('INVALID_ARGUMENT', '`except` is not for several tabs: give them one engine (`shared` of eddyline/worker)', 'storage.except', String(options.except))
}

/** Throws INVALID_ARGUMENT for what names no place. */
const named = (name: unknown, what: string): void => {
  if (typeof name !== 'string' || name === '') throw wrong('INVALID_ARGUMENT', `${what}, not ${shown(name)}`, 'storage', said(name))
}

export interface TabOptions {
  /** Several tabs share the database: one leads (sources, reducers, writes), the others follow it and take over when it goes. */
  tabs?: boolean | undefined
}

/** Keeps the state in IndexedDB. `createDatabase({ schema, storage: indexedDb('app') })`. */
export const indexedDb = (name: string, options: StoreOptions & IndexedDbOptions & TabOptions = {}): StorageOption => {
  named(name, '`indexedDb` takes the name of a database')
  check(options, { durability: oneOf('strict', 'relaxed'), tabs: BOOLEAN })
  const open = (): Medium => new IndexedDbMedium(name, options)
  const place = far('indexedDb', name, options)
  return { ...options.tabs ? shared(`indexeddb:${name}`, open, options) : alone(open, options, place), far: place }
}

/** Keeps the state in files of the origin: in the worker that this runs in, or from a page in a worker of its own. */
export const opfs = (name: string, options: StoreOptions & OpfsOptions & TabOptions = {}): StorageOption => {
  named(name, '`opfs` takes the name of a folder')
  check(options, { worker: ANYTHING, tabs: BOOLEAN })
  const open = (): Medium => opfsMedium(name, options)
  const place = far('opfs', name, options)
  return { ...options.tabs ? shared(`opfs:${name}`, open, options) : alone(open, options, place), far: place }
}

/** Keeps the state in a folder, under Node, Bun and Deno. */
export const files = (path: string, options: StoreOptions = {}): StorageOption => {
  named(path, '`files` takes the path of a folder')
  check(options)
  const place = far('files', path, options)
  return { ...alone(() => new Generations(new NodeFolder(path)), options, place), far: place }
}

/** Keeps the state in memory: with a folder that is handed from database to database, for tests. */
export function memory(folder: Folder = new MemoryFolder(), options: StoreOptions = {}): StorageOption {
  if (typeof (folder as Partial<Folder> | null)?.list !== 'function') throw wrong('INVALID_ARGUMENT', `\`memory\` takes a folder, as \`new MemoryFolder()\`, not ${shown(folder)}`, 'folder', said(folder))
  check(options)
  return alone(() => new Generations(folder), options, { folder })
}

/** Storage of one's own: `open` gives a new medium each time. */
export function storage(open: () => Medium, options: StoreOptions = {}): StorageOption {
  if (typeof open !== 'function') throw wrong('INVALID_ARGUMENT', `\`storage\` takes a function that gives a medium, not ${shown(open)}`, 'storage', said(open))
  check(options)
  return alone(open, options)
}

/** With a `place` it waits for a database of this thread that has been closed there, or has crashed, and still writes. */
function alone(open: () => Medium, options: StoreOptions, place?: Place): StorageOption {
  return {
    async attach(db): Promise<Durability> {
      await placeFree(place)
      const durable = new Durable(db, open(), options)
      if (place !== undefined) durable.onLeave = () => { placeLeft(place, durable.closed) }
      await durable.load()
      return durable
    },
  }
}

/** The same for a worker, which has files of its own. */
function far(kind: FarStorage['kind'], name: string, { migrations, onWarning, queries: _, worker: __, ...options }: StoreOptions & OpfsOptions): FarStorage {
  return { kind, name, options: options as FarStorage['options'], ...(migrations === undefined ? {} : { migrations }), ...(onWarning === undefined ? {} : { onWarning }) }
}
