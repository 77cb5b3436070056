// The reducer of Derive's README as a page: users folded from events, a partition that halts, a rebuild with its progress.
import { createDatabase, defineSchema, int, string, table } from 'eddyline'
import { memoryLog, reducer, reducers } from 'eddyline/reduce'
import { indexedDb } from 'eddyline/storage'

interface Event { id: number; type: 'UserCreated' | 'UserNameUpdated' | 'UserDeactivated' | 'Broken'; user: string; name?: string }

const schema = defineSchema({ users: table({ id: string().key(), name: string(), renamed: int() }) })
const place = (id: string): HTMLElement => document.getElementById(id)!

// The log of a server: the same 100,000 events each time, for 1,000 users; what the buttons append comes behind.
const first = ['Ada', 'Grace', 'Edsger', 'Barbara', 'Donald', 'Frances', 'Niklaus', 'Radia']
const log = memoryLog<Event>(e => e.id, Array.from({ length: 100_000 }, (_, i): Event => {
  const user = `u${String(i % 1000).padStart(3, '0')}`
  return i < 1000 ? { id: i + 1, type: 'UserCreated', user, name: first[i % 8]! } : { id: i + 1, type: 'UserNameUpdated', user, name: `${first[(i * 7) % 8]} ${Math.floor(i / 1000)}` }
}))

const users = reducer<Event>('users', {
  tables: ['users'], partition: e => e.user, cursor: e => e.id, coalesce: true, snapshotEvery: 25_000,
  on: {
    UserCreated: (e: Event, op) => { op.insert('users', { id: e.user, name: e.name, renamed: 0 }) },
    UserNameUpdated: (e: Event, op) => { op.update('users', e.user, { name: e.name }); op.inc('users', e.user, { renamed: 1 }) },
    UserDeactivated: (e: Event, op) => { op.delete('users', e.user) },
    Broken: () => { throw new Error('no handler can make sense of this event') },
  },
})

const db = await createDatabase({ schema, storage: indexedDb('demo-reducer', { tabs: true, onMismatch: 'rebuild' }) })
const live = db.live(db.query.users.orderBy('renamed', 'desc').orderBy('id').limit(12))

const buttons = new Map<string, HTMLButtonElement>()
let cancel: AbortController | undefined
let awaitsDisk = false
function show(): void {
  place('users').replaceChildren(...live.rows.map(row => {
    const line = document.createElement('tr')
    line.append(...[row.id, row.name, String(row.renamed)].map(text => Object.assign(document.createElement('td'), { textContent: text })))
    return line
  }))
  const running = reducers(db).get('users')
  const { status, pending } = db.durability!
  place('state').textContent = status === 'follower' ? 'Another tab folds; this one follows it.' : `Folded up to event ${running?.cursor ?? '–'}; storage: ${status}${pending > 0 ? `, ${pending} transactions on their way` : ''}.`
  place('errors').replaceChildren(...(running?.errors() ?? []).map(p => Object.assign(document.createElement('li'), { textContent: `${p.id} halted at event ${p.error!.cursor}: ${p.error!.message}` })))
  const is = { 'Skip broken events': (running?.errors().length ?? 0) > 0, Rebuild: cancel === undefined && status !== 'follower', Cancel: cancel !== undefined }
  for (const [label, can] of Object.entries(is)) { const b = buttons.get(label); if (b !== undefined) b.disabled = !can }
  document.body.dataset.shown = String(live.version)
  if (pending === 0 || awaitsDisk) return
  // Nothing else tells that they have got there.
  awaitsDisk = true
  void db.flush().then(() => { awaitsDisk = false; show() }, () => { awaitsDisk = false })
}
live.subscribe(show)
db.subscribe(show)
db.durability!.subscribe(show)

const bar = place('progress')
async function rebuild(): Promise<void> {
  cancel = new AbortController()
  bar.hidden = false
  show()
  try {
    await reducers(db).rebuild(users, {
      source: log, signal: cancel.signal,
      onProgress: ({ processed, total = processed, elapsed, remaining, done }) => {
        bar.querySelector('progress')!.value = total === 0 ? 1 : processed / total
        bar.querySelector('span')!.textContent = `${processed.toLocaleString()} of ${total.toLocaleString()}, ${(elapsed / 1000).toFixed(1)} s${done ? ', done' : remaining === undefined ? '' : `, ${(remaining / 1000).toFixed(1)} s to go`}`
      },
    })
  } catch (error) { bar.querySelector('span')!.textContent = (error as Error).message }
  cancel = undefined
  show()
}

const next = (): number => Math.max(log.events.at(-1)?.id ?? 0, Number(reducers(db).get('users')?.cursor ?? 0)) + 1
const append = (type: Event['type'], name?: string): void => { log.append({ id: next(), type, user: live.rows[0]?.id ?? 'u000', name }) }
const actions: [string, () => void][] = [
  ['Rename the first', () => { append('UserNameUpdated', `Renamed at ${new Date().toLocaleTimeString()}`) }],
  ['Send a broken event', () => { append('Broken') }],
  ['Skip broken events', () => { const r = reducers(db).get('users'); for (const p of r?.errors() ?? []) void r!.resume(p.id, 'skip').then(show) }],
  ['Rebuild', () => { void rebuild() }],
  ['Cancel', () => { cancel?.abort() }],
]
for (const [label, act] of actions) buttons.set(label, Object.assign(document.createElement('button'), { textContent: label, onclick: act }))
place('actions').append(...buttons.values())
show()
const running = await reducers(db).start(users, { source: log, batchSize: 2000 })
running.subscribe(show)
await running.awaitCatchup()
document.body.dataset.ready = ''
show()
