// A server, played by the page: it keeps rows, sends a message per change, and answers requests for a row a moment later.
import type { Message } from 'eddyline/sync'

export interface Post { id: number; title: string }
export interface Tag { id: number; name: string }
export interface PostTag { id: number; postId: number; tagId: number }
interface Tables { posts: Map<number, Post>; tags: Map<number, Tag>; postsTags: Map<number, PostTag> }
type TableName = keyof Tables

export class Backend {
  readonly tables: Tables = {
    posts: new Map(['Rivers', 'Eddies', 'Rapids'].map((title, i) => [i + 1, { id: i + 1, title }])),
    tags: new Map(['water', 'calm', 'white'].map((name, i) => [i + 1, { id: i + 1, name }])),
    postsTags: new Map([[1, 1], [2, 1], [2, 2], [3, 1]].map(([postId, tagId], i) => [i + 1, { id: i + 1, postId, tagId }])),
  }
  readonly #refs = new Map<string, number>()
  #inserts = 0
  #nextId = 100

  constructor(readonly send: (message: Message) => void) {}

  /** What the page asks for: the row as it is now. */
  async fetchRow(table: string, id: number): Promise<object | null> {
    await new Promise(resolve => { setTimeout(resolve, 150) })
    const row = this.tables[table as TableName].get(id)
    return row === undefined ? null : { ...row }
  }

  insert<T extends TableName>(table: T, row: object): number {
    const id = this.#nextId++
    this.tables[table].set(id, { ...row, id } as never)
    this.send(['EctoSync', [table, 'inserted', [{ id, ...keysOf(table, this.tables[table].get(id)!) }, ++this.#inserts]]])
    return id
  }

  update(table: TableName, id: number, set: object): void {
    const row = this.tables[table].get(id)
    if (row === undefined) return
    const now = { ...row, ...set }
    this.tables[table].set(id, now as never)
    this.send(['EctoSync', [table, 'updated', [{ id, ...keysOf(table, now) }, this.#ref(table, id)]]])
  }

  delete(table: TableName, id: number): void {
    const row = this.tables[table].get(id)
    if (row === undefined) return
    this.tables[table].delete(id)
    this.send(['EctoSync', [table, 'deleted', [{ id, ...keysOf(table, row) }, this.#ref(table, id)]]])
  }

  #ref(table: TableName, id: number): number {
    const name = `${table} ${id}`
    const ref = (this.#refs.get(name) ?? 0) + 1
    this.#refs.set(name, ref)
    return ref
  }
}

/** Messages carry foreign keys beside the id, as they are now. */
function keysOf(table: TableName, row: object): object {
  if (table !== 'postsTags') return {}
  const { postId, tagId } = row as PostTag
  return { postId, tagId }
}
