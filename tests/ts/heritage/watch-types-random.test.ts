// Watches and counters by values of every type, in every spelling that is accepted, beside a count of whole tables.
import { describe, expect, it } from 'vitest'
import { bigint, boolean, bytes, createDatabase, date, decimal, defineSchema, int, interval, json, number, string, table, time, timestamp, uuid } from '../../../pkg/index.inline.js'
import { type Counters, type Signal, tenant } from '../../../pkg/watch/index.js'
import { random } from '../fixtures.js'

type Row = Record<string, any>
const runs = Number(process.env.HERITAGE_RUNS ?? 15), first = Number(process.env.HERITAGE_SEED ?? 1)
/** Values, each in several spellings. */
const TYPES: Record<string, { column: () => any; values: unknown[][] }> = {
  text: { column: string, values: [['a'], ['A'], [''], ['é'], ['null'], [' null']] },
  int: { column: int, values: [[0, -0], [1], [-1]] },
  float: { column: number, values: [[0, -0], [NaN], [Infinity], [0.1]] },
  bigint: { column: bigint, values: [[1n, 1], [2n ** 53n + 1n], [2n ** 53n], [-1n, -1]] },
  bool: { column: boolean, values: [[true], [false]] },
  timestamp: { column: timestamp, values: [[new Date(0), 0, '1970-01-01T00:00:00Z'], ['2024-02-29 10:00:00+02', new Date('2024-02-29T08:00:00Z')], [new Date(-1)]] },
  decimal: { column: decimal, values: [['1.5', '1.50', 1.5], ['0', '-0', '0.00', 0], ['10', 10n], ['-0.001']] },
  uuid: { column: uuid, values: [['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'], ['00000000-0000-0000-0000-000000000000']] },
  date: { column: date, values: [['2024-02-29', new Date('2024-02-29T23:00:00Z')], ['1969-12-31'], ['2024-03-01']] },
  time: { column: time, values: [['09:30:00', '09:30'], ['00:00:00'], ['09:30:00.000001']] },
  interval: { column: interval, values: [['1 day', '24:00:00', 'PT24H', { hours: 24 }], ['1 mon', '30 days'], ['00:00:00']] },
  bytes: { column: bytes, values: [[new Uint8Array([1, 2]), new Uint8Array([1, 2])], [new Uint8Array([])], [new Uint8Array([1])]] },
  json: { column: json, values: [[{ a: 1, b: [1] }, { b: [1], a: 1 }], [1], ['x'], [[]]] },
}
const kinds = ['inserts', 'deletes', 'collection', 'updates', 'changes'] as const
const zeros = (): Counters => ({ inserts: 0, deletes: 0, collection: 0, updates: 0, changes: 0 })

