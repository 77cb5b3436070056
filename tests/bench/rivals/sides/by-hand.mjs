// By hand, the quickest that we can write for each query and nothing else: the lists of ../../baseline, and what is below.
import { ChunkList } from '../../baseline/chunk-list.mjs'
import { Latest } from '../../baseline/parts.mjs'
import { placeOf } from '../../baseline/groups.mjs'
import { SortedList } from '../../baseline/sorted-list.mjs'
import { TopList } from '../../baseline/top-list.mjs'
import { family, matcher, projectById, projects } from '../data.mjs'

export const supports = () => true

const newestFirst = (a, b) => b.updatedAt - a.updatedAt
const sameAsUpsert = (row) => ({ op: 'upsert', row })

/** A list of ../../baseline as a query. */
function list(Kind, query, rows, told, size) {
  const one = new Kind(matcher(query), ({ rows }) => { told(rows ?? one.list) }, size)
  one.load(rows.values())
  one.ready(newestFirst)
  return { apply: (row) => { one.apply(sameAsUpsert(row)) }, rows: () => one.list.slice(), first: (count) => Array.from({ length: Math.min(count, one.list.length) }, (_, i) => one.list.at(i)) }
}

/** Rows with the name of their project, in no order: where each is, is known. Projects stay as they are, and rows theirs. */
class Joined {
  result = []
  places = new Map()

  constructor(query, rows, told) {
    this.told = told
    this.matches = matcher(query)
    for (const row of rows.values()) if (this.matches(row)) this.places.set(row.id, this.result.push(this.made(row)) - 1)
  }

  made({ id, projectId, title, status, updatedAt }) { return { id, title, status, updatedAt, name: projectById.get(projectId).name } }
  rows() { return this.result }

  apply(now) {
    const place = this.places.get(now.id)
    if (place === undefined) return
    this.result[place] = this.made(now)
    this.told(this.result)
  }
}

class ByStatus {
  groups = new Map()

  constructor(kind, rows, told) {
    this.kind = kind
    this.told = told
    this.result = []
    for (const row of rows.values()) {
      let group = this.groups.get(row.status)
      if (group === undefined) this.groups.set(row.status, (group = { status: row.status, value: 0, times: [] }))
      if (kind === 'max') group.times.push(row.updatedAt)
      else group.value += this.part(row)
    }
    if (kind === 'max') for (const group of this.groups.values()) { group.times.sort((a, b) => a - b); group.value = group.times.at(-1) }
    this.publish()
  }

  part(row) { return this.kind === 'count' ? 1 : row.number }
  publish() { this.result = Array.from(this.groups.values(), ({ status, value }) => ({ status, value })) }
  rows() { return this.result }

  apply(now, old) {
    const from = this.groups.get(old.status)
    const to = this.groups.get(now.status)
    if (this.kind === 'max') {
      from.times.splice(placeOf(from.times, old.updatedAt, less), 1)
      from.value = from.times.at(-1)
      to.times.splice(placeOf(to.times, now.updatedAt, less), 0, now.updatedAt)
      to.value = to.times.at(-1)
    } else {
      from.value -= this.part(old)
      to.value += this.part(now)
    }
    this.publish()
    this.told(this.result)
  }
}

const less = (a, b) => a < b

/** The latest three of each project. */
function nested(query, rows, told) {
  const one = new Latest(({ projectId }) => { publish(projectId); told(result) }, query.limit)
  one.load(rows.values())
  one.ready()
  let result = projects.map((project) => ({ ...project, issues: (one.parts.get(project.id) ?? []).slice(0, query.limit) }))
  const places = new Map(projects.map(({ id }, i) => [id, i]))
  const publish = (id) => {
    const at = places.get(id)
    result = result.slice()
    result[at] = { ...result[at], issues: one.parts.get(id).slice(0, query.limit) }
  }
  return { apply: (row) => { one.apply({ id: row.id, set: row }) }, rows: () => result }
}

/** Many queries of one shape: rows by value or by window, and who asks for it. */
class Family {
  byPlace = new Map()

