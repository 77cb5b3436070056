// The package as built beside PostgreSQL: random schemas, histories and queries, as users write them with the functions and steps of the query builder.
// What `differential.test.mjs` is to the engine, this is to what is around it: the lowering of the builder, encoding and decoding of values, types of rows.
//
//   node --test tests/differential/builder.test.mjs                         a fixed number of cases
//   BUILDER_RUNS=2000 node --test tests/differential/builder.test.mjs       more of them
//   BUILDER_SEED=4711 BUILDER_RUNS=1 node --test …                          the case of a seed again
//
// A difference is shrunk and printed as a program. The SQL is written from PostgreSQL's documentation beside each function (`builder-expressions.mjs`
// and its like), not made of the query JSON: so a step that lowers to something else than it says differs. Departures are kept clear of.
import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import * as eddyline from '../../pkg/index.inline.js'
import { makeBuilderCase, makeFullCase, observe, runBuilderCase, shrunk } from './builder-case.mjs'
import { programOf } from './builder-schema.mjs'
import { operators } from './builder-sources.mjs'
import { typeErrors, typeProgram } from './builder-types.mjs'
import { openPostgres } from './postgres.mjs'

const first = Number(process.env.BUILDER_SEED ?? 1)
const usual = 50
const runs = Number(process.env.BUILDER_RUNS ?? usual)
// Cases with each of the makers of expressions.
const full = Math.ceil(runs / 10)

/** What is exported and is no part of a query or a schema. */
const others = ['EddylineError', 'createDatabase', 'init', 'applyPatches', 'plainPatches', 'toJsonPatch']
/** What `Query` has that is no step. */
const inner = ['constructor', 'toJSON', 'sourceTable', 'parts']

describe('queries of the builder answer as PostgreSQL does', () => {
  let pg
  const cases = []
  before(async () => { pg = await openPostgres() })
  after(() => pg.close())

  it(`in ${runs} random histories from seed ${first} on`, (t) => many(t, runs, makeBuilderCase))
  it(`in ${full} histories with everything from seed ${first} on`, (t) => many(t, full, makeFullCase))

  async function many(t, count, make) {
    let compared = 0, failed = 0
    for (let seed = first; seed < first + count; seed++) {
      const made = make(seed)
      const seen = new Map(made.queries.map((query) => [query, new Map()]))
      const found = await runBuilderCase(pg, made, (query, rows) => {
        compared++
        if (rows === undefined) failed++
        else observe(seen.get(query), query.shape, rows)
      })
      if (found) assert.fail(await report(made, found))
      cases.push({ ...made, queries: made.queries.map((query) => ({ ...query, seen: seen.get(query) })) })
    }
    t.diagnostic(`${compared} results compared, ${failed} of them errors`)
    assert.ok(failed <= compared / 20, 'most queries have rows to compare')
  }

  it('with every function, step and operator that is exported', { skip: runs < usual && 'of a few cases' }, () => {
    const code = cases.flatMap((c) => [c.schema.code, ...c.queries.map((query) => query.code)]).join('\n')
    const called = new Set([...code.matchAll(/(?<![.\w])(\w+)(?:\/\*<.*?>\*\/)?\(/g)].map((m) => m[1]))
    const functions = Object.keys(eddyline).filter((name) => !others.includes(name))
    assert.deepEqual(functions.filter((name) => !called.has(name)), [], 'functions without a case: builder-expressions.mjs and its like have a line for each')
    const steps = Object.getOwnPropertyNames(Object.getPrototypeOf(eddyline.from(eddyline.defineSchema({ t: eddyline.table({ id: eddyline.int().key() }) }), 't'))).filter((name) => !inner.includes(name))
    const taken = new Set([...code.matchAll(/\.(\w+)\(/g)].map((m) => m[1]))
    assert.deepEqual(steps.filter((name) => !taken.has(name)), [], 'steps without a case: builder-queries.mjs')
    assert.deepEqual(operators.filter((op) => !code.includes(`', '${op}', `)), [], 'operators of `where` without a case')
  })

  it('with values of the types that rows are said to have', () => {
    const { text, lines } = typeProgram(cases)
    const wrong = typeErrors(text).map(({ line, message }) => `${JSON.stringify(lines.get(line) ?? line)}: ${message}`)
    assert.deepEqual(wrong, [])
  })

  async function report(made, found) {
    const { small, found: again } = await shrunk(pg, made, found)
    const query = again.query === undefined ? undefined : small.queries[again.query]
    return [
      `BUILDER_SEED=${made.seed} BUILDER_RUNS=1: ${again.kind} of query ${found.query} after batch ${again.batch}: ${again.text}`,
      `const schema = ${small.schema.code}`,
      ...small.batches.filter((b) => b.changes.length > 0).map((b) => `db.${b.json ? 'applyJson' : 'apply'}(${programOf(small.schema, b.changes)})`),
      ...(query === undefined ? [] : [query.code, query.sql, ...query.params.map((p) => `${p.name}: ${p.values.map((x) => x.sql)}`)]),
    ].join('\n')
  }
})
