import type { LooseChange } from '../changes.js'
import { report } from '../dispatch.js'
import type { Draft } from './draft.js'
import type { Node } from './graph.js'
import type { ScopeHost } from './scope.js'
import { Upkeep } from './upkeep.js'

/** The views of a database: their tables are written together, as the version after the one that changed them. */
export class Views {
  readonly #upkeeps = new Map<Node, Upkeep>()
  readonly #woken = new Set<Upkeep>()

  constructor(readonly host: ScopeHost & { draftOf(node: Node): Draft }, readonly onError: ((error: unknown) => void) | undefined, readonly commit: (changes: readonly LooseChange[]) => void) {}

  /** Follows the query of a view; its table is written by the next `flush`. Throws what the engine finds wrong with it. */
  add(node: Node): void {
    const { db, composer, tenant } = this.host
    const upkeep = new Upkeep(db, node, composer, tenant, u => { this.#woken.add(u) })
    this.#upkeeps.set(node, upkeep)
    this.#woken.add(upkeep)
  }

  remove(node: Node): void {
    const upkeep = this.#upkeeps.get(node)
    if (upkeep === undefined) return
    upkeep.end()
    this.#upkeeps.delete(node)
    this.#woken.delete(upkeep)
  }

  errorOf(node: Node): unknown { return this.#upkeeps.get(node)?.error }

  /** The whole of a view is compared with its table. */
  again(node: Node): void {
    const upkeep = this.#upkeeps.get(node)
    if (upkeep === undefined) return
    upkeep.again()
    this.#woken.add(upkeep)
  }

  againAll(): void { for (const node of this.#upkeeps.keys()) this.again(node) }

  pause(node: Node): void { this.#set(node, true) }

  resume(node: Node): void {
    this.#set(node, false)
    this.again(node)
  }

  #set(node: Node, paused: boolean): void {
    const upkeep = this.#upkeeps.get(node)
    if (upkeep !== undefined) upkeep.paused = paused
  }

  /** Writes what there is to write, as one version. */
  flush(): void {
    if (this.#woken.size === 0) return
    const changes: LooseChange[] = []
    for (const upkeep of [...this.#woken]) {
      this.#woken.delete(upkeep)
      if (upkeep.paused || upkeep.isDone) continue
      const draft = this.host.draftOf(upkeep.node)
      try {
        upkeep.flush(draft)
        upkeep.error = undefined
        changes.push(...draft.changes())
      } catch (error) {
        // Told once.
        if (upkeep.error !== undefined && (upkeep.error as Error).message === (error as Error)?.message) continue
        upkeep.error = error
        report(error, this.onError)
      }
    }
    if (changes.length > 0) this.commit(changes)
  }

  end(): void {
    for (const u of this.#upkeeps.values()) u.end()
    this.#upkeeps.clear()
    this.#woken.clear()
  }
}
