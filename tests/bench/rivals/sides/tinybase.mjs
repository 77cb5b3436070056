// TinyBase: a store and its queries. A listener hears of ids in order when the order changes, and of rows when they do.
import { createQueries, createStore } from 'tinybase'
import { columns, projects as allProjects } from '../data.mjs'

/** Its queries make flat tables; there is nothing in them like the latest rows of each parent. */
export const supports = ({ kind }) => kind !== 'nested'

const all = ({ select }) => { for (const name of columns) select(name) }
const isShown = ({ where }) => { where((cell) => cell('status') !== 'canceled') }
const newest = (limit) => ['updatedAt', true, 0, limit]

/** The definition of a query, and the order in which its rows are asked for. */
const said = {
  filter: ({ project }) => [(b) => { all(b); b.where('projectId', project); isShown(b) }, newest()],
  top: ({ project, limit }) => [(b) => { all(b); if (project !== undefined) b.where('projectId', project); isShown(b) }, newest(limit)],
  list: () => [(b) => { all(b); isShown(b) }, newest()],
  join: ({ team }) => [({ select, join, where }) => {
    for (const name of ['id', 'title', 'status', 'updatedAt']) select(name)
    join('projects', 'projectId')
    select('projects', 'name')
    where('projects', 'team', team)
  }],
  count: () => [({ select, group }) => { select('status'); select('id'); group('id', 'count').as('value') }],
  sum: () => [({ select, group }) => { select('status'); select('number'); group('number', 'sum').as('value') }],
  max: () => [({ select, group }) => { select('status'); select('updatedAt'); group('updatedAt', 'max').as('value') }],
  equal: ({ estimate }) => [(b) => { all(b); b.where('estimate', estimate) }],
  range: ({ from, to }) => [(b) => { all(b); b.where((cell) => cell('updatedAt') >= from && cell('updatedAt') < to) }],
}

export async function open() {
  const store = createStore()
  const queries = createQueries(store)
  let mounted = 0

  return {
    load(rows) {
      store.transaction(() => {
        for (const row of allProjects) store.setRow('projects', row.id, row)
        for (const row of rows) store.setRow('issues', row.id, row)
      })
    },
    mount(query, told) {
      const name = `q${mounted++}`
      const [definition, order] = said[query.kind](query)
      queries.setQueryDefinition(name, 'issues', definition)
      const read = () => (order === undefined ? queries.getResultRowIds(name) : queries.getResultSortedRowIds(name, ...order))
      const list = (ids) => ({ length: ids.length, at: (i) => queries.getResultRow(name, ids.at(i)) })
      let ids = read()
      let stale = false
      const listeners = [
        order === undefined
          ? queries.addResultRowIdsListener(name, () => { ids = queries.getResultRowIds(name); stale = true })
          : queries.addResultSortedRowIdsListener(name, ...order, (_, __, ___, ____, _____, ______, sorted) => { ids = sorted; stale = true }),
        queries.addResultTableListener(name, () => { stale = true }),
        store.addDidFinishTransactionListener(() => { if (stale) { stale = false; told(list(ids)) } }),
      ]
      return {
        rows: () => ids.map((id) => queries.getResultRow(name, id)),
        first: (count) => ids.slice(0, count).map((id) => queries.getResultRow(name, id)),
        close: () => {
          for (const id of listeners.slice(0, 2)) queries.delListener(id)
          store.delListener(listeners[2])
          queries.delQueryDefinition(name)
        },
      }
    },
    prepare: (change) => change,
    apply({ id, set }) { store.setPartialRow('issues', id, set) },
    applyAll(changes) { store.transaction(() => { for (const { id, set } of changes) store.setPartialRow('issues', id, set) }) },
    close() { queries.destroy() },
  }
}
