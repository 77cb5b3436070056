// Shrinks a case while it keeps differing in the same way: fewer queries, batches, changes, clauses, columns, tables.
import { runCase } from './run-case.mjs'

/** A smaller case with a difference of the same kind; `attempts` bounds the work. */
export async function shrink(pg, original, found, attempts = 600) {
  let best = { ...original }
  let left = attempts
  const differs = async (candidate) => {
    if (left-- <= 0) return false
    try {
      const again = await runCase(pg, candidate)
      // A candidate that one side refuses is another matter, unless that is the matter.
      return again?.kind === found.kind && (found.kind !== 'refused' || again.text.slice(0, 20) === found.text.slice(0, 20))
    } catch {
      return false
    }
  }
  const keep = async (candidate) => ((await differs(candidate)) ? (best = candidate, true) : false)

  if (found.query !== undefined) await keep({ ...best, queries: [best.queries[found.query]] })
  if (found.batch !== undefined && found.batch >= 0) await keep({ ...best, batches: best.batches.slice(0, found.batch + 1) })
  // Until a whole round finds nothing.
  for (let before; before !== best && left > 0;) {
    before = best
    await shrinkList((queries) => keep({ ...best, queries }), () => best.queries)
    await shrinkBatches(keep, () => best)
    for (let q = 0; q < best.queries.length; q++) {
      const put = (json) => keep({ ...best, queries: best.queries.map((x, i) => (i === q ? { ...x, json } : x)) })
      await shrinkTree(put, () => best.queries[q].json)
    }
    await shrinkSchema(keep, () => best)
  }
  return best
}

/** Drops elements, larger pieces first. */
async function shrinkList(put, list) {
  for (let size = Math.max(1, list().length >> 1); size >= 1; size >>= 1) {
    for (let at = list().length - size; at >= 0; at -= size) {
      await put([...list().slice(0, at), ...list().slice(at + size)])
    }
  }
}

async function shrinkBatches(keep, best) {
  // One batch less by dropping it, or by joining it to the one before.
  for (let b = best().batches.length - 1; b >= 0; b--) {
    const { batches, queries } = best()
    const earlier = queries.map((q) => ({ ...q, from: q.from >= b && q.from > -1 ? q.from - 1 : q.from, to: q.to > b ? q.to - 1 : q.to }))
    if (await keep({ ...best(), batches: batches.filter((_, i) => i !== b), queries: earlier })) continue
    if (b > 0) {
      const joined = [...batches.slice(0, b - 1), { ...batches[b], changes: [...batches[b - 1].changes, ...batches[b].changes] }, ...batches.slice(b + 1)]
      await keep({ ...best(), batches: joined, queries: earlier })
    }
  }
  for (let b = best().batches.length - 1; b >= 0; b--) {
    const put = (changes) => keep({ ...best(), batches: best().batches.map((x, i) => (i === b ? { ...x, changes } : x)) })
    await shrinkList(put, () => best().batches[b].changes)
    if (best().batches[b].json) await keep({ ...best(), batches: best().batches.map((x, i) => (i === b ? { ...x, json: false } : x)) })
  }
  for (let q = 0; q < best().queries.length; q++) {
    const query = best().queries[q]
    for (const from of [-1, 0]) if (from < query.from && await keep({ ...best(), queries: best().queries.map((x, i) => (i === q ? { ...x, from } : x)) })) break
  }
}

/** Drops clauses, elements of lists, and replaces expressions by their arguments, anywhere in a query. */
async function shrinkTree(put, tree) {
  for (let changed = true; changed;) {
    changed = false
    for (const candidate of smaller(tree())) {
      if (await put(candidate)) {
        changed = true
        break
      }
    }
  }
}

/** All trees that lack one part. */
function* smaller(node) {
  if (Array.isArray(node)) {
    for (let i = node.length - 1; i >= 0; i--) {
      yield node.filter((_, j) => j !== i)
      for (const part of smaller(node[i])) yield node.map((x, j) => (i === j ? part : x))
    }
    return
  }
  if (node === null || typeof node !== 'object') return
  if (node.op !== undefined) yield* node.args ?? []
  for (const key of Object.keys(node)) {
    if (node.op === undefined && !['from', 'query', 'name', 'expr', 'kind', 'table', 'on', 'relation', 'values', 'inclusive', 'by', 'setOp'].includes(key)) {
      const { [key]: _, ...rest } = node
      yield rest
    }
    for (const part of smaller(node[key])) yield { ...node, [key]: part }
  }
}

/** Drops tables, associations and columns; their values go with them. */
async function shrinkSchema(keep, best) {
  const put = (tables, batches) => keep({ ...best(), schema: { tables }, ...(batches ? { batches } : {}) })
  for (const { name } of best().schema.tables) {
    const batches = best().batches.map((b) => ({ ...b, changes: b.changes.filter((c) => c.table !== name) }))
    await put(best().schema.tables.filter((t) => t.name !== name), batches)
  }
  for (let t = 0; t < best().schema.tables.length; t++) {
    const table = () => best().schema.tables[t]
    const change = (parts, batches) => put(best().schema.tables.map((x, i) => (i === t ? { ...x, ...parts } : x)), batches)
    await shrinkList((relations) => change({ relations }), () => table().relations)
    for (const name of table().columns.map((c) => c.name)) {
      if (table().key.includes(name)) continue
      const without = (row) => row && Object.fromEntries(Object.entries(row).filter(([k]) => k !== name))
      const strip = (c) => (c.table !== table().name ? c : { ...c, ...(c.row ? { row: without(c.row) } : {}), ...(c.set ? { set: without(c.set) } : {}), ...(c.rows ? { rows: c.rows.map(without) } : {}) })
      await change({ columns: table().columns.filter((c) => c.name !== name) }, best().batches.map((b) => ({ ...b, changes: b.changes.map(strip) })))
    }
  }
}
