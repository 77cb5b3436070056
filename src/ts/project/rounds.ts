import { pause } from '../breathe.js'

interface Count { task: number; quiet: number; rounds: number }

/**
 * Counts runs that were fed from inside: of one unit within one task of the page, in which nothing can come from outside. They
 * add up until nothing is left to run. A function that waits gives the page its turn, and is not counted.
 */
export class Rounds {
  #task = 0
  #armed = false
  #quiet = 0
  readonly #of = new WeakMap<object, Count>()

  /** `most`: what has run so often because of what happened within its own tasks would run for ever. */
  constructor(readonly most: number) {}

  /** One more run; whether it is one too many. */
  isTooMany(unit: object): boolean {
    if (!this.#armed) {
      this.#armed = true
      void pause().then(() => { this.#armed = false; this.#task++ })
    }
    const known = this.#of.get(unit)
    const isInside = known?.task === this.#task
    const rounds = known === undefined || (!isInside && known.quiet !== this.#quiet) ? 0 : known.rounds + (isInside ? 1 : 0)
    this.#of.set(unit, { task: this.#task, quiet: this.#quiet, rounds })
    return rounds >= this.most
  }

  /** Nothing is left to run. */
  quiet(): void { this.#quiet++ }
}
