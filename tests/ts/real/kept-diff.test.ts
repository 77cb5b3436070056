// Diffs that are kept and read late: they show rows as they came, whatever has become of them.
import { describe, expect, it } from 'vitest'
import { belongsTo, createDatabase, defineSchema, eq, hasMany, int, lag, number, over, plainPatches, rowNumber, string, table } from '../../../pkg/index.inline.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'

const schema = defineSchema({
  tops: table({ id: int().key() }),
  mids: table({ id: int().key(), top: int(), bossId: int().nullable() }),
  leaves: table({ id: int().key(), mid: int(), n: int() }),
}, {
  tops: { mids: hasMany('mids', 'top', { orderBy: [['id', 'asc']] }) },
  mids: { leaves: hasMany('leaves', 'mid', { orderBy: [['id', 'asc']] }), boss: belongsTo('mids', 'bossId') },
})
const json = (changes: object[]): string => JSON.stringify(changes)
const insert = (table: string, row: object): object => ({ op: 'insert', table, row })
const remove = (table: string, id: number): object => ({ op: 'delete', table, id })
const ROWS = [insert('tops', { id: 1 }), insert('mids', { id: 1, top: 1, bossId: null }), insert('leaves', { id: 1, mid: 1, n: 0 })]
const plain = (diffs: any[]): any[] => diffs.map(diff => plainPatches(diff))
const tick = (ms: number): Promise<void> => new Promise(resolve => { setTimeout(resolve, ms) })

/** Other rows take the handles of those that leave. */
async function changeLeaf(db: { apply(changes: any): Promise<unknown> | unknown }): Promise<void> {
  for (let n = 2; n < 5; n++) await db.apply([{ op: 'update', table: 'leaves', id: 1, set: { n } }])
  await db.apply([insert('leaves', { id: 9, mid: 9, n: 99 })])
}

describe('a kept diff of a nested query that is read late', () => {
  it('shows a row that left as it came, though what was below it is another since', async () => {
    const db = await createDatabase({ schema })
    const diffs: any[] = []
    db.live(db.query.tops.with('mids', m => m.with('leaves'))).subscribe(({ diff }) => { diffs.push(diff) })
    await db.applyJson(json(ROWS))
    await db.apply([remove('tops', 1)] as any)
    await changeLeaf(db)
    expect(plain(diffs)).toEqual([
      [{ t: 'add', path: [], key: 1, at: 0, value: { id: 1, mids: [{ id: 1, top: 1, bossId: null, leaves: [{ id: 1, mid: 1, n: 0 }] }] } }],
      [{ t: 'remove', path: [], key: 1, at: 0 }],
    ])
    db.close()
  })

  it('shows a row of a list below that left as it came', async () => {
    const db = await createDatabase({ schema })
    const diffs: any[] = []
    db.live(db.query.tops.with('mids', m => m.with('leaves'))).subscribe(({ diff }) => { diffs.push(diff) })
    await db.applyJson(json(ROWS.slice(0, 1)))
    await db.applyJson(json(ROWS.slice(1)))
    await db.apply([remove('mids', 1)] as any)
    await changeLeaf(db)
    expect(plain(diffs.slice(1))).toEqual([
      [{ t: 'add', path: [1, 'mids'], key: 1, at: 0, value: { id: 1, top: 1, bossId: null, leaves: [{ id: 1, mid: 1, n: 0 }] } }],
      [{ t: 'remove', path: [1, 'mids'], key: 1, at: 0 }],
    ])
    db.close()
  })

  it('shows a single row that another replaced as it came', async () => {
    const db = await createDatabase({ schema })
    const diffs: any[] = []
    db.live(db.query.mids.where('id', '=', 5).with('boss', m => m.with('leaves'))).subscribe(({ diff }) => { diffs.push(diff) })
    await db.applyJson(json([...ROWS, insert('mids', { id: 5, top: 1, bossId: null })]))
    await db.applyJson(json([{ op: 'update', table: 'mids', id: 5, set: { bossId: 1 } }]))
    await db.apply([{ op: 'update', table: 'mids', id: 5, set: { bossId: null } }])
    await changeLeaf(db)
    const ones = plain(diffs).map(diff => diff.filter((p: any) => p.t === 'one'))
    expect(ones.slice(1)).toEqual([
      [{ t: 'one', path: [5, 'boss'], value: { id: 1, top: 1, bossId: null, leaves: [{ id: 1, mid: 1, n: 0 }] } }],
      [{ t: 'one', path: [5, 'boss'], value: null }],
    ])
    db.close()
  })

  it('shows what it did when the query is gone, whose rows nobody read', async () => {
    const db = await createDatabase({ schema, graceMs: 0 })
    const diffs: any[] = []
    const live = db.live(db.query.tops.with('mids', m => m.with('leaves')))
    live.subscribe(({ diff }) => { diffs.push(diff) })
    await db.applyJson(json(ROWS))
    live.dispose()
    await tick(20)
    await changeLeaf(db)
    expect(plain(diffs)).toEqual([[{ t: 'add', path: [], key: 1, at: 0, value: { id: 1, mids: [{ id: 1, top: 1, bossId: null, leaves: [{ id: 1, mid: 1, n: 0 }] }] } }]])
    db.close()
  })

  for (const read of [false, true]) it(`shows what it did in the page of a worker that was behind, rows ${read ? 'read' : 'not read'} before`, async () => {
    const db = await createWorkerDatabase({ schema, ahead: 1 })
    await db.apply(ROWS as any)
    const live = db.live(db.query.tops.with('mids', m => m.with('leaves')))
    while (live.status === 'loading') await tick(1)
    if (read) JSON.stringify(live.rows)
    const diffs: any[] = []
    live.subscribe(({ diff, batch }) => { if (batch !== undefined) diffs.push(diff) })
    // Nothing changes by it; but the page gets the next version with others.
    void db.apply([{ op: 'update', table: 'leaves', id: 1, set: { n: 0 } }])
    await db.apply([{ op: 'update', table: 'leaves', id: 1, set: { n: 1 } }])
    await db.apply([remove('tops', 1)] as any)
    await changeLeaf(db)
    await db.flush()
    await tick(20)
    expect(plain(diffs)).toEqual([
      [{ t: 'remove', path: [], key: 1, at: 0 }, { t: 'add', path: [], key: 1, at: 0, value: { id: 1, mids: [{ id: 1, top: 1, bossId: null, leaves: [{ id: 1, mid: 1, n: 1 }] }] } }],
      [{ t: 'remove', path: [], key: 1, at: 0 }],
    ])
    db.close()
  })
})

