// Queries of projections: what a virtual one or a view is made of, down to tables.
import type { Database } from '../database.js'
import { EddylineError, unknownName } from '../errors.js'
import { shown } from '../option-kinds.js'
import { QueryOf, from } from '../query/builder.js'
import type { CellType } from '../port.js'
import { readsTable } from '../touches.js'
import type { TableJson } from '../watch/row-keys.js'
import { isPromise } from './engines.js'
import { type Graph, type Node, nameOf } from './graph.js'
import { failedIn } from './checks.js'
import { type Lens, type LensColumn, fitting, narrowed } from './lens.js'

/** An input as a query, to go on from; as a source, to be joined; and its columns. */
export interface Readable { readonly query: any; readonly source: any; readonly columns: readonly LensColumn[] }

/**
 * Queries of projections. A view and a virtual projection over others is one query over tables: the engine keeps it up as a whole,
 * and shares what several of them have in common. Where a function made the rows, the query reads its table.
 */
export class Composer {
  readonly #queries = new Map<Node, any>()

  constructor(readonly db: Database<any>, readonly graph: Graph) {}

  /** The query of a virtual projection or view; undefined where there is a list. */
  queryOf(node: Node): any {
    if (!this.#queries.has(node)) this.#queries.set(node, this.#make(node, false))
    return this.#queries.get(node)
  }

  /** The same over the tables of its inputs as they are. */
  shallowOf(node: Node): any { return this.#make(node, true) }

  /** What the output of a virtual projection gives, anew. */
  listOf(node: Node): unknown { return this.#call(node, node.definition.options.output, this.#inputs(node, false)) }

  forget(node: Node): void { this.#queries.delete(node) }

  /** An input as a query with its columns; undefined for a list. */
  readable(input: Node | string, shallow = false, as?: string): Readable | undefined {
    const table = typeof input === 'string' ? this.#table(input) : input.kind === 'derive' || (shallow && input.kind === 'view') ? input.table! : undefined
    const name = as ?? nameOf(input)
    if (table !== undefined) {
      const query = (this.db.query as any)[table.name]
      return { query, source: query.as(name), columns: table.columns }
    }
    const query = shallow ? this.shallowOf(input as Node) : this.queryOf(input as Node)
    if (query === undefined) return undefined
    const source = query.as(name)
    return { query: from(source), source, columns: source.sourceTable().columns }
  }

  /** An input within a lens. */
  scoped(input: Node | string, lens: Lens, shallow = false): any {
    const r = this.readable(input, shallow)
    return r === undefined ? undefined : narrowed(lens, r.query, r.columns, nameOf(input))
  }

  /** Throws LENS_FIELD where what a run reads lacks a field of the lens: inputs of functions, rows of views and virtual projections. */
  check(plan: readonly (readonly Node[])[], lens: Lens): void {
    if (lens.reducer !== undefined) return
    for (const node of plan.flat()) {
      const read: readonly (Node | string)[] = node.kind === 'derive' ? node.inputs : [node]
      for (const input of read) {
        const r = this.readable(input)
        if (r !== undefined) fitting(lens, r.columns, nameOf(input))
      }
    }
  }

  /** Projections whose tables a query of this one reads: what functions made. */
  madeBelow(node: Node | string): Set<Node> {
    const out = new Set<Node>()
    const walk = (n: Node | string): void => {
      if (typeof n === 'string') return
      if (n.kind === 'derive') { out.add(n); return }
      n.inputs.forEach(walk)
    }
    walk(node)
    return out
  }

  /** Views that the rows of a virtual projection or view are made of. */
  viewsBelow(node: Node): Set<Node> {
    const out = new Set<Node>()
    const walk = (n: Node | string): void => {
      if (typeof n === 'string' || n.kind === 'derive' || out.has(n)) return
      if (n.kind === 'view') out.add(n)
      n.inputs.forEach(walk)
    }
    node.inputs.forEach(walk)
    return out
  }

  /** Tables that a query reads. */
  tablesOf(query: any): string[] {
    const json = query.toJSON()
    return (this.db.schema.json.tables as TableJson[]).map(t => t.name).filter(name => readsTable(this.db.schema.json, json, name))
  }

  #table(name: string): TableJson { return (this.db.schema.json.tables as TableJson[]).find(t => t.name === name)! }

  #inputs(node: Node, shallow: boolean): Record<string, any> {
    const inputs: Record<string, any> = {}
    node.inputs.forEach((input, i) => {
      const readable = this.readable(input, shallow, node.names[i])
      if (readable !== undefined) inputs[node.names[i]] = readable.source
      else throw new EddylineError('PROJECTION_INVALID', `\`${node.name}\` is a query, and \`${node.names[i]}\` a list, which no query can read: use \`derive\``, { offending: node.names[i], path: `inputs[${i}]` })
    })
    return inputs
  }

  /** What a function that makes a query or a list gives. */
  #call(node: Node, make: (q: any, inputs: any) => any, inputs: object): any {
    try { return make(this.db.query, inputs) } catch (error) { throw failedIn('PROJECTION_INVALID', `the \`${node.kind === 'view' ? 'view' : 'output'}\` of \`${node.name}\``, node.name, error, node.kind === 'view' ? 'view' : 'output') }
  }

  #make(node: Node, shallow: boolean): any {
    const { options, name } = node.definition
    const inputs = this.#inputs(node, shallow)
    const make = node.kind === 'view' ? options.view : options.output
    if (typeof make !== 'function') return undefined
    const made = this.#call(node, make, inputs)
    if (!(made instanceof QueryOf)) {
      if (node.kind === 'view' || typeof made?.toJSON === 'function') throw new EddylineError('PROJECTION_INVALID', `\`${name}\` needs a query of the builder, not ${shown(made)}`, { offending: name, path: node.kind === 'view' ? 'view' : 'output' })
      if (typeof made !== 'object' || made === null || !(Symbol.iterator in made || Symbol.asyncIterator in made || isPromise(made))) throw new EddylineError('PROJECTION_INVALID', `the output of \`${name}\` is ${shown(made)}, and neither a query nor a list or stream of rows`, { offending: name, path: 'output' })
      // Asked for when somebody runs it.
      if (isPromise(made)) made.catch(() => {})
      return undefined
    }
    if (shallow) return made
    for (const table of this.tablesOf(made)) {
      const owner = this.graph.ownerOf(table)
      // What functions made is read as a table; it must be among the inputs all the same, for the order of runs.
      if (owner === node) throw new EddylineError('PROJECTION_CYCLE', `\`${name}\` reads its own table: ${name} → ${name}`, { offending: name, path: `${name} → ${name}` })
      if (owner === undefined || (owner.kind === 'derive' && this.madeBelow({ ...node, kind: 'virtual' }).has(owner))) continue
      throw new EddylineError('PROJECTION_INVALID', `\`${name}\` reads the table of the projection \`${owner.name}\`: name it among the inputs`, { offending: owner.name, path: 'inputs' })
    }
    return made
  }
}

/** Types whose values no column of these takes; of others the values decide. */
const NEVER: Partial<Record<CellType, readonly CellType[]>> = {
  int: ['text', 'bool', 'uuid', 'date', 'time', 'interval', 'bytes'], float: ['text', 'bool', 'uuid', 'date', 'time', 'interval', 'bytes'], bigint: ['text', 'bool', 'uuid', 'date', 'time', 'interval', 'bytes'],
  text: ['int', 'float', 'bigint', 'bool', 'bytes'], bool: ['int', 'float', 'bigint', 'text', 'decimal', 'timestamp', 'date', 'time', 'uuid', 'interval', 'bytes'],
  timestamp: ['int', 'float', 'bigint', 'text', 'bool', 'decimal', 'time', 'uuid', 'interval', 'bytes'], bytes: ['int', 'float', 'bigint', 'text', 'bool', 'decimal', 'timestamp', 'date', 'time', 'uuid', 'interval'],
}

/** Checks that the rows of a view fit its table. `columns`: their types, as far as they are known. */
export function fits(node: Node, fields: readonly string[], flat: boolean, columns: readonly LensColumn[] = []): void {
  const table = node.table!
  const known = table.columns.map(c => c.name)
  if (!flat) throw new EddylineError('PROJECTION_INVALID', `the rows of \`${node.name}\` are not flat: leave out \`with\``, { offending: node.name, path: 'view' })
  for (const f of fields) if (!known.includes(f)) throw unknownName('UNKNOWN_COLUMN', `column \`${f}\` on \`${table.name}\`, which \`${node.name}\` is written to`, f, known, 'view')
  for (const { name, nullable, type } of table.columns) {
    const given = columns.find(c => c.name === name)?.type
    if (given !== undefined && NEVER[given]?.includes(type) === true) throw new EddylineError('TYPE_MISMATCH', `\`${name}\` of the rows of \`${node.name}\` is ${given}, and the column ${type}`, { offending: name, path: 'view' })
    if (!nullable && !fields.includes(name)) throw new EddylineError('MISSING_COLUMN', `the rows of \`${node.name}\` have no \`${name}\`, which cannot be null`, { offending: name, path: 'view' })
  }
}
