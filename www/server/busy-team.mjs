/**
 * The busy team: made-up colleagues who work at a chosen number of row changes per second, through SQL like anyone else.
 *
 * Work is done in transactions of up to 40 changes, a few statements each, so that 1,000 a second are reached by real
 * transactions and not by one huge one. What cannot be kept up with is dropped, not piled up.
 */
import { Random, composeComment, composeDescription, composeTitle } from './seed.mjs'
import { STATUSES } from './model.mjs'

export const RATES = [0, 1, 10, 100, 1000]

const TICK_MS = 40
const MAX_CHANGES = 40
/** Most work goes to this many issues that were touched last, as in a real team. */
const RECENT = 400

/** @typedef {import('./database.mjs').Query} Query */

export class BusyTeam {
  #database
  #random
  #rate = 0
  #owed = 0
  #lastTick = 0
  /** @type {NodeJS.Timeout | undefined} */ #timer
  #isWorking = false
  /** @type {string[]} */ #issues = []
  /** @type {string[]} */ #users = []
  /** @type {string[]} */ #labels = []
  /** @type {string[]} */ #projects = []
  #rounds = 0

  /** @param {import('./database.mjs').Database} database @param {{ seed?: number, onError?: (error: unknown) => void }} [options] */
  constructor(database, { seed = 7, onError = () => {} } = {}) {
    this.#database = database
    this.#random = new Random(seed)
    this.onError = onError
    /** Row changes made so far. */
    this.made = 0
  }

  get rate() {
    return this.#rate
  }

