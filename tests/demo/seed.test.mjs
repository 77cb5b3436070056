/** The demo's data: the same from the same seed, and fit to be looked at. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { openEmbedded } from '../../www/server/database-embedded.mjs'
import { STATUSES, TABLES } from '../../www/server/model.mjs'
import { generate } from '../../www/server/seed.mjs'
import { SMALL_SEED, contentsOf, normalize } from './feed-client.mjs'

/** @param {unknown} value */
const digest = value => createHash('sha256').update(JSON.stringify(value)).digest('hex')

test('the same seed makes the same rows, another seed makes others', () => {
  assert.equal(digest(generate()), digest(generate()))
  assert.notEqual(digest(generate()), digest(generate({ seed: 2 })))
})

test('it is of the size it says, and every reference leads somewhere', () => {
  const rows = generate()
  assert.deepEqual([rows.issues.length, rows.comments.length, rows.projects.length, rows.users.length, rows.labels.length], [20_000, 60_000, 12, 40, 24])
  const ids = Object.fromEntries(['projects', 'users', 'labels', 'issues'].map(t => [t, new Set(rows[/** @type {'issues'} */ (t)].map(r => r.id))]))
  assert.equal(ids.issues.size, 20_000)
  for (const i of rows.issues) {
    assert.ok(ids.projects.has(i.project_id) && ids.users.has(i.creator_id) && (i.assignee_id === null || ids.users.has(i.assignee_id)))
    assert.ok(STATUSES.includes(String(i.status)) && String(i.updated_at) >= String(i.created_at))
  }
  for (const c of rows.comments) assert.ok(ids.issues.has(c.issue_id) && ids.users.has(c.author_id))
  const pairs = new Set(rows.issue_labels.map(l => `${l.issue_id} ${l.label_id}`))
  assert.equal(pairs.size, rows.issue_labels.length)
  for (const l of rows.issue_labels) assert.ok(ids.issues.has(l.issue_id) && ids.labels.has(l.label_id))
})

test('every generated row has exactly the columns of its table', () => {
  for (const [table, rows] of Object.entries(generate(SMALL_SEED))) {
    for (const row of rows) assert.deepEqual(Object.keys(row), TABLES[/** @type {import('../../www/server/model.mjs').TableName} */ (table)].columns)
  }
})

test('the database holds what was generated', async () => {
  const database = await openEmbedded({ seed: SMALL_SEED })
  try {
    const contents = await contentsOf(database)
    for (const [table, rows] of Object.entries(generate(SMALL_SEED))) assert.deepEqual(contents[table], normalize(rows), table)
  } finally {
    await database.close()
  }
})
