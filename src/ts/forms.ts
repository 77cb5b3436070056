// Forms of queries: what queries that differ in their constants have in common is read and described once.
import type { Port, ViewInfo } from './port.js'
import { type Form, checkDepth } from './query/builder.js'
import type { QueryJson } from './query/types.js'

/** So many are remembered; queries of others are described anew each time. */
const MOST = 500

export class Forms {
  readonly #known = new Map<string, { readonly info: ViewInfo; id: number | undefined }>()

  constructor(readonly port: Port) {}

  /** Registers a query: of a known form by its number and its constants, unless it comes in slices. Throws what the engine finds wrong with it. */
  register(json: QueryJson, { form, constants }: Form, sliced: boolean): ViewInfo {
    const { port } = this
    if (sliced) {
      checkDepth(json)
      return port.call('register', json, true)
    }
    const known = this.#known.get(form)
    if (known !== undefined) {
      known.id ??= port.call('form', JSON.parse(form))
      const view = port.call('mount', known.id, constants)
      if (view !== 0) return { ...known.info, view }
    }
    checkDepth(json)
    const info = port.call('register', json, false)
    // Rows that are those of tables are described alike whatever the constants are.
    if (constants.length > 0 && info.relations.length === 0 && this.#known.size < MOST) this.#known.set(form, { info, id: undefined })
    return info
  }
}
