// Nested associations: 200 projects, the 20 latest issues of each, their labels, and how many comments they have. One change
// to an issue, a label, a row of the join table or a comment: from `apply` to the listener that holds the diff.
import { ProjectBoard } from '../baseline/project-board.mjs'
import { perUnit, sample } from '../measure.mjs'
import { random } from './issues.mjs'

const PROJECTS = 200
const LABELS = 400
const words = ['crash', 'login', 'sync', 'table', 'slow', 'render', 'cursor', 'export']

/** `issues` issues in 200 projects, two labels and three comments each; the label 0 is of one issue in twenty. */
export function boardRows(issues) {
  const next = random(5)
  const below = (n) => Math.floor(next() * n)
  const rows = { projects: [], labels: [], issues: [], issueLabels: [], comments: [] }
  for (let i = 0; i < PROJECTS; i++) rows.projects.push({ id: i, name: `project ${i}` })
  for (let i = 0; i < LABELS; i++) rows.labels.push({ id: i, name: `${words[i % 8]} ${i}` })
  for (let i = 0; i < issues; i++) {
    rows.issues.push({ id: i, projectId: i % PROJECTS, title: `${words[below(8)]} ${words[below(8)]} ${i}`, status: words[below(8)], updatedAt: 1_000_000 + below(1_000_000) })
    const labels = new Set([1 + below(LABELS - 1), 1 + below(LABELS - 1)])
    if (i % 20 === 7) labels.add(0)
    for (const labelId of labels) rows.issueLabels.push({ issueId: i, labelId })
    for (let c = 0; c < 3; c++) rows.comments.push({ id: i * 3 + c, issueId: i, body: `comment ${c} on ${i}` })
  }
  return rows
}

export function boardSchema({ defineSchema, table, string, int, hasMany, manyToMany }) {
  return defineSchema({
    projects: table({ id: int().key(), name: string() }),
    labels: table({ id: int().key(), name: string() }),
    issues: table({ id: int().key(), projectId: int(), title: string(), status: string(), updatedAt: int() }),
    issueLabels: table({ issueId: int().key(), labelId: int().key() }),
    comments: table({ id: int().key(), issueId: int(), body: string() }),
  }, {
    projects: { issues: hasMany('issues', 'projectId', { orderBy: [['updatedAt', 'desc']] }) },
    issues: { labels: manyToMany('labels', 'issueLabels', ['issueId', 'labelId']), comments: hasMany('comments', 'issueId') },
  })
}

export const boardQuery = (db) => db.query.projects.with('issues', (i) => i.limit(20).withCount('comments').with('labels'))

/** Changes of one kind; half of them to issues that are in view at the beginning. */
export class Changes {
  constructor(kind, rows, seed) {
    this.kind = kind
    this.rows = rows
    this.next = random(seed)
    const latest = new Map()
    for (const row of rows.issues) latest.set(row.projectId, [...(latest.get(row.projectId) ?? []), row])
    this.shown = [...latest.values()].flatMap((list) => list.sort((a, b) => b.updatedAt - a.updatedAt || a.id - b.id).slice(0, 20).map((row) => row.id))
    this.joined = new Set(rows.issueLabels.map((r) => r.issueId * LABELS + r.labelId))
    this.comment = rows.comments.length
    this.mine = []
    this.clock = 3_000_000
  }
  below(n) { return Math.floor(this.next() * n) }
  issue() { return this.below(2) === 0 ? this.shown[this.below(this.shown.length)] : this.below(this.rows.issues.length) }

  one() {
    switch (this.kind) {
      case 'issue': {
        const id = this.issue()
        return { op: 'update', table: 'issues', id, set: this.below(3) === 0 ? { updatedAt: this.clock++ - this.below(2) * this.below(2_500_000) } : { title: `title ${this.clock++}` } }
      }
      case 'label': return { op: 'update', table: 'labels', id: 1 + this.below(LABELS - 1), set: { name: `name ${this.clock++}` } }
      case 'large label': return { op: 'update', table: 'labels', id: 0, set: { name: `name ${this.clock++}` } }
      case 'join': {
        const [issueId, labelId] = [this.issue(), 1 + this.below(LABELS - 1)]
        const name = issueId * LABELS + labelId
        if (this.joined.delete(name)) return { op: 'delete', table: 'issueLabels', id: [issueId, labelId] }
        this.joined.add(name)
        return { op: 'insert', table: 'issueLabels', row: { issueId, labelId } }
      }
      default: {
        if (this.mine.length > 50 && this.below(2) === 0) {
          const [{ id, issueId }] = this.mine.splice(this.below(this.mine.length), 1)
          return { op: 'delete', table: 'comments', id, issueId }
        }
        const row = { id: this.comment++, issueId: this.issue(), body: 'new' }
        this.mine.push(row)
        return { op: 'insert', table: 'comments', row }
      }
    }
  }

