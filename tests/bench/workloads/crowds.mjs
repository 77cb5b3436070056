// Thousands of queries of one shape: one change to a row that one of ten queries shows, with these ten alone and with all of them.
import { perUnit, sample } from '../measure.mjs'
import { random } from './issues.mjs'

const schemaOf = ({ defineSchema, table, string, int, hasMany }) => defineSchema({
  users: table({ id: int().key(), name: string() }),
  issues: table({ id: int().key(), projectId: int(), assigneeId: int(), title: string(), points: int() }),
  comments: table({ id: int().key(), issueId: int(), body: string() }),
}, { issues: { comments: hasMany('comments', 'issueId') } })

const comment = (next, ids) => ({ op: 'update', table: 'comments', id: ids(next), set: { body: `body ${next()}` } })

/** By shape: the query of a number, and a change that concerns one of the first ten. Comments of the issue i are i and i + issues. */
export function crowdShapes({ eq, and, lt, gte, count, param, exists }) {
  const title = (next) => ({ op: 'update', table: 'issues', id: Math.floor(next() * 10), set: { title: `title ${next()}` } })
  const body = (next) => comment(next, (n) => Math.floor(n() * 10))
  return {
    'a filter by value': [(q, i) => q.issues.where('id', '=', i), title],
    'a filter by range': [(q, i) => q.issues.where((r) => and(gte(r.id, i), lt(r.id, i + 1))), title],
    'by a parameter': [(q, i) => [q.issues.where((r) => eq(r.id, param('id'))), { id: i }], title],
    'an issue with its comments': [(q, i) => q.issues.where('id', '=', i).with('comments'), body],
    'joined with its comments': [(q, i) => q.issues.where('id', '=', i).innerJoin('comments', (a, c) => eq(c.issueId, a.id)), body],
    'if it has comments': [(q, i) => q.issues.where((r) => and(eq(r.id, i), exists(q.comments.where((c) => eq(c.issueId, r.id))))), title],
    'comments of an issue by a number of its own': [(q, i) => q.comments.innerJoin('issues', (c, a) => eq(c.issueId, a.id)).where(({ issues }) => eq(issues.points, i)), body],
    'count of a range': [(q, i) => q.issues.where((r) => and(gte(r.id, i), lt(r.id, i + 1))).groupBy('projectId').select((r) => ({ p: r.projectId, n: count() })),
      (next) => ({ op: 'update', table: 'issues', id: Math.floor(next() * 10), set: { projectId: Math.floor(next() * 1e6) } })],
  }
}

export const crowdNames = ['a filter by value', 'a filter by range', 'by a parameter', 'an issue with its comments', 'joined with its comments',
  'if it has comments', 'comments of an issue by a number of its own', 'count of a range']

export async function crowds(host, { shape, issues = 20_000, queries, rounds, count }) {
  const eddyline = await host.eddyline()
  const [query, change] = crowdShapes(eddyline)[shape]
  const open = async (most) => {
    const db = await eddyline.createDatabase({ schema: schemaOf(eddyline) })
    const rows = []
    for (let i = 0; i < 1000; i++) rows.push({ op: 'insert', table: 'users', row: { id: i, name: `user ${i}` } })
    for (let i = 0; i < issues; i++) rows.push({ op: 'insert', table: 'issues', row: { id: i, projectId: i % 1000, assigneeId: (i * 7) % 1000, title: `title ${i}`, points: i } })
    for (let i = 0; i < 2 * issues; i++) rows.push({ op: 'insert', table: 'comments', row: { id: i, issueId: i % issues, body: `body ${i}` } })
    db.apply(rows)
    let told = 0
    const lives = Array.from({ length: most }, (_, i) => {
      const wanted = query(db.query, i)
      const live = Array.isArray(wanted) ? db.live(wanted[0], { params: wanted[1] }) : db.live(wanted)
      live.subscribe(() => { told++ })
      return live
    })
    return { db, lives, told: () => told }
  }
  const [few, many] = [await open(10), await open(queries)]
  const next = random(11)
  const changes = Array.from({ length: count }, () => [change(next)])
  const run = ({ db }) => () => { for (const batch of changes) db.apply(batch) }
  const samples = perUnit(await sample(host, { many: { run: run(many) }, few: { run: run(few) } }, rounds), count, 1000)
  if (few.told() !== many.told()) throw new Error(`${shape}: ${many.told()} calls under ${queries} queries, ${few.told()} under ten`)
  return { samples, told: many.told() / (count * (rounds + 1)) }
}
