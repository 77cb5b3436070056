/**
 * What a page may ask for. Each request is checked, written to the database in one transaction, and answered with no
 * more than an id: the change itself comes back through the feed, to the page that asked as to every other.
 */
import { PRIORITIES, STATUSES } from './model.mjs'

/** @typedef {import('./database.mjs').Query} Query */
/** @typedef {Record<string, unknown>} Body */

const MAX_TITLE = 300
const MAX_TEXT = 20_000

/** A request that cannot be carried out as it stands. */
export class RequestError extends Error {
  /** @param {string} message @param {number} [status] */
  constructor(message, status = 400) {
    super(message)
    this.status = status
  }
}

/** @param {Body} body @param {string} field @param {number} max */
function text(body, field, max) {
  const value = body[field]
  if (typeof value !== 'string') throw new RequestError(`${field} must be text`)
  // The one character that PostgreSQL does not hold.
  if (value.includes('\0')) throw new RequestError(`${field} must not hold a null character`)
  if (value.length > max) throw new RequestError(`${field} is longer than ${max} characters`)
  return value
}

/** @param {Body} body @param {string} field @param {number} max */
function filled(body, field, max) {
  const value = text(body, field, max).trim()
  if (value === '') throw new RequestError(`${field} must not be empty`)
  return value
}

/** @param {Body} body @param {string} field */
const id = (body, field) => filled(body, field, 64)

/** @param {Body} body @param {string} field @param {readonly unknown[]} allowed */
function oneOf(body, field, allowed) {
  if (!allowed.includes(body[field])) throw new RequestError(`${field} must be one of ${allowed.join(', ')}`)
  return body[field]
}

/** Fields of an issue that can be set, each with its check. @type {Record<string, (body: Body) => unknown>} */
const ISSUE_FIELDS = {
  title: body => filled(body, 'title', MAX_TITLE),
  description: body => text(body, 'description', MAX_TEXT),
  status: body => oneOf(body, 'status', STATUSES),
  priority: body => oneOf(body, 'priority', PRIORITIES),
  assignee_id: body => (body.assignee_id === null ? null : id(body, 'assignee_id')),
  project_id: body => id(body, 'project_id'),
}

/** @type {Record<string, (query: Query, body: Body) => Promise<object>>} */
const MUTATIONS = {
  async 'create-issue'(query, body) {
    const project = id(body, 'project_id')
    // Numbers count up within a project: the row is locked so that two writers do not take the same one.
    const { rows: [found] } = await query('select id from projects where id = $1 for update', [project])
    if (!found) throw new RequestError('there is no such project', 404)
    const { rows: [row] } = await query(
      `insert into issues (id, project_id, number, title, description, status, priority, assignee_id, creator_id)
       select 'i' || nextval('issue_ids'), $1, coalesce((select max(number) from issues where project_id = $1), 0) + 1, $2, $3, $4, $5, $6, $7
       returning id`,
      [project, ISSUE_FIELDS.title(body), body.description === undefined ? '' : ISSUE_FIELDS.description(body),
        body.status === undefined ? 'todo' : ISSUE_FIELDS.status(body), body.priority === undefined ? 0 : ISSUE_FIELDS.priority(body),
        body.assignee_id === undefined ? null : ISSUE_FIELDS.assignee_id(body), id(body, 'creator_id')])
    return { id: row.id }
  },

  async 'update-issue'(query, body) {
    const set = /** @type {Body} */ (body.set)
    if (typeof set !== 'object' || set === null || Array.isArray(set)) throw new RequestError('set must be an object')
    const fields = Object.keys(set)
    if (fields.length === 0) throw new RequestError('set must name a field')
    const unknown = fields.find(f => !Object.hasOwn(ISSUE_FIELDS, f))
    if (unknown) throw new RequestError(`an issue has no field ${unknown} that can be set`)
    const values = fields.map(f => ISSUE_FIELDS[f](set))
    const { affected } = await query(
      `update issues set ${fields.map((f, i) => `${f} = $${i + 2}`).join(', ')}, updated_at = now() where id = $1`, [id(body, 'id'), ...values])
    if (affected === 0) throw new RequestError('there is no such issue', 404)
    return {}
  },

  async 'delete-issue'(query, body) {
    const { affected } = await query('delete from issues where id = $1', [id(body, 'id')])
    if (affected === 0) throw new RequestError('there is no such issue', 404)
    return {}
  },

  async 'add-comment'(query, body) {
    const issue = id(body, 'issue_id')
    await touch(query, issue)
    const { rows: [row] } = await query(
      `insert into comments (id, issue_id, author_id, body) values ('c' || nextval('comment_ids'), $1, $2, $3) returning id`,
      [issue, id(body, 'author_id'), filled(body, 'body', MAX_TEXT)])
    return { id: row.id }
  },

  async 'add-label'(query, body) {
    const issue = id(body, 'issue_id')
    await touch(query, issue)
    await query('insert into issue_labels values ($1, $2) on conflict do nothing', [issue, id(body, 'label_id')])
    return {}
  },

  async 'remove-label'(query, body) {
    const issue = id(body, 'issue_id')
    await touch(query, issue)
    await query('delete from issue_labels where issue_id = $1 and label_id = $2', [issue, id(body, 'label_id')])
    return {}
  },
}

/** @param {Query} query @param {string} issue */
async function touch(query, issue) {
  const { affected } = await query('update issues set updated_at = now() where id = $1', [issue])
  if (affected === 0) throw new RequestError('there is no such issue', 404)
}

const FOREIGN_KEY_VIOLATION = '23503'

/**
 * @param {import('./database.mjs').Database} database
 * @param {string} name
 * @param {unknown} body
 * @returns {Promise<object>}
 */
export async function mutate(database, name, body) {
  if (!Object.hasOwn(MUTATIONS, name)) throw new RequestError(`there is no ${name}`, 404)
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new RequestError('the body must be a JSON object')
  try {
    return await database.transaction(query => MUTATIONS[name](query, /** @type {Body} */ (body)))
  } catch (error) {
    if (/** @type {any} */ (error).code === FOREIGN_KEY_VIOLATION) throw new RequestError('it refers to something that does not exist', 409)
    throw error
  }
}
