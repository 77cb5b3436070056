// The page of solid.test.mjs, written as JSX is compiled: properties are getters, elements are of the document.
import { batch, createComponent, createEffect, createRenderEffect, createRoot, createSignal, ErrorBoundary, For } from 'solid-js'
import { createStore } from 'solid-js/store'
import { hydrate, insert, render } from 'solid-js/web'
import { createLiveQuery, EddylineProvider, useDatabase } from 'eddyline/solid'
import { count, database, host, items, left, listed, put, settle } from './issues.js'

const element = (name, children) => { const made = document.createElement(name); insert(made, children); return made }
const within = (db, child) => createComponent(EddylineProvider, { get db() { return typeof db === 'function' ? db() : db }, get children() { return createComponent(child, {}) } })

function List() {
  const issues = createLiveQuery((db) => db.query.issues.orderBy('id').select('id', 'title'))
  return element('ul', createComponent(For, { get each() { return issues.rows() }, children: (row) => { count(row.id); return element('li', row.title) } }))
}

globalThis.tests = {
  list: () => listed((target, db) => render(() => within(db, List), target)),

  async reactive() {
    const db = await database()
    db.apply([put('x', { status: 'done' }), put('y', { status: 'done', priority: 2 })])
    let opened = 0
    const original = db.live.bind(db)
    db.live = (...given) => { opened++; return original(...given) }
    const [status, setStatus] = createSignal('open'), [priority, setPriority] = createSignal(1), [options, setOptions] = createStore({ window: [0, 2] }), [waits, setWaits] = createSignal(false)
    const said = [], target = host()
    let shown
    const end = render(() => within(db, () => {
      const issues = createLiveQuery((d) => !waits() && d.query.issues.where('status', '=', status()).where('priority', '=', priority()).orderBy('id'), options)
      shown = { issues, db: useDatabase() }
      return element('p', () => `${issues.rows().map((row) => row.id)} of ${issues.total()} ${issues.status()}`)
    }), target)
    const say = () => { said.push([target.textContent, opened]) }
    say()
    batch(() => { setStatus('done'); setPriority(2); said.push(shown.issues.rows().map((row) => row.id)) })
    say()
    batch(() => { setStatus('open'); setPriority(1) })
    say()
    setOptions('window', [1, 2])
    say()
    db.apply([put('d')])
    say()
    setWaits(true)
    say()
    setWaits(false)
    say()
    const same = shown.db() === db
    end()
    return { said, same, views: await left(db), after: [shown.issues.status(), shown.issues.rows().length] }
  },

  /** Listeners of the database that read signals, called while a query moves its window, are not followed by it. */
  async untracked() {
    const db = await database()
    const [first, move] = createSignal(0), [beside, touch] = createSignal(0)
    let made = 0
    db.subscribe(() => { beside() })
    const target = host()
    const end = render(() => within(db, () => {
      const issues = createLiveQuery((d) => { made++; return d.query.issues.orderBy('id') }, () => ({ window: [first(), 2] }))
      return element('p', () => `${issues.rows().map((row) => row.id)} of ${issues.total()}`)
    }), target)
    move(1)
    const before = made
    touch(1)
    const said = [target.textContent, made - before]
    end()
    return said
  },

  /** An effect that reads two queries sees both at one version. */
  async together() {
    const db = await database()
    const seen = []
    const end = createRoot((dispose) => {
      within(db, () => {
        const all = createLiveQuery((d) => d.query.issues.orderBy('id')), open = createLiveQuery((d) => d.query.issues.where('status', '=', 'open').orderBy('id'))
        createEffect(() => { seen.push([all.rows().length, open.rows().length].join()) })
      })
      return dispose
    })
    db.apply([put('x')])
    db.apply([put('y', { status: 'done' })])
    end()
    return { seen: [...new Set(seen)], views: await left(db) }
  },

  async faults() {
    const said = {}
    const db = await database()
    const show = async (name, child) => {
      const target = host()
      const end = render(() => createComponent(ErrorBoundary, { fallback: (error) => element('b', error.code ?? String(error)), get children() { return child() } }), target)
      await settle()
      said[name] = target.textContent
      end()
    }
    const wrong = (d) => d.query.issues.where('titel', '=', 'x')
    await show('no provider', () => createComponent(List, {}))
    await show('wrong query', () => within(db, () => { createLiveQuery(wrong) }))
    await show('too early', () => within(new Promise(() => {}), () => { const there = useDatabase(); return element('i', () => there().name) }))
    await show('rejected', () => within(Promise.reject(Object.assign(new Error('x'), { code: 'LOAD_FAILED' })), List))
    const [query, setQuery] = createSignal((d) => d.query.issues)
    const later = show('wrong later', () => within(db, () => { const issues = createLiveQuery((d) => query()(d)); return element('i', () => issues.rows().length) }))
    setQuery(() => wrong)
    await later
    return { ...said, views: await left(db) }
  },

  async promised() {
    const [one, other] = [await database(), await database(['x'])]
    const [db, setDb] = createSignal(Promise.resolve(one))
    const target = host(), said = []
    const end = render(() => within(db, List), target)
    said.push(items(target))
    await settle()
    said.push(items(target))
    setDb(() => other)
    said.push(items(target))
    setDb(null)
    said.push(items(target))
    end()
    return { said, views: [await left(one), await left(other)] }
  },

  /** The first render is the server's. */
  async hydration() {
    const db = await database()
    const seen = []
    // As the script of a page that a server rendered.
    globalThis._$HY = { events: [], completed: new WeakSet(), r: {}, fe() {} }
    const end = hydrate(() => within(db, () => { const issues = createLiveQuery((d) => d.query.issues); createRenderEffect(() => { seen.push(`${issues.status()} ${issues.rows().length}`) }) }), host())
    await settle()
    end()
    return { seen, views: await left(db) }
  },

  /** In a root without a provider: the database is an option. */
  async root() {
    const db = await database()
    const told = []
    const end = createRoot((dispose) => {
      const issues = createLiveQuery((d) => d.query.issues.orderBy('id'), { db })
      createEffect(() => { told.push(issues.rows().length) })
      return dispose
    })
    db.apply([put('x')])
    end()
    return [told, await left(db)]
  },
}
