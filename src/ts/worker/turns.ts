// Of several tabs that connect a source of one name, one runs it; the next one takes over when that tab ends it or goes.

/** Who waits to run a source. */
export interface Turn<P> { readonly page: P; readonly turn: number; readonly begin: () => void }

export class Turns<P> {
  readonly #queues = new Map<string, Turn<P>[]>()
  /** Sources that have loaded, of those that somebody runs. */
  readonly #loaded = new Set<string>()

  /** Whether whoever runs it has said that it has loaded. */
  loaded(source: string): boolean { return this.#loaded.has(source) }

  /** `begin` is called when it is its turn: at once if nobody runs it. */
  ask(source: string, turn: Turn<P>): void {
    const queue = this.#queues.get(source)
    if (queue !== undefined) { queue.push(turn); return }
    this.#queues.set(source, [turn])
    turn.begin()
  }

  /** It has loaded: the pages that wait for their turn. */
  mark(source: string): P[] {
    this.#loaded.add(source)
    return [...new Set(this.#queues.get(source)?.slice(1).map(t => t.page))]
  }

  /** The turn is over, or not waited for any more. */
  leave(source: string, page: P, turn?: number): void {
    const queue = this.#queues.get(source)
    if (queue === undefined) return
    const [first] = queue
    const stays = (t: Turn<P>): boolean => t.page !== page || (turn !== undefined && t.turn !== turn)
    const left = queue.filter(stays)
    // Who does not wait any more is not left without an answer.
    for (const t of queue) if (t !== first && !stays(t)) t.begin()
    if (left.length === 0) {
      this.#queues.delete(source)
      // Who comes next begins anew, and is ready when it says so.
      this.#loaded.delete(source)
    } else this.#queues.set(source, left)
    if (left.length > 0 && left[0] !== first) left[0].begin()
  }

  /** A page has gone. */
  gone(page: P): void { for (const source of [...this.#queues.keys()]) this.leave(source, page) }
}
