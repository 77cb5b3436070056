// Pull by several attributes that repeat, over random graphs that go in circles, beside DataScript.
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { createDatabase } from '../../../pkg/index.inline.js'
import { load } from '../../../pkg/datascript/index.js'
import { world } from '../heritage/wizard.js'

const datascript = createRequire(import.meta.url)('datascript') as Record<string, (...args: any[]) => any>
const d = await load(createDatabase as never)

const MANY = { ':db/valueType': ':db.type/ref', ':db/cardinality': ':db.cardinality/many' }
const SCHEMA = { friend: MANY, boss: { ':db/valueType': ':db.type/ref' }, knows: MANY }
const PATTERNS = [
  '["name" {"friend" 1 "boss" 1}]', '[:db/id {"friend" 2 "boss" 1}]', '["name" {"friend" 2 "knows" 3 "boss" 1}]', '["name" {"friend" ... "boss" 2}]', '[:db/id {"friend" ... "boss" ...}]',
  '["name" {"friend" ... "knows" ...}]', '["name" {"_boss" ... "friend" 2}]', '["name" {"knows" [:db/id {"friend" ... "boss" 1}]} {"boss" ...}]', '["name" {"friend" ...}]',
]
/** Lists of refs come in any order. */
const tree = (v: unknown): unknown => Array.isArray(v) ? v.map(tree).sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  : typeof v === 'object' && v !== null ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => a < b ? -1 : 1).map(([k, x]) => [k, tree(x)])) : v

it.each([7, 11, 13])('an entity that is on the way already, by whichever attribute, is its id: 20 random graphs beside DataScript from %i', from => {
  let seed = from
  const below = (n: number): number => { seed = (seed * 48_271) % 2_147_483_647; return seed % n }
  let pulled = 0
  for (let i = 0; i < 20; i++) {
    const n = 2 + below(4)
    const tx: unknown[] = Array.from({ length: n }, (_, e) => [':db/add', e + 1, 'name', `n${e + 1}`])
    for (let k = 0; k < n + below(n); k++) tx.push([':db/add', 1 + below(n), ['friend', 'boss', 'knows'][below(3)], 1 + below(n)])
    const [theirs, ours] = [datascript.db_with(datascript.empty_db(SCHEMA), tx), d.db_with(d.empty_db(SCHEMA), tx as never)]
    for (const pattern of PATTERNS) for (let e = 1; e <= n; e++) {
      pulled++
      expect({ i, pattern, e, tree: tree(d.pull(ours, pattern, e)) }).toEqual({ i, pattern, e, tree: tree(datascript.pull(theirs, pattern, e)) })
    }
  }
  expect(pulled).toBeGreaterThan(500)
})

it('a circle of two attributes is followed once', async () => {
  const { data } = await world({ name: 'string', friend: { type: 'ref', many: true }, boss: 'ref' })
  data.transact([{ ':db/id': 1, name: 'a', friend: [2], boss: 2 }, { ':db/id': 2, name: 'b', friend: [1] }])
  const again = { ':name': 'b', ':friend': [{ ':name': 'a', ':friend': [{ ':db/id': 2 }], ':boss': { ':db/id': 2 } }] }
  expect(data.pull('[:name {:friend ... :boss ...}]', 1)).toEqual({ ':name': 'a', ':friend': [again], ':boss': again })
})
