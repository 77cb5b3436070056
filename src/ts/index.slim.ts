// Entry without an engine: for libraries and hosts that bring the module themselves.
import { type Entry, entry } from './boot/core.js'
import { loadSlim } from './boot/slim.js'
export * from './api.js'

const start = /* @__PURE__ */ entry(loadSlim)

/** Loads the engine once. `createDatabase` does it, too; call it early to load ahead. Throws LOAD_FAILED and may be called again then. */
export const init: Entry['init'] = options => start.init(options)

/** Makes a database. `const db = await createDatabase({ schema })`. Throws LOAD_FAILED. */
export const createDatabase: Entry['createDatabase'] = options => start.createDatabase(options)
