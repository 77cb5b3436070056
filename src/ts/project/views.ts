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
    const written: Upkeep[] = []
    for (const upkeep of [...this.#woken]) {
      this.#woken.delete(upkeep)
      if (upkeep.paused || upkeep.isDone) continue
      const draft = this.host.draftOf(upkeep.node)
      try {
        upkeep.flush(draft)
        upkeep.error = undefined
        for (const change of draft.changes()) changes.push(change)
        written.push(upkeep)
      } catch (error) { this.#failed(upkeep, error) }
    }
    if (changes.length === 0) return
    try { this.commit(changes) } catch (error) {
      // Nothing was written: the next occasion compares the whole.
      for (const upkeep of written) { upkeep.again(); this.#failed(upkeep, error) }
    }
  }

  /** Told once. */
  #failed(upkeep: Upkeep, error: unknown): void {
    const isKnown = upkeep.error !== undefined && (upkeep.error as Error).message === (error as Error)?.message
    upkeep.error = error
    if (!isKnown) report(error, this.onError)
  }

  end(): void {
    for (const u of this.#upkeeps.values()) u.end()
    this.#upkeeps.clear()
    this.#woken.clear()
  }
}
