/** How the busy team keeps its pace, by a clock of the test's own: a database that does everything at once, and one that does not keep up. */
import assert from 'node:assert/strict'
import { afterEach, beforeEach, mock, test } from 'node:test'
import { BusyTeam } from '../../www/server/busy-team.mjs'

let now = 0
beforeEach(() => {
  now = 0
  mock.timers.enable({ apis: ['setInterval'] })
  mock.method(performance, 'now', () => now)
})
afterEach(() => {
  mock.timers.reset()
  mock.restoreAll()
})

/** Lets everything run that waits for nothing but its turn. */
const settle = () => new Promise(resolve => setImmediate(() => setImmediate(resolve)))

/** @param {number} ms */
async function pass(ms) {
  for (let at = 0; at < ms; at += 20) {
    now += 20
    mock.timers.tick(20)
    await settle()
  }
}

/** As many rows as it is given, and nothing more. @param {(transactions: number) => Promise<void>} [takes] */
function database(takes = async () => {}) {
  const rowsOf = (/** @type {unknown[]} */ [json]) => typeof json === 'string' ? JSON.parse(json).map((/** @type {any} */ _, /** @type {number} */ i) => ({ id: `x${i}` })) : []
  const query = async (/** @type {string} */ sql, /** @type {any[]} */ params = []) => {
    if (sql.startsWith('select id')) return { rows: Array.from({ length: 1000 }, (_, i) => ({ id: `i${i}` })), affected: 0 }
    const rows = rowsOf(params)
    return { rows, affected: typeof params[0] === 'number' ? params[0] : rows.length }
  }
  const made = {
    transactions: 0, query,
    /** @param {(q: typeof query) => Promise<unknown>} work */
    async transaction(work) {
      made.transactions++
      await takes(made.transactions)
      return work(query)
    },
  }
  return made
}

test('1,000 changes a second, in many transactions', async () => {
  const made = database()
  const team = new BusyTeam(/** @type {any} */ (made))
  await team.setRate(1000)
  await pass(5_000)
  assert.ok(team.made > 4_900 && team.made < 5_100, `${team.made}`)
  assert.ok(made.transactions >= 100, `${made.transactions} transactions`)
  await team.close()
  const { made: before } = team
  await pass(1_000)
  assert.equal(team.made, before)
})

test('what it was kept from is made up for, as far as a second of it', async () => {
  /** @type {(() => void) | undefined} */ let go
  const made = database(n => n === 1 ? new Promise(resolve => { go = () => resolve() }) : Promise.resolve())
  const team = new BusyTeam(/** @type {any} */ (made))
  await team.setRate(1000)
  await pass(400)
  assert.equal(team.made, 0)
  go?.()
  await pass(100)
  assert.ok(team.made > 400 && team.made < 600, `${team.made} after 0.5 s`)
  now += 5_000
  await pass(100)
  assert.ok(team.made > 1_400 && team.made < 1_800, `${team.made} after five seconds in which the machine slept`)
  await team.close()
})
