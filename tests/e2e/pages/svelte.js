// The page of svelte.test.mjs.
import { flushSync, hydrate, mount, unmount } from 'svelte'
import { useDatabase, useLiveQuery } from 'eddyline/svelte'
import { database, host, items, left, listed, put, settle } from './issues.js'
import Bare from './svelte/Bare.svelte'
import Early from './svelte/Early.svelte'
import List from './svelte/List.svelte'
import Picture from './svelte/Picture.svelte'
import Plain from './svelte/Plain.svelte'
import Provider from './svelte/Provider.svelte'
import Reactive from './svelte/Reactive.svelte'
import Store from './svelte/Store.svelte'
import Untracked from './svelte/Untracked.svelte'
import Wrong from './svelte/Wrong.svelte'
import { shared, watched } from './svelte/shared.svelte.js'

globalThis.tests = {
  list: () => listed((element, db) => {
    const app = mount(Provider, { target: element, props: { db, view: List } })
    return () => unmount(app)
  }),

  /** A component that uses no rune of its own. */
  async plain() {
    const db = await database()
    const element = host(), said = []
    const app = mount(Provider, { target: element, props: { db, view: Plain } })
    flushSync()
    said.push(items(element))
    db.apply([put('b', { title: 'changed' })])
    flushSync()
    said.push(items(element))
    await unmount(app)
    return { said, views: await left(db) }
  },

  async reactive() {
    const db = await database()
    db.apply([put('x', { status: 'done' }), put('y', { status: 'done', priority: 2 })])
    let opened = 0
    const original = db.live.bind(db)
    db.live = (...given) => { opened++; return original(...given) }
    const element = host(), handle = {}, said = []
    const app = mount(Provider, { target: element, props: { db, view: Reactive, handle } })
    flushSync()
    const say = () => { flushSync(); said.push([element.textContent, opened]) }
    say()
    said.push(handle.set({ status: 'done', priority: 2 }))
    say()
    handle.set({ status: 'open', priority: 1 })
    say()
    handle.set({ first: 1 })
    say()
    db.apply([put('d')])
    say()
    handle.set({ waits: true })
    say()
    handle.set({ waits: false })
    say()
    const same = handle.db.current === db
    await unmount(app)
    return { said, same, views: await left(db) }
  },

  /** Listeners of the database that read and write state, called while a query moves its window, are not followed by it. */
  async untracked() {
    const db = await database()
    const element = host(), handle = {}
    const app = mount(Provider, { target: element, props: { db, view: Untracked, handle } })
    flushSync()
    handle.move(1)
    flushSync()
    const before = handle.made
    handle.touch()
    flushSync()
    const said = [element.textContent, handle.made - before]
    await unmount(app)
    return said
  },

  async store() {
    const db = await database()
    db.apply([put('x', { status: 'done' })])
    const element = host(), said = []
    const app = mount(Provider, { target: element, props: { db, view: Store } })
    const say = async () => { await settle(); said.push(element.querySelector('p').textContent) }
    await say()
    db.apply([put('a', { title: 'new' })])
    await say()
    element.querySelector('button').click()
    await say()
    await unmount(app)
    return { said, views: await left(db) }
  },

  /** Outside of components: the database is an option. */
  async outside() {
    const db = await database()
    const { issues } = shared(db), told = [], stored = []
    // Nobody follows it: it is looked at, and left.
    const looked = issues.rows.length
    const stop = watched(() => { told.push(issues.rows.length) })
    flushSync()
    db.apply([put('x')])
    flushSync()
    const during = db.stats().views
    stop()
    const stopStore = issues.subscribe(({ rows }) => { stored.push(rows.length) })
    await settle()
    db.apply([put('y')])
    await settle()
    stopStore()
    return { looked, told, during, stored, views: await left(db) }
  },

  async faults() {
    const said = {}
    const db = await database()
    const show = async (name, Root, props) => {
      const element = host()
      const app = mount(Root, { target: element, props })
      await settle()
      said[name] = element.textContent
      await unmount(app)
    }
    // In a module there is no context.
    for (const [name, make] of Object.entries({ 'a query of a module': () => useLiveQuery((d) => d.query.issues), 'the database in a module': () => useDatabase() })) {
      try { make() } catch (error) { said[name] = error.code ?? error.message }
    }
    await show('no provider', Bare, { view: List })
    await show('wrong query', Provider, { db, view: Wrong })
    await show('too early', Provider, { db: new Promise(() => {}), view: Early })
    await show('rejected', Provider, { db: Promise.reject(Object.assign(new Error('x'), { code: 'LOAD_FAILED' })), view: List })
    return said
  },

  async hydration(html) {
    const db = await database()
    const element = host(), warned = []
    const warn = console.warn
    console.warn = (...said) => { warned.push(String(said[0])) }
    element.innerHTML = html
    const app = hydrate(Provider, { target: element, props: { db: Promise.resolve(db), view: Plain } })
    flushSync()
    const first = element.querySelector('ul').dataset.state
    await settle()
    const said = [first, element.querySelector('ul').dataset.state, items(element)]
    console.warn = warn
    await unmount(app)
    return { said, warned, views: await left(db) }
  },

  /** Two islands of a page with one promise: the second is taken over when the database is long there. */
  async islands(html) {
    const db = await database(), given = Promise.resolve(db)
    const shown = [], apps = []
    for (let i = 0; i < 2; i++) {
      const element = host()
      element.innerHTML = html
      apps.push(hydrate(Provider, { target: element, props: { db: given, view: Picture } }))
      await settle()
      shown.push(element.querySelector('img').getAttribute('src'))
    }
    for (const app of apps) await unmount(app)
    return { shown, views: await left(db) }
  },
}
