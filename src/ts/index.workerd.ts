// Entry for workerd (Cloudflare Workers), which compiles imported modules only.
import { type Entry, entry } from './boot/core.js'
import { loadWorkerd } from './boot/workerd.js'
export * from './api.js'

const start = /* @__PURE__ */ entry(loadWorkerd)

/** Loads the engine once. `createDatabase` does it, too; call it early to load ahead. Throws LOAD_FAILED and may be called again then. */
export const init: Entry['init'] = options => start.init(options)

/** Makes a database. `const db = await createDatabase({ schema })`. Throws LOAD_FAILED. */
export const createDatabase: Entry['createDatabase'] = options => start.createDatabase(options)
