// The circuit cases of Wizard and caudex (HERITAGE 3.1), and how they are run over a storage. Plain JavaScript: pages of browsers run it, too.
const add = (e, a, v) => [':db/add', e, a, v]
const drop = (e, a, v) => [':db/retract', e, a, v]
const GAME = { 'player/room': 'ref', 'item/room': 'ref', 'item/kind': 'keyword', 'item/locked': 'boolean', 'item/weight': 'int', name: 'string', 'item/in': 'ref' }

/** Each step: a transaction, and the rows that it adds to and removes from the answer. */
export const CASES = [
  { name: 'a simple select', attributes: GAME, query: '[:find ?e ?n :where [?e :name ?n]]', steps: [
    [[add(1, 'name', 'lamp'), add(2, 'name', 'key')], [[1, 'lamp'], [2, 'key']], []], [[drop(1, 'name', 'lamp')], [], [[1, 'lamp']]], [[add(2, 'name', 'key')], [], []], [[drop(9, 'name', 'none')], [], []]] },
  { name: 'a join of two, with a fact replaced later', attributes: GAME, query: '[:find ?p ?i :where [?p :player/room ?r] [?i :item/room ?r]]', steps: [
    [[add(1, 'player/room', 10), add(2, 'item/room', 10), add(3, 'item/room', 11)], [[1, 2]], []], [[drop(1, 'player/room', 10), add(1, 'player/room', 11)], [[1, 3]], [[1, 2]]], [[add(2, 'item/room', 11)], [[1, 2]], []]] },
  { name: 'a predicate and a function', attributes: GAME, query: '[:find ?i ?d :where [?i :item/weight ?w] [(> ?w 5)] [(* ?w 2) ?d]]', steps: [
    [[add(1, 'item/weight', 5), add(2, 'item/weight', 6)], [[2, 12]], []], [[add(1, 'item/weight', 7)], [[1, 14]], []], [[add(2, 'item/weight', 5)], [], [[2, 12]]]] },
  { name: 'not-join', attributes: GAME, query: '[:find ?i :where [?i :name _] (not-join [?i] [?i :item/locked true])]', steps: [
    [[add(1, 'name', 'a'), add(2, 'name', 'b'), add(2, 'item/locked', true)], [[1]], []], [[add(2, 'item/locked', false), add(1, 'item/locked', true)], [[2]], [[1]]]] },
  { name: 'not-join within or-join, with a blank', attributes: GAME, query: '[:find ?i :where [?i :name _] (or-join [?i] [?i :item/kind :tool] (and [?i :item/weight _] (not-join [?i] [?i :item/room _])))]', steps: [
    [[add(1, 'name', 'a'), add(1, 'item/kind', ':tool'), add(2, 'name', 'b'), add(2, 'item/weight', 1)], [[1], [2]], []], [[add(2, 'item/room', 10)], [], [[2]]], [[add(2, 'item/kind', ':tool'), drop(1, 'item/kind', ':tool')], [[2]], [[1]]]] },
  { name: 'or-join of three branches, one of them ground', attributes: GAME, query: '[:find ?i ?why :where [?i :name _] (or-join [?i ?why] (and [?i :item/kind ?why]) (and [?i :item/locked true] [(ground ":locked") ?why]) (and (not-join [?i] [?i :item/room _]) [?i :name _] [(ground ":lost") ?why]))]', steps: [
    [[add(1, 'name', 'a')], [[1, ':lost']], []], [[add(1, 'item/room', 10), add(1, 'item/kind', ':tool')], [[1, ':tool']], [[1, ':lost']]], [[add(1, 'item/locked', true)], [[1, ':locked']], []]] },
  { name: 'or and not, two levels deep', attributes: GAME, query: '[:find ?i :where [?i :name _] (or-join [?i] (and [?i :item/weight ?w] (not-join [?i ?w] (or-join [?i ?w] [(< ?w 3)] (and [?i :item/locked true] [?i :item/weight ?w])))) [?i :item/kind :magic])]', steps: [
    [[add(1, 'name', 'a'), add(1, 'item/weight', 2), add(2, 'name', 'b'), add(2, 'item/weight', 4)], [[2]], []], [[add(2, 'item/locked', true), add(1, 'item/weight', 3)], [[1]], [[2]]], [[add(2, 'item/kind', ':magic')], [[2]], []]] },
  { name: 'a ref that moves is one difference', attributes: GAME, query: '[:find ?n ?r :where [?i :name ?n] [?i :item/in ?b] [?b :item/room ?r]]', steps: [
    [[add(1, 'name', 'ring'), add(1, 'item/in', 5), add(5, 'item/room', 10), add(6, 'item/room', 11)], [['ring', 10]], []], [[add(1, 'item/in', 6)], [['ring', 11]], [['ring', 10]]], [[add(6, 'item/room', 10), add(1, 'item/in', 5)], [['ring', 10]], [['ring', 11]]]] },
  { name: 'rules: branches, not, constants, or, each other', attributes: GAME,
    query: '[:find ?i :in $ % :where (usable ?i :tool)]',
    rules: `[[(open ?i) [?i :name _] (not [?i :item/locked true])] [(kind ?i ?k) [?i :item/kind ?k]] [(kind ?i ?k) [?i :item/in ?b] (kind ?b ?k)]
             [(usable ?i ?k) (open ?i) (kind ?i ?k) (or [?i :item/room _] [?i :item/weight _])]]`, steps: [
      [[add(1, 'name', 'a'), add(1, 'item/kind', ':tool'), add(1, 'item/room', 10), add(2, 'name', 'b'), add(2, 'item/in', 1), add(2, 'item/weight', 3)], [[1], [2]], []], [[add(1, 'item/kind', ':toy')], [], [[1], [2]]], [[add(2, 'item/kind', ':tool')], [[2]], []], [[add(2, 'item/locked', true)], [], [[2]]]] },
  { name: 'a rule that needs its argument', attributes: GAME, query: '[:find ?i ?c :in $ % :where [?i :item/weight ?w] (class ?w ?c)]', rules: '[[(class [?w] ?c) [(< ?w 5)] [(ground "light") ?c]] [(class [?w] ?c) [(>= ?w 5)] [(ground "heavy") ?c]]]', steps: [
    [[add(1, 'item/weight', 4), add(2, 'item/weight', 6)], [[1, 'light'], [2, 'heavy']], []], [[add(1, 'item/weight', 5)], [[1, 'heavy']], [[1, 'light']]], [[add(1, 'item/weight', 9)], [], []]] },
  { name: 'inputs', attributes: GAME, query: '[:find ?i :in ?limit [?kind ...] :where [?i :item/weight ?w] [(<= ?w ?limit)] [?i :item/kind ?kind]]', in: { '?limit': 5, '[?kind ...]': [':tool', ':toy'] }, steps: [
    [[add(1, 'item/weight', 5), add(1, 'item/kind', ':tool'), add(2, 'item/weight', 6), add(2, 'item/kind', ':toy'), add(3, 'item/weight', 1), add(3, 'item/kind', ':food')], [[1]], []], [[add(2, 'item/weight', 4)], [[2]], []]] },
  { name: 'assert and retract in one transaction are nothing', attributes: GAME, query: '[:find ?i :where [?i :name _]]', steps: [[[add(1, 'name', 'a'), drop(1, 'name', 'a')], [], []], [[add(1, 'name', 'a')], [[1]], []], [[drop(1, 'name', 'a'), add(1, 'name', 'a')], [], []]] },
  { name: 'patterns of the same pair of variables', attributes: GAME, query: '[:find ?a ?b :where [?a :item/room ?b] [?a :item/in ?b]]', steps: [[[add(1, 'item/room', 7), add(1, 'item/in', 7), add(2, 'item/room', 7), add(2, 'item/in', 8)], [[1, 7]], []], [[add(2, 'item/in', 7)], [[2, 7]], []]] },
  { name: 'get-else, get-some, missing?', attributes: GAME, query: '[:find ?i ?w ?a ?v :where [?i :name _] [(get-else $ ?i :item/weight 0) ?w] [(missing? $ ?i :item/room)] [(get-some $ ?i :item/kind :name) [?a ?v]]]', steps: [
    [[add(1, 'name', 'a')], [[1, 0, ':name', 'a']], []], [[add(1, 'item/weight', 3)], [[1, 3, ':name', 'a']], [[1, 0, ':name', 'a']]], [[add(1, 'item/kind', ':tool')], [[1, 3, ':item/kind', ':tool']], [[1, 3, ':name', 'a']]], [[add(1, 'item/room', 9)], [], [[1, 3, ':item/kind', ':tool']]]] },
  { name: 'tuples', attributes: GAME, query: '[:find ?t ?y :where [?i :item/weight ?w] [?i :item/room ?r] [(tuple ?w ?r) ?t] [(untuple ?t) [?x ?y]] [(< ?x 5)]]', steps: [[[add(1, 'item/weight', 4), add(1, 'item/room', 9)], [[[4, 9], 9]], []], [[add(1, 'item/weight', 5)], [], [[[4, 9], 9]]]] },
  { name: 'pull in what is found', attributes: GAME, query: '[:find ?n (pull ?b [:name {:item/_in [:name]}]) :where [?i :name ?n] [?i :item/in ?b]]', steps: [
    [[add(1, 'name', 'ring'), add(1, 'item/in', 5), add(5, 'name', 'box')], [['ring', { ':name': 'box', ':item/_in': [{ ':name': 'ring' }] }]], []],
    [[add(5, 'name', 'chest')], [['ring', { ':name': 'chest', ':item/_in': [{ ':name': 'ring' }] }]], [['ring', { ':name': 'box', ':item/_in': [{ ':name': 'ring' }] }]]]] },
]


