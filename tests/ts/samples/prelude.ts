// What the samples of www/docs speak of without saying it: a schema with rows, and the names of things.
import type { Change, Database, LiveEvent, Source, SyncSession } from '../../../pkg/index.inline.js'
import {
  type EddylineError, array, belongsTo, boolean, count, createDatabase, defineSchema, hasMany, hasOne, int, json, manyToMany, number, string, table, timestamp,
} from '../../../pkg/index.inline.js'
import type { Cursor, EventLog, Operations } from '../../../pkg/reduce/index.js'
import { memoryLog, reducer } from '../../../pkg/reduce/index.js'
import { type Medium, memory } from '../../../pkg/storage/index.js'
import type { Tell, Watcher } from '../../../pkg/sync/index.js'
import type { TanStackOptions } from '../../../pkg/tanstack/index.js'
import '../../../pkg/watch/index.js'

export const schema = defineSchema({
  issues: table({
    id: string().key(), projectId: string(), parentId: string().nullable(), title: string(), body: string(), status: string(), priority: int(), points: int(), votes: int(),
    updatedAt: timestamp(), dueAt: timestamp(), due: timestamp(), assigneeId: string().nullable(), tags: array(string()), meta: json(),
  }),
  comments: table({ id: string().key(), issueId: string(), parentId: string().nullable(), authorId: string(), body: string(), createdAt: timestamp() }),
  labels: table({ id: string().key(), name: string() }),
  issueLabels: table({ issueId: string().key(), labelId: string().key() }),
  projects: table({ id: string().key(), name: string() }),
  users: table({ id: string().key(), name: string() }),
  people: table({ id: int().key(), boss: int() }),
  edges: table({ id: int().key(), a: int(), b: int(), w: int() }),
  quotes: table({ id: int().key(), author: string(), text: string() }, { tenant: true }),
  accounts: table({ id: int().key(), orgId: int() }),
  invoices: table({ id: int().key(), accountId: int(), amount: number() }),
  receivable: table({ accountId: int().key(), orgId: int(), total: number().nullable() }),
  letters: table({ accountId: int().key(), orgId: int(), text: string() }),
  urgent: table({ id: int().key(), done: boolean() }),
}, {
  issues: {
    comments: hasMany('comments', 'issueId'), latest: hasOne('comments', 'issueId', { orderBy: [['createdAt', 'desc']] }),
    labels: manyToMany('labels', 'issueLabels', ['issueId', 'labelId']),
  },
  comments: { author: belongsTo('users', 'authorId') },
})
export type Schema = typeof schema
/** A row of whatever table, and its key. */
export type AnyRow = Record<string, unknown>

const moment = new Date('2026-01-02')
const issue = (id: string, more: object = {}) => ({
  id, projectId: 'p', title: `Issue ${id} #tag`, body: 'See #a and #b', status: 'open', priority: 3, points: 5, votes: 1,
  updatedAt: moment, dueAt: moment, due: moment, tags: ['new', 'old'], meta: { n: 1 }, ...more,
})

