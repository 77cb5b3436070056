// A query builder per table, by name.
import type { QueryRoot } from '../options.js'
import type { AnySchema } from '../schema.js'
import { QueryOf } from './builder.js'
import { tableNamed } from './parts.js'

/** What runtimes and tools ask of any object, to know what it is. */
const ASKED = /^[\W_]|^(then|toJSON|asymmetricMatch|nodeType|length)$/

/** The builders of a schema's tables. The name of none throws UNKNOWN_TABLE. */
export function queryRoot<S extends AnySchema>(schema: S): QueryRoot<S> {
  const root = Object.create(null) as Record<string | symbol, unknown>
  for (const { name } of schema.json.tables) root[name] = new QueryOf(schema, name as never)
  return new Proxy(Object.freeze(root), {
    get: (_, name) => root[name] ?? (typeof name !== 'string' || name in {} || ASKED.test(name) ? undefined : tableNamed(schema, name, 'query')),
  }) as QueryRoot<S>
}
