// What the pages of Vue, Svelte and Solid share: a database of issues, and what happens in the document.
import { belongsTo, createDatabase, defineSchema, hasMany, int, string, table } from 'eddyline'

export const schema = defineSchema({
  issues: table({ id: string().key(), title: string(), status: string(), priority: int(), projectId: string().nullable() }),
  projects: table({ id: string().key(), name: string() }),
}, { issues: { project: belongsTo('projects', 'projectId') }, projects: { issues: hasMany('issues', 'projectId') } })

export const put = (id, more) => ({ op: 'upsert', table: 'issues', row: { id, title: `T${id}`, status: 'open', priority: 1, projectId: null, ...more } })
export const gone = (id) => ({ op: 'delete', table: 'issues', id })

export async function database(ids = ['a', 'b', 'c']) {
  const db = await createDatabase({ schema, graceMs: 0 })
  db.apply(ids.map((id) => put(id)))
  return db
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms) })
/** Until nothing is to be done: frameworks work in microtasks, some of them in several. */
export const settle = async () => { for (let i = 0; i < 3; i++) await pause(0) }

/** How many live queries there are, once they are no more than `wanted`: one that nobody has goes a while after. */
export async function left(db, wanted = 0) {
  for (const end = performance.now() + 60_000; db.stats().views > wanted && performance.now() < end;) await pause(5)
  return db.stats().views
}

export const host = () => document.body.appendChild(document.createElement('div'))
export const items = (element) => [...element.querySelectorAll('li')].map((item) => item.textContent).join()

/** What `act` does to the document below: texts written, elements that come and go. */
export async function mutations(element, act) {
  const seen = []
  const take = (records) => {
    for (const { type, addedNodes, removedNodes } of records) {
      if (type === 'characterData') seen.push('text')
      const elements = (nodes) => [...nodes].filter((node) => node.nodeType === 1)
      for (const _ of elements(addedNodes)) seen.push('in')
      for (const _ of elements(removedNodes)) seen.push('out')
      // A text that takes the place of another.
      if (type === 'childList' && [...addedNodes, ...removedNodes].every((node) => node.nodeType === 3 && node.data.trim() !== '') && addedNodes.length > 0) seen.push('text')
    }
  }
  const observer = new MutationObserver(take)
  observer.observe(element, { childList: true, characterData: true, subtree: true })
  act()
  await settle()
  take(observer.takeRecords())
  observer.disconnect()
  return seen
}

/** The same script for a list of each framework: `mount(element, db)` shows titles in `li`, and returns what ends it. */
export async function listed(mount) {
  const db = await database()
  const element = host()
  let end = await mount(element, db)
  await settle()
  const first = items(element)
  const rendered = { ...counts }
  const changed = await mutations(element, () => { db.apply([put('b', { title: 'changed' })]) })
  const counted = counts.b - rendered.b
  const others = counts.a + counts.c - rendered.a - rendered.c
  const came = await mutations(element, () => { db.apply([put('bb')]) })
  const left1 = await mutations(element, () => { db.apply([gone('a')]) })
  const second = items(element)
  const hidden = await mutations(element, () => { db.apply([put('c', { priority: 9 })]) })
  await end()
  const views = [await left(db)]
  // Again, in two places at once: equal plans are one view.
  const twin = host()
  end = await mount(element, db)
  const endTwin = await mount(twin, db)
  await settle()
  const both = [items(element), items(twin), db.stats().views]
  await end()
  await settle()
  db.apply([put('c', { title: 'last' })])
  await settle()
  const one = [items(twin), db.stats().views]
  await endTwin()
  views.push(await left(db))
  // Beyond 1,024 rows a list is no array any more.
  const many = await database(Array.from({ length: 1500 }, (_, i) => `i${10000 + i}`))
  const long = host()
  const endLong = await mount(long, many)
  await settle()
  const before = long.querySelectorAll('li').length
  const longChange = await mutations(long, () => { many.apply([put('i10700', { title: 'changed' })]) })
  const at700 = long.querySelectorAll('li')[700].textContent
  await endLong()
  views.push(await left(many))
  return { first, changed, counted, others, came, left: left1, second, hidden, both, one, views, long: [before, longChange, at700] }
}

/** How often each row was rendered. */
export const counts = {}
export const count = (id) => { counts[id] = (counts[id] ?? 0) + 1 }
