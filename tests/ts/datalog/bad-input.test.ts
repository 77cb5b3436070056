// Queries, transactions and patterns as they should not be: each an error of ours that says what, none a crash.
import { expect, it } from 'vitest'
import { facts } from '../../../pkg/datalog/index.js'
import { failure, world } from '../heritage/wizard.js'
import { random } from '../real/support.js'
import { generated } from './random-datalog.js'

const ATTRIBUTES = { name: 'string', age: 'int', aka: { type: 'string', many: true }, email: { type: 'string', unique: true }, friend: { type: 'ref', many: true }, boss: 'ref' } as const
const JUNK = ['(', ')', '[', ']', '{', '}', '"', '?x', '_', ':find', ':where', ':in', ':with', 'nil', '-1', '1.5', ':a/b', '$', '%', '.', '...', 'not', 'or', '#{1}', '#inst "2020"', '(pull ?e0 [*])', '(count ?e0)', '[[?x]]', '[?x ...]', '\\', "'", 'ground', 'missing?', '[(', ')]', '9007199254740993', '##NaN', '\u0000']
const coded = (e: unknown): boolean => (e as Error).name === 'EddylineError' && typeof (e as { code?: unknown }).code === 'string' && (e as { code: string }).code !== 'ENGINE_CRASHED'

it('broken queries are errors with a code', async () => {
  const { data } = await world(ATTRIBUTES, { strict: false })
  data.transact([{ ':db/id': 1, name: 'Ada', age: 3, friend: [2] }, { ':db/id': 2, name: 'Bob' }])
  const inputs = (): number => data.db.stats().tables.find(t => t.name === ':db/input')!.rows
  const before = inputs()
  let refused = 0
  for (let seed = 1; seed <= 400; seed++) {
    const pick = random(seed)
    const c = generated(seed)
    const tokens = c.query.split(/(?<=[\s()[\]])|(?=[()[\]])/)
    for (let n = 1 + pick(3); n > 0; n--) {
      const at = pick(tokens.length)
      switch (pick(3)) {
        case 0: tokens.splice(at, 1); break
        case 1: tokens.splice(at, 0, ` ${JUNK[pick(JUNK.length)]} `); break
        default: tokens[at] = ` ${JUNK[pick(JUNK.length)]} `
      }
    }
    const query = tokens.join('')
    try { data.q(query, ...c.inputs) } catch (e) {
      refused++
      expect(coded(e), `${query}\n${String((e as Error).stack)}`).toBe(true)
    }
  }
  expect(refused).toBeGreaterThan(150)
  // It still answers, and nothing was left behind.
  expect(data.q('[:find [?n ...] :where [_ :name ?n]]')).toEqual(['Ada', 'Bob'])
  expect(inputs()).toBe(before)
})

it.each([
  [[[':db/add', 1]]], [[[':db/add', 1, 'nam', 'x']]], [[[':db/add', 0, 'name', 'x']]], [[[':db/add', 1.5, 'name', 'x']]], [[[':db/add', 1, 'name', 5]]], [[[':db/add', 1, 'age', 1.5]]], [[[':db/add', 1, 'age', NaN]]],
  [[{ name: null }]], [['x']], [[5]], [[[':db/frob', 1]]], [[{ ':db/id': ['name', 'x'], age: 1 }]], [[{ ':db/id': ['email', 'nobody'], age: 1 }]], [[{ _name: 3 }]], [[{ ':db/id': 1, email: 'a' }, { ':db/id': 2, email: 'a' }]],
  [[[':db/cas', 1, 'age', 99, 1]]], [[[':db.fn/call', 5]]], [[{ friend: { friend: { nope: 1 } } }]], [[[':db/add', { a: 1 }, 'name', 'x']]], [[[':db/retract', 'tempid', 'name']]], ['no list'], [{}],
])('a transaction is refused, and nothing has happened: %j', async tx => {
  const { data } = await world(ATTRIBUTES)
  data.transact([{ ':db/id': 1, name: 'Ada', age: 3 }])
  const before = [data.db.version, JSON.stringify(data.q('[:find ?e ?n :where [?e :name ?n]]'))]
  let error: unknown
  try { data.transact(tx as never) } catch (e) { error = e }
  expect(coded(error), String((error as Error | undefined)?.stack)).toBe(true)
  expect((error as { path?: string }).path).toBeTypeOf('string')
  expect([data.db.version, JSON.stringify(data.q('[:find ?e ?n :where [?e :name ?n]]'))]).toEqual(before)
  // What was looked up is right as well.
  expect(data.pull('[*]', 1)).toEqual({ ':db/id': 1, ':name': 'Ada', ':age': 3 })
})

