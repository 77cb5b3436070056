import { Database, type DatabaseOptions } from '../database.js'
import { EddylineError } from '../errors.js'
import { checkDatabaseOptions, checkInit } from '../given.js'
import type { EngineModule } from '../port.js'
import { type EngineSource, instantiate } from '../raw.js'
import type { AnySchema } from '../schema.js'

/** What `init` can be given instead of the binary that the entry finds itself. */
export type InitInput = EngineSource | URL | string | Promise<EngineSource> | (() => EngineSource | Promise<EngineSource>)
export interface InitOptions { module?: InitInput | undefined }

/** The functions of an entry. */
export interface Entry {
  init(options?: InitOptions): Promise<void>
  createDatabase<S extends AnySchema>(options: DatabaseOptions<S>): Promise<Database<S>>
}

/** One instance for all entries of a program: the glue behind `instantiate` has one, too. */
let ready: Promise<EngineModule> | undefined

/** Makes an entry from the way to get the module. Nothing is loaded before the first call. */
export function entry(load: () => Promise<EngineModule>): Entry {
  const start = (options?: InitOptions): Promise<EngineModule> => {
    if (ready !== undefined) return ready
    const attempt = options?.module === undefined ? load() : given(options.module)
    ready = attempt
    // A failed start can be tried again.
    attempt.catch(() => { if (ready === attempt) ready = undefined })
    return attempt
  }
  return {
    init: async options => { checkInit(options); await start(options) },
    createDatabase: async options => {
      checkDatabaseOptions(options)
      const db = new Database(await start(), options)
      const { storage } = options
      try {
        if (storage && typeof storage.attach !== 'function') throw new EddylineError('INVALID_ARGUMENT', 'no storage: `files(\'./data\')` gives one', { path: 'storage' })
        await storage?.attach(db)
      } catch (error) { db.close(); throw error }
      if (options.memory !== undefined) db.limitMemory(options.memory)
      return db
    },
  }
}

async function given(input: InitInput): Promise<EngineModule> {
  let source = typeof input === 'function' ? input() : input
  source = await source
  if (typeof source === 'string' || source instanceof URL) source = await fetch(source)
  try {
    return await instantiate(source)
  } catch (error) { throw compileError(error) }
}

/** Whether the page's Content-Security-Policy is the reason. */
export function isForbidden(error: unknown): boolean { return /unsafe-eval|Content Security Policy|CSP/i.test(String((error as Error | undefined)?.message)) }

/** The usual reasons, for people who see this for the first time. */
export function compileError(error: unknown): EddylineError {
  if (error instanceof EddylineError) return error
  const text = error instanceof Error ? error.message : String(error)
  const csp = isForbidden(error) ? " The page's Content-Security-Policy must allow 'wasm-unsafe-eval' in script-src." : ''
  return new EddylineError('LOAD_FAILED', `the engine could not be loaded: ${text}.${csp}`, { cause: error })
}

/** Bytes of base64 text. */
export function bytesOfBase64(text: string): Uint8Array<ArrayBuffer> {
  const native = (Uint8Array as unknown as { fromBase64?: (text: string) => Uint8Array<ArrayBuffer> }).fromBase64
  if (native !== undefined) return native(text)
  const binary = atob(text)
  const bytes = new Uint8Array(binary.length)
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i)
  return bytes
}
