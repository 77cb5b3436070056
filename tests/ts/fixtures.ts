import { Database, type DatabaseOptions } from '../../src/ts/database.js'
import { defineSchema } from '../../src/ts/define-schema.js'
import { belongsTo, boolean, hasMany, int, number, string, table } from '../../src/ts/schema.js'
import { type FakeEngine, fakeModule } from './fake-engine.js'

export const schema = defineSchema({
  issues: table({ id: string().key(), projectId: string(), title: string(), status: string(), priority: int(), score: number().nullable(), done: boolean() }),
  projects: table({ id: string().key(), name: string() }),
  comments: table({ id: int().key(), issueId: string(), body: string(), at: int() }),
  reactions: table({ id: int().key(), commentId: int(), emoji: string() }),
}, {
  issues: { project: belongsTo('projects', 'projectId'), comments: hasMany('comments', 'issueId', { orderBy: [['at', 'asc']] }) },
  comments: { reactions: hasMany('reactions', 'commentId') },
})

export type TestSchema = typeof schema

export function open(options?: Partial<DatabaseOptions<TestSchema>>): { db: Database<TestSchema>; engine: FakeEngine } {
  const module = fakeModule()
  const db = new Database(module, { schema, ...options })
  return { db, engine: module.engines[0] }
}

export function issue(id: string, more: Partial<{ projectId: string; title: string; status: string; priority: number; score: number | null; done: boolean }> = {}) {
  return { id, projectId: 'p1', title: `Issue ${id}`, status: 'open', priority: 1, score: null, done: false, ...more }
}

/** Until it holds; what is looked at afterwards says what is wrong if it never does. */
export async function eventually(holds: () => boolean): Promise<void> { for (let n = 0; n < 8000 && !holds(); n++) await new Promise(resolve => { setTimeout(resolve, 5) }) }

/** A random number generator that replays: print the seed of a failure. */
export function random(seed: number): (n: number) => number {
  let a = seed
  return n => {
    a = (a + 0x6d2b79f5) | 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) % n
  }
}