  /** @param {number} rate changes per second; 0 stops, and resolves when the last work is done */
  async setRate(rate) {
    if (rate > 0 && this.#issues.length === 0) await this.#getToKnow()
    this.#rate = rate
    this.#owed = 0
    this.#lastTick = performance.now()
    clearInterval(this.#timer)
    if (rate > 0) this.#timer = setInterval(() => void this.#tick(), TICK_MS)
    while (this.#rate === 0 && this.#isWorking) await new Promise(resolve => setTimeout(resolve, 5))
  }

  async #getToKnow() {
    const ids = async (/** @type {string} */ sql) => (await this.#database.query(sql)).rows.map(r => String(r.id))
    this.#issues = await ids('select id from issues order by updated_at')
    this.#users = await ids('select id from users')
    this.#labels = await ids('select id from labels')
    this.#projects = await ids('select id from projects')
  }

  async #tick() {
    const now = performance.now()
    this.#owed = Math.min(this.#owed + this.#rate * (now - this.#lastTick) / 1000, Math.max(1, this.#rate))
    this.#lastTick = now
    if (this.#isWorking || this.#owed < 1) return
    this.#isWorking = true
    try {
      while (this.#rate > 0 && this.#owed >= 1) {
        const made = await this.#work(Math.min(Math.floor(this.#owed), MAX_CHANGES))
        this.made += made
        this.#owed -= Math.max(made, 1)
      }
    } catch (error) {
      // A database that is restarting: go on at the next tick.
      this.onError(error)
    } finally {
      this.#isWorking = false
    }
  }

  /** @returns {string} an issue, mostly a recent one */
  #issue() {
    const { length } = this.#issues
    return this.#random.next() < 0.7 ? this.#issues[length - 1 - this.#random.below(Math.min(RECENT, length))] : this.#random.pick(this.#issues)
  }

  /** One transaction of about `budget` row changes. @param {number} budget */
  async #work(budget) {
    const random = this.#random
    /** @type {Map<string, Record<string, unknown>>} */ const edits = new Map()
    /** @type {object[]} */ const comments = []
    /** @type {object[]} */ const labelled = []
    /** @type {object[]} */ const unlabelled = []
    /** @type {object[]} */ const created = []
    let uncommented = 0
    for (let i = 0; i < budget; i++) {
      const roll = random.next()
      const id = this.#issue()
      if (roll < 0.66) edits.set(id, { id, ...this.#edit() })
      else if (roll < 0.80) comments.push({ issue_id: id, author_id: random.pick(this.#users), body: composeComment(random) })
      else if (roll < 0.86) labelled.push({ issue_id: id, label_id: random.pick(this.#labels) })
      else if (roll < 0.91) unlabelled.push({ issue_id: id })
      else if (roll < 0.97) uncommented++
      else created.push({ project_id: random.pick(this.#projects), title: composeTitle(random), description: composeDescription(random), priority: random.below(5), creator_id: random.pick(this.#users) })
    }
    let made = 0
    /** @type {string[]} */ let born = []
    await this.#database.transaction(async query => {
      const run = async (/** @type {string} */ sql, /** @type {object[]} */ rows) => {
        if (rows.length === 0) return []
        const result = await query(sql, [JSON.stringify(rows)])
        made += result.rows.length
        return result.rows
      }
      await run(EDIT, [...edits.values()])
      await run(COMMENT, comments)
      await run(LABEL, labelled)
      await run(UNLABEL, unlabelled)
      born = (await run(CREATE, created)).map(r => String(r.id))
      if (uncommented > 0) made += (await query(UNCOMMENT, [uncommented])).affected
    })
    this.#issues.push(...born)
    // As many old issues leave as new ones come, now and then, so that a night of work does not fill the page.
    if (born.length > 0 && ++this.#rounds % 2 === 0) made += await this.#retire(born.length * 2)
    return made
  }

  #edit() {
    const random = this.#random
    const roll = random.next()
    if (roll < 0.5) return { status: random.weighted(STATUSES, [14, 24, 22, 18, 19, 3]) }
    if (roll < 0.7) return { priority: random.below(5) }
    if (roll < 0.9) return { assignee_id: random.pick(this.#users) }
    return { title: composeTitle(random) }
  }

  /** @param {number} count */
  async #retire(count) {
    const { length } = this.#issues
    /** @type {string[]} */ const ids = []
    for (let i = 0; i < count && length > RECENT * 2; i++) {
      const at = this.#random.below(Math.floor(length / 2))
      ids.push(this.#issues[at])
      this.#issues.splice(at, 1)
    }
    const { affected } = await this.#database.query('delete from issues where id = any($1)', [ids])
    return affected
  }

  close() {
    return this.setRate(0)
  }
}

const EDIT = `
update issues i set
  status = coalesce(x.status, i.status), priority = coalesce(x.priority, i.priority),
  assignee_id = coalesce(x.assignee_id, i.assignee_id), title = coalesce(x.title, i.title), updated_at = now()
from json_to_recordset($1::json) as x(id text, status text, priority int, assignee_id text, title text)
where i.id = x.id returning i.id`

const COMMENT = `
insert into comments (id, issue_id, author_id, body)
select 'c' || nextval('comment_ids'), x.issue_id, x.author_id, x.body
from json_to_recordset($1::json) as x(issue_id text, author_id text, body text)
where exists (select 1 from issues where id = x.issue_id) returning id`

const LABEL = `
insert into issue_labels (issue_id, label_id)
select distinct x.issue_id, x.label_id from json_to_recordset($1::json) as x(issue_id text, label_id text)
where exists (select 1 from issues where id = x.issue_id) on conflict do nothing returning issue_id`

const UNLABEL = `
delete from issue_labels l using json_to_recordset($1::json) as x(issue_id text)
where l.issue_id = x.issue_id
  and l.label_id = (select min(label_id) from issue_labels where issue_id = x.issue_id) returning l.issue_id`

const CREATE = `
insert into issues (id, project_id, number, title, description, status, priority, creator_id)
select 'i' || nextval('issue_ids'), x.project_id,
  coalesce((select max(number) from issues where project_id = x.project_id), 0) + row_number() over (partition by x.project_id),
  x.title, x.description, 'todo', x.priority, x.creator_id
from json_to_recordset($1::json) as x(project_id text, title text, description text, priority int, creator_id text) returning id`

/** Random comments by their number: an id that is gone already deletes nothing. */
const UNCOMMENT = `
delete from comments where id in (
  select 'c' || (1 + floor(random() * (select last_value from comment_ids)))::bigint from generate_series(1, $1::int))`
