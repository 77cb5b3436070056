// The rows, the queries and the changes, the same for everyone and in every run. Rows are those of workloads/issues.mjs, with
// times of their own: no two rows ever have the same, so that an order has one answer and needs no second column.
import { epoch, issue, projectCount, projectId, random, span, statuses } from '../workloads/issues.mjs'

export const columns = ['id', 'projectId', 'title', 'status', 'priority', 'kind', 'number', 'updatedAt', 'estimate', 'flagged']

/** How many values `estimate` has, and how many windows of `updatedAt` there are: queries of one shape that can be told apart. */
export const FAMILY = 10_000
const WINDOW = span / FAMILY

/** Ten projects of the 86, so an eighth of the rows, are of the team that the join asks for. */
export const projects = Array.from({ length: projectCount }, (_, i) => ({ id: projectId(i), name: `project ${i}`, team: `t${i % 9}` }))
const inTeam = (index) => (index % projectCount) % 9 === 0

/** Moments that no other row has: the row's number is their remainder. */
class Moments {
  constructor(rows) { this.grain = Math.max(1e5, 10 ** Math.ceil(Math.log10(rows))) }
  /** A share of the whole span, for the row `index`. */
  at(share, index) { return epoch + Math.floor((share * span) / this.grain) * this.grain + index }
  /** After everything that `at` gives. */
  later(clock, index) { return epoch + span + clock * this.grain + index }
}

/** Rows [from, to) of a table of `count`. */
export function rowsOf(count, from = 0, to = count) {
  const moments = new Moments(count)
  const rows = []
  for (let i = from; i < to; i++) {
    const row = issue(i)
    row.updatedAt = moments.at((row.updatedAt - epoch) / span, i)
    rows.push(row)
  }
  return rows
}

/** The queries of the workloads. What they mean is said by `expected`; each side says it in its own words. */
export const queries = {
  filter: { kind: 'filter', project: projects[0].id },
  top: { kind: 'top', limit: 50 },
  list: { kind: 'list' },
  join: { kind: 'join', team: 't0' },
  count: { kind: 'count' },
  sum: { kind: 'sum' },
  max: { kind: 'max' },
  nested: { kind: 'nested', limit: 3 },
}

/** `count` queries of one shape. */
export const family = {
  equal: (count) => Array.from({ length: count }, (_, i) => ({ kind: 'equal', estimate: i / 100 })),
  range: (count) => Array.from({ length: count }, (_, i) => ({ kind: 'range', from: epoch + i * WINDOW, to: epoch + (i + 1) * WINDOW })),
}

/** Ten queries of a page: six projects, the latest of three others, and the latest of all. */
export const page = [
  ...projects.slice(0, 6).map(({ id }) => ({ kind: 'filter', project: id })),
  ...projects.slice(6, 9).map(({ id }) => ({ kind: 'top', project: id, limit: 50 })),
  queries.top,
]

const others = Object.fromEntries(statuses.map((status) => [status, statuses.filter((s) => s !== status)]))
const notCanceled = statuses.filter((s) => s !== 'canceled')

/**
 * Single changes that each alter the result of their query: `{ id, set, old, now }`, so that nobody has to look up or to merge a
 * row while the clock runs who takes whole rows.
 */
export class Changes {
  clock = 0

  constructor(kind, rows, queryCount = 1, seed = 7) {
    this.kind = kind
    this.rows = rows
    this.next = random(seed)
    this.moments = new Moments(rows.length)
    this.queryCount = queryCount
    const all = rows.map((_, i) => i)
    const wanted = {
      filter: (i) => i % projectCount === 0,
      join: inTeam,
      equal: (i) => rows[i].estimate < queryCount / 100,
      range: (i) => rows[i].updatedAt < epoch + queryCount * WINDOW,
    }[kind]
    this.indexes = wanted === undefined ? all : all.filter(wanted)
  }

  below(n) { return Math.floor(this.next() * n) }

  one() {
    const index = this.indexes[this.below(this.indexes.length)]
    const old = this.rows[index]
    const set = this.set(index, old)
    const now = { ...old, ...set }
    this.rows[index] = now
    return { id: old.id, set, old, now }
  }