  constructor(kind, rows) {
    const [first, second] = family.range(2)
    const width = second.from - first.from
    this.place = kind === 'equal' ? (row) => row.estimate : (row) => Math.floor((row.updatedAt - first.from) / width)
    this.placeOfQuery = kind === 'equal' ? (query) => query.estimate : (query) => Math.floor((query.from - first.from) / width)
    for (const row of rows.values()) this.at(this.place(row)).rows.push(row)
  }

  at(place) {
    let one = this.byPlace.get(place)
    if (one === undefined) this.byPlace.set(place, (one = { rows: [], told: undefined }))
    return one
  }

  mount(query, told) {
    const one = this.at(this.placeOfQuery(query))
    one.told = told
    return { rows: () => one.rows, close: () => { one.told = undefined } }
  }

  apply(now, old) {
    const [from, to] = [this.at(this.place(old)), this.at(this.place(now))]
    if (from === to) from.rows = from.rows.map((row) => (row === old ? now : row))
    else {
      from.rows = from.rows.filter((row) => row !== old)
      to.rows = [...to.rows, now]
      from.told?.(from.rows)
    }
    to.told?.(to.rows)
  }
}

/** A list after many changes: what changed is taken out, sorted, and merged with what did not. */
function merged(rows, changed, arrived) {
  arrived.sort(newestFirst)
  const result = []
  let at = 0
  for (const row of rows) {
    if (changed.has(row.id)) continue
    while (at < arrived.length && arrived[at].updatedAt > row.updatedAt) result.push(arrived[at++])
    result.push(row)
  }
  while (at < arrived.length) result.push(arrived[at++])
  return result
}

export async function open() {
  const rows = new Map()
  const mounted = []
  const families = new Map()
  const make = (query, told) => {
    switch (query.kind) {
      case 'filter': return list(SortedList, query, rows, told)
      case 'join': return new Joined(query, rows, told)
      case 'top': return list(TopList, query, rows, told, query.limit)
      case 'list': return list(ChunkList, query, rows, told)
      case 'nested': return nested(query, rows, told)
      default: return new ByStatus(query.kind, rows, told)
    }
  }
  /** One transaction of many changes: every list is merged once, and told once. */
  const applyAll = (changed) => {
    const last = new Map(changed.map((row) => [row.id, row]))
    for (const [id, row] of last) rows.set(id, row)
    for (const one of mounted) {
      const matches = matcher(one.query)
      let result = merged(one.all, last, [...last.values()].filter(matches))
      // The reserve of a top list must not run out; like everywhere here, the whole is looked through only then.
      if (one.query.kind === 'top') {
        if (result.length < one.query.limit) result = [...rows.values()].filter(matches).sort(newestFirst)
        result.length = Math.min(result.length, 4 * one.query.limit)
      }
      one.all = result
      one.shown = one.query.kind === 'top' ? result.slice(0, one.query.limit) : result
      one.told(one.shown)
    }
  }
  return {
    load(all) { for (const row of all) rows.set(row.id, row) },
    mount(query, told) {
      if (query.kind === 'equal' || query.kind === 'range') {
        if (!families.has(query.kind)) families.set(query.kind, new Family(query.kind, rows))
        return families.get(query.kind).mount(query, told)
      }
      const one = make(query, told)
      mounted.push({ apply: (now, old) => { one.apply(now, old) }, query, told })
      return { rows: () => one.rows(), first: one.first, close: () => {} }
    },
    /** Several lists that are told of transactions, instead of one that is told of each change. */
    mountPage(wanted, told) {
      return wanted.map((query) => {
        const all = [...rows.values()].filter(matcher(query)).sort(newestFirst)
        const one = { query, told, all, shown: query.kind === 'top' ? all.slice(0, query.limit) : all }
        mounted.push(one)
        return { rows: () => one.shown, close: () => {} }
      })
    },
    prepare: ({ now, old }) => ({ now, old }),
    apply({ now, old }) {
      for (const one of mounted) one.apply(now, old)
      for (const one of families.values()) one.apply(now, old)
    },
    applyAll(changes) { applyAll(changes.map(({ now }) => now)) },
    close() {},
  }
}
