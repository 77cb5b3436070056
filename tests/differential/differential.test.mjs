// The engine beside PostgreSQL: the same data, random queries and histories, equal results after every batch.
//
//   node --test tests/differential/*.test.mjs      the saved cases, then a fixed number of random ones
//   DIFF_RUNS=2000 node --test …                   more of them
//   DIFF_SEED=4711 DIFF_RUNS=1 node --test …       the case of a seed again
//
// A difference is shrunk, printed and written to `$DIFF_OUT` (or the system's folder for temporary files) as a case: moved to
// `cases/` and named by what it shows, it is replayed first from then on. A case holds `schema`, `batches`, `queries`; see
// `make-case.mjs`. Departures that we keep are in `www/docs/departures.md`, and the generator stays clear of them.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Coverage } from './features.mjs'
import { makeCase } from './make-case.mjs'
import { makeRealCase } from './make-real.mjs'
import { openPostgres } from './postgres.mjs'
import { runCase } from './run-case.mjs'
import { shrink } from './shrink.mjs'
import { decode, encode } from './values.mjs'

const first = Number(process.env.DIFF_SEED ?? 1)
const runs = Number(process.env.DIFF_RUNS ?? 250)
// Histories of real data have hundreds of rows from the start.
const realRuns = Math.ceil(runs / 10)
const cases = new URL('cases/', import.meta.url)

const words = ({ kind, query, batch, text, sql }) => `${kind} of query ${query} after batch ${batch}: ${text}\n${sql ?? ''}`

describe('the engine answers as PostgreSQL does', () => {
  let pg
  const coverage = new Coverage()
  let compared = 0
  /** Queries that PostgreSQL could not answer for a fault of its own. */
  const untold = new Set()
  before(async () => { pg = await openPostgres() })
  after(() => {
    console.log(coverage.table())
    return pg.close()
  })

  for (const file of readdirSync(cases).filter((f) => f.endsWith('.json')).sort()) {
    it(file.slice(0, -5).replaceAll('-', ' '), async () => {
      const found = await runCase(pg, decode(readFileSync(new URL(file, cases), 'utf8')), (_, failed) => assert.ok(!failed, 'PostgreSQL answers it'))
      assert.equal(found && words(found), undefined)
    })
  }

  it(`in ${runs} random histories from seed ${first} on`, (t) => many(t, runs, makeCase))
  it(`in ${realRuns} random histories of real data from seed ${first} on`, (t) => many(t, realRuns, makeRealCase))

  async function many(t, count, make) {
    for (let seed = first; seed < first + count; seed++) {
      const made = make(seed)
      const found = await runCase(pg, made, (query, failed) => {
        if (failed) return void untold.add(query)
        compared++
        coverage.add(query.seen)
      })
      if (found) assert.fail(await report(pg, seed, made, found))
    }
    t.diagnostic(`${compared} results compared${untold.size > 0 ? `; PostgreSQL failed by itself for ${untold.size} queries` : ''}`)
    assert.ok(untold.size <= 3 + count / 100, `PostgreSQL failed by itself for ${untold.size} queries`)
    compared = 0
    untold.clear()
  }
})

async function report(pg, seed, made, found) {
  const small = await shrink(pg, made, found)
  const again = (await runCase(pg, small)) ?? found
  const folder = process.env.DIFF_OUT ?? tmpdir()
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `differential-${seed}.json`)
  // Features are of the generator, not of the case.
  const text = encode({ ...small, queries: small.queries.map(({ seen, ...query }) => query) })
  writeFileSync(file, `${text}\n`)
  return `DIFF_SEED=${seed}: ${words(again)}\n${text}\nwritten to ${file}`
}
