// DataScript: facts in its indexes; a query is asked again after each transaction, which is what it offers, and sorted and cut by
// the page, which it does not.
import d from 'datascript'
import { projects as allProjects } from '../data.mjs'

/** The latest rows of each parent would be a program around queries. */
export const supports = ({ kind }) => kind !== 'nested'

const indexed = { ':db/index': true }
const schema = { projectId: indexed, status: indexed, updatedAt: indexed, estimate: indexed, project: { ':db/valueType': ':db.type/ref' } }
const byTime = (a, b) => b[1] - a[1]

const ordered = {
  project: '[:find ?e ?t :in $ ?p :where [?e "projectId" ?p] [?e "status" ?s] [(not= ?s "canceled")] [?e "updatedAt" ?t]]',
  all: '[:find ?e ?t :where [?e "status" ?s] [(not= ?s "canceled")] [?e "updatedAt" ?t]]',
}

/** Text, inputs, and what the page makes of the answer. */
const said = {
  filter: (q) => [ordered.project, [q.project], (found) => found.sort(byTime)],
  top: (q) => (q.project === undefined ? [ordered.all, [], (found) => found.sort(byTime).slice(0, q.limit)] : [ordered.project, [q.project], (found) => found.sort(byTime).slice(0, q.limit)]),
  list: () => [ordered.all, [], (found) => found.sort(byTime)],
  join: (q) => ['[:find ?e ?n :in $ ?team :where [?p "team" ?team] [?p "name" ?n] [?e "project" ?p]]', [q.team]],
  count: () => ['[:find ?s (count ?e) :where [?e "status" ?s]]', []],
  sum: () => ['[:find ?s (sum ?n) :with ?e :where [?e "status" ?s] [?e "number" ?n]]', []],
  max: () => ['[:find ?s (max ?t) :where [?e "status" ?s] [?e "updatedAt" ?t]]', []],
  equal: (q) => ['[:find ?e :in $ ?v :where [?e "estimate" ?v]]', [q.estimate]],
  range: (q) => ['[:find ?e :in $ ?from ?to :where [?e "updatedAt" ?t] [(>= ?t ?from)] [(< ?t ?to)]]', [q.from, q.to]],
}

const isGrouped = (kind) => ['count', 'sum', 'max'].includes(kind)

export async function open() {
  const conn = d.create_conn(schema)
  const entity = new Map()
  const firstProject = 10_000_000
  const projectIds = new Map(allProjects.map(({ id }, i) => [id, firstProject + i]))
  let listeners = 0

  return {
    load(rows) {
      d.transact(conn, allProjects.map((row, i) => ({ ':db/id': firstProject + i, ...row })))
      for (const row of rows) entity.set(row.id, row.number)
      d.transact(conn, rows.map((row) => {
        const facts = { ':db/id': row.number, ...row, project: projectIds.get(row.projectId) }
        if (row.flagged === null) delete facts.flagged
        return facts
      }))
    },
    mount(query, told) {
      const [text, inputs, shape = (found) => found] = said[query.kind](query)
      const ask = () => shape(d.q(text, d.db(conn), ...inputs))
      const pulled = (found) => {
        const row = d.pull(d.db(conn), '[*]', found[0])
        return query.kind === 'join' ? { ...row, name: found[1] } : row
      }
      const rowOf = isGrouped(query.kind) ? ([status, value]) => ({ status, value }) : pulled
      const list = (found) => ({ length: found.length, at: (i) => rowOf(found.at(i)) })
      let found = ask()
      const name = `query ${listeners++}`
      d.listen(conn, name, () => { found = ask(); told(list(found)) })
      return {
        rows: () => found.map(rowOf),
        first: (count) => found.slice(0, count).map(rowOf),
        close: () => { d.unlisten(conn, name) },
      }
    },
    prepare: ({ id, set }) => [{ ':db/id': entity.get(id), ...set }],
    apply(facts) { d.transact(conn, facts) },
    applyAll(changes) { d.transact(conn, changes.flat()) },
    tellsOthers: true,
    close() {},
  }
}
