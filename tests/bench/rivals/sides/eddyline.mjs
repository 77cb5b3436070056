// Eddyline itself.
import { projects as allProjects } from '../data.mjs'

export const supports = () => true

/** A stream as a network makes it: pieces that come one after the other, with room for others between them. */
function pieces(bytes, size = 65_536) {
  let at = 0
  return new ReadableStream({
    async pull(controller) {
      await new Promise((resolve) => { setTimeout(resolve) })
      controller.enqueue(bytes.subarray(at, at += size))
      if (at >= bytes.length) controller.close()
    },
  })
}

export async function open(host) {
  const e = await host.eddyline()
  const { table, string, int, number, boolean } = e
  const schema = e.defineSchema({
    issues: table({
      id: string().key(), projectId: string(), title: string(), status: string(), priority: string(), kind: string(),
      number: int(), updatedAt: int(), estimate: number(), flagged: boolean().nullable(),
    }),
    projects: table({ id: string().key(), name: string(), team: string() }),
  }, { projects: { issues: e.hasMany('issues', 'projectId') } })
  const db = await e.createDatabase({ schema, graceMs: 0 })
  const { issues, projects } = db.query

  const said = {
    filter: (q) => issues.where('projectId', '=', q.project).where('status', '!=', 'canceled').orderBy('updatedAt', 'desc'),
    top: (q) => (q.project === undefined ? issues : issues.where('projectId', '=', q.project)).where('status', '!=', 'canceled').orderBy('updatedAt', 'desc').limit(q.limit),
    list: () => issues.where('status', '!=', 'canceled').orderBy('updatedAt', 'desc'),
    join: (q) => issues.innerJoin('projects', (i, p) => e.eq(i.projectId, p.id)).where((r) => e.eq(r.projects.team, q.team))
      .select((r) => ({ id: r.issues.id, title: r.issues.title, status: r.issues.status, updatedAt: r.issues.updatedAt, name: r.projects.name })),
    count: () => issues.groupBy('status').select((i) => ({ status: i.status, value: e.count() })),
    sum: () => issues.groupBy('status').select((i) => ({ status: i.status, value: e.sum(i.number) })),
    max: () => issues.groupBy('status').select((i) => ({ status: i.status, value: e.max(i.updatedAt) })),
    nested: (q) => projects.with('issues', (i) => i.orderBy('updatedAt', 'desc').limit(q.limit)),
    equal: (q) => issues.where('estimate', '=', q.estimate),
    range: (q) => issues.where('updatedAt', '>=', q.from).where('updatedAt', '<', q.to),
  }

  return {
    load(rows) { db.apply([{ op: 'insert', table: 'projects', rows: allProjects }, { op: 'insert', table: 'issues', rows }]) },
    loadJson(bytes) {
      db.apply([{ op: 'insert', table: 'projects', rows: allProjects }])
      db.applyJson(bytes, { table: 'issues' })
    },
    async loadStream(bytes) {
      db.apply([{ op: 'insert', table: 'projects', rows: allProjects }])
      await db.applyJson(pieces(bytes), { table: 'issues', atomic: false })
    },
    mount(query, told) {
      const live = db.live(said[query.kind](query))
      live.subscribe((event) => { told(event.rows) })
      return { rows: () => live.rows, close: () => { live.dispose() } }
    },
    prepare: ({ id, set }) => [{ op: 'update', table: 'issues', id, set }],
    apply(change) { db.apply(change) },
    applyAll(changes) { db.apply(changes.flat()) },
    close() { db.close() },
  }
}
