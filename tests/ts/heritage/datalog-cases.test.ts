// Heritage 3.4-3: the circuit cases of Wizard and caudex, as HERITAGE 3.1 describes them, with the exact differences of each transaction.
import { expect, it } from 'vitest'
// @ts-expect-error -- plain JavaScript, which pages load, too
import { CASES } from './circuit-cases.mjs'
import { told, world } from './wizard.js'

interface Case { name: string; attributes: Record<string, any>; query: string; rules?: string; in?: Record<string, unknown>; steps: (readonly [tx: unknown[], added: unknown[][], removed: unknown[][]])[] }

it.each(CASES as unknown as Case[])('$name', async ({ attributes, query, rules, in: given, steps }) => {
  const { data } = await world(attributes)
  const view = data.view('case', { query, ...(rules === undefined ? {} : { rules }), ...(given === undefined ? {} : { in: given }) })
  const log = told(view)
  for (const [tx, added, removed] of steps) {
    data.transact(tx as never)
    expect(log.take()).toEqual(added.length + removed.length === 0 ? [] : [{ added, removed }])
    if (!query.includes('pull')) expect(view.verify()).toEqual({ ok: true, missing: [], extra: [] })
  }
})
