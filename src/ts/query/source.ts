import type { CellType } from '../port.js'
import type { AnySchema, Column, Schema, SchemaJson, Table } from '../schema.js'
import type { SourceJson } from './types.js'

/** A column that a query offers to another. */
export interface SourceColumn { name: string; type: CellType | undefined; nullable: boolean }

/** A query that can stand in the place of a table, for `from` and joins: `query.as('open')`. Its columns are the members of its rows. */
export interface Source<S extends AnySchema, N extends string, R> { readonly $source?: { schema: S; name: N; row: R } }

/** @internal A query as another one reads it. */
export class SourceTable {
  constructor(readonly schema: AnySchema, readonly alias: string, readonly source: SourceJson, readonly columns: readonly SourceColumn[]) {}
}

/** A schema in which a name is that of a query with rows `R`. */
export type Derived<S extends AnySchema, N extends string, R> = Schema<
  { [K in Exclude<keyof S['tables'], N> | N]: K extends N ? Table<{ [C in keyof R]-?: Column<R[C]> }> : S['tables'][K] },
  Omit<S['relations'], N>
>

/** A schema whose table has further columns: those that a query computes of associations. */
export type Computed<S extends AnySchema, T extends string, C> = Schema<
  { [K in keyof S['tables']]: K extends T ? Table<S['tables'][K]['columns'] & { [N in keyof C]-?: Column<C[N]> }> : S['tables'][K] },
  S['relations']
>

/** A table of the schema, or a query that stands for one. */
export type TableJson = Omit<SchemaJson['tables'][number], 'columns'> & { columns: readonly SourceColumn[]; source?: SourceJson }

/** @internal What a source is to a builder: a table without a key. */
export function tableOf({ alias, columns, source }: SourceTable): TableJson {
  return { name: alias, tenant: false, key: [], columns, relations: [], source }
}

/** @internal The schema with a query under its name. */
export function derived(source: SourceTable): AnySchema {
  const { schema, alias } = source
  const tables = (schema.json.tables as TableJson[]).filter(t => t.name !== alias)
  return { tables: schema.tables, relations: schema.relations, json: { tables: [...tables, tableOf(source)] } } as never
}