describe('a kept diff of rows put together of others that is read late', () => {
  const library = defineSchema({
    people: table({ name: string().key(), town: string().nullable(), born: int() }),
    books: table({ id: int().key(), title: string(), author: string().nullable(), price: number(), text: string(), note: string().nullable() }),
  }, {})
  const shapes: Record<string, (db: any) => any> = {
    'columns of both': db => db.query.books.leftJoin('people', (b: any, p: any) => eq(b.author, p.name)).select((r: any) => ({ id: r.books.id, town: r.people.town, note: r.books.note, born: r.people.born })),
    'whole rows': db => db.query.books.leftJoin('people', (b: any, p: any) => eq(b.author, p.name)),
    'a whole row and what a window says': db => db.query.books.select((b: any) => ({ ...b, place: over(rowNumber(), { orderBy: [b.price, b.id] }) })),
    'columns and what a window says': db => db.query.books.select((b: any) => ({ title: b.title, place: over(rowNumber(), { orderBy: [b.price, b.id] }), before: over(lag(b.note), { orderBy: [b.price, b.id] }) })),
    'some columns of one': db => db.query.books.select((b: any) => ({ price: b.price, title: b.title })),
    'no text at all': db => db.query.books.select((b: any) => ({ id: b.id, price: b.price })),
  }
  it.each(Object.entries(shapes))('%s', async (_, query) => {
    const db = await createDatabase({ schema: library })
    const late: any[] = [], early: any[] = []
    const live = db.live(query(db))
    live.subscribe(({ diff }: any) => { late.push(diff) })
    const other = await createDatabase({ schema: library })
    other.live(query(other)).subscribe(({ diff }: any) => { early.push(plainPatches(diff)) })
    let seed = 7
    const random = (n: number): number => (seed = seed * 48_271 % 2_147_483_647) % n
    const text = (n: number): string | null => n % 5 === 0 ? null : 'ä'.repeat(n % 7) + 'x'.repeat(n * n % 90)
    for (let n = 0; n < 150; n++) {
      const id = random(12)
      const changes: any = random(3) === 0
        ? [{ op: 'upsert', table: 'people', row: { name: `p${id % 4}`, town: text(random(30)), born: n } }]
        : random(5) === 0 ? [{ op: 'delete', table: 'books', id }]
        : [{ op: 'upsert', table: 'books', row: { id, title: `t${text(n)}`, author: random(4) === 0 ? null : `p${random(6)}`, price: random(9), text: 'y'.repeat(random(3000)), note: text(n + 2) } }]
      db.apply(changes)
      other.apply(changes)
      if (n === 70) void live.rows
    }
    expect(late.length).toBeGreaterThan(30)
    expect(plain(late)).toEqual(early)
    db.close()
    other.close()
  })

  it('keeps of rows with long texts what it shows', async () => {
    const db = await createDatabase({ schema: library })
    const kept: any[] = []
    db.live(db.query.books.select(b => ({ id: b.id, title: b.title, price: b.price }))).subscribe(({ diff }) => { kept.push(diff) })
    const text = 'z'.repeat(100_000)
    const book = (price: number): any => ({ op: 'upsert', table: 'books', row: { id: 1, title: 'long', author: null, price, text, note: null } })
    const bytes: number[] = []
    for (let n = 0; n <= 400; n++) {
      db.apply([book(n)])
      if (n % 200 === 0) bytes.push(process.memoryUsage().arrayBuffers)
    }
    // Two hundred texts are 20 MB.
    expect(bytes[2] - bytes[1]).toBeLessThan(5_000_000)
    expect(kept[300][0].fields).toEqual({ price: 300 })
    db.close()
  })
})
