// A case: a schema, a history, and queries that live through it.
import { pairOf } from './features.mjs'
import { makeHistory } from './make-history.mjs'
import { makeQuery } from './make-query.mjs'
import { makeSchema } from './make-schema.mjs'
import { randomOf } from './random.mjs'

const QUERIES = 8

/**
 * The case of a seed: `{ schema, batches, queries: [{ json, from, to, lenient, seen }] }`. A query is registered after batch
 * `from` (−1: on empty tables) and disposed before batch `to`.
 */
export function makeCase(seed) {
  const r = randomOf(seed)
  const schema = makeSchema(r)
  const batches = makeHistory(r, schema)
  return { schema, batches, queries: makeQueries(r, schema, batches, seed, (q) => pairOf(seed * QUERIES + q)) }
}

/** Queries over a schema, each with the pair of features of its number, that live for some batches of a history. */
export function makeQueries(r, schema, batches, seed, pair) {
  const queries = Array.from({ length: QUERIES }, (_, q) => {
    const { json, seen, lenient } = makeQuery(r, schema, pair(q))
    const from = r.pick([-1, -1, 0, 0, 0, 1, 2])
    const to = r.oneIn(6) ? from + r.between(1, 3) : batches.length
    if (from > 0) seen.add('late')
    // Some with parameters in the place of literals, which are set anew after each batch.
    const lift = q % 4 === 3 && !seen.has('hazard') ? seed * QUERIES + q : undefined
    return { json, from: Math.min(from, batches.length - 1), to, lenient, seen, lift }
  })
  // The same plan again, at another time: shared with a view that is there, or built anew after one that is gone.
  queries.push({ ...queries[0], from: Math.min(batches.length - 1, queries[0].from + r.between(0, 3)), to: batches.length })
  return queries
}
