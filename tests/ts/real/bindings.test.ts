// What the bindings of all frameworks have in common: the same script in each of them.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { div, gte, param, withParams } from '../../../pkg/index.inline.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Mounted, type Seen, type Spec, bindings } from './bindings.js'
import { type Db, eventually, open, put, schema } from './support.js'

const root = vi.hoisted(() => new URL('../../../node_modules/', import.meta.url).href)
vi.mock('solid-js', () => import(/* @vite-ignore */ `${root}solid-js/dist/solid.js`))
vi.mock('solid-js/web', () => ({ isServer: false }))
vi.mock('svelte', () => import(/* @vite-ignore */ `${root}svelte/src/index-client.js`))
vi.mock('svelte/reactivity', () => import(/* @vite-ignore */ `${root}svelte/src/reactivity/index-client.js`))
vi.mock('svelte/store', () => import(/* @vite-ignore */ `${root}svelte/src/store/index-client.js`))

const ends: (() => void)[] = []
afterEach(() => { for (const end of ends.splice(0).reverse()) end() })

/** How many live queries were opened. */
function counted(db: Db): { opened: number } {
  const count = { opened: 0 }, original = db.live.bind(db)
  db.live = ((...given: [never]) => { count.opened++; return original(...given) }) as never
  return count
}
async function database(): Promise<Db> {
  const { db } = await open({ graceMs: 0 })
  ends.push(() => { db.close() })
  db.apply(['a', 'b', 'c'].map(id => put(id, { title: `T${id}` })))
  return db
}
const titles: Spec = { make: db => db.query.issues.orderBy('id').select('id', 'title') }
const ofStatus = (status: string): Spec => ({ make: db => db.query.issues.where('status', '=', status).orderBy('id') })

const text = ({ snapshot, thrown }: Seen): string => thrown === undefined ? `${snapshot!.status} ${snapshot!.rows.map(row => row.title).join()}${snapshot!.total === undefined ? '' : ` of ${snapshot!.total}`}` : thrown.code ?? String(thrown)
const last = (mounted: Mounted): Seen => mounted.seen.at(-1) ?? {}

