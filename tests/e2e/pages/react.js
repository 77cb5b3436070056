// The page of react.test.mjs: components that count their renders, and a handle for the test to work them with.
import { Component, StrictMode, Suspense, createElement as h, lazy, memo, startTransition, useState } from 'react'
import { createRoot, hydrateRoot } from 'react-dom/client'
import { flushSync } from 'react-dom'
import { unstable_IdlePriority as IDLE, unstable_scheduleCallback as schedule } from 'scheduler'
import { belongsTo, createDatabase, defineSchema, eq, gt, hasMany, int, param, string, table, withParams } from 'eddyline'
import { EddylineProvider, useDatabase, useLiveQuery } from 'eddyline/react'

const schema = defineSchema({
  issues: table({ id: string().key(), title: string(), status: string(), priority: int(), projectId: string().nullable() }),
  projects: table({ id: string().key(), name: string() }),
}, { issues: { project: belongsTo('projects', 'projectId') }, projects: { issues: hasMany('issues', 'projectId') } })

const renders = {}
const count = (name) => { renders[name] = (renders[name] ?? 0) + 1 }
const issue = (id, more) => ({ id, title: `T${id}`, status: 'open', priority: 1, projectId: null, ...more })
const put = (id, more) => ({ op: 'upsert', table: 'issues', row: issue(id, more) })
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })
/** Until React has nothing to do: what is idle comes behind all of its work, in however many pieces that is done. */
const settle = async () => {
  for (let i = 0; i < 5; i++) {
    await pause(0)
    await new Promise((resolve) => { schedule(IDLE, resolve) })
  }
}
/** How many live queries there are, once they are no more than `wanted`: one that nobody has goes a while after. */
async function left(db, wanted = 0) {
  for (const end = performance.now() + 60_000; db.stats().views > wanted && performance.now() < end;) await pause(10)
  return db.stats().views
}

// The second after which the binding takes a render for one that is never mounted passes when a test says so: a browser that is
// stopped between a render and its effects would show one where there is none.
const held = new Map(), { setTimeout: later, clearTimeout: never } = globalThis
globalThis.setTimeout = (fn, ms, ...args) => {
  if (ms !== 1000) return later(fn, ms, ...args)
  const id = -1 - held.size
  held.set(id, fn)
  return id
}
globalThis.clearTimeout = (id) => { if (held.has(id)) held.set(id, undefined); else never(id) }
const secondPasses = () => { for (const [id, fn] of held) { held.set(id, undefined); fn?.() } }

const Row = memo(({ row }) => { count(`row ${row.id}`); return h('li', null, row.title) })

function List({ status, priority = 0, name = 'list' }) {
  count(name)
  const { rows, status: state } = useLiveQuery((db) => db.query.issues.where('status', '=', status).where((i) => eq(i.priority, priority + 1)).orderBy('id'))
  return h('ul', { 'data-state': state, id: name }, rows.map((row) => h(Row, { key: row.id, row })))
}
function Nested() {
  const { rows } = useLiveQuery((db) => db.query.projects.orderBy('id').with('issues', (i) => i.orderBy('id')))
  return h('div', { id: 'nested' }, rows.map((p) => h(Project, { key: p.id, project: p })))
}
const Project = memo(({ project }) => { count(`project ${project.id}`); return h('p', null, project.name, project.issues.map((i) => h(Row, { key: i.id, row: i }))) })
class Boundary extends Component {
  state = { error: undefined }
  static getDerivedStateFromError(error) { return { error } }
  render() { return this.state.error ? h('b', { id: 'error' }, this.state.error.code ?? this.state.error.message) : this.props.children }
}

const text = (id) => document.getElementById(id)?.textContent
const host = () => document.body.appendChild(document.createElement('div'))
async function database(options) {
  const db = await createDatabase({ schema, graceMs: 20, ...options })
  db.apply(['a', 'b', 'c'].map((id) => put(id)))
  return db
}
const reset = () => { for (const name of Object.keys(renders)) delete renders[name] }