async function play(type: string, seed: number): Promise<void> {
  const r = random(seed), { column, values } = TYPES[type]
  const pick = <T>(list: readonly T[]): T => list[r(list.length)]
  const keyed = type !== 'json'
  const schema = defineSchema({
    rows: table({ id: int().key(), v: column().nullable(), n: int() }, { tenant: true }),
    ...(keyed ? { keys: table({ k: column().key(), n: int() }, { tenant: true }) } : {}),
  })
  const errors: unknown[] = []
  const db = await createDatabase({ schema: schema as any, graceMs: 0, onError: e => { errors.push(e) } })
  const t = tenant<any>(db, 'a'), other = tenant<any>(db, 'b')
  /** Rows by id: which of the values each has, null for none. */
  let rows = new Map<number, { v: number | null; n: number }>(), keys = new Map<number, number>()
  const spelled = (v: number | null): unknown => v === null ? null : pick(values[v])
  /** Of a key: an object would be one by columns. */
  const key = (v: number): unknown => pick(values[v].filter(x => typeof x !== 'object' || x instanceof Date || x instanceof Uint8Array))
  const any = (): number | null => r(5) === 0 ? null : r(values.length)
  const counted = new Map<number | null, Counters>(), heard: { v: number | null; kind: string; signal: Signal }[] = []
  for (const v of [null, ...values.keys()]) {
    counted.set(v, zeros())
    expect(t.counters('rows', { by: { v: spelled(v) } as never }), type).toEqual(zeros())
    for (const kind of kinds) t.watch('rows', kind, { by: { v: spelled(v) } as never, label: v }, signal => { heard.push({ v, kind, signal }) })
  }
  const touched: Signal[] = []
  t.watch('rows', 'updates', { columns: ['v'] as never }, s => { touched.push(s) })
  const keySaid: Signal[] = []
  const own = keyed ? r(values.length) : 0
  if (keyed) {
    t.watch('keys', 'changes', s => { keySaid.push(s) })
    t.watchRow('keys', key(own) as never, s => { keySaid.push(s) })
  }
  const one = keyed ? t.assigns().one('one', 'keys', key(own) as never).many('many', 'keys', [...values.keys()].flatMap(v => [key(v), key(v)]) as never) : undefined

  for (let step = 0; step < 30; step++) {
    const now = new Map(rows), after = new Map(keys), changes: Row[] = []
    const upserted = new Set<number>()
    for (let n = 1 + r(3); n > 0; n--) {
      const id = r(4)
      if (keyed && r(3) === 0) {
        const k = r(values.length), n = r(3)
        if (r(3) === 0) { changes.push({ op: 'delete', table: 'keys', id: key(k) }); after.delete(k) }
        else { changes.push({ op: 'upsert', table: 'keys', row: { k: spelled(k), n } }); after.set(k, n); upserted.add(k) }
      } else if (r(4) === 0) { changes.push({ op: 'delete', table: 'rows', id }); now.delete(id) }
      else if (r(2)) { const v = any(), n = r(2); changes.push({ op: 'upsert', table: 'rows', row: { id, v: spelled(v), n } }); now.set(id, { v, n }) }
      else { const v = any(); changes.push({ op: 'update', table: 'rows', id, set: { v: spelled(v) } }); const row = now.get(id); if (row) now.set(id, { ...row, v }) }
    }
    heard.length = touched.length = keySaid.length = 0
    const say = `${type}, seed ${seed}, step ${step}: ${changes.map(c => `${c.op} ${c.table} ${String(c.id ?? c.row.id ?? c.row.k)} ${String(c.row?.v ?? c.set?.v)}`).join('; ')}`
    if (r(4) === 0) { other.apply(changes as never); expect([heard.length, touched.length, keySaid.length], say).toEqual([0, 0, 0]); continue }
    // By the database itself: what came and went within the batch is not seen, and is not counted.
    db.apply({ changes, tenant: 'a' } as never)
    for (const v of [null, ...values.keys()]) {
      const delta = zeros()
      for (const id of new Set([...rows.keys(), ...now.keys()])) {
        const was = rows.get(id), is = now.get(id), had = was !== undefined && was.v === v, has = is !== undefined && is.v === v
        if (had && !has) { delta.deletes++; delta.collection++; delta.changes++; if (is !== undefined) delta.updates++ }
        else if (!had && has) { delta.inserts++; delta.collection++; delta.changes++; if (was !== undefined) delta.updates++ }
        else if (had && has && was.n !== is.n) { delta.updates++; delta.changes++ }
      }
      const own = heard.filter(h => h.v === v)
      // Another spelling of the value is a change of the row, as far as the row shows it.
      const shown = own.find(h => h.kind === 'changes')?.signal.counts ?? zeros()
      expect([shown.inserts, shown.deletes, shown.collection], `${say}: ${String(v)}`).toEqual([delta.inserts, delta.deletes, delta.collection])
      expect(shown.updates, `${say}: ${String(v)}`).toBeGreaterThanOrEqual(delta.updates)
      if (values.every(forms => forms.length === 1)) expect(shown.updates, say).toBe(delta.updates)
      for (const kind of kinds) expect(own.filter(h => h.kind === kind).length, `${say}: ${kind} of ${String(v)}`).toBe(shown[kind] > 0 ? 1 : 0)
      const sum = counted.get(v)!
      for (const kind of kinds) sum[kind] += shown[kind]
      expect(t.counters('rows', { by: { v: spelled(v) } as never }), `${say}: counters of ${String(v)}`).toEqual(sum)
    }
    // A row that comes and goes within a batch of the scope is counted where it was, however it was written.
    const v = any()
    heard.length = 0
    t.apply([{ op: 'insert', table: 'rows', row: { id: 9, v: spelled(v), n: 0 } }, { op: 'delete', table: 'rows', id: 9 }] as never)
    expect(heard.map(h => [h.v, h.kind, h.signal.counts]), `${say}: passing ${String(v)}`).toEqual(['inserts', 'deletes', 'collection', 'changes'].map(kind => [v, kind, { inserts: 1, deletes: 1, collection: 2, updates: 0, changes: 2 }]))
    for (const [kind, n] of [['inserts', 1], ['deletes', 1], ['collection', 2], ['changes', 2]] as const) counted.get(v)![kind] += n
    const moved = [...now].filter(([id, row]) => rows.has(id) && rows.get(id)!.v !== row.v).map(([id]) => id)
    const told = touched.flatMap(s => s.keys.updated)
    expect(moved.every(id => told.includes(id)), say).toBe(true)
    rows = now
    if (keyed) {
      const ins = [...after.keys()].filter(k => !keys.has(k)).length, del = [...keys.keys()].filter(k => !after.has(k)).length
      const upd = [...after].filter(([k, n]) => keys.has(k) && keys.get(k) !== n).length
      const all = keySaid.find(s => s.by === undefined)?.counts ?? zeros()
      expect([all.inserts, all.deletes], `${say}: keys`).toEqual([ins, del])
      expect(all.updates, `${say}: keys`).toBeGreaterThanOrEqual(upd)
      expect(all.updates, `${say}: keys`).toBeLessThanOrEqual(upserted.size)
      keys = after
      expect((one!.get('one') as Row | null)?.n ?? null, say).toBe(keys.get(own) ?? null)
      expect((one!.get('many') as Row[]).map(row => row.n), say).toEqual([...values.keys()].flatMap(k => keys.get(k) ?? []))
    }
  }
  expect(errors).toEqual([])
  db.close()
}

describe('watches by values of every type, in every spelling', () => {
  it.each(Object.keys(TYPES))('%s', async type => {
    for (let i = 0; i < runs; i++) await play(type, first + i)
  }, 180_000 + runs * 1000)
})
