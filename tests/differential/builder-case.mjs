// Runs a case of the builder: its schema and queries are programs, made by the package as built; PostgreSQL has the same rows and is asked the same in SQL.
import * as eddyline from '../../pkg/index.inline.js'
import { QueryMaker } from './builder-queries.mjs'
import { kindOf, listDifference, rowDifference, show } from './builder-read.mjs'
import { batchSql, changesOf, jsonText, makeHistory, makeSchema, tablesSql } from './builder-schema.mjs'
import { equal } from './compare.mjs'
import { randomOf } from './random.mjs'

const { applyPatches, createDatabase } = eddyline

/** A case of a seed: a schema, batches, and queries that begin before one of the batches. */
export function makeBuilderCase(seed) {
  const r = randomOf(seed + 0x5eed)
  const schema = makeSchema(r, (tables) => new QueryMaker(r, { tables }).condition())
  const batches = makeHistory(r, schema)
  const queries = Array.from({ length: 12 }, () => {
    const query = new QueryMaker(r, schema).query()
    return { ...query, from: r.oneIn(2) ? 0 : r.below(batches.length), window: query.ordered && r.oneIn(8) ? [r.below(3), r.pick([1, 4])] : undefined }
  })
  return { seed, schema, batches, queries }
}

/** A case that has each of the makers of expressions. */
export function makeFullCase(seed) {
  const r = randomOf(seed + 0xf0)
  const schema = makeSchema(r, (tables) => new QueryMaker(r, { tables }).condition())
  return { seed, schema, batches: makeHistory(r, schema), queries: new QueryMaker(r, schema).every().map((query) => ({ ...query, from: 0 })) }
}

/** What a program gives; `names` are what it can name besides the package. */
export const run = (code, names = {}) => new Function(...Object.keys(eddyline), ...Object.keys(names), `return ${code}`)(...Object.values(eddyline), ...Object.values(names))

// What PostgreSQL raises for a row, and the engine's code for it.
const evaluation = {
  22012: 'DIVISION_BY_ZERO', 22003: 'NUMERIC_OVERFLOW', 22008: 'TIMESTAMP_RANGE', 22007: 'INVALID_TEXT', 22015: 'INVALID_TEXT', '22P02': 'INVALID_TEXT',
  22011: 'INVALID_ARGUMENT', 22023: 'INVALID_ARGUMENT', '2201E': 'INVALID_ARGUMENT', '2201F': 'INVALID_ARGUMENT', 54000: 'INVALID_ARGUMENT', 21000: 'TOO_MANY_ROWS',
}
/** PostgreSQL's own failure: it says nothing of the rows. */
const INTERNAL = 'XX000'

const texts = Object.fromEntries([16, 17, 20, 21, 23, 25, 114, 700, 701, 1000, 1005, 1007, 1009, 1015, 1016, 1022, 1042, 1043, 1082, 1083, 1114, 1115, 1182, 1183, 1184, 1185, 1186, 1187, 1231, 1700, 2950, 2951, 3802, 3807].map((oid) => [oid, (x) => x]))

/**
 * The first difference, `{ kind, query, batch, text }`, or undefined. `told` is called with each query that was compared, and the kinds of the values of its members.
 */
export async function runBuilderCase(pg, { schema, batches, queries }, told = () => {}) {
  await pg.exec(tablesSql(schema))
  const made = run(schema.code)
  const db = await createDatabase({ schema: made, graceMs: 0 })
  const states = queries.map((query, index) => ({ query, index, set: 0 }))
  try {
    for (let b = 0; b < batches.length; b++) {
      const refused = await applyBoth(pg, db, schema, batches[b])
      if (refused) return { kind: 'batch', batch: b, text: refused }
      for (const state of states) {
        if (b < state.query.from) continue
        const found = state.live ? setParams(state, b) : begin(db, made, state)
        const difference = found ?? await compare(pg, state, told)
        if (difference) return { ...difference, query: state.index, batch: b }
      }
    }
  } finally {
    db.close()
  }
  return undefined
}

const refusal = (error) => ({ kind: 'refused', text: `${error.code ?? ''} at ${error.path}: ${error.message}` })
const given = (state) => Object.fromEntries(state.query.params.map((p) => [p.name, p.values[state.set % p.values.length].forms[0]]))

function begin(db, schema, state) {
  try {
    const query = run(state.query.code, { db, schema })
    const { params, window } = state.query
    state.live = db.live(query, { ...(params.length > 0 ? { params: given(state) } : {}), ...(window ? { window } : {}) })
  } catch (error) {
    return refusal(error)
  }
  state.mirror = [...state.live.rows]
  state.live.subscribe(({ diff }) => {
    try { state.mirror = applyPatches(state.mirror, diff) } catch (error) { state.failure ??= String(error) }
  })
  return undefined
}

function setParams(state, b) {
  if (state.query.params.length === 0 || b % 2 === 0) return undefined
  state.set++
  try { state.live.setParams(given(state)) } catch (error) { return refusal(error) }
  return undefined
}

