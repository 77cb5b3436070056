// A first database, for the engine behind it: those of database values are made beside it, at once.
import type { Database, DatabaseOptions } from '../database.js'
import { defineSchema } from '../define-schema.js'
import { facts } from '../datalog/attributes.js'
import type { AnySchema } from '../schema.js'

export const createFacts = (createDatabase: <S extends AnySchema>(options: DatabaseOptions<S>) => Promise<Database<S>>): Promise<Database<any>> =>
  createDatabase({ schema: defineSchema(facts({})), name: 'datascript' })
