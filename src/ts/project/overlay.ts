// Edits that a server has not confirmed, laid over its rows: a log of edits, and the table that it makes of them.
import { said, unknownName } from '../errors.js'
import { TEXT, checkOptions, isObject, shown, wrong } from '../option-kinds.js'
import { boolOr, last } from '../query/aggregate.js'
import { from } from '../query/builder.js'
import { type Expr, and, coalesce, eq, isNotNull, or } from '../query/expr.js'
import { anyOf, isDistinctFrom, when } from '../query/functions.js'
import { type AnySchema, Column, type Columns, type Row, type SchemaJson, type TableName, array, boolean, int, string } from '../schema.js'
import { type Projection, projection } from './definition.js'

/** Columns of the log that `overlay` lays over rows of columns `C`. */
export type EditColumns<C extends Columns> = {
  /** Its place: later ones count. */
  n: Column<number, number, false, true>
  /** It makes the row: all its columns are set, those to null that may be. */
  made: Column<boolean, boolean, true>
  /** It deletes the row. */
  gone: Column<boolean, boolean, true>
  /** Names of columns that it sets to null, of those that may be. */
  nulls: Column<string[], readonly string[], true>
} & { [N in keyof C]: C[N] extends Column<infer V, infer I, any, infer K> ? Column<V, I, K extends true ? false : true, false> : never }

const OWN = ['n', 'made', 'gone', 'nulls']

/**
 * The columns of a log of edits: those of the rows, where null is as it is there, and `n`, `made`, `gone`, `nulls`. See `overlay`.
 * Throws SCHEMA_INVALID for columns of these names.
 */
export function editsOf<C extends Columns>(columns: C): EditColumns<C> {
  if (!isObject(columns)) throw wrong('SCHEMA_INVALID', `\`editsOf\` takes the columns of a table, not ${shown(columns)}`, 'columns', shown(columns))
  const edits: Record<string, unknown> = { n: int().key(), made: boolean().nullable(), gone: boolean().nullable(), nulls: array(string()).nullable() }
  for (const [name, column] of Object.entries(columns)) {
    if (OWN.includes(name)) throw wrong('SCHEMA_INVALID', `\`${name}\` is a column of every log of edits`, name, name)
    edits[name] = new Column(column?.type, column?.isKey !== true, false)
  }
  return edits as EditColumns<C>
}

type Tables = SchemaJson['tables']
type Cells = Record<string, Expr<any>>

/**
 * A view: the rows of a server with a log of edits laid over them. What a user did shows at once; a source writes the server's rows
 * only, and takes an edit out of the log in the batch that brings its effect, or alone if it was refused.
 *
 * ```ts
 * const card = { id: string().key(), title: string(), lane: string(), owner: string().nullable() }
 * const schema = defineSchema({ serverCards: table(card), edits: table(editsOf(card)), cards: table({ ...card, pending: boolean() }) })
 * projections(db).register(overlay(schema, 'cards', { rows: 'serverCards', edits: 'edits' }))
 * db.apply([{ op: 'insert', table: 'edits', row: { n: 1, id: 'a', lane: 'done' } }])         // shows in `cards`, `pending`
 * ```
 * Later edits of a column count; of edits of a row that is not there nothing shows, unless one is `made` and they have all that a row
 * must have; an edit behind one that is `gone` brings the row back. Cost of a change: the edits of its row. Throws UNKNOWN_TABLE,
 * UNKNOWN_COLUMN, and PROJECTION_INVALID for what is no log, and for a column that may be null at the server's alone.
 */
