// Components when the database ends, and when what they give is the same object with other values in it.
import { Activity, Component, createElement as h, memo, type ReactNode } from 'react'
import { beforeAll, expect, it, vi } from 'vitest'
import { gte, withParams } from '../../../pkg/index.inline.js'
import { EddylineProvider, useLiveQuery } from '../../../pkg/react/index.js'
import { documentWindow } from './document.js'
import { eventually, open, put } from './support.js'

let createRoot: typeof import('react-dom/client').createRoot
beforeAll(async () => {
  const window = documentWindow()
  for (const [name, value] of Object.entries({ window, document: window.document, navigator: { userAgent: '' } })) vi.stubGlobal(name, value)
  createRoot = (await import('react-dom/client')).createRoot
})

class Boundary extends Component<{ children?: ReactNode }, { code?: string }> {
  override state: { code?: string } = {}
  static getDerivedStateFromError({ code }: { code: string }): { code: string } { return { code } }
  override render(): ReactNode { return this.state.code ?? this.props.children }
}
const List = memo(({ status, window }: { status: string; window?: [number, number] }) => {
  const shown = useLiveQuery((db: any) => db.query.issues.where('status', '=', status).orderBy('id').select('title'), { window })
  return `${shown.status} ${shown.rows.map((row: any) => row.title).join()} of ${shown.total}; `
})

async function host() {
  const { db } = await open({ graceMs: 0 })
  db.apply([put('a', { title: 'A' }), put('b', { title: 'B' })])
  const element = (globalThis as any).window.document.createElement('div'), root = createRoot(element, { onCaughtError: () => {} })
  return {
    db, root,
    /** What is on the screen when it is as it should be, or does not become so. */
    shows: async (wanted: string, ...children: ReactNode[]): Promise<void> => {
      if (children.length > 0) root.render(h(EddylineProvider, { db, children: h(Boundary, null, ...children) }))
      await eventually(() => element.textContent === wanted || /^[A-Z_]{4,}$/.test(element.textContent))
      expect(element.textContent).toBe(wanted)
    },
  }
}

it('a component that comes, asks for something else or is shown again when the database has ended shows that it has', async () => {
  const { db, root, shows } = await host()
  const part: [number, number] = [0, 1]
  const hidden = (mode: 'hidden' | 'visible') => h(Activity, { key: 'hidden', mode, children: h(List, { status: 'open', window: part }) })
  await shows('ready A,B of undefined; ready A of 2; ', h(List, { key: 'x', status: 'open' }), hidden('visible'))
  root.render(h(EddylineProvider, { db, children: h(Boundary, null, h(List, { key: 'x', status: 'open' }), hidden('hidden')) }))
  await eventually(() => db.stats().views === 1)
  db.close()
  await shows('closed A,B of undefined; closed A of 2; ', h(List, { key: 'x', status: 'open' }), hidden('visible'))
  await shows('closed  of undefined; closed A of 2; closed  of undefined; ', h(List, { key: 'x', status: 'done' }), hidden('visible'), h(List, { key: 'new', status: 'open' }))
  root.unmount()
})

it('takes parameters and a window whose objects are the same with other values in them', async () => {
  const { db, root, shows } = await host()
  db.apply([put('c', { title: 'C', priority: 5 })])
  const params = { least: 0 }, window: [number, number] = [0, 1]
  const Part = (_: { turn: number }) => useLiveQuery((d: any) => withParams({ least: 'int' }, (p: any) => d.query.issues.where((i: any) => gte(i.priority, p.least)).orderBy('id')) as never, { params, window } as never)
    .rows.map((row: any) => row.title).join()
  await shows('A', h(Part, { turn: 0 }))
  window[1] = 2
  await shows('A,B', h(Part, { turn: 1 }))
  params.least = 2
  await shows('C', h(Part, { turn: 2 }))
  root.unmount()
  db.close()
})
