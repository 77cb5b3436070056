// What the tests against the built package share. They import the package as users do, never its sources.
import {
  type Database, type DatabaseOptions, EddylineError, belongsTo, bigint, bytes, createDatabase, defineSchema, hasMany, hasOne, int, json, number, string, table, timestamp,
} from '../../../pkg/index.inline.js'

export const schema = defineSchema({
  issues: table({
    id: string().key(), title: string(), status: string(), priority: int(), projectId: string().nullable(), score: number().nullable(),
    votes: bigint().nullable(), due: timestamp().nullable(), meta: json().nullable(), raw: bytes().nullable(),
  }),
  projects: table({ id: string().key(), name: string() }),
  comments: table({ id: int().key(), issueId: string(), body: string(), at: int() }),
  members: table({ projectId: string().key(), userId: int().key(), role: string() }),
  notes: table({ id: int().key(), text: string() }, { tenant: true }),
}, {
  issues: {
    project: belongsTo('projects', 'projectId'),
    comments: hasMany('comments', 'issueId', { orderBy: [['at', 'asc']] }),
    latest: hasOne('comments', 'issueId', { orderBy: [['at', 'desc']] }),
  },
  projects: { issues: hasMany('issues', 'projectId'), members: hasMany('members', 'projectId') },
})
export type TestSchema = typeof schema
export type Db = Database<TestSchema>

export interface Opened { db: Db; errors: unknown[] }

/** A database of the real engine; what had no caller to go to is in `errors`. */
export async function open(options?: Partial<DatabaseOptions<TestSchema>>): Promise<Opened> {
  const errors: unknown[] = []
  const db = await createDatabase({ schema, onError: e => { errors.push(e) }, ...options })
  return { db, errors }
}

export interface IssueFields {
  title: string; status: string; priority: number; projectId: string | null; score: number | null
  votes: bigint | null; due: Date | null; meta: unknown; raw: Uint8Array | null
}
export function issue(id: string, more: Partial<IssueFields> = {}) {
  return { id, title: `Issue ${id}`, status: 'open', priority: 1, projectId: null, score: null, votes: null, due: null, meta: null, raw: null, ...more }
}
export const put = (id: string, more?: Partial<IssueFields>) => ({ op: 'upsert', table: 'issues', row: issue(id, more) }) as const
export const comment = (id: number, issueId: string, more: Partial<{ body: string; at: number }> = {}) =>
  ({ op: 'upsert', table: 'comments', row: { id, issueId, body: `c${id}`, at: id, ...more } }) as const

/** The error that `fn` throws. */
export function failure(fn: () => unknown): EddylineError {
  try { fn() } catch (error) {
    if (!(error instanceof EddylineError)) throw error
    return error
  }
  throw new Error('did not throw')
}

/** Everything that a failed batch must leave alone. */
export function picture(db: Db): unknown {
  const tables = db.stats().tables.map(t => [t.name, t.rows])
  return { version: db.version, cursor: db.cursor('s'), rows: JSON.stringify(rowsOf(db)), tables }
}
function rowsOf(db: Db): unknown {
  const live = db.live(db.query.issues.orderBy('id'))
  try { return live.rows.map(r => ({ ...r, votes: String(r.votes) })) } finally { live.dispose() }
}

export const tick = (ms = 0): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms) })
/** Until it holds; what is looked at afterwards says what is wrong if it never does. */
export async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> { for (let n = 0; n < 8000 && !await holds(); n++) await tick(5) }

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
