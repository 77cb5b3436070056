/**
 * The demo's data: the same seed gives the same rows, byte for byte, in either database.
 *
 * Rows are generated in memory and inserted a few thousand at a time as one JSON parameter
 * (`json_populate_recordset`): one statement per chunk instead of one per row.
 */
import { CIRCUMSTANCES, COLORS, FIRST_NAMES, LABELS, LAST_NAMES, OBSERVATIONS, PLANS, PROJECTS, REPLIES, THINGS, VERBS } from './phrases.mjs'
import { CREATE_INDEXES, CREATE_TABLES, STATUSES, TABLE_NAMES } from './model.mjs'

/** @typedef {import('./model.mjs').TableName} TableName */
/** @typedef {Record<string, string | number | null>} SeedRow */
/** @typedef {{ seed?: number, issues?: number, comments?: number, until?: Date }} SeedOptions */

const CHUNK_ROWS = 4_000
const DAY_MS = 86_400_000

/** Mulberry32: small, fast, and the same in every JavaScript engine. */
export class Random {
  /** @param {number} seed */
  constructor(seed) {
    this.state = seed >>> 0
  }

  /** A float in [0, 1). */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0
    let t = this.state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }

  /** @param {number} n an integer in [0, n) */
  below(n) {
    return Math.floor(this.next() * n)
  }

  /** @template T @param {readonly T[]} list @returns {T} */
  pick(list) {
    return list[this.below(list.length)]
  }

  /** One of `list`, by weight. @template T @param {readonly T[]} list @param {readonly number[]} weights @returns {T} */
  weighted(list, weights) {
    let at = this.next() * weights.reduce((a, b) => a + b, 0)
    for (let i = 0; i < list.length; i++) if ((at -= weights[i]) < 0) return list[i]
    return list[list.length - 1]
  }
}

/** @param {Random} random */
export function composeTitle(random) {
  const title = `${random.pick(VERBS)} ${random.pick(THINGS)}`
  return random.next() < 0.7 ? `${title} ${random.pick(CIRCUMSTANCES)}` : title
}

/** @param {Random} random */
export function composeDescription(random) {
  const parts = [random.pick(OBSERVATIONS)]
  if (random.next() < 0.6) parts.push(random.pick(OBSERVATIONS))
  const text = [...new Set(parts)].join(' ')
  return random.next() < 0.75 ? `${text}\n\n${random.pick(PLANS)}` : text
}

/** @param {Random} random */
export function composeComment(random) {
  const reply = random.pick(REPLIES)
  const roll = random.next()
  return roll < 0.25 ? `${reply} ${random.pick(PLANS)}` : roll < 0.4 ? `${reply} ${random.pick(OBSERVATIONS)}` : reply
}

/**
 * All rows, table by table.
 * @param {SeedOptions} [options]
 * @returns {Record<TableName, SeedRow[]>}
 */
export function generate({ seed = 20_260_101, issues: issueCount = 20_000, comments: commentCount = 60_000, until = new Date('2026-01-01T00:00:00Z') } = {}) {
  const random = new Random(seed)
  const end = until.getTime()
  const iso = (/** @type {number} */ ms) => new Date(ms).toISOString()

  const projects = PROJECTS.map(([key, name, color], i) => ({ id: `p${i + 1}`, key, name, color, position: i + 1 }))
  const users = FIRST_NAMES.map((first, i) => ({
    id: `u${i + 1}`, name: `${first} ${LAST_NAMES[i]}`, handle: first.toLowerCase(), color: COLORS[i % COLORS.length],
  }))
  const labels = LABELS.map(([name, color], i) => ({ id: `l${i + 1}`, name, color }))

  /** @type {SeedRow[]} */ const issues = []
  /** @type {SeedRow[]} */ const issue_labels = []
  const numbers = projects.map(() => 0)
  for (let i = 1; i <= issueCount; i++) {
    // Squaring favours the first projects, so that their sizes differ as they do in a real workspace.
    const p = Math.floor(random.next() ** 1.6 * projects.length)
    const age = (1 - i / (issueCount + 1)) * 540 * DAY_MS
    const created = Math.round(end - age - random.next() * DAY_MS)
    const isOld = age > 60 * DAY_MS
    issues.push({
      id: `i${i}`, project_id: projects[p].id, number: ++numbers[p], title: composeTitle(random), description: composeDescription(random),
      status: random.weighted(STATUSES, isOld ? [10, 5, 2, 1, 70, 12] : [28, 26, 14, 8, 20, 4]),
      priority: random.weighted([0, 1, 2, 3, 4], [22, 5, 18, 35, 20]),
      estimate: random.next() < 0.6 ? random.pick([1, 2, 3, 5, 8]) : null,
      assignee_id: random.next() < 0.82 ? random.pick(users).id : null, creator_id: random.pick(users).id,
      created_at: iso(created), updated_at: iso(Math.round(created + random.next() ** 3 * (end - created))),
    })
    const worn = new Set()
    for (let n = random.weighted([0, 1, 2, 3], [15, 45, 30, 10]); n > 0; n--) worn.add(random.pick(labels).id)
    for (const label of worn) issue_labels.push({ issue_id: `i${i}`, label_id: label })
  }

  /** @type {SeedRow[]} */ const comments = []
  for (let i = 1; i <= commentCount && issueCount > 0; i++) {
    const issue = issues[random.below(issueCount)]
    const created = Date.parse(String(issue.created_at))
    comments.push({
      id: `c${i}`, issue_id: issue.id, author_id: random.pick(users).id, body: composeComment(random),
      created_at: iso(Math.round(created + random.next() ** 2 * (end - created))),
    })
  }
  return { projects, users, labels, issues, issue_labels, comments }
}

/**
 * Creates the tables and fills them.
 * @param {{ exec: (sql: string) => Promise<unknown>, query: (sql: string, params: unknown[]) => Promise<unknown> }} db
 * @param {SeedOptions} [options]
 */
export async function createAndSeed(db, options) {
  await db.exec(CREATE_TABLES)
  const rows = generate(options)
  for (const table of TABLE_NAMES) {
    for (let at = 0; at < rows[table].length; at += CHUNK_ROWS) {
      const chunk = JSON.stringify(rows[table].slice(at, at + CHUNK_ROWS))
      await db.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1::json)`, [chunk])
    }
  }
  await db.exec(CREATE_INDEXES)
}