  /** What changes of a row. Changes of kind `page` are of any row, seen or not. */
  set(index, old) {
    const { moments } = this
    const status = () => { const list = old.status === 'canceled' ? notCanceled : others[old.status]; return list[this.below(list.length)] }
    switch (this.kind) {
      case 'top': case 'nested': return { ...(old.status === 'canceled' && { status: status() }), updatedAt: moments.later((this.clock += 40) - this.below(40), index) }
      case 'count': case 'sum': case 'max': return { status: status(), estimate: this.below(10_000) / 100, updatedAt: moments.later(this.clock++, index) }
      case 'equal': { const value = this.below(this.queryCount - 1) / 100; return { estimate: value === old.estimate ? (this.queryCount - 1) / 100 : value } }
      case 'range': return { updatedAt: this.moved(index, old) }
      default: {
        if (old.status === 'canceled') return { status: status() }
        if (this.next() < 0.2) return { status: status() }
        for (;;) {
          const updatedAt = moments.at(this.next(), index)
          if (updatedAt !== old.updatedAt) return { updatedAt }
        }
      }
    }
  }

  /** A moment in another window of those that are watched. */
  moved(index, old) {
    for (;;) {
      const moment = this.moments.at((this.next() * this.queryCount) / FAMILY, index)
      if (this.windowOf(moment) < this.queryCount && this.windowOf(moment) !== this.windowOf(old.updatedAt)) return moment
    }
  }

  windowOf(moment) { return Math.floor((moment - epoch) / WINDOW) }

  take(count) { return Array.from({ length: count }, () => this.one()) }
}

const newestFirst = (a, b) => b.updatedAt - a.updatedAt
const whole = (row) => columns.map((name) => row[name] ?? null)
const byKey = (rows) => rows.sort((a, b) => (a[0] < b[0] ? -1 : 1))

/** The rows of a result in one form for everyone: `{ query, rows as a side has them }` to lists of values. */
export function canonical(query, rows) {
  switch (query.kind) {
    case 'filter': case 'top': case 'list': return Array.from(rows, whole)
    case 'equal': case 'range': return byKey(Array.from(rows, whole))
    case 'join': return byKey(Array.from(rows, (r) => [r.id, r.title, r.status, r.updatedAt, r.name]))
    case 'nested': return byKey(Array.from(rows, (p) => [p.id, p.name, Array.from(p.issues, whole)]))
    default: return byKey(Array.from(rows, (g) => [g.status, g.value]))
  }
}

/** The right result, from nothing but the rows: in the form of `canonical`. */
export function expected(query, rows) {
  const shown = rows.filter(matcher(query))
  switch (query.kind) {
    case 'filter': case 'list': return canonical(query, shown.sort(newestFirst))
    case 'top': return canonical(query, shown.sort(newestFirst).slice(0, query.limit))
    case 'join': return canonical(query, shown.map((row) => ({ ...row, name: projectById.get(row.projectId).name })))
    case 'nested': return canonical(query, nested(shown, query.limit))
    case 'equal': case 'range': return canonical(query, shown)
    default: return canonical(query, groups(query.kind, shown))
  }
}

export const projectById = new Map(projects.map((project) => [project.id, project]))

/** Which rows a query reads. */
export function matcher(query) {
  switch (query.kind) {
    case 'filter': return (row) => row.projectId === query.project && row.status !== 'canceled'
    case 'top': return query.project === undefined ? (row) => row.status !== 'canceled' : (row) => row.projectId === query.project && row.status !== 'canceled'
    case 'list': return (row) => row.status !== 'canceled'
    case 'join': return (row) => projectById.get(row.projectId).team === query.team
    case 'equal': return (row) => row.estimate === query.estimate
    case 'range': return (row) => row.updatedAt >= query.from && row.updatedAt < query.to
    default: return () => true
  }
}

function groups(kind, rows) {
  const values = new Map()
  for (const row of rows) {
    const value = values.get(row.status) ?? 0
    values.set(row.status, kind === 'count' ? value + 1 : kind === 'sum' ? value + row.number : Math.max(value, row.updatedAt))
  }
  return Array.from(values, ([status, value]) => ({ status, value }))
}

function nested(rows, limit) {
  const of = new Map(projects.map((project) => [project.id, { ...project, issues: [] }]))
  for (const row of rows) of.get(row.projectId).issues.push(row)
  for (const project of of.values()) project.issues = project.issues.sort(newestFirst).slice(0, limit)
  return [...of.values()]
}

/** Fails unless a side's result is the right one. */
export function mustBe(what, query, rows, right) {
  const [ours, theirs] = [canonical(query, rows), expected(query, right)]
  if (ours.length !== theirs.length) throw new WrongResult(`${what}: ${ours.length} rows instead of ${theirs.length}`)
  for (let i = 0; i < theirs.length; i++) {
    const [a, b] = [JSON.stringify(ours[i]), JSON.stringify(theirs[i])]
    if (a !== b) throw new WrongResult(`${what}: row ${i} is ${a.slice(0, 300)} instead of ${b.slice(0, 300)}`)
  }
}

export class WrongResult extends Error {}
