// What users and servers get wrong: every mistake is a typed error that names the place, and nothing has happened.
import { beforeEach, describe, expect, it } from 'vitest'
import { EddylineError, createDatabase, defineSchema, eq, gt, int, not, string, table } from '../../../pkg/index.inline.js'
import { type Db, failure, issue, open, picture, put } from './support.js'

let db: Db
let before: unknown
beforeEach(async () => {
  db = (await open()).db
  db.apply({ changes: [put('a'), put('b', { priority: 2 }), { op: 'upsert', table: 'members', row: { projectId: 'p', userId: 1, role: 'x' } }], source: 's', cursor: 10 })
  before = picture(db)
})

const untouched = (): void => { expect(picture(db)).toEqual(before) }

/** Code, path and suggestion, from objects and from JSON. */
type Told = [code: string, path: string, nearest?: string]

describe('a wrong change, as objects and as JSON', () => {
  const good = issue('c')
  const without = (name: string): object => Object.fromEntries(Object.entries(good).filter(([k]) => k !== name && k !== 'votes' && k !== 'raw'))
  const cases: [name: string, change: any, told: Told, asJson?: Told][] = [
    ['an unknown table', { op: 'insert', table: 'isues', row: good }, ['UNKNOWN_TABLE', 'changes[2].table', 'issues']],
    ['an unknown operation', { op: 'upsret', table: 'issues', row: good }, ['CHANGE_INVALID', 'changes[2].op', 'upsert']],
    ['an unknown column of a row', { op: 'insert', table: 'issues', row: { ...good, titel: 'x' } }, ['UNKNOWN_COLUMN', 'changes[2].row.titel', 'title']],
    ['a misspelt column that may not be missing', { op: 'insert', table: 'issues', row: { ...without('title'), titel: 'x' } }, ['UNKNOWN_COLUMN', 'changes[2].row.titel', 'title']],
    ['an unknown column of a set', { op: 'update', table: 'issues', id: 'a', set: { titel: 'x' } }, ['UNKNOWN_COLUMN', 'changes[2].set.titel', 'title']],
    ['a missing column', { op: 'insert', table: 'issues', row: without('title') }, ['MISSING_COLUMN', 'changes[2].row.title'], ['MISSING_COLUMN', 'changes[2].row']],
    ['a missing key column', { op: 'insert', table: 'issues', row: without('id') }, ['MISSING_KEY', 'changes[2].row.id'], ['MISSING_KEY', 'changes[2].row']],
    ['a missing id', { op: 'delete', table: 'issues' }, ['CHANGE_INVALID', 'changes[2].id'], ['CHANGE_INVALID', 'changes[2]']],
    ['half of a composite key', { op: 'delete', table: 'members', id: ['p'] }, ['MISSING_KEY', 'changes[2].id']],
    ['a null in a column without nulls', { op: 'insert', table: 'issues', row: { ...good, title: null } }, ['NULL_NOT_ALLOWED', 'changes[2].row.title']],
    ['a null in a set', { op: 'update', table: 'issues', id: 'a', set: { title: null } }, ['NULL_NOT_ALLOWED', 'changes[2].set.title']],
    ['a number for a text', { op: 'insert', table: 'issues', row: { ...good, title: 5 } }, ['TYPE_MISMATCH', 'changes[2].row.title']],
    ['a text for a number', { op: 'update', table: 'issues', id: 'a', set: { priority: '5' } }, ['TYPE_MISMATCH', 'changes[2].set.priority']],
    ['a fraction for an integer', { op: 'insert', table: 'issues', row: { ...good, priority: 1.5 } }, ['TYPE_MISMATCH', 'changes[2].row.priority']],
    ['an integer that doubles do not hold', { op: 'insert', table: 'issues', row: { ...good, priority: 2 ** 53 } }, ['INTEGER_RANGE', 'changes[2].row.priority']],
    ['an object for a text', { op: 'insert', table: 'issues', row: { ...good, title: {} } }, ['TYPE_MISMATCH', 'changes[2].row.title']],
    ['a text that is no time', { op: 'insert', table: 'issues', row: { ...good, due: 'yesterday' } }, ['TYPE_MISMATCH', 'changes[2].row.due']],
    ['the wrong one of many rows', { op: 'insert', table: 'issues', rows: [good, { ...issue('d'), title: false }] }, ['TYPE_MISMATCH', 'changes[2].rows[1].title']],
    ['a key of the wrong type', { op: 'delete', table: 'issues', id: 5 }, ['TYPE_MISMATCH', 'changes[2].id'], ['TYPE_MISMATCH', 'changes[2].id.id']],
    ['a change of the key', { op: 'update', table: 'issues', id: 'a', set: { id: 'z' } }, ['KEY_CHANGE', 'changes[2].set.id']],
    ['an update without a set', { op: 'update', table: 'issues', id: 'a' }, ['CHANGE_INVALID', 'changes[2].set'], ['CHANGE_INVALID', 'changes[2]']],
    ['a list for a row', { op: 'insert', table: 'issues', row: [1] }, ['CHANGE_INVALID', 'changes[2].row']],
    ['no row', { op: 'insert', table: 'issues' }, ['CHANGE_INVALID', 'changes[2].row'], ['CHANGE_INVALID', 'changes[2]']],
    ['no tenant', { op: 'insert', table: 'notes', row: { id: 1, text: '' } }, ['TENANT_REQUIRED', 'changes[2].tenant'], ['TENANT_REQUIRED', 'changes[2]']],
    ['a tenant where there are none', { op: 'delete', table: 'issues', id: 'a', tenant: 't' }, ['CHANGE_INVALID', 'changes[2].tenant']],
    ['a key that is there with other content', { op: 'insert', table: 'issues', row: { id: 'a', title: 'x', status: '', priority: 3 } }, ['DUPLICATE_KEY', 'changes[2]']],
    ['a number for a change', 7, ['CHANGE_INVALID', 'changes[2]'], ['JSON_MALFORMED', 'changes[2]']],
    ['`__proto__` as an unknown column', { op: 'insert', table: 'issues', row: JSON.parse(`{${JSON.stringify(without('raw')).slice(1, -1)},"__proto__":{"polluted":true}}`) }, ['UNKNOWN_COLUMN', 'changes[2].row.__proto__']],
    ['`constructor` as an unknown column', { op: 'update', table: 'issues', id: 'a', set: { constructor: 'x' } }, ['UNKNOWN_COLUMN', 'changes[2].set.constructor']],
  ]
  // Half-way: what came before the wrong change in the batch must be undone.
  const batch = (change: any): any => ({ changes: [{ op: 'update', table: 'issues', id: 'a', set: { title: 'half' } }, { op: 'delete', table: 'issues', id: 'b' }, change], source: 's', cursor: 11 })
  const asText = (change: any): string => JSON.stringify(batch(change))
  it.each(cases)('%s', (_, change, told, asJson) => {
    const e = failure(() => db.apply(batch(change)))
    expect([e.code, e.path, ...(told.length > 2 ? [e.nearest] : [])]).toEqual(told)
    untouched()
    const wanted = asJson ?? told
    const j = failure(() => db.applyJson(asText(change)))
    expect([j.code, j.path, ...(wanted.length > 2 ? [j.nearest] : [])]).toEqual(wanted)
    if (j.code !== 'DUPLICATE_KEY') expect(j.message).toMatch(/ at byte \d+/)
    untouched()
    expect(({} as any).polluted).toBeUndefined()
  })

  it('is not the end: the next batch is applied', () => {
    failure(() => db.apply(batch({ op: 'insert', table: 'issues', row: {} })))
    expect(db.apply(batch({ op: 'insert', table: 'issues', row: good }))).toMatchObject({ version: 2, applied: 3, cursor: '11' })
    expect(db.cursor('s')).toBe('11')
  })

  it.each([null, undefined, 5, 'x', {}, { changes: null }, { op: 'delete', table: 'issues', id: 'a' }])('%j instead of changes', input => {
    expect(failure(() => db.apply(input as never))).toMatchObject({ code: 'CHANGE_INVALID', path: 'changes' })
    untouched()
  })
})

