// Zero's query engine, ZQL, in memory: its sources, its pipelines and its views, driven as its client and its own benches drive
// them. Not in it: Replicache, which stores and replays around them, and the server. The package does not export the engine, so
// its files are named.
import { createSchema, number, relationships, string, table, boolean } from '@rocicorp/zero'
import { buildPipeline } from './../node_modules/@rocicorp/zero/out/zql/src/builder/builder.js'
import { ArrayView } from './../node_modules/@rocicorp/zero/out/zql/src/ivm/array-view.js'
import { MemorySource } from './../node_modules/@rocicorp/zero/out/zql/src/ivm/memory-source.js'
import { MemoryStorage } from './../node_modules/@rocicorp/zero/out/zql/src/ivm/memory-storage.js'
import { makeSourceChangeAdd, makeSourceChangeEdit } from './../node_modules/@rocicorp/zero/out/zql/src/ivm/source.js'
import { consume } from './../node_modules/@rocicorp/zero/out/zql/src/ivm/stream.js'
import { createBuilder } from './../node_modules/@rocicorp/zero/out/zql/src/query/create-builder.js'
import { asQueryInternals } from './../node_modules/@rocicorp/zero/out/zql/src/query/query-internals.js'
import { projects as allProjects } from '../data.mjs'

/** It has no aggregates. */
export const supports = ({ kind }) => !['count', 'sum', 'max'].includes(kind)

const issues = table('issues').columns({
  id: string(), projectId: string(), title: string(), status: string(), priority: string(), kind: string(),
  number: number(), updatedAt: number(), estimate: number(), flagged: boolean().optional(),
}).primaryKey('id')
const projects = table('projects').columns({ id: string(), name: string(), team: string() }).primaryKey('id')
const schema = createSchema({
  tables: [issues, projects],
  relationships: [
    relationships(issues, ({ one }) => ({ project: one({ sourceField: ['projectId'], destField: ['id'], destSchema: projects }) })),
    relationships(projects, ({ many }) => ({ issues: many({ sourceField: ['id'], destField: ['projectId'], destSchema: issues }) })),
  ],
})

const q = createBuilder(schema)
const said = {
  filter: ({ project }) => q.issues.where('projectId', project).where('status', '!=', 'canceled').orderBy('updatedAt', 'desc'),
  top: ({ project, limit }) => (project === undefined ? q.issues : q.issues.where('projectId', project)).where('status', '!=', 'canceled').orderBy('updatedAt', 'desc').limit(limit),
  list: () => q.issues.where('status', '!=', 'canceled').orderBy('updatedAt', 'desc'),
  join: ({ team }) => q.issues.whereExists('project', (p) => p.where('team', team)).related('project'),
  nested: ({ limit }) => q.projects.related('issues', (i) => i.orderBy('updatedAt', 'desc').limit(limit)),
  equal: ({ estimate }) => q.issues.where('estimate', estimate),
  range: ({ from, to }) => q.issues.where('updatedAt', '>=', from).where('updatedAt', '<', to),
}

/** What a pipeline is built with: where tables are, and nothing measured or decorated. */
const delegateOf = (sources) => ({
  getSource: (name) => sources[name],
  createStorage: () => new MemoryStorage(),
  decorateInput: (input) => input,
  decorateFilterInput: (input) => input,
  decorateSourceInput: (input) => input,
  addEdge() {},
})

export async function open() {
  const sources = Object.fromEntries(Object.values(schema.tables).map(({ name, columns, primaryKey }) => [name, new MemorySource(name, columns, primaryKey)]))
  const delegate = delegateOf(sources)
  const views = new Set()
  const commit = () => { for (const view of views) view.flush() }
  const add = (source, rows) => { for (const row of rows) consume(source.push(makeSourceChangeAdd(row))) }
  let mounted = 0

  return {
    load(rows) {
      add(sources.projects, allProjects)
      add(sources.issues, rows)
    },
    mount(query, told) {
      const { ast, format } = asQueryInternals(said[query.kind](query))
      const input = buildPipeline(ast, delegate, `query ${mounted++}`)
      const view = new ArrayView(input, format, true, () => {})
      let ready = false
      view.addListener((rows) => { if (ready) told(rows) })
      ready = true
      views.add(view)
      const rows = query.kind === 'join' ? () => view.data.map((row) => ({ ...row, name: row.project.name })) : () => view.data
      return { rows, close: () => { views.delete(view); input.destroy() } }
    },
    prepare: ({ now, old }) => makeSourceChangeEdit(now, old),
    apply(change) {
      consume(sources.issues.push(change))
      commit()
    },
    applyAll(changes) {
      for (const change of changes) consume(sources.issues.push(change))
      commit()
    },
    close() {},
  }
}
