// What projections of one tenant are by definition, of lists and lenses alone: what they are made of, which lenses are live, what is paused.
import { LIST, type R, type Spec, apply as compute, functionsOf } from './projections-world.js'

/** What there is of one tenant, by definition. */
export class Model {
  readonly base: [Map<number, R>, Map<number, R>] = [new Map(), new Map()]
  /** Rows of views and functions. */
  readonly tables = new Map<string, Map<number, R>>()
  readonly units = new Map<string, { name: string; g: number; reduced: boolean }>()
  readonly paused = new Set<string>()
  constructor(readonly specs: readonly Spec[]) { for (const s of specs) if (s.kind === 'view' || s.kind === 'derive') this.tables.set(s.name, new Map()) }

  /** Lenses of a function that are live. */
  live(name: string): Set<number> { return new Set([...this.units.values()].filter(u => functionsOf(this.specs, u.name).has(name)).map(u => u.g)) }
  unit(name: string, g: number, reduced: boolean): string { return `${name} ${g} ${reduced}` }

  /** Rows of every node as they are: what no function makes follows from the rest. */
  values(): Map<string, R[]> {
    const out = new Map<string, R[]>([['t0', [...this.base[0].values()]], ['t1', [...this.base[1].values()]]])
    for (const s of this.specs) out.set(s.name, s.kind === 'list' ? LIST : s.kind === 'derive' ? [...this.tables.get(s.name)!.values()] : compute(s.op, s.inputs.map(i => out.get(i)!)))
    return out
  }

  /** The rows that a function makes of one lens. */
  made(s: Spec, g: number, values: ReadonlyMap<string, R[]>): R[] { return compute(s.op, s.inputs.map(i => values.get(i)!.filter(r => r.g === g))) }

  #slice(name: string, gs: ReadonlySet<number>, rows: readonly R[]): void {
    const table = this.tables.get(name)!
    for (const [id, r] of table) if (gs.has(r.g)) table.delete(id)
    for (const r of rows) table.set(r.id, r)
  }

  /** An explicit run: all that it reads, paused or not. How many rows are other than before. */
  project(name: string, g: number): number {
    let changed = 0
    for (const s of this.specs) {
      if (s.name !== name && !this.#below(name).has(s.name)) continue
      const values = this.values()
      const before = new Map(this.tables.get(s.name))
      if (s.kind === 'derive') this.#slice(s.name, new Set([g]), this.made(s, g, values))
      if (s.kind === 'view') this.#slice(s.name, new Set([g]), values.get(s.name)!.filter(r => r.g === g))
      const after = this.tables.get(s.name) ?? new Map<number, R>()
      for (const id of new Set([...before.keys(), ...after.keys()])) if (JSON.stringify(before.get(id)) !== JSON.stringify(after.get(id))) changed++
    }
    return changed
  }

  #below(name: string, out = new Set<string>()): Set<string> {
    for (const i of this.specs.find(s => s.name === name)?.inputs ?? []) { out.add(i); this.#below(i, out) }
    return out
  }

  /** Whether a view has two rows of one key, or is made of one that has; undefined where functions have a part in it. One that is paused nobody looks at. */
  fails(name: string, values: ReadonlyMap<string, R[]>): boolean | undefined {
    const below = [name, ...this.#below(name)].flatMap(n => this.specs.find(s => s.name === n) ?? [])
    if (below.some(s => s.kind === 'derive')) return undefined
    return !this.paused.has(name) && below.some(s => s.kind === 'view' && !this.paused.has(s.name) && clashes(values.get(s.name)!))
  }

  /** Whether some view has two rows of one key, as things are or as they were if everything ran. */
  get isTroubled(): boolean {
    const views = this.specs.filter(s => s.kind === 'view').map(s => s.name)
    const some = (values: ReadonlyMap<string, R[]>): boolean => views.some(v => clashes(values.get(v)!))
    if (some(this.values())) return true
    // With what is paused, and without.
    return [this.paused, new Set<string>()].some(paused => {
      const ideal = new Model(this.specs)
      for (const i of [0, 1] as const) for (const [id, r] of this.base[i]) ideal.base[i].set(id, r)
      for (const [name, rows] of this.tables) ideal.tables.set(name, new Map(rows))
      for (const [key, u] of this.units) ideal.units.set(key, u)
      for (const name of paused) ideal.paused.add(name)
      ideal.settle()
      return some(ideal.values())
    })
  }

  /** Everything has run. `actual`: rows that nobody keeps up may be those of any moment since they were kept up. */
  settle(actual?: (name: string) => readonly R[]): void {
    for (const s of this.specs) {
      if (s.kind === 'view' && !this.paused.has(s.name)) this.tables.set(s.name, new Map(this.values().get(s.name)!.map(r => [r.id, r])))
      else if (s.kind === 'derive' || s.kind === 'view') {
        const live = s.kind === 'view' || this.paused.has(s.name) ? new Set<number>() : this.live(s.name)
        if (actual !== undefined) this.tables.set(s.name, new Map(actual(s.name).filter(r => !live.has(r.g)).map(r => [r.id, r])))
        if (s.kind === 'derive') this.#slice(s.name, live, [...live].flatMap(g => this.made(s, g, this.values())))
      }
    }
  }
}

export const clashes = (rows: readonly R[]): boolean => new Set(rows.map(r => r.id)).size < rows.length
