// Random programs: runs them by their seeds, and says of one that fails the shortest that fails, too.

export interface Program { readonly ops: readonly unknown[] }

/** What became of a program: which of its operations broke it (-1: what comes before), why, and how much was compared. */
export interface Outcome { readonly error: unknown; readonly at: number; readonly compared: number }

interface Programs<P extends Program> {
  program(seed: number): P
  run(program: P): Outcome | Promise<Outcome>
  /** What is said of a seed besides its number. */
  about?(seed: number): string
}

/** Runs so many programs; how much all of them compared. Throws what the first that fails throws, with its seed and its operations. */
export async function runPrograms<P extends Program>(first: number, runs: number, { program, run, about }: Programs<P>): Promise<number> {
  let compared = 0
  for (let seed = first; seed < first + runs; seed++) {
    const p = program(seed)
    const outcome = await run(p)
    compared += outcome.compared
    if (outcome.error === undefined) continue
    const ops = await shortest(p.ops.slice(0, outcome.at + 1), async ops => (await run({ ...p, ops })).error !== undefined)
    const error = ((await run({ ...p, ops })).error ?? outcome.error) as Error
    error.message = `seed ${seed}${about === undefined ? '' : `, ${about(seed)}`}\n${ops.map(op => JSON.stringify(op)).join('\n')}\n${error.message}`
    throw error
  }
  return compared
}

/** As few of the operations as halving finds with which it fails. */
async function shortest(ops: readonly unknown[], fails: (ops: readonly unknown[]) => Promise<boolean>): Promise<readonly unknown[]> {
  for (let size = ops.length >> 1; size >= 1; size >>= 1) {
    for (let from = 0; from < ops.length;) {
      const fewer = [...ops.slice(0, from), ...ops.slice(from + size)]
      if (await fails(fewer)) ops = fewer
      else from += size
    }
  }
  return ops
}
