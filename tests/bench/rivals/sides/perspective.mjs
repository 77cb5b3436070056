// Perspective: a table with views. All calls wait; results are read as rows from a place on, so a listener of a long list reads the
// rows it looks at, as its data grid does, and not the rest.
import { perspective } from './perspective-engine.mjs'
import { columns, projects as allProjects } from '../data.mjs'

/** No rows inside of rows. Its joins have no order and are kept by a table of their own. */
export const supports = ({ kind }) => kind !== 'nested'

const schema = {
  id: 'string', projectId: 'string', title: 'string', status: 'string', priority: 'string', kind: 'string',
  number: 'integer', updatedAt: 'float', estimate: 'float', flagged: 'boolean',
}
const shown = ['status', '!=', 'canceled']
const newest = [['updatedAt', 'desc']]
const grouped = (column, aggregate) => ({ group_by: ['status'], columns: [column], aggregates: { [column]: aggregate } })

const said = {
  filter: (q) => ({ columns, filter: [['projectId', '==', q.project], shown], sort: newest }),
  top: (q) => ({ columns, filter: q.project === undefined ? [shown] : [['projectId', '==', q.project], shown], sort: newest }),
  list: () => ({ columns, filter: [shown], sort: newest }),
  join: (q) => ({ columns: ['id', 'title', 'status', 'updatedAt', 'name'], filter: [['team', '==', q.team]] }),
  count: () => grouped('id', 'count'),
  sum: () => grouped('number', 'sum'),
  max: () => grouped('updatedAt', 'max'),
  equal: (q) => ({ columns, filter: [['estimate', '==', q.estimate]] }),
  range: (q) => ({ columns, filter: [['updatedAt', '>=', q.from], ['updatedAt', '<', q.to]] }),
}

const isGrouped = (kind) => ['count', 'sum', 'max'].includes(kind)
const valueOf = { count: 'id', sum: 'number', max: 'updatedAt' }
const utf8 = new TextDecoder()
let databases = 0

export async function open() {
  const client = await perspective()
  const database = databases++
  const issues = await client.table(schema, { index: 'id', name: `issues ${database}` })
  // The column of a join must have one name on both sides.
  const projects = await client.table({ projectId: 'string', name: 'string', team: 'string' }, { index: 'projectId', name: `projects ${database}` })
  const loadProjects = () => projects.update(allProjects.map(({ id, name, team }) => ({ projectId: id, name, team })))
  let joined

  return {
    async load(rows) {
      await loadProjects()
      await issues.update(rows)
    },
    async loadJson(bytes) {
      await loadProjects()
      await issues.update(utf8.decode(bytes), { format: 'json' })
    },
    async mount(query, told) {
      const table = query.kind === 'join' ? (joined ??= await client.join(issues, projects, 'projectId')) : issues
      const view = await table.view(said[query.kind](query))
      const window = async (from, to) => {
        const rows = await view.to_json({ start_row: from, end_row: to })
        if (!isGrouped(query.kind)) return rows
        // The first row is the total of all.
        return rows.filter((row) => row.__ROW_PATH__.length > 0).map((row) => ({ status: row.__ROW_PATH__[0], value: row[valueOf[query.kind]] }))
      }
      const total = async () => { const count = await view.num_rows(); return query.limit === undefined ? count : Math.min(count, query.limit) }
      const look = async () => {
        if (query.kind === 'top' || isGrouped(query.kind)) return await window(0, query.limit ?? 100)
        const length = await total()
        const middle = length >> 1
        const [first, between, last] = [await window(0, 1), await window(middle, middle + 1), await window(length - 1, length)]
        return { length, at: (i) => (i === 0 ? first[0] : i === middle ? between[0] : last[0]) }
      }
      await view.on_update(() => { look().then(told) })
      return { rows: async () => await window(0, await total()), first: (count) => window(0, count), close: () => view.delete() }
    },
    prepare: ({ id, set }) => [{ id, ...set }],
    apply: (rows) => issues.update(rows),
    applyAll: (changes) => issues.update(changes.flat()),
    tellsOthers: true,
    close() {},
  }
}