const sorted = (rows) => [...rows].sort((a, b) => JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)

/**
 * Runs a case as a row of pages: each opens the database with what the one before has left, resumes its circuit, and makes one
 * transaction. What differs from the case, as texts.
 */
export async function overPages({ attributes, query, rules, in: given, steps }, { createDatabase, defineSchema, datalog, facts }, storage) {
  const wrong = []
  const same = (what, got, want) => { if (JSON.stringify(got) !== JSON.stringify(want)) wrong.push(`${what}: ${JSON.stringify(got)} instead of ${JSON.stringify(want)}`) }
  const config = { circuits: { case: { query, ...(rules === undefined ? {} : { rules }), ...(given === undefined ? {} : { in: given }) } } }
  let shown = []
  for (const [i, [tx, added, removed]] of steps.entries()) {
    const db = await createDatabase({ schema: defineSchema(facts(attributes)), storage: storage() })
    const data = datalog(db)
    same(`kept circuits of page ${i}`, [...data.kept.keys()], i === 0 ? [] : ['case'])
    // By the configuration, and by what is kept alone.
    if (i % 2 === 0) data.load(config)
    else data.resume()
    const view = data.views.get('case')
    same(`answer of page ${i}`, sorted(view.get()), sorted(shown))
    const told = []
    view.listen((a, r) => { told.push([sorted(a), sorted(r)]) })
    data.transact(tx)
    same(`step ${i}`, told, added.length + removed.length === 0 ? [] : [[added, removed]])
    if (!query.includes('pull')) same(`check of page ${i}`, view.verify(), { ok: true, missing: [], extra: [] })
    shown = view.get()
    db.close()
    await db.durability.closed
  }
  return wrong
}
