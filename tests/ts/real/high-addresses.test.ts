// Everything again where the engine's heap is behind the first 2 GiB of its memory: addresses are no small numbers there.
import './high-memory.js'
import './bad-input.test.js'
import './correct.test.js'
import './differential.test.js'
import './forms.test.js'
import './kept-diff.test.js'
import './sliced.test.js'
import './sources.test.js'
import './worker.test.js'
import '../heritage/ectosync-edges.test.js'
import { expect, it } from 'vitest'
import { issue, open } from './support.js'

it('the heap is behind 2 GiB', async () => {
  const { db } = await open()
  db.apply([{ op: 'upsert', table: 'issues', rows: [issue('i1')] }])
  expect(db.stats().wasmBytes).toBeGreaterThan(2 ** 31)
  expect(db.inside.port.base).toBeGreaterThan(2 ** 31)
  db.close()
})