globalThis.tests = {
  async strict() {
    const db = await database()
    const root = createRoot(host())
    root.render(h(StrictMode, null, h(EddylineProvider, { db }, h(List, { status: 'open' }), h(List, { status: 'open', name: 'twin' }))))
    await settle()
    const first = [text('list'), db.stats().views]
    reset()
    db.apply([put('b', { title: 'changed' })])
    await settle()
    const second = [text('list'), text('twin'), { ...renders }]
    await pause(60)
    const kept = db.stats().views
    root.unmount()
    return { first, second, kept, after: await left(db), nodes: db.stats().nodes }
  },

  async identity() {
    const db = await database()
    const root = createRoot(host())
    let again
    function Parent() { const [n, set] = useState(0); again = () => set(n + 1); return h(List, { status: 'open', key: 'same', again: n }) }
    root.render(h(EddylineProvider, { db }, h(Parent)))
    await settle()
    const examined = db.stats().rowsExamined
    reset()
    let opened = 0
    const original = db.live.bind(db)
    db.live = (...given) => { opened++; return original(...given) }
    for (let i = 0; i < 5; i++) { flushSync(() => again()) }
    await settle()
    return { opened, renders: { ...renders }, views: db.stats().views, examined: db.stats().rowsExamined - examined }
  },

  async parameters() {
    const db = await database()
    db.apply([put('x', { status: 'done', title: 'X' }), put('y', { priority: 2, title: 'Y' })])
    const root = createRoot(host())
    const show = (props) => root.render(h(EddylineProvider, { db }, h(List, props)))
    const said = []
    for (const props of [{ status: 'open' }, { status: 'done' }, { status: 'open', priority: 1 }, { status: 'none' }, { status: 'open' }]) {
      show(props)
      await settle()
      said.push(text('list'))
    }
    const views = await left(db, 1)
    db.apply([put('x', { title: 'X2', status: 'open' })])
    await settle()
    said.push(text('list'))
    root.unmount()
    return { said, views, after: await left(db) }
  },

  /** What is shown after each of the options, and how many live queries that took. */
  async window() {
    const db = await database()
    let opened = 0
    const original = db.live.bind(db)
    db.live = (...given) => { opened++; return original(...given) }
    const root = createRoot(host())
    function Part({ window }) {
      const { rows } = useLiveQuery((d) => d.query.issues.orderBy('id'), { window })
      return h('p', { id: 'part' }, rows.map((r) => r.title))
    }
    const said = []
    for (const window of [undefined, [0, 2], [1, 2], undefined, [2, 1]]) {
      root.render(h(EddylineProvider, { db }, h(Part, { window })))
      await settle()
      said.push([text('part'), opened])
    }
    root.unmount()
    return { said, after: await left(db) }
  },

  /** Rows and length that a component with a window shows, how often it was rendered, and what is left of it in the database. */
  async total() {
    const db = await database()
    let renders = 0
    const listeners = new Set()
    const original = db.subscribe.bind(db)
    db.subscribe = (fn) => { const stop = original(fn); listeners.add(fn); return () => { listeners.delete(fn); stop() } }
    function Part({ window }) {
      renders++
      const { rows, total } = useLiveQuery((d) => d.query.issues.orderBy('id'), { window })
      return h('p', { id: 'part' }, rows.map((r) => r.title), ` of ${total}`)
    }
    const root = createRoot(host())
    const show = async (window) => { root.render(h(EddylineProvider, { db }, h(Part, { window }))); await settle() }
    const said = []
    const say = async (changes) => {
      if (changes !== undefined) db.apply(changes)
      await settle()
      said.push([text('part'), renders])
    }
    await show([0, 2])
    await say()
    await say([put('x'), put('y')])
    await say([put('y', { title: 'other' })])
    await say([put('a', { title: 'first' }), { op: 'delete', table: 'issues', id: 'x' }])
    await show([3, 2])
    await say()
    await show(undefined)
    await say()
    const before = listeners.size
    await show([0, 1])
    await say()
    db.close()
    await settle()
    said.push(text('part'))
    await show([0, 1])
    said.push(text('part'))
    root.unmount()
    return { said, before, after: listeners.size }
  },

  /** The values of parameters that come one after the other, as the query has them; the code of one that it refuses. */
  async values() {
    const db = await database()
    db.apply([{ op: 'delete', table: 'issues', id: 'b' }, { op: 'delete', table: 'issues', id: 'c' }])
    const shown = (v) => (v instanceof Date ? v.toISOString() : v instanceof Uint8Array || Array.isArray(v) ? `[${v}]` : String(v))
    const said = {}
    for (const [type, values] of Object.entries({
      float: [Infinity, -Infinity, NaN, null, 0, -0, 1], 'float[]': [[1], [NaN], [Infinity], [1]], bigint: [5n, 2n ** 60n, 2n ** 60n + 1n, null], decimal: ['1.5', 2.5, 7n],
      bytes: [new Uint8Array([1]), new Uint8Array([1, 2]), null, new Uint8Array([1]), { 0: 1 }], timestamp: [new Date(1), null, new Date(NaN)], text: ['1970-01-01T00:00:00.000Z', new Date(0)],
    })) {
      const query = withParams({ v: type }, (p) => db.query.issues.select(() => ({ v: p.v })))
      const Value = ({ v }) => h('i', { id: 'value' }, useLiveQuery(() => query, { params: { v } }).rows.map((r) => shown(r.v)))
      const root = createRoot(host(), { onCaughtError() {} })
      said[type] = []
      for (const v of values) {
        root.render(h(EddylineProvider, { db }, h(Boundary, null, h(Value, { v }))))
        await settle()
        said[type].push(text('error') ?? text('value'))
      }
      root.unmount()
    }
    return said
  },

  /** What is shown for each of the parameters that a component gives, one after the other. */
  async given() {
    const db = await database()
    db.apply([put('b', { priority: 2 }), put('c', { priority: 3, status: 'done' })])
    const query = db.query.issues.where((i) => eq(i.status, param('status'))).where((i) => gt(i.priority, param('least'))).orderBy('id')
    const Some = (options) => h('p', { id: 'some' }, useLiveQuery(() => query, options).rows.map((r) => r.title))
    const said = {}
    const full = { status: 'open', least: 1 }
    for (const [name, ...values] of [['all gone', full, undefined], ['one gone', full, { status: 'open' }], ['one undefined', full, { ...full, least: undefined }], ['one more', full, { ...full, most: 5 }], ['a circle', full, { ...full, least: (() => { const o = {}; o.o = o; return o })() }], ['another', full, { ...full, status: 'done' }, full]]) {
      const root = createRoot(host(), { onCaughtError() {} })
      said[name] = []
      for (const params of values) {
        root.render(h(EddylineProvider, { db }, h(Boundary, null, h(Some, params === undefined ? {} : { params }))))
        await settle()
        said[name].push(text('error') ?? text('some'))
      }
      root.unmount()
    }
    // Of a database that has ended what was shown stays, whatever is asked for.
    const root = createRoot(host(), { onCaughtError() {} })
    const show = async (params) => { root.render(h(EddylineProvider, { db }, h(Boundary, null, h(Some, { params })))); await settle() }
    await show(full)
    db.close()
    await show({ ...full, status: 'done' })
    said.closed = [text('error') ?? text('some')]
    root.unmount()
    return said
  },

  async nested() {
    const db = await database()
    db.apply([{ op: 'upsert', table: 'projects', rows: [{ id: 'p', name: 'P' }, { id: 'q', name: 'Q' }] }, put('a', { projectId: 'p' }), put('b', { projectId: 'p' }), put('c', { projectId: 'q' })])
    const root = createRoot(host())
    root.render(h(EddylineProvider, { db }, h(Nested)))
    await settle()
    const first = text('nested')
    reset()
    db.apply([put('b', { projectId: 'p', title: 'changed' })])
    await settle()
    return { first, second: text('nested'), renders: { ...renders } }
  },

  async transitions() {
    const db = await database()
    const root = createRoot(host())
    let change, error
    function Slow({ row }) { const end = performance.now() + 3; while (performance.now() < end); return h('i', null, row.title, ' ') }
    function Page() {
      const [status, set] = useState('open')
      change = (s) => startTransition(() => set(s))
      const { rows } = useLiveQuery((d) => d.query.issues.where('status', '=', status).orderBy('id'))
      const seen = useLiveQuery((d) => d.query.issues.where('status', '=', status).orderBy('id'))
      // One version per render: two hooks of one plan never disagree.
      if (seen.rows.length !== rows.length) error = `torn: ${rows.length} and ${seen.rows.length}`
      return h('div', { id: 'page' }, rows.map((row) => h(Slow, { key: row.id, row })))
    }
    root.render(h(EddylineProvider, { db }, h(Page)))
    await settle()
    db.apply(Array.from({ length: 30 }, (_, i) => put(`d${String(i).padStart(2, '0')}`, { status: 'done' })))
    change('done')
    for (let i = 0; i < 20; i++) { db.apply([put(`d${String(i).padStart(2, '0')}`, { status: 'done', title: `N${i}` }), put(`e${i}`, { status: i % 2 ? 'done' : 'open' })]); await pause(1) }
    await settle()
    const wanted = db.live(db.query.issues.where('status', '=', 'done').orderBy('id')).rows.map((r) => r.title).join(' ')
    return { error, same: text('page').trim() === wanted, length: wanted.split(' ').length }
  },

  /** Rendered and thrown away before it was ever mounted: what the render opened must go. */
  async abandoned() {
    const db = await database()
    const root = createRoot(host())
    const Never = lazy(() => new Promise(() => {}))
    root.render(h(EddylineProvider, { db }, h(Suspense, { fallback: h('em', { id: 'wait' }, 'wait') }, h(List, { status: 'open' }), h(Never))))
    await settle()
    const during = db.stats().views
    secondPasses()
    return { wait: text('wait'), during, after: await left(db) }
  },

  async hydration(html) {
    const container = host()
    container.innerHTML = html
    const problems = []
    const db = database()
    const tree = h(EddylineProvider, { db }, h(List, { status: 'open' }))
    hydrateRoot(container, tree, { onRecoverableError: (e) => { problems.push(String(e)) } })
    const first = document.getElementById('list').dataset.state
    await db
    await settle()
    return { first, then: document.getElementById('list').dataset.state, text: text('list'), problems }
  },

  async waiting() {
    const root = createRoot(host())
    const db = database()
    let set
    function Page() {
      const [id, s] = useState(null)
      set = s
      const { rows, status } = useLiveQuery((d) => id && d.query.issues.where('id', '=', id))
      return h('p', { id: 'page' }, `${status} ${rows.map((r) => r.title)}`)
    }
    root.render(h(EddylineProvider, { db }, h(Page)))
    const said = []
    const note = async () => { await settle(); said.push(text('page')) }
    await db
    await note()
    set('a')
    await note()
    set(null)
    await note()
    return { said, views: await left(await db) }
  },

  async faults() {
    const said = {}
    const show = async (name, tree, then = () => {}) => {
      const root = createRoot(host(), { onCaughtError() {} })
      root.render(h(Boundary, null, tree))
      await settle()
      then()
      await settle()
      said[name] = text('error')
      root.unmount()
    }
    const db = await database()
    await show('no provider', h(List, { status: 'open' }))
    // Once it is waited for: who rejects before anybody listens is told of by the browser.
    const { promise, reject } = Promise.withResolvers()
    await show('rejected', h(EddylineProvider, { db: promise }, h(List, { status: 'open' })), () => { reject(Object.assign(new Error('x'), { code: 'LOAD_FAILED' })) })
    const Wrong = () => { useLiveQuery((d) => d.query.issues.where('titel', '=', 'x')); return null }
    await show('wrong query', h(EddylineProvider, { db }, h(Wrong)))
    const Early = () => { useDatabase(); return null }
    await show('too early', h(EddylineProvider, { db: new Promise(() => {}) }, h(Early)))
    const root = createRoot(host())
    root.render(h(EddylineProvider, { db }, h(List, { status: 'open' })))
    await settle()
    db.close()
    await settle()
    said.closed = [document.getElementById('list').dataset.state, text('list')]
    root.unmount()
    return said
  },

  /** Both databases on one page, one provider in another. */
  async two() {
    const [one, other] = [await database(), await database()]
    other.apply([put('a', { title: 'other' }), { op: 'delete', table: 'issues', id: 'b' }])
    const root = createRoot(host())
    root.render(h(EddylineProvider, { db: one }, h(List, { status: 'open' }), h(EddylineProvider, { db: other }, h(List, { status: 'open', name: 'inner' }))))
    await settle()
    const first = [text('list'), text('inner')]
    root.render(h(EddylineProvider, { db: other }, h(List, { status: 'open' }), h(EddylineProvider, { db: one }, h(List, { status: 'open', name: 'inner' }))))
    await settle()
    const swapped = [text('list'), text('inner')]
    root.unmount()
    return { first, swapped, views: [await left(one), await left(other)] }
  },
}