describe('a wrong query', () => {
  const q = () => db.query.issues as any
  it.each<[string, (() => any), string, string, string]>([
    ['where', () => q().where('titel', '=', 'x'), 'UNKNOWN_COLUMN', 'where', 'title'],
    ['where with a function', () => q().where((i: any) => eq(i.titel, 'x')), 'UNKNOWN_COLUMN', 'where', 'title'],
    ['select', () => q().select('titel'), 'UNKNOWN_COLUMN', 'select', 'title'],
    ['select with a function', () => q().select((i: any) => ({ x: i.titel })), 'UNKNOWN_COLUMN', 'select', 'title'],
    ['groupBy', () => q().groupBy('statsu'), 'UNKNOWN_COLUMN', 'groupBy', 'status'],
    ['orderBy', () => db.live(q().orderBy('titel')), 'UNKNOWN_COLUMN', 'orderBy[0]', 'title'],
    ['orderBy with a function', () => q().orderBy((i: any) => i.titel), 'UNKNOWN_COLUMN', 'orderBy[0]', 'title'],
    ['with', () => q().with('comment'), 'UNKNOWN_RELATION', 'with[0].relation', 'comments'],
    ['where below with', () => q().with('comments', (c: any) => c.where('bdoy', '=', 'x')), 'UNKNOWN_COLUMN', 'with[0].query.where', 'body'],
    ['innerJoin', () => q().innerJoin('project', (i: any, p: any) => eq(i.projectId, p.id)), 'UNKNOWN_TABLE', 'joins[0].table', 'projects'],
    ['on', () => q().innerJoin('projects', (i: any, p: any) => eq(i.project, p.id)), 'UNKNOWN_COLUMN', 'joins[0].on', 'projectId'],
    ['startAfter', () => db.live(q().orderBy('priority').startAfter({ priorty: 1 })), 'MISSING_COLUMN', 'start[0]', ''],
  ])('%s', (_, make, code, path, nearest) => {
    const e = failure(make)
    expect([e.code, e.path, e.nearest ?? '']).toEqual([code, path, nearest])
    if (nearest) expect(e.message).toContain(`did you mean \`${nearest}\`?`)
    untouched()
  })

  it.each<[string, (() => any), string]>([
    ['a text compared with an integer', () => q().where('priority', '=', '1'), 'TYPE_MISMATCH'],
    ['an unknown operator', () => q().where('priority', '==', 1), 'QUERY_INVALID'],
    ['a negative limit', () => q().limit(-1), 'QUERY_INVALID'],
    ['a limit of nothing', () => q().limit(NaN), 'QUERY_INVALID'],
    ['a list that is none', () => q().where('priority', 'in', 5), 'QUERY_INVALID'],
    ['a column outside of the groups', () => q().groupBy('status').select((i: any) => ({ title: i.title })), 'NOT_GROUPED'],
    ['an integer beyond 64 bits', () => q().where('votes', '>', 2n ** 64n), 'INTEGER_RANGE'],
    ['a function as a value', () => q().where('title', '=', () => 1), 'QUERY_INVALID'],
    ['a tenanted table without a tenant', () => (db.query as any).notes, 'TENANT_REQUIRED'],
  ])('%s', (_, make, code) => {
    expect(failure(() => db.live(make())).code).toBe(code)
    untouched()
    expect(db.stats().views).toBe((before as any).views ?? db.stats().views)
  })
})

