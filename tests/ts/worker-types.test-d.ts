// Checked by `npx tsc --noEmit -p tests/ts/tsconfig.json`: the types of code beside the engine of a worker.
import { defineSchema } from '../../src/ts/define-schema.js'
import { reducer, reducers } from '../../src/ts/reduce/index.js'
import { int, string, table } from '../../src/ts/schema.js'
import { watches } from '../../src/ts/watch/index.js'
import { inWorker } from '../../src/ts/worker/inside.js'

const schema = defineSchema({ issues: table({ id: string().key(), points: int() }) })
const counts = reducer('counts', { version: '1', tables: ['issues'], partition: (e: { id: string }) => e.id, cursor: () => 1, on: { Made: (e, op) => { op.insert('issues', { id: e.id, points: 1 }) } } })

inWorker<typeof schema>(({ db, tell }) => {
  const points: number | undefined = db.live(db.query.issues).rows[0]?.points
  tell('points', points)
  watches(db).watch('issues', 'changes', ({ keys }) => { tell('issues', keys) })
  reducers(db).start(counts, { source: { name: 'log', async *events() {} } as never })
  // @ts-expect-error no such table
  void db.query.issue
  // @ts-expect-error no such table
  watches(db).watch('issue', 'changes', () => {})
  // @ts-expect-error no such column
  db.apply([{ op: 'update', table: 'issues', id: 'a', set: { pionts: 1 } }])
})
// Without the type of a schema it is a database of any.
inWorker(({ db }) => { db.apply([{ op: 'update', table: 'issues', id: 'a', set: { points: 1 } }]) })