async function compare(pg, state, told) {
  const { live, query } = state
  const sql = query.sql.replace(/«(\w+)»/g, (_, name) => { const p = query.params.find((x) => x.name === name); return p.values[state.set % p.values.length].sql })
  let expected, raised
  try {
    expected = (await pg.query(sql, [], { rowMode: 'array', parsers: texts })).rows
  } catch (error) {
    raised = error
    if (error.code === INTERNAL) return undefined
    if (!(error.code in evaluation)) return { kind: 'refused', text: `PostgreSQL: ${error.code} ${error.message}` }
  }
  if (live.status === 'error') {
    if (!Object.values(evaluation).includes(live.error.code)) return { kind: 'crash', text: `${live.error.code}: ${live.error.message}` }
    told(query, undefined, true)
    return raised ? undefined : { kind: 'status', text: `rows expected, ${live.error.code} found: ${live.error.message}` }
  }
  if (raised) return { kind: 'status', text: `${evaluation[raised.code]} expected (${raised.message}), rows found` }
  if (state.failure) return { kind: 'mirror', text: state.failure }
  const rows = [...live.rows]
  if (query.window) {
    if (live.total !== expected.length) return { kind: 'rows', text: `${expected.length} rows in all expected, ${live.total} found` }
    expected = expected.slice(query.window[0], query.window[0] + query.window[1])
  }
  const text = query.ordered ? listDifference(query.shape, expected, rows, 'rows', query.loosely) : looseDifference(query, expected, rows)
  if (text) return { kind: 'rows', text }
  if (!equal([...state.mirror], rows)) return { kind: 'mirror', text: `${show(state.mirror)}\nis not ${show(rows)}` }
  told(query, rows)
  return undefined
}

/** The same rows, in the order of some members. */
function looseDifference({ shape, by, loosely }, expected, actual) {
  if (expected.length !== actual.length) return `rows: ${expected.length} expected, ${actual.length} found: ${show(expected)} and ${show(actual)}`
  const rest = [...actual]
  for (const row of expected) {
    const at = rest.findIndex((x) => rowDifference(shape, row, x, 'row', loosely) === undefined)
    if (at < 0) return `rows: ${show(row)} expected, not in ${show(rest)}: ${rowDifference(shape, row, rest[0], 'row', loosely)}`
    rest.splice(at, 1)
  }
  const parts = shape.map((member, i) => ({ member, i })).filter(({ member }) => by.includes(member.name))
  for (let i = 0; i < actual.length; i++) {
    const found = rowDifference(parts.map((p) => p.member), parts.map((p) => expected[i][p.i]), Object.fromEntries(parts.map((p) => [p.member.name, actual[i][p.member.name]])), `order[${i}]`, true)
    if (found) return found
  }
  return undefined
}

/** Applies a batch to both; words if only one takes it. */
async function applyBoth(pg, db, schema, { changes, json }) {
  if (changes.length === 0) return undefined
  try {
    await pg.exec(batchSql(schema, changes))
  } catch (error) {
    await pg.exec('rollback')
    return `PostgreSQL refuses: ${error.message}`
  }
  const text = json ? jsonText(schema, changes) : undefined
  try {
    if (text !== undefined) db.applyJson(text)
    else db.apply(changesOf(schema, changes))
  } catch (error) {
    return `the package refuses: ${error.code} at ${error.path}: ${error.message}`
  }
  return undefined
}

/** The same failure of less: one query, and what its rows need. */
export async function shrunk(pg, failing, found) {
  const fails = async (smaller) => { const again = await runBuilderCase(pg, smaller).catch(() => undefined); return again?.kind === found.kind ? again : undefined }
  let small = failing, last = found
  const attempt = async (smaller) => { const again = await fails(smaller); if (again) { small = smaller; last = again } return again !== undefined }
  if (found.query !== undefined) await attempt({ ...small, queries: [failing.queries[found.query]] })
  await attempt({ ...small, batches: small.batches.slice(0, last.batch + 1) })
  for (let b = small.batches.length - 1; b >= 0; b--) {
    for (let size = small.batches[b].changes.length; size >= 1; size = Math.floor(size / 2)) {
      for (let at = 0; at < small.batches[b].changes.length;) {
        const changes = small.batches[b].changes.toSpliced(at, size)
        if (!await attempt({ ...small, batches: small.batches.with(b, { ...small.batches[b], changes }) })) at += size
      }
    }
  }
  return { small, found: last }
}

/** Kinds of the values that members were seen to have, by their types: `seen` is a map by the type of the member, `of` that of the row. */
export function observe(seen, shape, rows, of = 'Row') {
  const add = (type, kind) => {
    if (!seen.has(type)) seen.set(type, new Set())
    seen.get(type).add(kind)
  }
  for (const row of rows) {
    for (const member of shape) {
      const value = row[member.name], type = `${of}[${JSON.stringify(member.name)}]`
      const parts = member.row ?? member.list ?? member.one
      const kind = parts === undefined || value === null ? kindOf(member, value) : undefined
      if (kind !== undefined) add(type, kind)
      else if (parts !== undefined) observe(seen, parts, member.list ? value : [value], member.list ? `${type}[number]` : `NonNullable<${type}>`)
    }
  }
}
