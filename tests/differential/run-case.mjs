// Runs a case on both sides: PostgreSQL and the engine get the same batches and answer the same queries after each.
import { applyPatches, createDatabase } from '../../pkg/index.inline.js'
import { difference, equal, show } from './compare.mjs'
import { batchSql, tablesSql } from './sql-data.mjs'
import { lifted, nextValues, withValues } from './params.mjs'
import { querySql } from './sql-query.mjs'

// What PostgreSQL raises for a row, and the engine's code for it.
const evaluation = {
  22012: 'DIVISION_BY_ZERO', 22003: 'NUMERIC_OVERFLOW', 22008: 'TIMESTAMP_RANGE', 22007: 'INVALID_TEXT', 22015: 'INVALID_TEXT', '22P02': 'INVALID_TEXT',
  22011: 'INVALID_ARGUMENT', 22023: 'INVALID_ARGUMENT', '2201E': 'INVALID_ARGUMENT', '2201F': 'INVALID_ARGUMENT', 54000: 'INVALID_ARGUMENT', 21000: 'TOO_MANY_ROWS',
}

/** PostgreSQL's own failure: a plan that it takes for impossible ("wrong varnullingrels"). It says nothing of the rows. */
const INTERNAL = 'XX000'

/**
 * The first difference, `{ kind, query, batch, text }`, or `undefined`. `kind` says what differs: `rows`, `mirror` (old rows
 * with the diffs applied), `patches` (some although nothing changed), `status`, `refused` (the engine takes a query or a batch that PostgreSQL does not, or the other
 * way round), `crash`.
 * @param {(query: object, untold: boolean) => void} [onCompared] called for each query that was compared after a batch; `untold`: PostgreSQL failed by itself, and
 *   nothing was compared
 */
export async function runCase(pg, { schema, batches, queries }, onCompared = () => {}) {
  await pg.exec(tablesSql(schema))
  const db = await createDatabase({ schema: { json: { tables: schema.tables.map((t) => ({ tenant: false, ...t })) } }, graceMs: 0 })
  const lives = queries.map((query, index) => ({ query, index, lift: query.lift === undefined ? undefined : lifted(query.json), ...querySql(schema, query.json) }))
  try {
    for (let b = -1; b < batches.length; b++) {
      if (b >= 0) {
        const refused = await applyBatch(pg, db, schema, batches[b])
        if (refused) return { kind: 'refused', batch: b, text: refused }
      }
      for (const live of lives) {
        const found = step(db, live, b) ?? set(schema, live, b) ?? await compare(pg, live)
        if (found) return { ...found, query: live.index, batch: b, sql: live.sql }
        if (live.live) onCompared(live.query, live.untold)
      }
    }
  } finally {
    db.close()
  }
  return undefined
}

/** Registers or disposes a query when its time has come. */
function step(db, state, batch) {
  const { query } = state
  if (state.live && batch >= query.to) {
    state.live.dispose()
    state.live = undefined
  }
  if (batch !== query.from || query.from >= query.to) return undefined
  try {
    const { lift } = state
    state.live = lift ? db.live({ toJSON: () => lift.json }, { params: valuesOf(lift.values) }) : db.live({ toJSON: () => query.json })
  } catch (error) {
    return { kind: 'refused', text: `${error.code} at ${error.path}: ${error.message}` }
  }
  state.mirror = state.live.rows
  state.patches = 0
  state.live.subscribe(({ diff }) => {
    state.patches += diff.length
    try {
      state.mirror = applyPatches(state.mirror, diff)
    } catch (error) {
      state.failure ??= String(error)
    }
  })
  return undefined
}

const valuesOf = (values) => Object.fromEntries(Object.entries(values).map(([name, { value }]) => [name, value]))

/** Sets parameters of a query that has some: from now on PostgreSQL is asked with these values. */
function set(schema, state, batch) {
  const { live, lift, query } = state
  if (!live || !lift || batch <= query.from) return undefined
  const values = nextValues(lift.values, query.lift, batch)
  try {
    live.setParams(valuesOf(values))
  } catch (error) {
    return { kind: 'refused', text: `${error.code} at ${error.path}: ${error.message}` }
  }
  Object.assign(lift.values, values)
  const { sql, shape } = querySql(schema, withValues(lift))
  Object.assign(state, { sql, shape, before: undefined })
  return undefined
}

