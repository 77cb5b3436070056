// Checked by `npx tsc --noEmit -p tests/ts/tsconfig.json`: nothing here runs.
import type { Database } from '../../../src/ts/database.js'
import { defineSchema } from '../../../src/ts/define-schema.js'
import { hasMany, int, string, table } from '../../../src/ts/schema.js'
import { type Signal, tenant, watches } from '../../../src/ts/watch/index.js'

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false
declare function same<A, B>(...proof: Equal<A, B> extends true ? [] : [never]): void
/** The same of rows and lists of rows as queries show them: nobody writes to them. */
declare function shows<A, B>(...proof: Equal<A, B extends readonly (infer E)[] ? readonly Readonly<E>[] : Readonly<B>> extends true ? [] : [never]): void

const schema = defineSchema({
  issues: table({ id: string().key(), title: string(), status: string<'open' | 'done'>(), points: int(), assigneeId: string().nullable() }),
  issueLabels: table({ issueId: string().key(), labelId: string().key() }),
  comments: table({ id: int().key(), issueId: string(), body: string() }),
}, { issues: { comments: hasMany('comments', 'issueId') } })
type S = typeof schema
declare const db: Database<S>
const q = db.query.issues

const scope = tenant(db, 'org-1')
scope.watch('issues', 'updates', { by: { status: 'open', assigneeId: null }, columns: ['points'] }, (signal: Signal) => { same<typeof signal.counts.updates, number>() })
scope.watch(q.where('points', '>', 1), 'collection', ({ keys }) => { void keys.inserted })
scope.watchRow('issueLabels', ['a', 'b'])
scope.live(q.with('comments')).subscribe(({ rows }) => { shows<(typeof rows)[number]['comments'], { id: number; issueId: string; body: string }[]>() })
same<typeof scope.id, string>()
same<ReturnType<typeof watches<S>>['id'], string | undefined>()
// @ts-expect-error no such table
scope.watch('issue', 'updates', {})
// @ts-expect-error no such kind
scope.watch('issues', 'update', {})
// @ts-expect-error no such status
scope.watch('issues', 'updates', { by: { status: 'opened' } })
// @ts-expect-error no such column
scope.watch('issues', 'updates', { columns: ['titel'] })
// @ts-expect-error a key of another type
scope.assigns().one('c', 'comments', 'a')
scope.assigns().many('c', 'comments', [1, 2]).allBy('mine', 'issues', { assigneeId: 'u' }).allBy('mine', q.orderBy('title'), { assigneeId: 'u' })
// @ts-expect-error no such column
scope.assigns().allBy('mine', 'issues', { asigneeId: 'u' })