it.each(['5', '[', '[5]', '[{:name}]', '[{:name 5.5}]', '[(limit :name 0)]', '[[:name :foo 1]]', '[[:name :as]]', '{}'])('a pattern is refused: %s', async pattern => {
  const { data } = await world(ATTRIBUTES)
  let error: unknown
  try { data.pull(pattern, 1) } catch (e) { error = e }
  expect(coded(error), String((error as Error | undefined)?.stack)).toBe(true)
})

it('inputs that do not fit are refused', async () => {
  const { data } = await world(ATTRIBUTES)
  const q = (query: string, ...inputs: unknown[]) => { try { data.q(query, ...inputs); return undefined } catch (e) { return coded(e) ? (e as { code: string }).code : String((e as Error).stack) } }
  expect(q('[:find ?e :in ?n :where [?e :name ?n]]')).toBe('DATALOG_INPUT')
  expect(q('[:find ?e :in ?n :where [?e :name ?n]]', 'a', 'b')).toBe('DATALOG_INPUT')
  expect(q('[:find ?e :in ?n :where [?e :name ?n]]', {})).toBe('DATALOG_INPUT')
  expect(q('[:find ?e :in [?n ...] :where [?e :name ?n]]', 5)).toBe('DATALOG_INPUT')
  expect(q('[:find ?e :in [?n ...] :where [?e :name ?n]]', ['a', 5])).toBe('DATALOG_INPUT')
  expect(q('[:find ?e :in [[?n ?a]] :where [?e :name ?n]]', [['a']])).toBe('DATALOG_INPUT')
  expect(q('[:find ?e :in [?n ?a] :where [?e :name ?n]]', 'ab')).toBe('DATALOG_INPUT')
  expect(q('[:find ?e :in $b :where [$b ?e]]', [5])).toBe('DATALOG_INPUT')
  expect(q('[:find ?e :in $ % :where [?e :name]]', 5)).toBe('DATALOG_SYNTAX')
})

it('calls of rules with too few or too many arguments are refused where they stand, recursive ones, too', async () => {
  const { data } = await world({ f: { type: 'ref', many: true } })
  data.transact([[':db/add', 1, 'f', 2], [':db/add', 2, 'f', 3]])
  const rules = (call: string): string => `[[(r ?a ?b) [?a :f ?b]]\n [(r ?a ?b) ${call} [?c :f ?b]]]`
  for (const query of ['[:find ?b :in % :where (r 1 ?b)]', '[:find ?a ?b :in % :where (r ?a ?b)]', '[:find ?a :in % :where (r ?a 3)]']) {
    expect(data.q(query, rules('(r ?a ?c)'))).toContainEqual(expect.anything())
    for (const [call, given] of [['(r ?c)', 1], ['(r ?a ?c ?b)', 3], ['(not (r ?c))', 1], ['(or (r ?c) [?a :f ?c])', 1]] as const) {
      expect(failure(() => data.q(query, rules(call)))).toMatchObject({ code: 'DATALOG_RULE', offending: 'r', path: expect.stringMatching(/^rules 2:/), message: expect.stringContaining(`the rule \`r\` takes 2 arguments, not ${given}`) })
    }
    expect(coded(failure(() => data.q(query, rules('(r)'))))).toBe(true)
  }
  // What is made for a part of a rule is called as the rule is.
  const empty = '[[(r ?a ?b) (r ?a ?c) (r ?c ?b)]]'
  for (const query of ['[:find ?b :in % :where (r 1 ?b)]', '[:find ?e :in % :where [?e :f 2] (r 1 2)]', '[:find ?a ?b :in % :where (r ?a ?b)]']) {
    const error = failure(() => data.q(query, empty))
    expect(error).toMatchObject({ code: 'DATALOG_UNSAFE', offending: 'r' })
    expect(error.message).toContain('no branch of `r` begins')
  }
})

