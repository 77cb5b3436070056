// The page: a list that is patched where it changed, a favourite that may come and go, counters. `?circle=…` chooses the tenant.
import { createDatabase, defineSchema, int, string, table } from 'eddyline'
import { tenant } from 'eddyline/watch'

const schema = defineSchema({
  quotes: table({ id: string().key(), author: string(), content: string(), likes: int() }, { tenant: true }),
})
const circle = new URLSearchParams(location.search).get('circle') || 'readers'
const element = (id) => document.getElementById(id)
element('circle').textContent = circle

const db = await createDatabase({ schema })
const t = tenant(db, circle)
const assigns = t.assigns()

// ---- what comes: batches of this circle, each one version --------------------------------------------------------

const connection = db.connect({
  name: 'quotes',
  stale: 'ignore',
  sync(session) {
    const feed = new EventSource(`feed?circle=${encodeURIComponent(circle)}`)
    feed.onopen = () => { element('status').textContent = 'Live' }
    feed.onerror = () => { element('status').textContent = 'Connecting …' }
    feed.onmessage = ({ data }) => {
      session.applyJson(data)
      session.markReady()
    }
    return () => { feed.close() }
  },
})

// ---- what goes: wishes, to the server and nowhere else -----------------------------------------------------------

const write = (wish) => fetch(`write?circle=${encodeURIComponent(circle)}`, { method: 'POST', body: JSON.stringify(wish) })
  .catch(() => { element('status').textContent = 'The server does not answer: nothing was written.' })
element('add').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = new FormData(event.target)
  write({ add: { author: form.get('author'), content: form.get('content') } })
})
element('random').addEventListener('click', () => {
  const quotes = assigns.get('quotes')
  if (quotes.length > 0) write({ remove: quotes[Math.floor(Math.random() * quotes.length)].id })
})

// ---- what is shown -----------------------------------------------------------------------------------------------

const list = element('quotes')
/** Counts what was done to the page, for people who look and for its test. */
const work = globalThis.work = { callbacks: 0, patches: [] }

function itemOf(quote) {
  const item = document.createElement('li')
  item.dataset.id = quote.id
  const text = document.createElement('blockquote')
  const author = document.createElement('cite')
  author.textContent = quote.author
  text.append(quote.content, author)
  text.role = 'button'
  text.tabIndex = 0
  text.addEventListener('click', () => { choose(quote.id) })
  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' && event.key !== ' ') return
    event.preventDefault()
    choose(quote.id)
  })
  const like = document.createElement('button')
  like.className = 'like'
  like.textContent = `♥ ${quote.likes}`
  like.title = 'Like'
  like.addEventListener('click', () => { write({ like: quote.id }) })
  item.append(text, like)
  return item
}

function patch(step) {
  work.patches.push(step.t)
  switch (step.t) {
    case 'add': list.insertBefore(itemOf(step.value), list.children[step.at] ?? null); break
    case 'remove': list.children[step.at].remove(); break
    case 'move': {
      const item = list.children[step.from]
      item.remove()
      list.insertBefore(item, list.children[step.to] ?? null)
      break
    }
    case 'set': {
      const item = list.querySelector(`[data-id="${CSS.escape(step.key)}"]`)
      const { likes } = step.fields
      if (likes !== undefined) item.querySelector('.like').textContent = `♥ ${likes}`
    }
  }
}

function choose(id) {
  assigns.one('favourite', 'quotes', id)
  for (const item of list.children) item.classList.toggle('chosen', item.dataset.id === id)
}

assigns.onAssigns((changed, _, { patches }) => {
  work.callbacks++
  const steps = patches.get('quotes')
  if (steps !== undefined) steps.forEach(patch)
  else if (changed.has('quotes')) list.replaceChildren(...changed.get('quotes').map(itemOf))
  if (changed.has('favourite')) {
    const quote = changed.get('favourite')
    element('favourite').textContent = quote === null ? 'It has been deleted.' : `${quote.content} — ${quote.author}, liked ${quote.likes} times`
  }
})

t.watch('quotes', 'updates', { columns: ['likes'] }, ({ keys }) => {
  for (const key of keys.updated) {
    const item = list.querySelector(`[data-id="${CSS.escape(key)}"]`)
    item?.classList.remove('liked')
    // A new animation needs a frame without the old one.
    requestAnimationFrame(() => { item?.classList.add('liked') })
  }
})

await connection.ready
// From here on: what was there when the page was opened does not count.
const showCounters = () => {
  element('counters').replaceChildren(...Object.entries(t.counters('quotes')).map(([kind, n]) => {
    const group = document.createElement('div')
    const name = document.createElement('dt'), value = document.createElement('dd')
    name.textContent = kind
    value.textContent = n
    value.id = `count-${kind}`
    group.append(name, value)
    return group
  }))
}
showCounters()
t.watch('quotes', 'changes', showCounters)
assigns.all('quotes', t.query.quotes.orderBy('author').orderBy('content'))
document.body.dataset.ready = 'true'
