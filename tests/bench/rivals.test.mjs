// The bench beside the rivals, as far as it needs nothing installed: ours and both baselines give the right results in every
// workload, small. A bench whose checks cannot pass would say nothing of the others either.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { sides, work } from './rivals/cast.mjs'
import { canonical, Changes, expected, mustBe, queries, rowsOf, WrongResult } from './rivals/data.mjs'
import { Results } from './rivals/results.mjs'
import { plots } from './rivals/plots.mjs'
import { workloads } from './rivals/workloads.mjs'

const host = {
  patience: 600_000, sampleMs: 2, cpu: () => performance.now(), collect() {}, eddyline: () => import('../../pkg/index.inline.js'),
  memory: async () => ({ heap: process.memoryUsage().heapUsed, external: 0, wasm: 0, rss: 0 }),
}
const jobs = work({ rows: 2000, largest: 4000, rounds: 1, queries: 100, changes: 1000 })
const results = new Results({ date: '', machine: '', node: '', load: 0, settings: { rows: 2000, rounds: 1 }, sides })

for (const name of ['eddyline', 'by-hand', 'recompute']) {
  describe(name, () => {
    for (const job of jobs.filter((job) => (job.sides ?? sides).some((side) => side.name === name) && job.of === undefined)) {
      test(job.name, { timeout: 1_200_000 }, async () => {
        const result = await workloads[job.workload](host, await import(`./rivals/sides/${name}.mjs`), job.options)
        results.add(job, name, { result })
        assert.ok(results.lines.get(job.name).cells[name].value > 0)
      })
    }
  })
}

test('a wrong result is told', () => {
  const rows = rowsOf(500)
  const right = expected(queries.list, rows)
  assert.ok(right.length > 300)
  const shown = rows.filter((row) => row.status !== 'canceled').sort((a, b) => b.updatedAt - a.updatedAt)
  assert.deepEqual(canonical(queries.list, shown), right)
  mustBe('rows', queries.list, shown, rows)
  assert.throws(() => mustBe('rows', queries.list, [...shown].reverse(), rows), WrongResult)
  assert.throws(() => mustBe('rows', queries.list, shown.slice(1), rows), WrongResult)
  assert.throws(() => mustBe('rows', queries.list, shown.map((row, i) => (i === 7 ? { ...row, title: 'another' } : row)), rows), WrongResult)
})

test('every change alters the result of its query', () => {
  for (const [name, query] of Object.entries(queries)) {
    const rows = rowsOf(1000)
    const changes = new Changes(name, rows)
    let before = JSON.stringify(expected(query, rows))
    for (let i = 0; i < 60; i++) {
      const { id, set } = changes.one()
      const now = JSON.stringify(expected(query, rows))
      assert.notEqual(now, before, `${name}: ${id} ${JSON.stringify(set)}`)
      before = now
    }
  }
})

test('no two rows have the same moment', () => {
  assert.equal(new Set(rowsOf(20_000).map((row) => row.updatedAt)).size, 20_000)
})

test('tables, verdicts and plots come of the numbers', () => {
  const line = { group: 'change', name: 'x', unit: 'ms', workload: 'change', target: 3, hand: 2 }
  const some = new Results({ sides: [{ name: 'eddyline', title: 'Eddyline' }, { name: 'by-hand', title: 'by hand', baseline: true }, { name: 'zero', title: 'Zero' }, { name: 'rindle', title: 'Rindle' }] })
  const took = (...walls) => ({ result: { samples: walls.map((wall) => ({ wall, cpu: wall })) } })
  some.add(line, 'eddyline', took(1, 2, 9))
  some.add(line, 'by-hand', took(0.5))
  some.add(line, 'zero', took(5))
  some.add(line, 'rindle', { unsupported: 'no x' })
  const [verdict] = some.verdicts()
  assert.deepEqual([verdict.ours, verdict.best, verdict.times, verdict.byHand, verdict.aims.map((aim) => aim.met)], [2, 'zero', 2.5, 4, [false, false]])
  assert.match(some.markdown(), /\| x, ms \| 2\.0 \(2\.0\) \| 0\.50 \(0\.50\) \| 5\.0 \(5\.0\) \| – \|/)
  assert.equal(Results.read(some.json()).markdown(), some.markdown())
  const [{ svg }] = plots(some)
  assert.equal(svg.match(/<circle [^>]*><title>/g).length, 3)
})