it('sources name entities by their numbers: tempids are refused with the place, in facts and in what refers', async () => {
  const { data } = await world({ n: 'int', email: { type: 'string', unique: true }, f: 'ref' })
  data.transact([{ ':db/id': 1, email: 'a' }])
  const sync = (...datoms: unknown[]): Promise<unknown> => data.sync({ name: 'far', datoms: () => datoms as never }, { chunk: 1 }).catch((e: unknown) => e)
  for (const e of [-1, 'new', ':n']) {
    expect(await sync([2, 'n', 1, 1], [e, 'n', 2, 2])).toMatchObject({ code: 'SOURCE_INVALID', path: 'datoms[1]', offending: String(e) })
    expect(await sync([2, 'n', 1, 1], [2, ':f', e, 2])).toMatchObject({ code: 'SOURCE_INVALID', path: 'datoms[1]', offending: String(e) })
    expect(await sync({ e, a: 'n', v: 1, tx: 1, added: false })).toMatchObject({ code: 'SOURCE_INVALID', path: 'datoms[0]' })
  }
  expect(await sync([-1, 'm', 1, 1])).toMatchObject({ code: 'UNKNOWN_ATTRIBUTE', path: 'datoms[0]' })
  expect(data.q('[:find ?e ?a :where [?e ?a]]')).toEqual([[1, ':email']])
  // Numbers, texts and lists that are right stay so.
  expect(await sync([2, 'n', -1, 1], [2, 'email', 'b', 1], [['email', 'a'], 'n', 7, 2], [2, 'f', ['email', 'a'], 2])).toMatchObject({ datoms: 4 })
  expect(data.q('[:find ?e ?n :where [?e :n ?n]]')).toEqual([[1, 7], [2, -1]])
})

it('a view that was dropped verifies nothing', async () => {
  const { data } = await world(ATTRIBUTES)
  data.transact([{ ':db/id': 1, name: 'Ada' }])
  const view = data.view('v', { query: '[:find ?n :where [_ :name ?n]]' })
  expect(view.verify()).toEqual({ ok: true, missing: [], extra: [] })
  view.drop()
  expect(failure(() => view.verify()).code).toBe('CLOSED')
})

it('what is no attributes, and objects that cannot be texts', async () => {
  const any = (v: unknown): any => v
  for (const attributes of [undefined, null, 5, []]) expect(failure(() => facts(any(attributes)))).toMatchObject({ code: 'ATTRIBUTE_INVALID', path: 'attributes' })
  for (const input of [undefined, null, 5]) expect(failure(() => facts({ n: any(input) }))).toMatchObject({ code: 'ATTRIBUTE_INVALID', path: 'attributes.n' })
  const { data } = await world({ n: 'int', ref: { type: 'ref', many: true } })
  const bare = Object.create(null) as object
  for (const tx of [[[':db/add', bare, 'n', 3]], [[':db/add', 1, 'n', bare]], [[bare, 'n', 1]], [[':db/add', [bare, 1], 'n', 1]], [[':db/add', 1, 'ref', [[bare, bare]]]], [[':db/cas', 1, 'n', bare, 1]], [[bare]], [[':db/retractEntity', bare]], [{ ':db/id': bare, n: 1 }]]) {
    expect(failure(() => data.transact(any(tx))).path).toMatch(/^tx\[0\]/)
  }
  expect(data.q('[:find ?e :where [?e :n]]')).toEqual([])
  // As a map of facts it is as good as any.
  expect(data.transact([Object.assign(Object.create(null), { ':db/id': 1, n: 3 })]).datoms.length).toBe(1)
})
