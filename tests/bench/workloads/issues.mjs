// The data: issue-like rows of ten fields, about 253 bytes of JSON each, the same in every run and every runtime.

/** Small, quick and seeded: 32 bits of state. */
export function random(seed) {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = a
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-'
const words = ['crash', 'login', 'sync', 'table', 'slow', 'render', 'cursor', 'export', 'mobile', 'filter', 'retry', 'token', 'upload', 'search', 'theme', 'offline']

/** 21 characters, as nanoid makes them. */
function id(kind, index) {
  const next = random(Math.imul(index + 1, 0x9e3779b1) ^ kind)
  let text = ''
  for (let i = 0; i < 21; i++) text += alphabet[(next() * 64) | 0]
  return text
}

/** One row in seven is canceled, so six sevenths of the table are shown by the ordered list. */
export const statuses = ['backlog', 'todo', 'in_progress', 'in_review', 'done', 'archived', 'canceled']
const priorities = ['none', 'low', 'medium', 'high', 'urgent']
const kinds = ['bug', 'feature', 'chore', 'question']
/** So many that a project without its canceled issues is 1 % of the table. */
export const projectCount = 86
export const epoch = 1_790_000_000_000
export const span = 10_000_000_000

export const projectId = (index) => id(2, index)
export const issueId = (index) => id(1, index)

const projects = Array.from({ length: projectCount }, (_, i) => projectId(i))

/** Row `index` of the table. */
export function issue(index) {
  const next = random(Math.imul(index + 1, 0x85ebca6b))
  const pick = (list) => list[(next() * list.length) | 0]
  let title = `${pick(words)} ${pick(words)} ${pick(words)} ${pick(words)} ${pick(words)} ${pick(words)}`
  title = title.length < 40 ? title.padEnd(40, 'x') : title.slice(0, 40)
  return {
    id: issueId(index),
    projectId: projects[index % projectCount],
    title,
    status: pick(statuses),
    priority: pick(priorities),
    kind: pick(kinds),
    number: index + 1,
    updatedAt: epoch + Math.floor(next() * span),
    estimate: Math.floor(next() * 10_000) / 100,
    flagged: next() < 0.3 ? null : next() < 0.5,
  }
}

/** Rows [from, to) as the bytes of a JSON array. */
export function issuesJson(from, to) {
  const utf8 = new TextEncoder()
  const parts = []
  let length = 0
  for (let at = from; at < to; at += 1000) {
    let text = at === from ? '[' : ','
    for (let i = at; i < Math.min(at + 1000, to); i++) text += (i === at ? '' : ',') + JSON.stringify(issue(i))
    if (at + 1000 >= to) text += ']'
    const bytes = utf8.encode(text)
    parts.push(bytes)
    length += bytes.length
  }
  const all = new Uint8Array(length)
  let at = 0
  for (const part of parts) { all.set(part, at); at += part.length }
  return all
}

export function issueSchema({ defineSchema, table, string, int, number, boolean }) {
  return defineSchema({
    issues: table({
      id: string().key(), projectId: string(), title: string(), status: string(), priority: string(), kind: string(),
      number: int(), updatedAt: int(), estimate: number(), flagged: boolean().nullable(),
    }),
  })
}

/** Newest first, then by key: the order of every query here. */
export const byUpdated = (a, b) => b.updatedAt - a.updatedAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
export const isShown = (row) => row.status !== 'canceled'