/** A source of changes and of events. */
class Backend implements Source, EventLog<any> {
  readonly name = 'backend'
  readonly #log = memoryLog<any>(e => e.id, [{ id: 1, type: 'UserCreated', userId: '99', name: 'Una' }])
  sync(session: SyncSession): void { session.markReady() }
  fetch(after: Cursor, limit: number) { return this.#log.fetch(after, limit) }
  subscribe(fn: () => void) { return this.#log.subscribe(fn) }
}

/** Whatever fits; at run time nothing, as if it were left out. */
const given: any = undefined

export async function prelude() {
  const db = await createDatabase({ schema, storage: memory() })
  db.apply([
    { op: 'insert', table: 'issues', rows: [issue('a'), issue('b', { parentId: 'a', status: 'closed' }), issue('x', { priority: 1 })] as never },
    { op: 'insert', table: 'projects', rows: [{ id: 'p', name: 'Atlas' }] },
    { op: 'insert', table: 'comments', rows: [{ id: 'r', issueId: 'a', authorId: 'u', body: 'Seen.', createdAt: moment }, { id: 's', issueId: 'a', parentId: 'r', authorId: 'u', body: 'Too.', createdAt: moment }] },
    { op: 'insert', table: 'people', rows: [{ id: 8, boss: 7 }, { id: 9, boss: 8 }] },
    { op: 'insert', table: 'edges', rows: [{ id: 1, a: 0, b: 1, w: 2 }, { id: 2, a: 1, b: 2, w: 3 }] },
    { op: 'insert', table: 'accounts', rows: [{ id: 1, orgId: 123 }] },
    { op: 'insert', table: 'invoices', rows: [{ id: 1, accountId: 1, amount: 20 }] },
  ])
  const q = db.query.issues
  const live = db.live(q)
  return {
    schema, db: db as Database<Schema>, q, live, source: new Backend(), given, console: { log: (..._: unknown[]): void => {} },
    query: db.query.issues, changes: [] as Change<Schema>[], batch: { changes: [] as Change<Schema>[] }, json: '[]', wanted: 'open',
    text: '[]', bytes: new TextEncoder().encode('[]'), response: new Response('[]'), stream: new Response('[]').body!,
    rows: live.rows, diff: [] as LiveEvent<any>['diff'], keyOf: (row: any): string => row.id, fn: () => {}, now: moment, d: moment, root: 'r',
    p: db.query.projects, a: q.select('id'), b: db.query.labels.select('id'), counts: q.groupBy('projectId').select(i => ({ projectId: i.projectId, n: count() })),
    /** One of several that are named: all have to fit. */
    either: <const A extends readonly unknown[]>(...all: A): A[number] => all[0],
    /** A statement by itself: a query is asked and has rows without an error, a promise ends. */
    shown: async (evaluate: () => Promise<unknown[]>): Promise<void> => {
      let values: unknown[] = []
      try {
        values = await Promise.all(await evaluate())
      } catch (error) {
        if ((error as EddylineError).code !== 'NOT_DURABLE') throw error   // databases that samples make have no storage
      }
      for (const value of values) {
        if (!(value instanceof Object && 'toJSON' in value && 'where' in value)) continue
        const asked = db.live(value as typeof q, { tenant: 'org-1' })
        if (asked.error !== undefined) throw asked.error
        asked.dispose()
      }
    },
    // Of the pages around.
    render: (_rows: readonly unknown[], _diff: readonly unknown[]): void => {}, flash: (_: unknown): void => {}, oldest: ['x'], closedTabs: [live],
    t: db.tenant('org-1'), kind: 'changes' as const, id: 1, ids: [1, 2], refs: [], futures: [], label: 'mine',
    options: { id: 'adapter', getKey: (row: any): string => row.id, sync: { sync: () => {} } } as TanStackOptions, electricCollectionOptions: (_: object) => given as TanStackOptions,
    signal: <T>(value: T) => ({ set: (_: T): void => {}, asReadonly: () => () => value }), database: (): Database<Schema> | undefined => db as Database<Schema>,
    afterRenderEffect: (run: (end: (fn: () => void) => void) => void): void => { run(() => {}) },
    readable: <T>(value: T, start: (set: (value: T) => void) => () => void) => ({ value, start }), $state: <T>(value: T): T => value, $derived: <T>(value: T): T => value,
    // Of reducers.
    events: [] as any[], e: { user: 'u' }, send: async (_: unknown): Promise<void> => {}, partition: (e: any): string => e.userId, cursor: (e: any): number => e.id, until: 1,
    op: { transaction: fn => fn({ get: () => ({ name: 'Una' }), all: () => [], update: () => {} } as never) } as Operations,
    Users: reducer('users', { tables: ['users'], partition: e => e.userId, cursor: e => e.id, on: {} }),
    // Of projections, datalog, storage, values of one's own.
    letterOf: (row: any) => ({ accountId: row.accountId, orgId: row.orgId, text: `${row.total}` }), Letters: undefined as any, Digests: undefined as any,
    txData: [], hash: 'f00', medium: undefined as unknown as Medium,
    value: [] as any, news: [], target: 'issues', tell: (() => {}) as Tell, watchers: [{ table: 'issues', event: 'updated' }] as Watcher[], fetchRow: async () => null,
  }
}
export type Prelude = Awaited<ReturnType<typeof prelude>>
