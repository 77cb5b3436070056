// Random programs of components with live queries, beside plain arrays: what is shown at rest and in each commit, how often it is rendered,
// and what is left of it.
import { Activity, Component, StrictMode, Suspense, createElement as h, memo, startTransition, useEffect, useLayoutEffect, useState, type ReactNode } from 'react'
import { beforeAll, describe, expect, it, vi } from 'vitest'
import { gte, withParams } from '../../../pkg/index.inline.js'
import { EddylineProvider, type HookSnapshot, useLiveQuery } from '../../../pkg/react/index.js'
import { documentWindow } from './document.js'
import { type Db, eventually, issue, open, random } from './support.js'

const seeds = Number(process.env.REACT_SEED ?? 1), runs = Number(process.env.REACT_RUNS ?? 8), steps = Number(process.env.REACT_STEPS ?? 60)

let createRoot: typeof import('react-dom/client').createRoot
let idle: () => Promise<void>
beforeAll(async () => {
  vi.stubGlobal('window', documentWindow())
  vi.stubGlobal('navigator', { userAgent: '' })
  vi.stubGlobal('document', (globalThis as any).window.document)
  createRoot = (await import('react-dom/client')).createRoot
  const scheduler: any = await import('scheduler' as string)
  // What is idle comes behind all of React's work.
  idle = async () => { for (let i = 0; i < 4; i++) { await new Promise(resolve => setTimeout(resolve)); await new Promise<void>(resolve => { scheduler.unstable_scheduleCallback(scheduler.unstable_IdlePriority, resolve) }) } }
})

interface Issue { id: string; title: string; status: string; priority: number }
/** A database, and its rows as plain objects, at each version. */
class Store {
  rows = new Map<string, Issue>()
  constructor(readonly db: Db, readonly errors: unknown[]) {}
  closed = false
  apply(r: (n: number) => number): void {
    if (this.closed) return
    const changes: any[] = []
    for (let n = 1 + r(3); n-- > 0;) {
      const id = `i${r(10)}`
      if (r(4) === 0) { changes.push({ op: 'delete', table: 'issues', id }); this.rows.delete(id); continue }
      const row = { id, title: `T${r(4)}`, status: ['open', 'done'][r(2)], priority: r(5) }
      changes.push({ op: 'upsert', table: 'issues', row: issue(id, row) })
      this.rows.set(id, row)
    }
    this.db.apply(changes)
  }
}
const compare = (a: any, b: any): number => (a === b ? 0 : a < b ? -1 : 1)

/** What a component asks for. Another object has it rendered. */
interface Spec { shape: number; status: string; least: number; window?: [number, number]; wait: boolean; beside: boolean; inside: number; same: boolean }
const select = (q: any) => q.select('id', 'title', 'status', 'priority')
function queryOf(db: any, spec: Spec): any {
  if (spec.wait) return null
  switch (spec.shape) {
    case 0: return select(db.query.issues.where('status', '=', spec.status).orderBy('id'))
    case 1: return withParams({ least: 'int' }, (p: any) => select(db.query.issues.where((i: any) => gte(i.priority, p.least)).orderBy('priority').orderBy('id')))
    default: return select(db.query.issues.orderBy('title').orderBy('id'))
  }
}
function modelOf(all: readonly Issue[], { shape, status, least, window, wait }: Spec): { rows: Issue[]; total: number | undefined } {
  if (wait) return { rows: [], total: undefined }
  const list = shape === 0 ? all.filter(i => i.status === status).sort((a, b) => compare(a.id, b.id))
    : shape === 1 ? all.filter(i => i.priority >= least).sort((a, b) => a.priority - b.priority || compare(a.id, b.id))
    : [...all].sort((a, b) => compare(a.title, b.title) || compare(a.id, b.id))
  return window === undefined ? { rows: list, total: undefined } : { rows: list.slice(window[0], window[0] + window[1]), total: list.length }
}
/** Also the same objects with other values in them. */
function optionsOf({ shape, least, window, same }: Spec, kept: Kept): object {
  const params = same ? Object.assign(kept.params, { least }) : { least }
  const place = window !== undefined && same ? Object.assign(kept.window, window) : window
  return { ...(shape === 1 ? { params } : {}), ...(place === undefined ? {} : { window: place }) }
}
interface Kept { params: { least: number }; window: [number, number] }
const text = (shown: { rows: readonly any[]; total?: number }): string => JSON.stringify([shown.rows.map(r => [r.id, r.title, r.status, r.priority]), shown.total])

