// Queries of one form are read and described once; they differ in their constants alone.
import { expect, it } from 'vitest'
import { eq, or } from '../../../pkg/index.inline.js'
import { type Db, failure, open, put, random } from './support.js'

const fill = (db: Db): void => {
  db.apply([
    { op: 'upsert', table: 'projects', rows: ['p', 'q'].map(id => ({ id, name: `Project ${id}` })) },
    ...Array.from({ length: 60 }, (_, i) => put(`i${i}`, {
      priority: i % 7, status: ['open', 'done', '1', 'null'][i % 4], votes: BigInt(i % 5) * 2n ** 60n, score: i % 3 === 0 ? null : i / 4,
      projectId: ['p', 'q', null][i % 3], due: new Date(1e12 + (i % 6) * 1000),
    })),
    { op: 'upsert', table: 'comments', rows: Array.from({ length: 40 }, (_, i) => ({ id: i, issueId: `i${i % 20}`, body: 'x', at: i })) },
  ])
}

it('each has the rows of its own constants, mounted before and after the form is known, and follows changes', async () => {
  const { db } = await open()
  fill(db)
  let root = db.query
  const forms = [
    (n: number) => root.issues.where('priority', '=', n % 8).orderBy('id'),
    (n: number) => root.issues.where('priority', '>=', n % 5).where('priority', '<', n % 9).orderBy('id'),
    (n: number) => root.issues.where('status', '=', ['open', 'done', '1', 'null', 'x\u0000"'][n % 5]).orderBy('priority', 'desc'),
    (n: number) => root.issues.where('votes', '>', BigInt(n % 5) * 2n ** 60n).orderBy('id').limit(5),
    (n: number) => root.issues.where('score', '<', [Infinity, -Infinity, 3.5, 1e21, -0][n % 5]).orderBy('id'),
    (n: number) => root.issues.where('due', '<=', new Date(1e12 + (n % 6) * 1000)).orderBy('id'),
    (n: number) => root.issues.where('status', 'in', n % 2 === 0 ? ['open', '1'] : ['done', 'null']).orderBy('id'),
    (n: number) => root.projects.where('id', '=', n % 2 === 0 ? 'p' : 'q').with('issues', i => i.where('priority', '<', n % 4).orderBy('id').limit(3)),
    (n: number) => root.issues.where(i => or(eq(i.priority, n % 7), eq(i.status, n % 2 === 0 ? 'open' : 'done'))).orderBy('id'),
    (n: number) => root.issues.innerJoin('projects', (i, p) => eq(i.projectId, p.id)).where(r => eq(r.issues.priority, n % 7)).orderBy(r => r.issues.id),
    (n: number) => root.issues.where('priority', '=', n % 7).groupBy('status').select(i => ({ status: i.status })).orderBy('status'),
    (n: number) => root.issues.where('priority', '=', n % 7).select('id', 'title').orderBy('id'),
  ]
  const next = random(7)
  const pairs = Array.from({ length: 120 }, () => {
    const [form, n] = [next(forms.length), next(30)]
    return { form, n, live: db.live(forms[form](n) as never) as { rows: readonly object[] } }
  })
  const changes: ReturnType<typeof put>[] = []
  const check = async (): Promise<void> => {
    for (const { form, n, live } of pairs) {
      // An engine that has seen no query before.
      const { db: fresh } = await open()
      fill(fresh)
      for (const c of changes) fresh.apply([c])
      root = fresh.query
      expect(plain(live.rows), `form ${form}, ${n}`).toEqual(plain((fresh.live(forms[form](n) as never) as typeof live).rows))
      fresh.close()
    }
  }
  await check()
  for (let i = 0; i < 20; i++) {
    const c = put(`i${next(70)}`, { priority: next(8), status: ['open', 'done', '1'][next(3)], votes: BigInt(next(5)) * 2n ** 60n, projectId: ['p', 'q'][next(2)] })
    changes.push(c)
    db.apply([c])
  }
  await check()
})

const plain = (rows: readonly object[]): unknown => JSON.parse(JSON.stringify(rows, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)))

it('what is wrong with a constant is said as if the form were new', async () => {
  const { db } = await open()
  fill(db)
  const bad = (): unknown => db.live(db.query.issues.where('priority', '=', 'high' as never))
  const first = failure(bad)
  for (let i = 0; i < 3; i++) db.live(db.query.issues.where('priority', '=', i))
  const later = failure(bad)
  expect([later.code, later.path, later.message]).toEqual([first.code, first.path, first.message])
  expect(later.code).toBe('TYPE_MISMATCH')
  expect(db.live(db.query.issues.where('priority', '=', 3)).rows.length).toBe(9)
})
