// Accounts receivable, the example of Cinema's README, as a page: the graph of projections with live counts.
import { createDatabase } from 'eddyline'
import { projections, workers } from 'eddyline/project'
import { type Box, draw } from './drawing'
import { Accounts, Digests, Organisations, Receivable, Reminders, schema } from './model'

const place = (id: string): HTMLElement => document.getElementById(id)!
const NAMES = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Niklaus', 'Radia']
const ORGANISATIONS = [123, 9, 40]

const db = await createDatabase({ schema })
const engine = workers(() => new Worker(new URL('./functions.worker.ts', import.meta.url), { type: 'module' }), { size: 2 })
const p = projections(db, { engine })

let nextAccount = 1, nextInvoice = 1
const account = (orgId: number): object => ({ op: 'insert', table: 'accounts', row: { id: nextAccount, orgId, name: NAMES[nextAccount++ % 8] } })
const invoice = (accountId: number, amount: number): object => ({ op: 'insert', table: 'invoices', row: { id: nextInvoice++, accountId, amount } })
db.apply([
  ...Array.from({ length: 12 }, (_, i) => account(ORGANISATIONS[i % 3])),
  ...Array.from({ length: 40 }, (_, i) => invoice(1 + (i * 5) % 12, 5 + (i * 7) % 40)),
] as never)

// ---- the graph ---------------------------------------------------------------------------------------------------------

p.register(Receivable, Organisations, Reminders, Digests)
const levels = p.plan(Digests)
const kinds = new Map([Accounts, Receivable, Organisations, Reminders, Digests].map(d => [d.name as string, d.kind]))
const last = new Map<string, string>()
let fresh = new Set<string>()
const counts = new Map<string, number>()

/** Follows the rows of a table or projection: how many there are, and what the last version did to them. */
function follow(name: string, live: { rows: readonly unknown[]; subscribe(fn: (event: { rows: readonly unknown[]; diff: readonly { t: string }[] }) => void): unknown }): void {
  counts.set(name, live.rows.length)
  live.subscribe(({ rows, diff }) => {
    counts.set(name, rows.length)
    const of = (t: string, sign: string): string => { const n = diff.filter(d => d.t === t).length; return n === 0 ? '' : `${sign}${n} ` }
    last.set(name, `${of('add', '+')}${of('remove', '−')}${of('set', '~')}`.trim() || last.get(name) || '')
    fresh.add(name)
    soon()
  })
}
for (const name of ['accounts', 'invoices', 'receivable', 'organisations', 'reminders', 'digests'] as const) follow(name, db.live<any>(db.query[name] as never))
follow('Accounts', p.live(Accounts))

const boxes = (): Box[] => [
  ...['accounts', 'invoices'].map((name): Box => ({ name, kind: 'table', column: 0, inputs: [], rows: counts.get(name)!, last: last.get(name) ?? '', status: '', fresh: fresh.has(name) })),
  ...levels.flatMap((level, i) => level.map((name): Box => {
    const inputs = name === 'Accounts' ? ['accounts'] : p.inputsOf(name)
    return { name, kind: kinds.get(name)!, column: i + 1, inputs, rows: counts.get(name)!, last: last.get(name) ?? '', status: p.status(name).status, fresh: fresh.has(name) }
  })),
]

// ---- what is shown -----------------------------------------------------------------------------------------------------

const owed = db.live(db.query.receivable.orderBy('total', 'desc').limit(20))
const letters = db.live(db.query.reminders.orderBy('accountId'))
const cells = (...texts: (string | number)[]): HTMLElement => {
  const line = document.createElement('tr')
  line.append(...texts.map(text => Object.assign(document.createElement('td'), { textContent: String(text) })))
  return line
}
let waits = false
/** Once for all that happens in a task. */
function soon(): void {
  if (waits) return
  waits = true
  requestAnimationFrame(() => {
    waits = false
    draw(place('graph'), boxes())
    place('receivable').replaceChildren(...owed.rows.map(r => cells(r.name, r.orgId, r.invoices, r.total)))
    place('reminders').replaceChildren(...letters.rows.map(r => Object.assign(document.createElement('li'), { textContent: r.text })))
    document.body.dataset.version = String(db.version)
  })
}
p.subscribe(span => {
  if (span.event !== 'project' || span.phase === 'start') return
  const line = document.createElement('li')
  line.textContent = `${span.projection} · ${span.lens} · ${span.phase === 'error' ? String((span.error as Error).message) : `${span.rowsIn} rows read, ${span.changed} changed`} · ${span.ms!.toFixed(1)} ms`
  place('runs').prepend(line)
  while (place('runs').children.length > 8) place('runs').lastChild!.remove()
})

const act = (changes: object[]): void => { fresh = new Set(); last.clear(); db.apply(changes as never); soon() }
const pick = <T,>(list: readonly T[]): T => list[Math.floor(Math.random() * list.length)]
const paused = (): boolean => p.status(Reminders).status === 'paused'
const actions: [string, (button: HTMLButtonElement) => void][] = [
  ['An invoice of 3', () => { act([invoice(2, 3)]) }],
  ['The first pays', () => {
    const first = owed.rows[0]
    if (first === undefined) return
    const open = db.live(db.query.invoices.where('accountId', '=', first.accountId))
    act(open.rows.map(i => ({ op: 'delete', table: 'invoices', id: i.id })))
    open.dispose()
  }],
  ['A new account', () => { act([account(pick(ORGANISATIONS)), invoice(nextAccount - 1, 120)]) }],
  ['100 invoices', () => { act(Array.from({ length: 100 }, () => invoice(1 + Math.floor(Math.random() * (nextAccount - 1)), 1 + Math.floor(Math.random() * 20)))) }],
  ['Pause reminders', button => {
    if (paused()) p.resume(Reminders)
    else p.pause(Reminders)
    button.textContent = paused() ? 'Resume reminders' : 'Pause reminders'
    soon()
  }],
  ['Run again for 123', () => { fresh = new Set(); void p.project(Digests, { orgId: 123 }).then(soon) }],
]
place('actions').append(...actions.map(([label, act]) => { const button = Object.assign(document.createElement('button'), { textContent: label }); button.onclick = () => { act(button) }; return button }))

// One lens for each organisation: a change runs those again that it is about.
await Promise.all(ORGANISATIONS.map(orgId => p.project(Digests, { orgId })))
fresh = new Set()
soon()
document.body.dataset.ready = ''
