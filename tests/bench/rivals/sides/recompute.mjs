// By hand, the simplest: a Map of rows; after each change every query is asked again.
import { matcher, projectById, projects } from '../data.mjs'

export const supports = () => true

const newestFirst = (a, b) => b.updatedAt - a.updatedAt

function ask(query, rows) {
  const matches = matcher(query)
  const shown = []
  for (const row of rows.values()) if (matches(row)) shown.push(row)
  switch (query.kind) {
    case 'filter': case 'list': return shown.sort(newestFirst)
    case 'top': return shown.sort(newestFirst).slice(0, query.limit)
    case 'join': return shown.map(({ id, projectId, title, status, updatedAt }) => ({ id, title, status, updatedAt, name: projectById.get(projectId).name }))
    case 'nested': {
      const of = Map.groupBy?.(shown, (row) => row.projectId) ?? grouped(shown, (row) => row.projectId)
      return projects.map((project) => ({ ...project, issues: (of.get(project.id) ?? []).sort(newestFirst).slice(0, query.limit) }))
    }
    case 'equal': case 'range': return shown
    default: return Array.from(grouped(shown, (row) => row.status), ([status, group]) => ({ status, value: fold[query.kind](group) }))
  }
}

const fold = {
  count: (group) => group.length,
  sum: (group) => group.reduce((sum, row) => sum + row.number, 0),
  max: (group) => group.reduce((most, row) => Math.max(most, row.updatedAt), 0),
}

function grouped(rows, of) {
  const groups = new Map()
  for (const row of rows) {
    const name = of(row)
    const group = groups.get(name)
    if (group === undefined) groups.set(name, [row])
    else group.push(row)
  }
  return groups
}

export async function open() {
  const rows = new Map()
  const mounted = new Set()
  const tell = () => { for (const one of mounted) one.told((one.result = ask(one.query, rows))) }
  return {
    load(all) { for (const row of all) rows.set(row.id, row) },
    mount(query, told) {
      const one = { query, told, result: ask(query, rows) }
      mounted.add(one)
      return { rows: () => one.result, close: () => { mounted.delete(one) } }
    },
    prepare: ({ now }) => now,
    apply(row) { rows.set(row.id, row); tell() },
    applyAll(changes) { for (const row of changes) rows.set(row.id, row); tell() },
    close() {},
  }
}