async function compare(pg, state) {
  const { live, query, sql, shape } = state
  if (!live) return undefined
  let expected
  let raised
  state.untold = false
  try {
    expected = (await pg.query(sql)).rows.map((r) => JSON.parse(r.row))
  } catch (error) {
    raised = error
    state.untold = error.code === INTERNAL
    // What its rows were before this batch is not known any more.
    if (state.untold) return void (state.before = undefined)
    if (!(error.code in evaluation)) return { kind: 'refused', text: `PostgreSQL: ${error.code} ${error.message}` }
  }
  if (live.status === 'error') {
    const code = live.error.code
    if (!Object.values(evaluation).includes(code)) return { kind: 'crash', text: `${code}: ${live.error.message}` }
    // Which row fails first is up to the order of rows: of two kinds of error either may be told.
    return raised || query.lenient ? undefined : { kind: 'status', text: `rows expected, ${code} found` }
  }
  if (raised) return query.lenient ? undefined : { kind: 'status', text: `${evaluation[raised.code]} expected, rows found` }
  if (state.failure) return { kind: 'mirror', text: state.failure }
  const rows = [...live.rows]
  const text = difference(shape, expected, rows)
  if (text) return { kind: 'rows', text }
  const { patches, before } = state
  Object.assign(state, { patches: 0, before: JSON.stringify(expected) })
  // Without its key a row may have been replaced by another one that looks the same.
  if (patches > 0 && before === state.before && !selects(query.json)) return { kind: 'patches', text: `${patches} patches for rows that are as they were` }
  if (!equal([...state.mirror], rows)) return { kind: 'mirror', text: `${show(state.mirror)}\nis not ${show(rows)}` }
  return undefined
}

/** Whether a row may be shown without its key: of a query in the place of a table, too. */
const selects = (json) => json.select !== undefined || json.ctes !== undefined || typeof json.from !== 'string' ||
  (json.joins ?? []).some((j) => j.query) || (json.with ?? []).some((w) => w.query && selects(w.query))

/** Applies a batch to both; words if only one takes it. */
async function applyBatch(pg, db, schema, batch) {
  let ours
  let theirs
  try {
    await pg.exec(batchSql(schema, batch.changes))
  } catch (error) {
    theirs = error
    await pg.exec('rollback')
  }
  try {
    if (batch.json && isJson(batch.changes)) db.applyJson(jsonText(batch.changes))
    else db.apply(batch.changes.map((c) => asInput(schema, c)))
  } catch (error) {
    ours = error
  }
  if (!ours === !theirs) return undefined
  return ours ? `the engine refuses a batch: ${ours.code} at ${ours.path}: ${ours.message}` : `PostgreSQL refuses a batch: ${theirs.message}`
}

/** Whether JSON can hold the values: it has neither NaN nor infinities. */
function isJson(value) {
  if (typeof value === 'number') return Number.isFinite(value)
  return value === null || typeof value !== 'object' || Object.values(value).every(isJson)
}

/** JSON text as a server would send it, large integers in digits. */
function jsonText(value) {
  if (typeof value === 'bigint') return String(value)
  if (value === null || typeof value !== 'object') return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  return `{${Object.entries(value).map(([k, v]) => `${JSON.stringify(k)}:${jsonText(v)}`).join(',')}}`
}

/** A change as a program would hand it in: moments of whole milliseconds as a Date, bytes as such; own objects, which the engine may keep. */
function asInput(schema, change) {
  const table = schema.tables.find((t) => t.name === change.table)
  const type = (name) => table.columns.find((c) => c.name === name)?.type
  const value = (v, name) => {
    if (v !== null && type(name) === 'bytes') return new Uint8Array(Buffer.from(v.slice(2), 'hex'))
    return v !== null && type(name) === 'timestamp' && /\.\d{3}Z$/.test(v) ? new Date(v) : structuredClone(v)
  }
  const row = (r) => Object.fromEntries(Object.entries(r).map(([k, v]) => [k, value(v, k)]))
  const out = { ...change }
  if (change.row) out.row = row(change.row)
  if (change.set) out.set = row(change.set)
  if (change.rows) out.rows = change.rows.map(row)
  if ('id' in change) out.id = table.key.length === 1 ? value(change.id, table.key[0]) : change.id.map((v, i) => value(v, table.key[i]))
  return out
}
