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

  /** Why a view's table is not what its query says. Nobody looks at one that is paused. */
  errorOf(node: Node): unknown { return this.#upkeeps.get(node)?.error }

  /** Whether a view has failed with the same words. */
  isTold(error: unknown): boolean { return [...this.#upkeeps.values()].some(u => u.error !== undefined && (u.error as Error).message === (error as Error | null)?.message) }

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
    if (upkeep === undefined) return
    upkeep.paused = paused
    upkeep.error = undefined
    this.#wakeStuck()
  }

  /** Writes what there is to write, as one version. A view that is made of one in error waits for it, as a run would be refused. */
  flush(): void {
    if (this.#woken.size === 0) return
    const changes: LooseChange[] = []
    const written: Upkeep[] = []
    for (let round = this.#inOrder(); round.length > 0; round = this.#inOrder()) {
      for (const upkeep of round) {
        this.#woken.delete(upkeep)
        if (upkeep.paused || (upkeep.isDone && upkeep.error === undefined)) continue
        const draft = this.host.draftOf(upkeep.node)
        try {
          const below = this.#below(upkeep.node)
          if (below !== undefined) throw below
          upkeep.flush(draft)
          if (upkeep.error !== undefined) { upkeep.error = undefined; this.#wakeStuck() }
          for (const change of draft.changes()) changes.push(change)
          written.push(upkeep)
        } catch (error) {
          upkeep.again()
          this.#failed(upkeep, error)
        }
      }
    }
    if (changes.length === 0) return
    try { this.commit(changes) } catch (error) {
      // Nothing was written: the next occasion compares the whole.
      for (const upkeep of written) { upkeep.again(); this.#failed(upkeep, error) }
    }
  }

  /** Those that wait, inputs before what reads them. */
  #inOrder(): Upkeep[] { return [...this.#woken].sort((a, b) => a.node.order - b.node.order) }

  /** Why a view that this one is made of is in error. */
  #below(node: Node): unknown {
    for (const view of this.host.composer.viewsBelow(node)) { const error = this.errorOf(view); if (error !== undefined) return error }
    return undefined
  }

  /** What waits for a view that was in error looks again. */
  #wakeStuck(): void { for (const u of this.#upkeeps.values()) if (u.error !== undefined) this.#woken.add(u) }

  /** Told once. */
  #failed(upkeep: Upkeep, error: unknown): void {
    const isKnown = upkeep.error !== undefined && (upkeep.error as Error).message === (error as Error)?.message
    upkeep.error = error
    // Of one cause there is one word: those that wait for it say it when they are asked.
    if (!isKnown && this.#below(upkeep.node) !== error) report(error, this.onError)
  }

  end(): void {
    for (const u of this.#upkeeps.values()) u.end()
    this.#upkeeps.clear()
    this.#woken.clear()
  }
}
