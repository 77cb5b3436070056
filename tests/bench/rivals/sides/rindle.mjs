// Rindle: its store over its engine in WebAssembly, in this thread. Rows go in and come out through its own client.
import { boolean, createSchema, createWasmStore, exists, ge, lt, ne, number, string, table } from '@rindle/wasm'
import { projects as allProjects } from '../data.mjs'

/** Its queries count, and aggregate in no other way; flat joins are nested here. */
export const supports = ({ kind }) => !['sum', 'max'].includes(kind)

const issues = table('issues').columns({
  id: string(), projectId: string(), title: string(), status: string(), priority: string(), kind: string(),
  number: number(), updatedAt: number(), estimate: number(), flagged: boolean(),
}).primaryKey('id')
const projects = table('projects').columns({ id: string(), name: string(), team: string() }).primaryKey('id')
const schema = createSchema({ tables: [issues, projects] })

const asRows = { parent: ['projectId'], child: ['id'] }
const said = {
  filter: (q, { project }) => q.issues.where.projectId(project).where.status(ne('canceled')).orderBy('updatedAt', 'desc'),
  top: (q, { project, limit }) => (project === undefined ? q.issues : q.issues.where.projectId(project)).where.status(ne('canceled')).orderBy('updatedAt', 'desc').limit(limit),
  list: (q) => q.issues.where.status(ne('canceled')).orderBy('updatedAt', 'desc'),
  join: (q, { team }) => q.issues.where(exists(projects, asRows, (p) => p.where.team(team))).sub('project', projects, asRows),
  count: (q) => q.issues.groupBy('status').count(),
  nested: (q, { limit }) => q.projects.sub('issues', issues, { parent: ['id'], child: ['projectId'] }, (i) => i.orderBy('updatedAt', 'desc').limit(limit)),
  equal: (q, { estimate }) => q.issues.where.estimate(estimate),
  range: (q, { from, to }) => q.issues.where.updatedAt(ge(from)).where.updatedAt(lt(to)),
}

const shaped = {
  join: (rows) => rows.map((row) => ({ ...row, name: row.project[0].name })),
  count: (rows) => rows.map(({ status, count }) => ({ status, value: count })),
}

export async function open() {
  const store = await createWasmStore(schema)
  // `write` hands back a promise that is already kept: the work is done when it returns.
  const write = (fn) => { store.write(fn) }
  const live = new Set()
  return {
    load(rows) {
      write((tx) => {
        for (const row of allProjects) tx.add('projects', row)
        for (const row of rows) tx.add('issues', row)
      })
    },
    mount(query, told) {
      const view = said[query.kind](store.query, query).materialize()
      let ready = false
      view.subscribe((rows) => { if (ready) told(rows) })
      ready = true
      live.add(view)
      return { rows: () => (shaped[query.kind] ?? ((rows) => rows))(view.data), close: () => { live.delete(view); view.destroy() } }
    },
    prepare: ({ now, old }) => ({ now, old }),
    apply({ now, old }) { write((tx) => { tx.edit('issues', old, now) }) },
    applyAll(changes) { write((tx) => { for (const { now, old } of changes) tx.edit('issues', old, now) }) },
    close() { for (const view of live) view.destroy() },
  }
}
