// The page of vue.test.mjs.
import { createApp, createSSRApp, defineComponent, h, KeepAlive, onErrorCaptured, ref, shallowRef, watch } from 'vue'
import { EddylinePlugin, provideDatabase, useDatabase, useLiveQuery } from 'eddyline/vue'
import { count, database, host, items, left, listed, put, settle } from './issues.js'

const Row = defineComponent({ props: ['row'], setup: (props) => () => { count(props.row.id); return h('li', props.row.title) } })
const List = defineComponent({
  setup() {
    const { rows, status } = useLiveQuery((db) => db.query.issues.orderBy('id').select('id', 'title'))
    return () => h('ul', { 'data-state': status.value }, rows.value.map((row) => h(Row, { key: row.id, row })))
  },
})

globalThis.tests = {
  list: () => listed((element, db) => {
    const app = createApp(List).use(EddylinePlugin, { db })
    app.mount(element)
    return () => app.unmount()
  }),

  /** Refs that a query reads, and several of them at once. */
  async reactive() {
    const db = await database()
    db.apply([put('x', { status: 'done' }), put('y', { status: 'done', priority: 2 })])
    let opened = 0
    const original = db.live.bind(db)
    db.live = (...given) => { opened++; return original(...given) }
    const status = ref('open'), priority = ref(1), part = ref([0, 2]), query = shallowRef(null), said = []
    let shown
    const Page = defineComponent({
      setup() {
        provideDatabase(db)
        shown = { made: useLiveQuery((d) => d.query.issues.where('status', '=', status.value).where('priority', '=', priority.value).orderBy('id'), { window: part }), given: useLiveQuery(query), db: useDatabase() }
        return () => h('p', [shown.made.rows.value.map((row) => row.id).join(), ' ', shown.given.status.value, shown.given.rows.value.length])
      },
    })
    const element = host(), app = createApp(Page)
    app.mount(element)
    const say = () => { said.push([element.textContent, opened, shown.made.total.value]) }
    say()
    status.value = 'done'
    priority.value = 2
    // At once for who reads, and no query of what was between.
    said.push(shown.made.rows.value.map((row) => row.id))
    await settle()
    say()
    status.value = 'open'
    priority.value = 1
    await settle()
    part.value = [1, 2]
    await settle()
    say()
    query.value = db.query.issues.limit(2)
    await settle()
    say()
    query.value = db.query.issues.limit(2)
    await settle()
    say()
    const same = shown.db.value === db
    app.unmount()
    return { said, same, views: await left(db), after: [shown.made.status.value, shown.made.rows.value.length, shown.given.status.value] }
  },

  /** A ref is news only for who shows what changed. */
  async granular() {
    const db = await database()
    let rows = 0, states = 0
    const States = defineComponent({ props: ['of'], setup: (props) => () => { states++; return h('i', props.of.value) } })
    const Page = defineComponent({ setup() { const live = useLiveQuery((d) => d.query.issues.orderBy('id')); return () => [h(States, { of: live.status }), h({ setup: () => () => { rows++; return h('b', live.rows.value.length) } })] } })
    const app = createApp({ setup() { const Child = Page; return () => h(Child) } }).use(EddylinePlugin, { db })
    app.mount(host())
    for (let i = 0; i < 3; i++) { db.apply([put('a', { title: `N${i}` })]); await settle() }
    app.unmount()
    return { rows, states }
  },

  async kept() {
    const db = await database()
    const on = ref(true)
    const app = createApp({ setup: () => () => h(KeepAlive, null, { default: () => (on.value ? h(List) : h('i', 'away')) }) }).use(EddylinePlugin, { db })
    const element = host()
    app.mount(element)
    on.value = false
    await settle()
    db.apply([put('a', { title: 'new' })])
    on.value = true
    await settle()
    const shown = items(element)
    app.unmount()
    return [shown, await left(db)]
  },

  async faults() {
    const said = {}
    const db = await database()
    const show = async (name, Component, plugin) => {
      const Caught = defineComponent({ setup() { const code = ref(); onErrorCaptured((error) => { code.value = error.code ?? String(error); return false }); return () => code.value ?? h(Component) } })
      const app = createApp(Caught)
      if (plugin !== undefined) app.use(EddylinePlugin, plugin)
      const element = host()
      app.mount(element)
      await settle()
      said[name] = element.textContent
      app.unmount()
    }
    await show('no provider', List)
    await show('wrong query', defineComponent({ setup() { useLiveQuery((d) => d.query.issues.where('titel', '=', 'x')); return () => null } }), { db })
    await show('too early', defineComponent({ setup() { const there = useDatabase(); return () => there.value.name } }), { db: new Promise(() => {}) })
    await show('rejected', List, { db: Promise.reject(Object.assign(new Error('x'), { code: 'LOAD_FAILED' })) })
    return said
  },

  /** Listeners of the database that read refs, called while a query sets its parameters, are not followed by it. */
  async untracked() {
    const db = await database()
    const least = ref(1), beside = ref(0)
    let made = 0
    db.subscribe(() => { void beside.value })
    const Page = defineComponent({ setup() { const { rows, total } = useLiveQuery((d) => { made++; return d.query.issues.orderBy('id') }, { window: () => [0, least.value] }); return () => `${rows.value.length} of ${total.value}` } })
    const app = createApp(Page).use(EddylinePlugin, { db })
    const element = host()
    app.mount(element)
    least.value = 2
    await settle()
    const before = made
    beside.value++
    await settle()
    const said = [element.textContent, made - before]
    app.unmount()
    return said
  },

  async hydration(html) {
    const db = await database()
    const warned = []
    const said = {}
    for (const [name, given] of [['there', db], ['promised', Promise.resolve(db)]]) {
      const element = host()
      element.innerHTML = html
      const app = createSSRApp(List).use(EddylinePlugin, { db: given })
      app.config.warnHandler = (message) => { warned.push(message) }
      app.mount(element)
      const first = element.querySelector('ul').dataset.state
      await settle()
      said[name] = [first, element.querySelector('ul').dataset.state, items(element)]
      app.unmount()
    }
    return { said, warned, views: await left(db) }
  },

  /** In a scope without a component: the database is an option. */
  async scope() {
    const { effectScope } = await import('vue')
    const db = await database()
    const scope = effectScope(), told = []
    const live = scope.run(() => {
      const found = useLiveQuery((d) => d.query.issues.orderBy('id'), { db })
      watch(found.rows, (rows) => { told.push(rows.length) }, { flush: 'sync' })
      return found
    })
    const first = live.rows.value.length
    db.apply([put('x')])
    scope.stop()
    return [first, told, live.status.value, live.rows.value.length, await left(db)]
  },
}
