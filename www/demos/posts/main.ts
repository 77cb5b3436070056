// Posts with tags: the first example of EctoSync's README, as a page.
import { createDatabase, defineSchema, int, manyToMany, string, table } from 'eddyline'
import { receiver, subscribe, sync } from 'eddyline/sync'
import { Backend } from './backend'

const schema = defineSchema({
  posts: table({ id: int().key(), title: string() }),
  tags: table({ id: int().key(), name: string() }),
  postsTags: table({ id: int().key(), postId: int(), tagId: int() }),
}, {
  posts: { tags: manyToMany('tags', 'postsTags', ['postId', 'tagId']) },
})

const db = await createDatabase({ schema })
const place = (id: string): HTMLElement => document.getElementById(id)!
const backend: Backend = new Backend(message => {
  const line = document.createElement('li')
  line.textContent = JSON.stringify(message)
  place('messages').prepend(line)
  feed.receive(message)
})
const feed = receiver(db, { fetchRow: (name, id) => backend.fetchRow(name, id) })

// What the server had when the page was loaded.
db.apply([
  { op: 'upsert', table: 'posts', rows: [...backend.tables.posts.values()] },
  { op: 'upsert', table: 'tags', rows: [...backend.tables.tags.values()] },
  { op: 'upsert', table: 'postsTags', rows: [...backend.tables.postsTags.values()] },
])

const live = db.live(db.query.posts.with('tags'))
let posts = [...live.rows]
live.dispose()

subscribe(db, posts, { of: 'posts', assocs: true, inserted: true }, news => {
  const before = new Set<object>(posts.flatMap(p => [p, ...p.tags]))
  posts = sync(db, posts, news)
  show(before)
})

/** Draws the posts; what was not there before, as an object, flashes. */
function show(before?: ReadonlySet<object>): void {
  place('posts').replaceChildren(...posts.map(post => {
    const article = element('article', before !== undefined && !before.has(post))
    const title = document.createElement('h3')
    title.textContent = post.title
    article.append(title, ...post.tags.map(tag => {
      const chip = element('span', before !== undefined && !before.has(tag))
      chip.classList.add('tag')
      chip.textContent = tag.name
      return chip
    }))
    return article
  }))
}

function element(name: string, fresh: boolean): HTMLElement {
  const made = document.createElement(name)
  made.classList.toggle('fresh', fresh)
  return made
}

const any = <T>(rows: Map<number, T>): T | undefined => [...rows.values()][Math.floor(Math.random() * rows.size)]
const { tables } = backend
const actions: [string, () => void][] = [
  ['Tag a post', () => {
    const post = any(tables.posts), tag = any(tables.tags)
    if (post && tag) backend.insert('postsTags', { postId: post.id, tagId: tag.id })
  }],
  ['Rename a tag', () => {
    const tag = any(tables.tags)
    if (tag) backend.update('tags', tag.id, { name: `${tag.name.split(' ')[0]} ${Math.floor(Math.random() * 100)}` })
  }],
  ['Move a tag to another post', () => {
    const link = any(tables.postsTags), post = any(tables.posts)
    if (link && post) backend.update('postsTags', link.id, { postId: post.id })
  }],
  ['Write a tagged post', () => {
    const tag = any(tables.tags)
    const postId = backend.insert('posts', { title: `Post at ${new Date().toLocaleTimeString()}` })
    if (tag) backend.insert('postsTags', { postId, tagId: tag.id })
  }],
  ['Delete a tag', () => { const tag = any(tables.tags); if (tag) backend.delete('tags', tag.id) }],
  ['Delete a post', () => { const post = any(tables.posts); if (post) backend.delete('posts', post.id) }],
]
place('actions').append(...actions.map(([label, act]) => {
  const button = document.createElement('button')
  button.textContent = label
  button.onclick = act
  return button
}))
show()