for (const binding of bindings) {
  const mount = async (db: unknown, spec: Spec): Promise<Mounted> => {
    const mounted = await binding.mount(db, spec)
    let isThere = true
    const unmount = (): void => {
      if (isThere) mounted.unmount()
      isThere = false
    }
    ends.push(unmount)
    return { ...mounted, unmount }
  }
  const shows = async (mounted: Mounted, wanted: string): Promise<void> => {
    await eventually(async () => { await mounted.settle(); return mounted.seen.length > 0 && text(last(mounted)) === wanted })
    expect(text(last(mounted))).toBe(wanted)
  }
  const isLeft = async (db: Db): Promise<void> => {
    await eventually(() => db.stats().views === 0)
    expect(db.stats().views).toBe(0)
  }

  describe(binding.name, () => {
    it('shows the first rows at once, then what changes, and lets go of the query at its end', async () => {
      const db = await database()
      const mounted = await mount(db, titles)
      expect(mounted.seen.map(text)).toEqual(['ready Ta,Tb,Tc'])
      const before = last(mounted).snapshot!.rows
      db.apply([put('b', { title: 'other' })])
      await mounted.settle()
      expect(mounted.seen.map(text)).toEqual(['ready Ta,Tb,Tc', 'ready Ta,other,Tc'])
      expect(last(mounted).snapshot!.rows.map((row, i) => row === before[i])).toEqual([true, false, true])
      // What it does not show, and the same again, is no news.
      db.apply([put('b', { title: 'other', priority: 5 }), { op: 'upsert', table: 'projects', row: { id: 'p', name: 'P' } }])
      await mounted.settle()
      expect(mounted.seen).toHaveLength(2)
      expect(db.stats().views).toBe(1)
      mounted.unmount()
      await isLeft(db)
    })

    it('keeps the live query of an equal plan, and has one for another', async () => {
      const db = await database()
      db.apply([put('x', { status: 'done', title: 'X' })])
      const count = counted(db)
      const mounted = await mount(db, ofStatus('open'))
      for (let n = 0; n < 3; n++) mounted.ask(ofStatus('open'))
      await shows(mounted, 'ready Ta,Tb,Tc')
      expect(count.opened).toBe(1)
      mounted.ask(ofStatus('done'))
      await shows(mounted, 'ready X')
      expect(count.opened).toBe(2)
      await eventually(() => db.stats().views === 1)
      expect(db.stats().views).toBe(1)
      db.apply([put('a', { status: 'done', title: 'A' })])
      await shows(mounted, 'ready A,X')
    })

    it('sets parameters and moves its window without another live query', async () => {
      const db = await database()
      db.apply([put('b', { priority: 2, title: 'Tb' }), put('c', { priority: 3, title: 'Tc' })])
      const count = counted(db)
      const make = (d: any) => withParams({ least: 'int' }, p => d.query.issues.where((i: any) => gte(i.priority, p.least)).orderBy('id'))
      const mounted = await mount(db, { make, params: { least: 1 } })
      for (const [least, wanted] of [[2, 'Tb,Tc'], [3, 'Tc'], [1, 'Ta,Tb,Tc']] as const) {
        mounted.ask({ make, params: { least } })
        await shows(mounted, `ready ${wanted}`)
      }
      expect(count.opened).toBe(1)
      mounted.ask({ make: titles.make, window: [0, 2] })
      await shows(mounted, 'ready Ta,Tb of 3')
      expect(count.opened).toBe(2)
      mounted.ask({ make: titles.make, window: [1, 2] })
      await shows(mounted, 'ready Tb,Tc of 3')
      // The length of the list is told, too, though no row in view changes.
      db.apply([put('d', { title: 'Td' })])
      await shows(mounted, 'ready Tb,Tc of 4')
      expect(count.opened).toBe(2)
    })

    it('waits for a query that is null or false', async () => {
      const db = await database()
      const mounted = await mount(db, { make: () => null })
      expect(text(last(mounted))).toBe('pending ')
      expect(db.stats().views).toBe(0)
      mounted.ask(titles)
      await shows(mounted, 'ready Ta,Tb,Tc')
      mounted.ask({ make: () => false })
      await shows(mounted, 'pending ')
      await isLeft(db)
    })

    it('throws what is wrong with a query, and goes on with one that is right', async () => {
      const db = await database()
      const least = (d: any) => d.query.issues.where((i: any) => gte(i.priority, param('least'))).orderBy('id')
      const wrong: [Spec, string][] = [
        [{ make: () => undefined }, 'QUERY_INVALID'], [{ make: () => ({}) }, 'QUERY_INVALID'], [{ make: () => 5 }, 'QUERY_INVALID'], [{ make: d => d.query.isues }, 'UNKNOWN_TABLE'],
        [{ make: d => d.query.issues.where('statsu', '=', 'open') }, 'UNKNOWN_COLUMN'], [{ make: least }, 'MISSING_PARAMETER'], [{ make: least, params: { least: 1, most: 2 } }, 'UNKNOWN_PARAMETER'],
        [{ make: least, params: { least: 'x' } }, 'TYPE_MISMATCH'],
      ]
      for (const [spec, code] of wrong) {
        const mounted = await mount(db, spec)
        expect([text(last(mounted)), last(mounted).thrown.name]).toEqual([code, 'EddylineError'])
        mounted.unmount()
      }
      const mounted = await mount(db, titles)
      for (const [spec, code] of wrong) {
        mounted.ask(spec)
        await shows(mounted, code)
        mounted.ask(titles)
        await shows(mounted, 'ready Ta,Tb,Tc')
      }
      // Also of a live query that is there.
      mounted.ask({ make: least, params: { least: 1 } })
      await shows(mounted, 'ready Ta,Tb,Tc')
      mounted.ask({ make: least, params: { least: 'x' } })
      await shows(mounted, 'TYPE_MISMATCH')
      mounted.ask({ make: least, params: { least: 2 } })
      await shows(mounted, 'ready ')
      mounted.unmount()
      await isLeft(db)
    })

    it('shows that a query cannot be evaluated, with the last good rows', async () => {
      const db = await database()
      const mounted = await mount(db, { make: d => d.query.issues.select((i: any) => ({ id: i.id, title: i.title, x: div(12, i.priority) })) })
      db.apply([put('b', { title: 'Tb', priority: 0 })])
      await shows(mounted, 'error Ta,Tb,Tc')
      expect(last(mounted).snapshot!.error).toMatchObject({ code: 'DIVISION_BY_ZERO' })
      db.apply([put('b', { title: 'Tb', priority: 1 })])
      await shows(mounted, 'ready Ta,Tb,Tc')
      expect(last(mounted).snapshot!.error).toBeUndefined()
    })

    it('waits for the promise of a database, takes another database, and says what a promise is rejected with', async () => {
      const [db, other] = [await database(), await database()]
      other.apply([{ op: 'delete', table: 'issues', id: 'b' }])
      let resolve!: (db: Db) => void
      const promise = new Promise<Db>(there => { resolve = there })
      const mounted = await mount(promise, titles)
      expect(text(last(mounted))).toBe('pending ')
      resolve(db)
      await shows(mounted, 'ready Ta,Tb,Tc')
      mounted.give(other)
      await shows(mounted, 'ready Ta,Tc')
      await isLeft(db)
      mounted.give(null)
      await shows(mounted, 'pending ')
      await isLeft(other)
      mounted.give(Promise.resolve(db))
      await shows(mounted, 'ready Ta,Tb,Tc')
      mounted.unmount()
      // React tells boundaries above the provider.
      if (binding.name === 'react') return
      const failed = await mount(Promise.reject(Object.assign(new Error('x'), { code: 'LOAD_FAILED' })), titles)
      await shows(failed, 'LOAD_FAILED')
    })

    it('shows rows of a database in a worker as they come', async () => {
      const far = await createWorkerDatabase({ schema, graceMs: 0 })
      ends.push(() => { far.close() })
      await far.apply([put('a', { title: 'Ta' }), put('b', { title: 'Tb', priority: 2 })] as never)
      const make = (d: any) => d.query.issues.where((i: any) => gte(i.priority, param('least'))).orderBy('id')
      const mounted = await mount(far, { make, params: { least: 1 } })
      expect(text(mounted.seen[0])).toBe('loading ')
      await shows(mounted, 'ready Ta,Tb')
      await far.apply([put('c', { title: 'Tc', priority: 3 })] as never)
      await shows(mounted, 'ready Ta,Tb,Tc')
      mounted.ask({ make, params: { least: 2 } })
      await shows(mounted, 'ready Tb,Tc')
      mounted.ask({ make: d => d.query.issues.orderBy('id'), window: [1, 1] })
      await shows(mounted, 'ready Tb of 3')
      mounted.unmount()
      await eventually(async () => (await far.stats()).views === 0)
      expect((await far.stats()).views).toBe(0)
    })

    it('shows the end of the database as a status, whatever is asked for', async () => {
      const db = await database()
      const mounted = await mount(db, titles)
      db.close()
      await shows(mounted, 'closed Ta,Tb,Tc')
      mounted.ask(ofStatus('done'))
      await shows(mounted, 'closed ')
      mounted.unmount()
      await shows(await mount(db, titles), 'closed ')
    })

    it('takes parameters and a window whose objects are the same with other values in them', async () => {
      const db = await database()
      db.apply([put('c', { title: 'Tc', priority: 5 })])
      const params = { least: 0 }, window: [number, number] = [0, 1]
      const make = (d: any) => withParams({ least: 'int' }, p => d.query.issues.where((i: any) => gte(i.priority, p.least)).orderBy('id'))
      const mounted = await mount(db, { make, params, window })
      expect(text(last(mounted))).toBe('ready Ta of 3')
      window[1] = 2
      mounted.ask({ make, params, window })
      await shows(mounted, 'ready Ta,Tb of 3')
      params.least = 2
      mounted.ask({ make, params, window })
      await shows(mounted, 'ready Tc of 1')
    })
  })
}