class Boundary extends Component<{ children?: ReactNode }, { failed: boolean }> {
  override state = { failed: false }
  static getDerivedStateFromError(): { failed: boolean } { return { failed: true } }
  override render(): ReactNode { return this.state.failed ? 'failed' : this.props.children }
}

async function program(seed: number, wrong: string[]): Promise<() => Promise<void>> {
  const r = random(seed), strict = r(2) === 0 ? 2 : 1
  const stores = await Promise.all([0, 1].map(async () => { const { db, errors } = await open({ graceMs: 0 }); return new Store(db, errors) }))
  for (const store of stores) for (let n = 0; n < 3; n++) store.apply(r)
  const said: string[] = []
  const complain = (what: string): void => { wrong.push(`seed ${seed}: ${what}; after ${said.slice(-12).join('; ')}`) }
  /** What is on the screen, by the component's name; what was rendered of it, and how often. */
  const shown = new Map<string, HookSnapshot<any>>()
  const renders = new Map<string, number>()
  let current = stores[0]

  const Beside = ({ name, spec, specs, from, rows }: { name: string; spec: Spec; specs: readonly Spec[]; from: string; rows: readonly any[] }) => {
    const { rows: own, status } = useLiveQuery((db: any) => select(db.query.issues.orderBy('id')))
    useLayoutEffect(() => {
      // Of one commit are one version's rows.
      if (status !== 'ready' || spec.wait || specs.some(each => text({ rows: modelOf(own as any, each).rows }) === text({ rows }))) return
      complain(`torn: ${name} of ${from} ${text({ rows })} beside ${text({ rows: own })}`)
    })
    return null
  }
  const history = new Map<string, Spec[]>()
  const Part = memo(({ name, spec, fails, waits }: { name: string; spec: Spec; fails: boolean; waits: Promise<void> | undefined }) => {
    renders.set(name, (renders.get(name) ?? 0) + 1)
    const [kept] = useState<Kept>(() => ({ params: { least: 0 }, window: [0, 0] }))
    const snapshot = useLiveQuery((db: any) => queryOf(db, spec), optionsOf(spec, kept) as any) as HookSnapshot<any>
    // As a query that fails or waits otherwise does, after a query is open.
    if (fails) throw new Error('of the test')
    if (waits !== undefined && !settled.has(waits)) throw waits
    useLayoutEffect(() => { shown.set(name, snapshot); return () => { shown.delete(name) } })
    useLayoutEffect(() => { if (spec.inside === 1) current.apply(r) }, [spec])
    useEffect(() => { if (spec.inside === 2) current.apply(r) }, [spec])
    return h('p', null, text(snapshot), spec.beside ? h(Beside, { name: `beside ${name}`, spec, specs: history.get(name)!, from: snapshot.status, rows: snapshot.rows }) : null)
  })
  const settled = new Set<Promise<void>>()
  const parts = new Map<string, { spec: Spec; fails: boolean; waits: Promise<void> | undefined; hidden?: boolean }>()
  let database: unknown = current.db
  let set: (n: number) => void = () => {}
  let turn = 0
  const App = (): ReactNode => {
    const [, again] = useState(0)
    set = again
    return h(EddylineProvider, { db: database as Db, children: [...parts].map(([name, { hidden, ...each }]) =>
      h(Boundary, { key: `${name} ${String(each.fails)}` }, h(Activity, { mode: hidden === true ? 'hidden' : 'visible', children: h(Suspense, { fallback: 'waiting' }, h(Part, { name, ...each })) }))) })
  }
  const host = (globalThis as any).window.document.createElement('div')
  const root = createRoot(host, { onCaughtError: () => {} })
  root.render(strict === 2 ? h(StrictMode, null, h(App)) : h(App))
  const draw = (): void => {
    if (r(3) === 0) startTransition(() => { set(++turn) })
    else set(++turn)
  }
  const specOf = (): Spec => {
    const window: [number, number] | undefined = r(3) === 0 ? [r(4), r(5)] : undefined
    return { shape: r(3), status: ['open', 'done'][r(2)], least: r(5), window, wait: r(8) === 0, beside: window === undefined && r(2) === 0, inside: r(5), same: r(2) === 0 }
  }
  const check = async (): Promise<void> => {
    // React shows what has waited a while after it could.
    await idle()
    await eventually(() => [...parts].every(([name, { fails, waits, hidden }]) => fails || hidden === true || (waits !== undefined && !settled.has(waits)) || shown.has(name)))
    await idle()
    const all = [...current.rows.values()]
    for (const [name, { spec, fails, waits, hidden }] of parts) {
      const snapshot = shown.get(name)
      if (fails || hidden === true || (waits !== undefined && !settled.has(waits))) continue
      if (snapshot === undefined) { complain(`${name} is not shown`); continue }
      const status = spec.wait || database === null ? 'pending' : 'ready'
      const wanted = database === null ? { rows: [] } : modelOf(all, spec)
      if (snapshot.status !== status || text(snapshot) !== text(wanted)) complain(`${name} ${JSON.stringify(spec)} shows ${snapshot.status} ${text(snapshot)}, not ${status} ${text(wanted)}`)
    }
  }
  for (let step = 0; step < steps; step++) {
    const what = r(16), name = `c${r(5)}`
    if (what < 6) {
      const spec = specOf()
      // Another value of a parameter, another place of the window: of the query that is there.
      const before = parts.get(name)?.spec
      if (before !== undefined && r(2) === 0) { spec.shape = before.shape; spec.status = before.status; spec.wait = before.wait; if ((before.window === undefined) !== (spec.window === undefined)) spec.window = before.window; spec.beside &&= spec.window === undefined }
      const waits = r(8) === 0 ? new Promise<void>(resolve => setTimeout(resolve, r(3))) : undefined
      void waits?.then(() => { settled.add(waits) })
      parts.set(name, { spec, fails: r(12) === 0, waits })
      history.set(name, [...history.get(name) ?? [], spec])
      said.push(`${name} ${JSON.stringify(parts.get(name))}`)
      draw()
    } else if (what < 7) { parts.delete(name); said.push(`no ${name}`); draw() } else if (what < 8) {
      const which = r(4)
      const promise = which === 2 ? Promise.resolve(stores[r(2)]) : undefined
      if (which < 2) current = stores[which]
      if (promise !== undefined) current = await promise
      database = which === 3 ? null : promise === undefined ? current.db : promise.then(store => store.db)
      said.push(`database ${stores.indexOf(current)} ${which}`)
      draw()
    } else if (what < 9) {
      const part = parts.get(name)
      if (part !== undefined) parts.set(name, { ...part, hidden: part.hidden !== true })
      said.push(`hide or show ${name}`)
      draw()
    } else if (what < 12) { current.apply(r); said.push('apply') } else if (what < 13) { await Promise.resolve() } else if (what < 14) { await new Promise(resolve => setTimeout(resolve)) } else if (what < 15) {
      // A batch has rendered what it changes, and nothing else.
      await Promise.all([...parts.values()].map(each => each.waits))
      await check()
      const before = new Map([...parts].map(([each, { spec }]) => [each, text(modelOf([...current.rows.values()], spec))])), counted = new Map(renders)
      const was = new Map(shown)
      current.apply(r)
      said.push('apply alone')
      await idle()
      for (const [each, { spec }] of parts) {
        if (!was.has(each)) continue
        const count = renders.get(each)! - counted.get(each)!, same = database === null || text(modelOf([...current.rows.values()], spec)) === before.get(each)
        if (count > (same ? 0 : strict)) complain(`${each} ${JSON.stringify(spec)} is rendered ${count} times for ${same ? 'nothing' : 'a change'}`)
        const rows = new Map((was.get(each)!.rows as Issue[]).map(row => [row.id, row]))
        for (const row of shown.get(each)!.rows as Issue[]) {
          const old = rows.get(row.id)
          if (old !== undefined && old !== row && text({ rows: [old] }) === text({ rows: [row] })) complain(`${each}: an equal row is another object`)
        }
      }
      await check()
    } else await check()
  }
  await Promise.all([...parts.values()].map(each => each.waits))
  await check()
  if (host.textContent === '' && shown.size > 0) complain('nothing is rendered')
  // One query for all components that ask the same, and none for others; what was rendered and not shown goes within a second.
  return async () => {
    const ready = database === null ? [] : [...parts].filter(([, { fails }]) => !fails)
    const plans = new Set(ready.flatMap(([, { spec }]) => [...spec.wait ? [] : [`${spec.shape} ${spec.shape === 0 ? spec.status : spec.shape === 1 ? spec.least : ''} ${String(spec.window)}`], ...spec.beside ? ['all'] : []]))
    const views = (): number[] => stores.map(({ db }) => db.stats().views)
    // Each with parameters or a window that were set has one of its own.
    const most = ready.reduce((sum, [, { spec }]) => sum + Number(!spec.wait) , 0) + Number(plans.has('all'))
    const within = (): boolean => { const [mine, other] = stores.indexOf(current) === 0 ? views() : views().reverse(); return other === 0 && mine <= most && mine >= Number(plans.size > 0) }
    // What is hidden asks nothing, and goes on with what it showed.
    const hide = async (hidden: boolean): Promise<void> => {
      for (const [each, part] of parts) parts.set(each, { ...part, hidden })
      set(++turn)
      if (!hidden) await check()
    }
    await hide(true)
    await eventually(() => stores.every(({ db }) => db.stats().views === 0))
    if (stores.some(({ db }) => db.stats().views > 0)) complain('what is hidden has queries')
    await hide(false)
    await eventually(within)
    if (!within()) complain(`${views().join()} queries are open, of ${plans.size}`)
    const last = new Map(shown)
    current.closed = true
    current.db.close()
    await idle()
    for (const [each, { spec, fails }] of parts) {
      if (fails || spec.wait || database === null) continue
      const now = shown.get(each)
      if (now?.status !== 'closed' || text({ rows: now.rows }) !== text({ rows: last.get(each)!.rows })) complain(`${each} shows ${now?.status} ${now && text(now)} of a closed database`)
    }
    // Other queries, and components that were hidden, show the end, too.
    for (const hidden of [true, false]) {
      for (const [each, part] of parts) {
        const spec = r(2) === 0 ? part.spec : { ...part.spec, shape: 0, status: 'none' }
        parts.set(each, { ...part, hidden, spec })
        history.get(each)!.push(spec)
      }
      set(++turn)
      await idle()
    }
    await eventually(() => [...parts].every(([each, { fails }]) => fails || shown.has(each)))
    for (const [each, { spec, fails }] of parts) {
      const now = shown.get(each), status = spec.wait || database === null ? 'pending' : 'closed'
      if (!fails && now?.status !== status) complain(`${each} shows ${now?.status} of a closed database, not ${status}`)
    }
    current = stores[1 - stores.indexOf(current)]
    database = current.db
    said.push('closed, and replaced')
    set(++turn)
    await check()
    root.unmount()
    await eventually(() => current.db.stats().views === 0)
    if (current.db.stats().views !== 0) complain('a query is left')
    for (const { errors } of stores) if (errors.length > 0) complain(`errors: ${String(errors[0])}`)
    current.db.close()
  }
}

describe('random components', () => {
  it('show what arrays show, are rendered for a change alone, and leave nothing', async () => {
    const wrong: string[] = []
    const ends: (() => Promise<void>)[] = []
    for (let seed = seeds; seed < seeds + runs && wrong.length === 0; seed++) ends.push(await program(seed, wrong))
    await Promise.all(ends.map(end => end()))
    expect(wrong.slice(0, 3)).toEqual([])
  })
})