describe('a query without end', () => {
  const deep = (n: number) => db.query.issues.where(i => { let c = eq(i.title, 'x'); for (let k = 0; k < n; k++) c = not(c); return c })
  it.each([300, 600, 1000, 3000, 100_000])('nested %d deep is refused before it reaches the engine\'s stack', n => {
    expect(failure(() => db.live(deep(n))).code).toBe('QUERY_INVALID')
    expect(failure(() => db.explain(deep(n))).code).toBe('QUERY_INVALID')
    untouched()
    expect(db.live(deep(200)).status).toBe('ready')
  })

  it('of 100,000 parts is refused, of a few thousand it is not', () => {
    const wide = (n: number) => db.query.issues.where('priority', 'in', Array.from({ length: n }, (_, i) => i))
    expect(failure(() => db.live(wide(100_000))).code).toBe('QUERY_INVALID')
    expect(db.live(wide(5000)).rows.length).toBe(2)
  })
})

describe('JSON', () => {
  // The byte is that of the first character that cannot be.
  it.each<[text: string, code: string, byte: number, path: string | undefined]>([
    ['[{"op":"insert","table":"issues","row":{"id":"x","title":x}}]', 'JSON_MALFORMED', 57, 'changes[0].row.title'],
    ['[{"op":"insert","table":"issues","row":{"id":"é","title":x}}]', 'JSON_MALFORMED', 58, 'changes[0].row.title'],
    ['[{"op":"insert"', 'JSON_MALFORMED', 15, 'changes[0]'],
    ['', 'JSON_MALFORMED', 0, undefined],
    ['[', 'JSON_MALFORMED', 1, 'changes[0]'],
    ['[]]', 'JSON_MALFORMED', 2, undefined],
    ['{"changes":[,]}', 'JSON_MALFORMED', 12, 'changes[0]'],
    ['[{"op":"delete","table":"issues","id":"\\ud800"}]', 'JSON_MALFORMED', 39, 'changes[0].id.id'],
    ['[{"op":"delete","table":"issues","id":"a\u0001"}]', 'JSON_MALFORMED', 40, 'changes[0].id.id'],
    ['[{"op":"update","table":"issues","id":"a","set":{"priority":01}}]', 'JSON_MALFORMED', 60, 'changes[0].set.priority'],
    ['nul', 'JSON_MALFORMED', 0, undefined],
  ])('%s', (text, code, byte, path) => {
    for (const input of [text, new TextEncoder().encode(text)]) {
      const e = failure(() => db.applyJson(input))
      expect([e.code, Number(/ at byte (\d+)/.exec(e.message)?.[1]), e.path]).toEqual([code, byte, path])
      untouched()
    }
  })

  it('with broken UTF-8', () => {
    const bytes = new TextEncoder().encode('[{"op":"update","table":"issues","id":"a","set":{"title":"x!"}}]')
    bytes[bytes.indexOf(33)] = 0xff
    expect(failure(() => db.applyJson(bytes)).code).toBe('INVALID_UTF8')
    untouched()
  })

  it('wrong in the middle of a stream, cut anywhere', async () => {
    const text = `{"source":"s","cursor":"11","changes":[${JSON.stringify({ op: 'update', table: 'issues', id: 'a', set: { title: 'é' } })},{"op":"upsert","table":"issues","row":{"id":"x","prioritaet":1}}]}`
    const bytes = new TextEncoder().encode(text)
    for (let cut = 1; cut < bytes.length; cut += 3) {
      const stream = new ReadableStream<Uint8Array>({ start(c) { c.enqueue(bytes.slice(0, cut)); c.enqueue(bytes.slice(cut)); c.close() } })
      await expect(db.applyJson(stream)).rejects.toMatchObject({ code: 'UNKNOWN_COLUMN', path: 'changes[1].row.prioritaet', nearest: 'priority' })
    }
    untouched()
  })

  it('nested 100,000 deep is refused by either door, and the stack is not', () => {
    const text = `[{"op":"update","table":"issues","id":"a","set":{"meta":${'['.repeat(100_000)}${']'.repeat(100_000)}}}]`
    expect(failure(() => db.applyJson(text))).toMatchObject({ code: 'JSON_TOO_DEEP', path: 'changes[0].set.meta' })
    expect(failure(() => db.applyJson('['.repeat(100_000))).code).toBe('JSON_MALFORMED')
    expect(failure(() => db.applyJson(`[{"op":"delete","table":"issues","id":${'{"id":'.repeat(100_000)}`)).code).toMatch(/JSON_TOO_DEEP|TYPE_MISMATCH|CHANGE_INVALID/)
    let deep: unknown = []
    for (let i = 0; i < 100_000; i++) deep = [deep]
    expect(failure(() => db.apply([{ op: 'update', table: 'issues', id: 'a', set: { meta: deep } }]))).toMatchObject({ code: 'JSON_TOO_DEEP', path: 'changes[0].set.meta' })
    expect(failure(() => db.live(db.query.issues.where('meta', '=', deep)))).toMatchObject({ code: 'JSON_TOO_DEEP' })
    untouched()
  })

  it('goes to the same depth by either door', () => {
    const nested = (n: number): string => `${'['.repeat(n)}${']'.repeat(n)}`
    let most = 0
    for (const n of [100, 200, 255, 256, 257, 300, 511, 513]) {
      const text = `[{"op":"update","table":"issues","id":"a","set":{"meta":${nested(n)}}}]`
      const door = (fn: () => unknown): string => { try { fn(); return 'in' } catch (e) { return (e as EddylineError).code } }
      const [a, b] = [door(() => db.applyJson(text)), door(() => db.apply([{ op: 'update', table: 'issues', id: 'a', set: { meta: JSON.parse(nested(n)) } }]))]
      expect([n, a]).toEqual([n, b])
      if (a === 'in') { most = n; expect(db.live(db.query.issues.where('id', '=', 'a')).rows[0].meta).toEqual(JSON.parse(nested(n))) }
    }
    expect(most).toBeGreaterThan(100)
  })
})

