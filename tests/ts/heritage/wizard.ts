// A database of facts for the scenarios of Wizard, and views that note what they are told.
import { type EddylineError, createDatabase, defineSchema } from '../../../pkg/index.inline.js'
import { type AttributeInput, type Datalog, type DatalogOptions, type DatalogView, datalog, facts } from '../../../pkg/datalog/index.js'

export interface World { data: Datalog; errors: unknown[] }

export async function world(attributes: Record<string, AttributeInput>, options?: DatalogOptions): Promise<World> {
  const errors: unknown[] = []
  const db = await createDatabase({ schema: defineSchema(facts(attributes)), onError: e => { errors.push(e) } })
  return { data: datalog(db, options), errors }
}

export interface Told { added: unknown[][]; removed: unknown[][] }
/** Everything that a view tells, sorted; taken by `take`. */
export function told(view: DatalogView): { take(): Told[] } {
  let all: Told[] = []
  view.listen((added, removed) => { all.push({ added: sorted(added), removed: sorted(removed) }) })
  return { take: () => { const out = all; all = []; return out } }
}

export const sorted = <T>(rows: readonly T[]): T[] => [...rows].sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

/** The error that `fn` throws. */
export function failure(fn: () => unknown): EddylineError {
  try { fn() } catch (error) {
    // Tests of sources and of the package have a class each.
    if ((error as Error).name !== 'EddylineError') throw error
    return error as EddylineError
  }
  throw new Error('did not throw')
}
