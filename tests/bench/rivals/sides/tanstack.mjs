// TanStack DB: a collection of its own per table, fed by its `sync` as an adapter of a backend would be, with indexes on the
// columns that are asked for. What a listener gets is what its bindings for React render: the observer's snapshot.
import {
  and, BTreeIndex, count, createCollection, createLiveQueryObserver, eq, gte, lt, max, not, Query, resolveLiveQueryValue, sum, toArray,
} from '@tanstack/db'
import { projects as allProjects } from '../data.mjs'

export const supports = () => true

function collection(id, indexes) {
  let sync
  const made = createCollection({
    id, getKey: (row) => row.id, startSync: true, gcTime: 0,
    sync: { rowUpdateMode: 'full', sync(given) { sync = given; given.markReady() } },
  })
  for (const column of indexes) made.createIndex((row) => row[column], { indexType: BTreeIndex })
  const write = (type, rows) => {
    sync.begin()
    for (const value of rows) sync.write({ type, value })
    sync.commit()
  }
  return { made, write }
}

let databases = 0

export async function open() {
  const name = databases++
  const { made: issues, write } = collection(`issues ${name}`, ['projectId', 'status', 'updatedAt', 'estimate'])
  const { made: projects, write: writeProjects } = collection(`projects ${name}`, ['id', 'team'])
  const isShown = ({ i }) => not(eq(i.status, 'canceled'))
  const newest = ({ i }) => i.updatedAt
  const of = (q) => q.from({ i: issues })

  const said = {
    filter: (q, { project }) => of(q).where(({ i }) => and(eq(i.projectId, project), not(eq(i.status, 'canceled')))).orderBy(newest, 'desc'),
    top: (q, { project, limit }) => (project === undefined ? of(q) : of(q).where(({ i }) => eq(i.projectId, project))).where(isShown).orderBy(newest, 'desc').limit(limit),
    list: (q) => of(q).where(isShown).orderBy(newest, 'desc'),
    join: (q, { team }) => of(q).innerJoin({ p: projects }, ({ i, p }) => eq(i.projectId, p.id)).where(({ p }) => eq(p.team, team))
      .select(({ i, p }) => ({ id: i.id, title: i.title, status: i.status, updatedAt: i.updatedAt, name: p.name })),
    count: (q) => of(q).groupBy(({ i }) => i.status).select(({ i }) => ({ status: i.status, value: count(i.id) })),
    sum: (q) => of(q).groupBy(({ i }) => i.status).select(({ i }) => ({ status: i.status, value: sum(i.number) })),
    max: (q) => of(q).groupBy(({ i }) => i.status).select(({ i }) => ({ status: i.status, value: max(i.updatedAt) })),
    nested: (q, { limit }) => q.from({ p: projects }).select(({ p }) => ({
      id: p.id, name: p.name,
      issues: toArray(q.from({ i: issues }).where(({ i }) => eq(i.projectId, p.id)).orderBy(newest, 'desc').limit(limit)),
    })),
    equal: (q, { estimate }) => of(q).where(({ i }) => eq(i.estimate, estimate)),
    range: (q, { from, to }) => of(q).where(({ i }) => and(gte(i.updatedAt, from), lt(i.updatedAt, to))),
  }

  return {
    load(rows) {
      writeProjects('insert', allProjects)
      write('insert', rows)
    },
    mount(query, told) {
      // As its hooks do: queries of one shape share a partition of the rows where that can serve them.
      const observer = createLiveQueryObserver(resolveLiveQueryValue(said[query.kind](new Query(), query), { gcTime: 0 }), { mode: 'wholesale' })
      let ready = false
      const stop = observer.subscribe(() => { if (ready) told(observer.getSnapshot().data) })
      observer.getSnapshot()
      ready = true
      return { rows: () => observer.getSnapshot().data, close: () => { stop(); observer.dispose() } }
    },
    prepare: ({ now }) => [now],
    apply(rows) { write('update', rows) },
    applyAll(changes) { write('update', changes.flat()) },
    close() {},
  }
}
