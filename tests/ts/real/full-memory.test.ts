// An engine that has no room left, without a budget.
import { OCCUPIED } from './occupied.js'
import { expect, it } from 'vitest'
import { count, createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({ notes: table({ id: int().key(), text: string() }) })
const MB = 1 << 20, TOGETHER = 16, WHOLE = 0xf0000000
const text = 'x'.repeat(MB)
const rows = (from: number, n: number) => [{ op: 'insert' as const, table: 'notes' as const, rows: Array.from({ length: n }, (_, i) => ({ id: from + i, text })) }]

it('a full engine refuses rows and keeps those that it has; with less it goes on', async () => {
  const db = await createDatabase({ schema })
  const live = db.live(db.query.notes.select(() => ({ n: count() })))
  let held = 0
  const refused = failure(() => { for (; held < 8192; held += TOGETHER) db.apply(rows(held, TOGETHER)) })
  expect([refused.code, refused.budget]).toEqual(['MEMORY_BUDGET', WHOLE])
  // Not before there is no room for the next batch.
  expect(OCCUPIED + (held + 2 * TOGETHER) * MB).toBeGreaterThan(WHOLE)
  expect(held).toBeGreaterThan(2 * TOGETHER)
  expect(live.rows).toEqual([{ n: held }])
  // Another database of the page shares the memory, and is none the worse for it.
  const other = await createDatabase({ schema })
  expect(failure(() => { other.apply(rows(0, TOGETHER)) }).code).toBe('MEMORY_BUDGET')
  db.apply([{ op: 'reset', table: 'notes', rows: [] }])
  db.apply(rows(0, 1))
  other.apply(rows(0, TOGETHER))
  expect([live.rows, other.stats().tables[0].rows]).toEqual([[{ n: 1 }], TOGETHER])
  other.close()
  db.close()
})