  take(n) { return Array.from({ length: n }, () => this.one()) }
}

/** What the engine takes: no more than the language of change. */
export const plain = ({ op, table, id, set, row }) => op === 'update' ? { op, table, id, set } : op === 'delete' ? { op, table, id } : { op, table, row }

const same = (what, a, b) => {
  if (a === b) return
  let at = 0
  while (a[at] === b[at]) at++
  throw new Error(`${what} differ at ${at}:\n  engine  ${a.slice(Math.max(0, at - 200), at + 200)}\n  by hand ${b.slice(Math.max(0, at - 200), at + 200)}`)
}

async function opened(host, issues) {
  const eddyline = await host.eddyline()
  const rows = boardRows(issues)
  const db = await eddyline.createDatabase({ schema: boardSchema(eddyline) })
  const utf8 = new TextEncoder()
  for (const [table, list] of Object.entries(rows)) {
    for (let at = 0; at < list.length; at += 50_000) db.applyJson(utf8.encode(JSON.stringify(list.slice(at, at + 50_000))), { table })
  }
  return { eddyline, db, rows, live: db.live(boardQuery(db)) }
}

export async function board(host, { rows: issues, count, rounds }) {
  const { eddyline, db, rows, live } = await opened(host, issues)
  const sinks = { ours: { calls: 0, patches: 0, diff: undefined }, byHand: { calls: 0, patches: 0, diff: undefined } }
  const listener = (sink) => (event) => { const { diff } = event; sink.calls++; sink.patches += diff.length; sink.diff = diff }
  const hand = new ProjectBoard(listener(sinks.byHand))
  hand.load(rows)
  live.subscribe(listener(sinks.ours))
  same('first rows', JSON.stringify(live.rows), JSON.stringify(hand.rows()))

  const results = {}
  const work = {}
  for (const kind of ['issue', 'label', 'large label', 'join', 'comment']) {
    const changes = new Changes(kind, rows, 3)
    // The same effect, before anything is timed: patches of both make the same rows.
    let copies = [live.rows, hand.rows()]
    for (const change of changes.take(150)) {
      sinks.ours.diff = sinks.byHand.diff = []
      db.apply([plain(change)])
      hand.apply(change)
      copies = [eddyline.applyPatches(copies[0], sinks.ours.diff), eddyline.applyPatches(copies[1], sinks.byHand.diff)]
      same(`the numbers of patches after ${JSON.stringify(change)}`, String(sinks.ours.diff.length), String(sinks.byHand.diff.length))
    }
    same(`rows after changes to a ${kind}`, JSON.stringify(copies[0]), JSON.stringify(copies[1]))
    const per = kind === 'large label' ? Math.max(20, count >> 3) : count
    let batch
    let turn = 0
    // Both sides get the same changes, one after the other.
    const prepare = () => { if (turn++ % 2 === 0) batch = { given: changes.take(per) }; batch.plain ??= batch.given.map((c) => [plain(c)]) }
    const variants = {
      ours: { prepare, run: () => { for (let i = 0; i < batch.plain.length; i++) db.apply(batch.plain[i]) } },
      byHand: { prepare, run: () => { for (let i = 0; i < batch.given.length; i++) hand.apply(batch.given[i]) } },
    }
    results[kind] = perUnit(await sample(host, variants, rounds, 2), per, 1000)
    const before = [db.stats().rowsExamined, sinks.ours.patches]
    const more = changes.take(200)
    for (const change of more) { db.apply([plain(change)]); hand.apply(change) }
    work[kind] = { examined: (db.stats().rowsExamined - before[0]) / 200, patches: (sinks.ours.patches - before[1]) / 200 }
    same('the numbers of patches', String(sinks.ours.patches), String(sinks.byHand.patches))
  }
  same('rows', JSON.stringify(live.rows), JSON.stringify(hand.rows()))
  const uses = rows.issueLabels.filter((r) => r.labelId === 0).length
  db.close()
  return { results, work, uses }
}
