// An engine that has no room left, without a budget. It takes 4 GB of the machine's memory for some seconds.
import { totalmem } from 'node:os'
import { expect, it } from 'vitest'
import { count, createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({ notes: table({ id: int().key(), text: string() }) })
const MB = 'x'.repeat(1 << 20)
const rows = (from: number, n: number) => [{ op: 'insert' as const, table: 'notes' as const, rows: Array.from({ length: n }, (_, i) => ({ id: from + i, text: MB })) }]

it.skipIf(totalmem() < 12 * 2 ** 30)('a full engine refuses rows and keeps those that it has; with less it goes on', async () => {
  const db = await createDatabase({ schema })
  const live = db.live(db.query.notes.select(() => ({ n: count() })))
  let held = 0
  const refused = failure(() => { for (; held < 8192; held += 64) db.apply(rows(held, 64)) })
  expect([refused.code, refused.budget]).toEqual(['MEMORY_BUDGET', 0xf0000000])
  expect(held).toBeGreaterThan(3500)
  expect(live.rows).toEqual([{ n: held }])
  // Another database of the page shares the memory, and is none the worse for it.
  const other = await createDatabase({ schema })
  expect(failure(() => { other.apply(rows(0, 64)) }).code).toBe('MEMORY_BUDGET')
  db.apply([{ op: 'reset', table: 'notes', rows: [] }])
  db.apply(rows(0, 1))
  other.apply(rows(0, 64))
  expect([live.rows, other.stats().tables[0].rows]).toEqual([[{ n: 1 }], 64])
  other.close()
  db.close()
})
