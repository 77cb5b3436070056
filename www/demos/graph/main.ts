// A graph that one joins and cuts by clicking, and what a recursive rule says of it.
import { createDatabase, defineSchema } from 'eddyline'
import { type TxData, datalog, facts } from 'eddyline/datalog'
import { type Place, draw } from './drawing'

const RULES = `[[(reach ?a ?b) [?a :node/next ?b]]
 [(reach ?a ?b) [?a :node/next ?c]
                (reach ?c ?b)]]`
const NAMES = 'ABCDEFGHIJKLMN'
const EDGES = ['AB', 'BC', 'CD', 'DB', 'CE', 'EF', 'AF', 'FG', 'GH', 'HI', 'IG', 'JK', 'KL', 'LJ', 'MN']

const db = await createDatabase({ schema: defineSchema(facts({ 'node/name': 'string', 'node/next': { type: 'ref', many: true } })) })
const data = datalog(db)
const place = (id: string): HTMLElement => document.getElementById(id)!

const AT = [[90, 80], [245, 120], [400, 70], [440, 190], [610, 90], [150, 240], [300, 260], [430, 330], [290, 390], [640, 220], [740, 320], [590, 360], [90, 370], [180, 420]]
const places = [...NAMES].map((name, i): Place => ({ id: i + 1, name, x: AT[i][0], y: AT[i][1] }))
const nameOf = new Map(places.map(p => [p.id, p.name]))
const idOf = (name: string): number => NAMES.indexOf(name) + 1
data.transact([...places.map(p => ({ ':db/id': p.id, 'node/name': p.name })), ...EDGES.map(([a, b]) => [':db/add', idOf(a), 'node/next', idOf(b)])])

let start = 1
let chosen: number | undefined
const edges = data.view('edges', { query: '[:find ?a ?b :where [?a :node/next ?b]]' })
const reach = data.view('reach', { query: '[:find [?b ...] :in $ ?start % :where (reach ?start ?b)]', rules: RULES, in: { '?start': start } })
// Each edge that comes from where one is, or can get to, is a derivation of where it leads.
const ways = data.view('derivations', {
  query: '[:find ?b (count ?c) :in $ ?start % :where (or-join [[?start] ?c] [(identity ?start) ?c] (reach ?start ?c)) [?c :node/next ?b]]',
  rules: RULES, in: { '?start': start },
})

reach.listen((added, removed) => {
  const names = (rows: unknown[][]): string => rows.map(([id]) => nameOf.get(id as number)).sort().join(' ')
  const line = document.createElement('li')
  for (const [kind, rows] of [['added', added], ['removed', removed]] as const) {
    if (rows.length === 0) continue
    const part = document.createElement('span')
    part.className = kind
    part.textContent = `${kind === 'added' ? '+' : '−'} ${names(rows)} `
    line.append(part)
  }
  place('log').prepend(line)
})

/** What the engine counts in the fixpoint: facts, derivations, and derivations it looked at so far. */
function counters(): { derivations: number; touched: number } {
  const text = reach.explain()
  const number = (name: string): number => Number(new RegExp(`${name} (\\d+)`).exec(text)?.[1] ?? 0)
  return { derivations: number('derivations'), touched: number('touched') }
}

let before = counters().touched
function show(micros: number): void {
  const reached = new Map(ways.get() as [number, number][])
  draw(place('graph') as unknown as Element, { places, edges: edges.get() as [number, number][], reached, start, chosen }, { node: choose, edge: cut, begin })
  const { touched } = counters()
  place('start').textContent = nameOf.get(start)!
  place('reached').textContent = String((reach.get() as unknown[]).length)
  place('derivations').textContent = String([...reached.values()].reduce((a, b) => a + b, 0))
  place('touched').textContent = String(Math.max(0, touched - before))
  place('took').textContent = micros === 0 ? '–' : `${micros.toFixed(0)} µs with all queries`
  before = touched
}

function change(run: () => void): void {
  const begun = performance.now()
  run()
  show((performance.now() - begun) * 1000)
}
const transact = (tx: TxData): void => { change(() => { data.transact(tx) }) }

function choose(id: number): void {
  if (chosen === undefined || chosen === id) { chosen = chosen === id ? undefined : id; show(0); return }
  const from = chosen
  chosen = undefined
  transact([[':db/add', from, 'node/next', id]])
}
function cut(from: number, to: number): void { transact([[':db/retract', from, 'node/next', to]]) }
function begin(id: number): void {
  start = id
  chosen = undefined
  change(() => { for (const view of [reach, ways]) view.setInput('?start', id) })
}

place('rules').textContent = RULES
show(0)
document.body.dataset.ready = 'true'
