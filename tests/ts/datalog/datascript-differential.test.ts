// Random queries over random histories, beside DataScript: each answer is asked once, and followed as a view from the first transaction on.
// DATALOG_CASES and DATALOG_SEED choose how many, and from where.
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { createDatabase } from '../../../pkg/index.inline.js'
import { load } from '../../../pkg/datascript/index.js'
import { type Case, SCHEMA, generated } from './random-datalog.js'

const datascript = createRequire(import.meta.url)('datascript') as Record<string, (...args: any[]) => any>
const CASES = Number(process.env.DATALOG_CASES ?? 150)
const FIRST = Number(process.env.DATALOG_SEED ?? 1)
/** Seeds that once were wrong. */
const REGRESSIONS: number[] = []

const d = await load(createDatabase as never)

const rows = (answer: unknown): string[] => (answer as unknown[][]).map(r => JSON.stringify(r)).sort()
/** Lists of refs and values come in any order. */
const tree = (v: unknown): unknown => Array.isArray(v) ? v.map(tree).sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)
  : typeof v === 'object' && v !== null ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => a < b ? -1 : 1).map(([k, x]) => [k, tree(x)])) : v

type Outcome = { rows: string[] } | { error: string }
function attempt(fn: () => unknown): Outcome {
  try { return { rows: rows(fn()) } } catch (e) { return { error: String((e as { code?: string }).code ?? (e as Error).message) } }
}

/** Both answers after each transaction; undefined where DataScript refuses what we take. */
function run(c: Case): { at: string; theirs: unknown; ours: unknown } | undefined {
  const theirs = datascript.create_conn(SCHEMA)
  const ours = d.create_conn(SCHEMA)
  const live = attemptLive(() => d.q_live(c.query, ours, ...c.inputs))
  const shown = new Map<string, number>()
  live?.listen((added, removed) => {
    for (const r of removed) { const k = JSON.stringify(r); if (!shown.delete(k)) shown.set(`removed but not there: ${k}`, 1) }
    for (const r of added) { const k = JSON.stringify(r); if (shown.has(k)) shown.set(`added twice: ${k}`, 1); shown.set(k, 1) }
  })
  const before = live === undefined ? [] : rows(live.get())
  for (const r of before) shown.set(r, 1)
  try {
    for (const [i, tx] of c.transactions.entries()) {
      datascript.transact(theirs, tx)
      d.transact(ours, tx)
      const facts = (datoms: any[]): string[] => datoms.map(x => JSON.stringify([x.e, x.a, x.v])).sort()
      const [left, right] = [facts(datascript.datoms(datascript.db(theirs), ':eavt')), facts(d.datoms(d.db(ours), ':eavt'))]
      if (left.join() !== right.join()) return { at: `facts after ${i}`, theirs: left, ours: right }
      const expected = attempt(() => datascript.q(c.query, datascript.db(theirs), ...c.inputs))
      if ('error' in expected) { compared.refused++; return undefined }
      compared.answers++
      if (expected.rows.length > 0) compared.rows++
      const got = attempt(() => d.q(c.query, d.db(ours), ...c.inputs))
      if (JSON.stringify(got) !== JSON.stringify(expected)) return { at: `answer after ${i}`, theirs: expected, ours: got }
      if (live === undefined) continue
      const followed = attempt(() => live.get())
      if (JSON.stringify(followed) !== JSON.stringify(expected)) return { at: `view after ${i}`, theirs: expected, ours: followed }
      const told = [...shown.keys()].sort()
      if (JSON.stringify(told) !== JSON.stringify(expected.rows)) return { at: `differences after ${i}`, theirs: expected.rows, ours: told }
    }
    for (const [pattern, e] of c.pulls) {
      const [left, right] = [tree(datascript.pull(datascript.db(theirs), pattern, e)), tree(d.pull(d.db(ours), pattern, e))]
      if (JSON.stringify(left) !== JSON.stringify(right)) return { at: `pull ${pattern} ${e}`, theirs: left, ours: right }
    }
    return undefined
  } finally {
    live?.dispose()
    ours.store.close()
  }
}

function attemptLive<T>(fn: () => T): T | undefined {
  try { return fn() } catch { return undefined }
}

/** Answers that were compared, and how many of them had rows: what compares nothing proves nothing. */
const compared = { answers: 0, rows: 0, refused: 0 }

it(`answers as DataScript does, ${CASES} random cases from ${FIRST}`, () => {
  for (const seed of [...REGRESSIONS, ...Array.from({ length: CASES }, (_, i) => FIRST + i)]) {
    const c = generated(seed)
    const difference = run(c)
    expect(difference, `seed ${seed}: ${c.query}\n${JSON.stringify(c.inputs)}\n${c.transactions.map(t => JSON.stringify(t)).join('\n')}`).toBeUndefined()
  }
  if (CASES < 100) return
  expect(compared.rows).toBeGreaterThan(CASES)
  expect(compared.refused).toBeLessThan(CASES / 5)
}, 180_000 + CASES * 1000)
