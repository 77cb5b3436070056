// The projections of a database and what they read of each other: names resolved, cycles refused, levels.
import { EddylineError, unknownName } from '../errors.js'
import type { AnySchema } from '../schema.js'
import type { TableJson } from '../watch/row-keys.js'
import { checkConflictColumns } from './checks.js'
import type { Projection } from './definition.js'

/** A registered projection. */
export interface Node {
  readonly name: string
  readonly definition: Projection
  readonly kind: Projection['kind']
  /** Where its rows are; undefined for virtual ones. */
  readonly table: TableJson | undefined
  /** What it reads: other projections, or tables by name. */
  readonly inputs: readonly (Node | string)[]
  /** What it calls them. */
  readonly names: readonly string[]
  /** Number of its registration. */
  readonly order: number
}

export const nameOf = (input: Node | string): string => typeof input === 'string' ? input : input.name

/** Projections by name. A failed registration changes nothing. */
export class Graph {
  readonly nodes = new Map<string, Node>()

  constructor(readonly schema: AnySchema) {}

  /** Adds projections with those that they read; the new ones, inputs before what reads them. */
  add(definitions: readonly Projection[]): Node[] {
    const fresh = new Map<string, { -readonly [K in keyof Node]: Node[K] }>()
    const owners = new Map<string, Node>([...this.nodes.values()].flatMap(n => n.table === undefined ? [] : [[n.table.name, n] as const]))
    const collect = (d: Projection): void => {
      const known = this.nodes.get(d.name) ?? fresh.get(d.name)
      if (known !== undefined) {
        if (known.definition !== d) throw new EddylineError('PROJECTION_INVALID', `there is another projection \`${d.name}\``, { offending: d.name, path: 'name' })
        return
      }
      const node = { name: d.name, definition: d, kind: d.kind, table: d.kind === 'virtual' ? undefined : this.#tableOf(d), inputs: [] as (Node | string)[], names: d.inputs.map(i => typeof i === 'string' ? i : i.name), order: 0 }
      if (node.table !== undefined) {
        const owner = owners.get(node.table.name)
        if (owner !== undefined) throw new EddylineError('PROJECTION_INVALID', `\`${d.name}\` and \`${owner.name}\` write the same table \`${node.table.name}\``, { offending: d.name, path: 'into' })
        owners.set(node.table.name, node)
      }
      fresh.set(d.name, node)
      for (const input of d.inputs) if (typeof input !== 'string') collect(input)
    }
    definitions.forEach(collect)
    const tables = this.schema.json.tables.map((t: TableJson) => t.name) as string[]
    for (const node of fresh.values()) {
      const names = new Set<string>()
      node.inputs = node.definition.inputs.map((input, i) => {
        const name = typeof input === 'string' ? input : input.name
        const path = `inputs[${i}]`
        if (names.has(name)) throw new EddylineError('PROJECTION_INVALID', `\`${node.name}\` has the input \`${name}\` twice`, { offending: name, path })
        names.add(name)
        const found = this.nodes.get(name) ?? fresh.get(name) ?? owners.get(name)
        if (found !== undefined) return found
        if (tables.includes(name)) return name
        throw unknownName('UNKNOWN_INPUT', `projection or table \`${name}\``, name, [...this.nodes.keys(), ...fresh.keys(), ...tables], path)
      })
    }
    for (const node of this.nodes.values()) {
      for (const input of node.inputs) {
        const late = typeof input === 'string' ? owners.get(input) : undefined
        if (late === undefined) continue
        // Read as a table so far: with what comes it may be a circle.
        const way = wayTo(late, node)
        if (way !== undefined) throw circular([node, ...way])
        throw new EddylineError('PROJECTION_INVALID', `\`${node.name}\` reads \`${input}\` as a table already: register \`${late.name}\` before it, or with it`, { offending: late.name, path: 'into' })
      }
    }
    const news = new Set<Node>(fresh.values())
    // What is there already is what it was.
    const sorted = order([...news]).filter(n => news.has(n))
    let n = this.nodes.size
    for (const node of sorted) {
      (node as { order: number }).order = n++
      this.nodes.set(node.name, node)
    }
    return sorted
  }

  /** Takes back what `add` gave. */
  remove(nodes: readonly Node[]): void { for (const n of nodes) this.nodes.delete(n.name) }

  /** Who writes a table. */
  ownerOf(table: string): Node | undefined {
    for (const n of this.nodes.values()) if (n.table?.name === table) return n
    return undefined
  }

  #tableOf(d: Projection): TableJson {
    const name = (d.options.into ?? d.name) as string
    const { tables } = this.schema.json as { tables: TableJson[] }
    const table = tables.find(t => t.name === name)
    if (table === undefined) throw unknownName('UNKNOWN_TABLE', `table \`${name}\` for the rows of \`${d.name}\``, name, tables.map(t => t.name), 'into')
    const known = table.columns.map(c => c.name)
    for (const c of d.options.required ?? []) if (!known.includes(c)) throw unknownName('UNKNOWN_COLUMN', `column \`${c}\` on \`${name}\``, c, known, 'required')
    checkConflictColumns(d.options.onConflict, table)
    return table
  }
}

/** The way by inputs from one projection to another. */
function wayTo(from: Node, to: Node, seen = new Set<Node>()): Node[] | undefined {
  if (from === to) return [to]
  if (seen.has(from)) return undefined
  seen.add(from)
  for (const input of from.inputs) {
    const way = typeof input === 'string' ? undefined : wayTo(input, to, seen)
    if (way !== undefined) return [from, ...way]
  }
  return undefined
}

function circular(nodes: readonly Node[]): EddylineError {
  const circle = nodes.map(n => n.name).join(' → ')
  return new EddylineError('PROJECTION_CYCLE', `projections cannot be made of themselves: ${circle}`, { path: circle, offending: nodes[0].name })
}

/** Inputs first. Throws PROJECTION_CYCLE with the names on the way round. */
function order(nodes: readonly Node[]): Node[] {
  const out: Node[] = []
  const done = new Set<Node>()
  const path: Node[] = []
  const visit = (node: Node): void => {
    if (done.has(node)) return
    const at = path.indexOf(node)
    if (at >= 0) {
      throw circular([...path.slice(at), node])
    }
    path.push(node)
    for (const input of node.inputs) if (typeof input !== 'string') visit(input)
    path.pop()
    done.add(node)
    out.push(node)
  }
  nodes.forEach(visit)
  return out
}

/**
 * What a run of a projection runs, in levels: those of one level do not read each other. A projection has the level of its
 * longest way from the last one, and within a level the place in which it is first met.
 */
export function levels(terminal: Node): Node[][] {
  const met: Node[] = []
  const seen = new Set<Node>()
  const meet = (node: Node): void => {
    if (seen.has(node)) return
    seen.add(node)
    met.push(node)
    for (const input of node.inputs) if (typeof input !== 'string') meet(input)
  }
  meet(terminal)
  // What reads comes before what is read: then each one's distance is known when it is its turn.
  const distance = new Map<Node, number>([[terminal, 0]])
  for (const node of order([terminal]).reverse()) {
    for (const input of node.inputs) if (typeof input !== 'string') distance.set(input, Math.max(distance.get(input) ?? 0, distance.get(node)! + 1))
  }
  const out: Node[][] = []
  for (const node of met) (out[distance.get(node)!] ??= []).push(node)
  return out.reverse()
}