describe('odd texts and names', () => {
  it('NUL bytes, surrogate pairs and byte order marks are kept; half a pair becomes U+FFFD', () => {
    const live = db.live(db.query.issues.where('id', 'like', 'odd%').orderBy('id'))
    const texts = ['\0', 'a\0b', '\ufeff', '😀', '\u2028', 'e\u0301', '\ufffe']
    // As in PostgreSQL, JSON values have no NUL.
    const metas = texts.map(t => ({ [t.replaceAll('\0', '0')]: t.replaceAll('\0', '0') }))
    db.apply(texts.map((title, i) => put(`odd\0${i}`, { title, meta: metas[i] })))
    expect(live.rows.map(r => r.title)).toEqual(texts)
    expect(live.rows.map(r => r.meta)).toEqual(metas)
    expect(live.rows[0].id).toBe('odd\x000')
    expect(db.applyJson(JSON.stringify(texts.map((title, i) => issue(`odd\0${i}`, { title, meta: metas[i] }))), { table: 'issues' }).applied).toBe(0)
    db.apply([put('odd9', { title: 'a\ud800b', meta: { k: '\udc00' } })])
    expect(live.rows.at(-1)).toMatchObject({ title: 'a\ufffdb', meta: { k: '\ufffd' } })
    for (const meta of ['\0', { '\0': 1 }, [['a\0']]]) {
      const change = { op: 'update', table: 'issues', id: 'a', set: { meta } } as const
      const e = failure(() => db.apply([change]))
      expect([e.code, e.path]).toEqual(['JSON_MALFORMED', 'changes[0].set.meta'])
      expect(failure(() => db.applyJson(JSON.stringify([change]))).code).toBe(e.code)
    }
  })

  it('`constructor`, `__proto__` and `toString` are columns like others', async () => {
    const odd = defineSchema({ odd: table({ id: int().key(), constructor: string().nullable(), ['__proto__']: string().nullable(), toString: int().nullable() } as never) as never }) as any
    const strange = await createDatabase({ schema: odd }) as any
    const live = strange.live(strange.query.odd.where((r: any) => gt(r.id, 0)))
    strange.apply([{ op: 'insert', table: 'odd', row: { id: 1 } }, { op: 'insert', table: 'odd', row: JSON.parse('{"id":2,"__proto__":"P","constructor":"C","toString":7}') }])
    strange.applyJson('[{"op":"upsert","table":"odd","row":{"id":3,"__proto__":"Q","toString":8}}]')
    expect(live.rows.map((r: any) => Object.entries(r))).toEqual([
      [['id', 1], ['constructor', null], ['__proto__', null], ['toString', null]],
      [['id', 2], ['constructor', 'C'], ['__proto__', 'P'], ['toString', 7]],
      [['id', 3], ['constructor', null], ['__proto__', 'Q'], ['toString', 8]],
    ])
    expect(Object.getPrototypeOf(live.rows[1])).toBe(Object.prototype)
    strange.close()
  })

  it('a table of more columns than the engine can number is refused, the most are not', async () => {
    const columns = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`c${i}`, int().nullable()]))
    expect(failure(() => defineSchema({ t: table({ id: int().key(), ...columns(65_534) }) }))).toMatchObject({ code: 'SCHEMA_INVALID', path: 't' })
    const most = await createDatabase({ schema: defineSchema({ t: table({ id: int().key(), ...columns(65_533) }, { tenant: true }) }) }) as any
    most.apply([{ op: 'insert', table: 't', row: { id: 1, c65532: 5 }, tenant: 'x' }])
    expect(most.live(most.query.t.select('c65532'), { tenant: 'x' }).rows).toEqual([{ c65532: 5 }])
    most.close()
  })

  it('a table of 2,000 columns works', async () => {
    const columns = Object.fromEntries(Array.from({ length: 2000 }, (_, i) => [`c${i}`, i % 2 ? string().nullable() : int().nullable()]))
    const wide = await createDatabase({ schema: defineSchema({ wide: table({ id: int().key(), ...columns }) }) }) as any
    const live = wide.live(wide.query.wide)
    wide.apply([{ op: 'insert', table: 'wide', row: { id: 1, c1999: 'last', c0: 5 } }])
    let fields: unknown
    const stop = live.subscribe(({ diff }: any) => { fields = diff[0].fields })
    wide.apply([{ op: 'update', table: 'wide', id: 1, set: { c1998: 7 } }])
    stop()
    expect(fields).toEqual({ c1998: 7 })
    expect([live.rows[0].c1999, live.rows[0].c0, live.rows[0].c1998, live.rows[0].c1000]).toEqual(['last', 5, 7, null])
    wide.close()
  })
})