export function overlay<S extends AnySchema, const T extends TableName<S>>(schema: S, table: T, of: { rows: TableName<S>; edits: TableName<S> }): Projection<S, T, Row<S, T>, Row<S, T>> {
  checkOptions(of, { rows: TEXT, edits: TEXT }, { code: 'PROJECTION_INVALID', path: '', of: 'overlay' })
  const tables = (schema as AnySchema | undefined)?.json?.tables
  if (!Array.isArray(tables)) throw wrong('PROJECTION_INVALID', `the first argument of \`overlay\` is a schema, not ${shown(schema)}`, 'schema', shown(schema))
  const [own, rows, edits] = [tableOf(tables, table, 'table'), tableOf(tables, of?.rows, 'rows'), tableOf(tables, of?.edits, 'edits')]
  const { key } = rows
  const fields = own.columns.map(c => c.name).filter(name => !key.includes(name) && (name !== PENDING || has(rows, name)))
  if (!OWN.every(name => has(edits, name))) throw wrong('PROJECTION_INVALID', `\`${edits.name}\` is no log of edits: its columns are made by \`editsOf\``, 'edits', edits.name)
  for (const name of key) need(own, name)
  for (const name of [...key, ...fields]) for (const t of [rows, edits]) need(t, name)
  const pending = has(own, PENDING) && !has(rows, PENDING)
  // What a row must have is not taken from it, and one that lacks it does not show: it would keep all others from being written.
  const needed = fields.filter(f => !own.columns.find(c => c.name === f)!.nullable), free = fields.filter(f => !needed.includes(f))
  for (const f of needed) {
    if (rows.columns.find(c => c.name === f)!.nullable) throw wrong('PROJECTION_INVALID', `\`${f}\` may be null in \`${rows.name}\`, and not in \`${own.name}\``, 'rows', f)
  }
  return projection(schema, table as string, { inputs: [rows.name, edits.name] as never, view: (_: unknown, sources: Record<string, never>) => {
    const log = folded(sources[edits.name], key, needed, free)
    // Names of the tables are the application's: those of the members are not.
    return (from(sources[rows.name]) as any).fullJoin(log.as(LOG), (r: Cells, e: Cells) => and(...key.map(k => eq(r[k], e[k])) as [any]))
      .where(({ [rows.name]: r, [LOG]: e }: Record<string, Cells>) => and(isDistinctFrom(e[GONE], true), or(isNotNull(r[key[0]]), and(e[MADE], ...needed.map(f => isNotNull(e[f])) as []))))
      .select(({ [rows.name]: r, [LOG]: e }: Record<string, Cells>) => ({
        ...each(key, k => coalesce(e[k], r[k])), ...each(needed, f => coalesce(e[f], r[f])), ...each(free, f => when(e[SET + f], e[f]).otherwise(r[f])), ...(pending ? { [PENDING]: isNotNull(e[key[0]]) } : {}),
      }))
  } } as never) as never
}

const PENDING = 'pending', LOG = '$edits', GONE = '$gone', MADE = '$made', SET = '$set.'

/** What the edits of each row come to. */
function folded(edits: never, key: readonly string[], needed: readonly string[], free: readonly string[]): any {
  const sets = (e: Cells, f: string): any => or(e.made, isNotNull(e[f]), anyOf(f, e.nulls))
  return (from(edits) as any).groupBy((e: Cells) => each(key, k => e[k])).select((e: Cells) => ({
    ...each(key, k => e[k]), [GONE]: last(e.gone, { orderBy: e.n }), [MADE]: boolOr(e.made),
    ...each(needed, f => last(e[f], { where: isNotNull(e[f]), orderBy: e.n })), ...each(free, f => last(e[f], { where: sets(e, f), orderBy: e.n })),
    ...Object.fromEntries(free.map(f => [SET + f, boolOr(sets(e, f))])),
  }))
}

const each = <V>(names: readonly string[], value: (name: string) => V): Record<string, V> => Object.fromEntries(names.map(name => [name, value(name)]))
const has = (t: Tables[number], name: string): boolean => t.columns.some(c => c.name === name)

function tableOf(tables: Tables, name: unknown, path: string): Tables[number] {
  const found = tables.find(t => t.name === name)
  if (found === undefined) throw unknownName('UNKNOWN_TABLE', `table \`${said(name)}\``, said(name), tables.map(t => t.name), path)
  return found
}

function need(t: Tables[number], name: string): void {
  if (!has(t, name)) throw unknownName('UNKNOWN_COLUMN', `column \`${name}\` on \`${t.name}\``, name, t.columns.map(c => c.name), t.name)
}
