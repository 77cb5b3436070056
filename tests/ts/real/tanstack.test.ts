// `fromTanStack` with the adapters as they are published: Electric over a shape log of a test, TanStack Query with a function.
import { createCollection, liveQueryCollectionOptions, localOnlyCollectionOptions, localStorageCollectionOptions } from '@tanstack/db'
import { electricCollectionOptions } from '@tanstack/electric-db-collection'
import { QueryClient } from '@tanstack/query-core'
import { queryCollectionOptions } from '@tanstack/query-db-collection'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type EddylineError, createDatabase } from '../../../pkg/index.inline.js'
import { type TanStackSync, fromTanStack } from '../../../pkg/tanstack/index.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { type Db, eventually, failure, open, schema } from './support.js'

interface Project { [column: string]: string; id: string; name: string }
/** Until it says nothing more; what it says at last is what is wrong. */
const until = async (check: () => void) => {
  await eventually(() => { try { check(); return true } catch { return false } })
  check()
}
const message = (operation: 'insert' | 'update' | 'delete', value: object) => ({ key: JSON.stringify(value), value, headers: { operation, relation: ['public', 'projects'] } })
const control = (name: string) => ({ headers: { control: name } })
const upToDate = control('up-to-date')

/** Of all logs: the client keeps which ones are gone, by address, and takes what has a cursor that it knows for cached. */
let handles = 0
let cursor = 1

/** An Electric server: a log that is read from any offset, and waited for at its end. */
function shapeLog() {
  let handle = `h${handles++}`
  const url = `http://localhost/${handle}/v1/shape`
  let chunks: object[][] = []
  let status = 200
  let subsets = 0
  let waiting: (() => void)[] = []
  const wake = () => {
    for (const each of waiting) each()
    waiting = []
  }
  const answer = (body: unknown, offset: number, more?: object, code = 200) => new Response(JSON.stringify(body), {
    status: code,
    headers: {
      'content-type': 'application/json', 'electric-handle': handle, 'electric-offset': `${offset}_0`, 'electric-cursor': `${cursor++}`,
      'electric-schema': '{"id":{"type":"text","pk_index":0},"name":{"type":"text"}}', ...more,
    },
  })
  return {
    url,
    tell: (...messages: object[]) => { chunks.push(messages); wake() },
    /** The log is another one from now on. */
    refetch: (...messages: object[]) => { handle = `h${handles++}`; chunks = [messages]; wake() },
    fail: (code: number) => { status = code; wake() },
    fetchClient: async (input: unknown, init?: RequestInit): Promise<Response> => {
      const asked = new URL(String(input)).searchParams
      const of = (name: string) => asked.get(name)
      if (init?.method === 'POST' || [...asked.keys()].some(k => k.startsWith('subset'))) {
        return answer({ metadata: { xmin: '1', xmax: '2', xip_list: [], snapshot_mark: 1, database_lsn: '1' }, data: [message('insert', { id: 's', name: `Subset ${subsets++}` })] }, 0)
      }
      const offset = of('offset')
      const at = offset === 'now' ? chunks.length : offset === '-1' ? 0 : Number.parseInt(offset!)
      for (;;) {
        if (status !== 200) return new Response('no', { status })
        if (of('handle') !== null && of('handle') !== handle) return answer([control('must-refetch')], 0, {}, 409)
        if (at < chunks.length) return answer(chunks[at], at + 1, chunks[at].includes(upToDate) ? { 'electric-up-to-date': '' } : {})
        // From now on there is nothing yet.
        if (offset === 'now') return answer([upToDate], at, { 'electric-up-to-date': '' })
        await new Promise<void>((resolve, reject) => {
          waiting.push(resolve)
          init?.signal?.addEventListener('abort', () => { reject(init.signal!.reason ?? new Error('aborted')) }, { once: true })
        })
      }
    },
  }
}

function electric(log: ReturnType<typeof shapeLog>, more?: object) {
  return electricCollectionOptions<Project>({
    id: 'projects', getKey: row => row.id, ...more,
    shapeOptions: { url: log.url, params: { table: 'projects' }, fetchClient: log.fetchClient as typeof fetch, onError: () => {} },
  })
}

/** Errors that adapters print are expected. */
const quietly = () => {
  const spy = vi.spyOn(console, 'error').mockImplementation(() => {})
  onTestFinished(() => { spy.mockRestore() })
}

describe('Electric', () => {
  it.each(['options', 'their sync'])('loads, changes, deletes, fetches again and ends: %s', async given => {
    const { db, errors } = await open()
    const log = shapeLog()
    const options = electric(log)
    const live = db.live(db.query.projects.orderBy('id'))
    let told = 0
    live.subscribe(() => { told++ })
    const connection = db.connect(fromTanStack('projects', given === 'options' ? options : options.sync))
    expect(connection.status).toBe('connecting')
    log.tell(message('insert', { id: 'a', name: 'A' }), message('insert', { id: 'b', name: 'B' }))
    log.tell(upToDate)
    await connection.ready
    expect([live.rows, told]).toEqual([[{ id: 'a', name: 'A' }, { id: 'b', name: 'B' }], 1])

    const { version } = db
    log.tell(upToDate)
    log.tell(message('update', { id: 'a', name: 'A2' }), message('delete', { id: 'b' }), message('update', { id: 'nobody', name: '?' }), upToDate)
    await until(() => { expect(live.rows).toEqual([{ id: 'a', name: 'A2' }]) })
    expect(db.version).toBe(version + 1)

    const [kept] = live.rows
    log.refetch(message('insert', { id: 'a', name: 'A2' }), message('insert', { id: 'c', name: 'C' }))
    log.tell(upToDate)
    await until(() => { expect(live.rows.map(r => r.id)).toEqual(['a', 'c']) })
    expect([live.rows[0] === kept, told, connection.status, errors]).toEqual([true, 3, 'ready', []])

    connection.close()
    log.tell(message('delete', { id: 'a' }), upToDate)
    await new Promise(resolve => setTimeout(resolve, 30))
    expect([live.rows.length, connection.status, errors]).toEqual([2, 'closed', []])
  })

  it('tells its utils of transactions, and connects again', async () => {
    const { db, errors } = await open()
    const log = shapeLog()
    const options = electric(log)
    const first = db.connect(fromTanStack('projects', options))
    log.tell({ ...message('insert', { id: 'a', name: 'A' }), headers: { operation: 'insert', txids: [7] } }, upToDate)
    await first.ready
    await expect(options.utils.awaitTxId(7)).resolves.toBe(true)
    first.close()
    log.tell(message('update', { id: 'a', name: 'A again' }), upToDate)
    const second = db.connect(fromTanStack('projects', options))
    await until(() => { expect(db.live(db.query.projects).rows).toEqual([{ id: 'a', name: 'A again' }]) })
    expect([second.status, errors]).toEqual(['ready', []])
    second.close()
  })

  it('on demand loads everything, and again after a refetch', async () => {
    const { db, errors } = await open()
    const log = shapeLog()
    const live = db.live(db.query.projects)
    const connection = db.connect(fromTanStack('projects', electric(log, { syncMode: 'on-demand' })))
    await connection.ready
    expect(live.rows.map(r => r.id)).toEqual(['s'])
    const [before] = live.rows
    log.tell(message('insert', { id: 't', name: 'T' }), upToDate)
    await until(() => { expect(live.rows.map(r => r.id)).toEqual(['s', 't']) })
    log.refetch(upToDate)
    await until(() => { expect(live.rows.length === 1 && live.rows[0].name !== before.name).toBe(true) })
    expect([errors, connection.status]).toEqual([[], 'ready'])
    connection.close()
  })

  it('progressive: the whole log takes the place of what was loaded first', async () => {
    const { db, errors } = await open()
    const log = shapeLog()
    const live = db.live(db.query.projects)
    const connection = db.connect(fromTanStack('projects', electric(log, { syncMode: 'progressive' })))
    log.tell(message('insert', { id: 'a', name: 'A' }))
    await until(() => { expect(live.rows.map(r => r.id)).toEqual(['s']) })
    log.tell(upToDate)
    await connection.ready
    expect([live.rows, errors]).toEqual([[{ id: 'a', name: 'A' }], []])
    connection.close()
  })

  it('a server that refuses is a typed error with the cause', async () => {
    quietly()
    const { db, errors } = await open()
    const log = shapeLog()
    const connection = db.connect(fromTanStack('projects', electric(log)))
    log.fail(400)
    const error = await connection.ready.catch(e => e)
    expect(error).toMatchObject({ name: 'EddylineError', code: 'SOURCE_FAILED', offending: 'tanstack:projects', cause: { status: 400 } })
    expect([errors, connection.status, connection.error]).toEqual([[error], 'error', error])
    connection.close()
  })

  it('rows that the table refuses are an error of the connection: nothing is thrown at the stream', async () => {
    const uncaught: unknown[] = []
    const note = (e: unknown) => { uncaught.push(e) }
    process.on('uncaughtException', note)
    onTestFinished(() => { process.off('uncaughtException', note) })
    const { db, errors } = await open()
    const log = shapeLog()
    const connection = db.connect(fromTanStack('projects', electric(log)))
    log.tell(message('insert', { id: 'a' }), upToDate)
    await expect(connection.ready).rejects.toMatchObject({ code: 'MISSING_COLUMN' })
    expect([connection.status, db.live(db.query.projects).rows, errors.length]).toEqual(['error', [], 1])
    // Ready, says the adapter, and the row is missing still.
    log.tell(message('insert', { id: 'b', name: 'B' }), upToDate)
    await until(() => { expect(db.live(db.query.projects).rows.length).toBe(1) })
    expect(connection.status).toBe('error')
    log.tell(message('delete', { id: 'b' }), message('insert', { id: 'a', name: 'A' }), upToDate)
    await until(() => { expect(connection.status).toBe('ready') })
    expect([db.live(db.query.projects).rows, uncaught, errors.length]).toEqual([[{ id: 'a', name: 'A' }], [], 1])
    connection.close()
  })

  it('feeds a database in a worker', async () => {
    const errors: unknown[] = []
    const db = await createWorkerDatabase({ schema, worker: 'inline', onError: e => { errors.push(e) } })
    onTestFinished(() => { db.close() })
    const log = shapeLog()
    const live = db.live(db.query.projects.orderBy('id'))
    const connection = db.connect(fromTanStack('projects', electric(log).sync))
    log.tell(message('insert', { id: 'a', name: 'A' }), message('insert', { id: 'b', name: 'B' }), upToDate)
    await connection.ready
    expect(live.rows.map(r => r.id)).toEqual(['a', 'b'])
    log.tell(message('update', { id: 'a', name: 'A2' }), message('delete', { id: 'b' }), upToDate)
    await until(() => { expect(live.rows).toEqual([{ id: 'a', name: 'A2' }]) })
    log.tell(message('insert', { id: 'c' }), upToDate)
    await until(() => { expect(errors).toMatchObject([{ code: 'MISSING_COLUMN' }]) })
    expect(connection.status).toBe('error')
    // Ready again when the row has come as it should be.
    log.tell(message('insert', { id: 'c', name: 'C' }), upToDate)
    await until(() => { expect([connection.status, live.rows.map(r => r.id)]).toEqual(['ready', ['a', 'c']]) })
    expect(errors.length).toBe(1)
    connection.close()
  })
})

describe('TanStack Query', () => {
  function query(answers: (Project[] | Error)[], more?: object) {
    const queryClient = new QueryClient({ defaultOptions: { queries: { retry: false } } })
    onTestFinished(() => { queryClient.clear() })
    const options = queryCollectionOptions({
      queryKey: ['projects'], queryClient, getKey: (row: Project) => row.id, ...more,
      queryFn: async (): Promise<Project[]> => {
        const answer = answers.length > 1 ? answers.shift()! : answers[0]
        if (answer instanceof Error) throw answer
        return answer
      },
    })
    return { options, refetch: () => queryClient.refetchQueries({ queryKey: ['projects'] }), queryClient }
  }
  const a = { id: 'a', name: 'A' }, b = { id: 'b', name: 'B' }, c = { id: 'c', name: 'C' }

  it.each(['options', 'their sync'])('loads, changes, deletes, fetches again and ends: %s', async given => {
    const { db, errors } = await open()
    const { options, refetch } = query([[a, b], [{ ...a, name: 'A2' }, c], [{ ...a, name: 'A2' }, c]])
    const live = db.live(db.query.projects.orderBy('id'))
    let told = 0
    live.subscribe(() => { told++ })
    const connection = db.connect(fromTanStack('projects', given === 'options' ? options : options.sync))
    await connection.ready
    expect([live.rows, told]).toEqual([[a, b], 1])
    await refetch()
    await until(() => { expect(live.rows).toEqual([{ id: 'a', name: 'A2' }, c]) })
    const { version } = db
    await refetch()
    expect([db.version, told, connection.status, errors]).toEqual([version, 2, 'ready', []])
    connection.close()
    await new Promise(resolve => setTimeout(resolve, 10))
    // The adapter deletes its rows as it ends. They stay.
    expect([live.rows.length, connection.status, errors]).toEqual([2, 'closed', []])
  })

  it('writes of its utils come through', async () => {
    const { db, errors } = await open()
    const { options } = query([[a]])
    const connection = db.connect(fromTanStack('projects', options))
    await connection.ready
    await options.utils.writeInsert(b)
    await options.utils.writeUpdate({ id: 'a', name: 'written' })
    expect(db.live(db.query.projects.orderBy('id')).rows).toEqual([{ id: 'a', name: 'written' }, b])
    await options.utils.writeDelete('b')
    expect([db.live(db.query.projects).rows.length, errors]).toEqual([1, []])
    connection.close()
  })

  it('on demand loads everything before it is ready', async () => {
    const { db, errors } = await open()
    const { options } = query([[a, b]], { syncMode: 'on-demand' })
    const connection = db.connect(fromTanStack('projects', options))
    expect(connection.status).toBe('connecting')
    await connection.ready
    expect([db.live(db.query.projects).rows.length, errors]).toEqual([2, []])
    connection.close()
  })

  it('knows rows by a key of its own, of a table with a key of two columns', async () => {
    const { db, errors } = await open()
    const member = (userId: number, role: string) => ({ projectId: 'p', userId, role })
    const answers = [[member(1, 'x'), member(2, 'y')], [member(1, 'z')]]
    const queryClient = new QueryClient()
    onTestFinished(() => { queryClient.clear() })
    const connection = db.connect(fromTanStack('members', queryCollectionOptions({
      queryKey: ['members'], queryClient, getKey: (row: { projectId: string; userId: number }) => `${row.projectId}/${row.userId}`, queryFn: async () => answers.shift()!,
    })))
    await connection.ready
    await queryClient.refetchQueries({ queryKey: ['members'] })
    await until(() => { expect(db.live(db.query.members).rows).toEqual([member(1, 'z')]) })
    expect(errors).toEqual([])
    connection.close()
  })

  it('what its function throws is a typed error with the cause; a later answer makes it ready', async () => {
    quietly()
    const { db, errors } = await open()
    const cause = new Error('offline')
    const { options, refetch } = query([cause, [a]])
    const connection = db.connect(fromTanStack('projects', options))
    await expect(connection.ready).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause })
    expect(errors.length).toBe(1)
    await refetch()
    await until(() => { expect([connection.status, connection.error]).toEqual(['ready', undefined]) })
    expect([db.live(db.query.projects).rows, errors.length]).toEqual([[a], 1])
    connection.close()
  })

  it('rows that the table refuses are told once, and sent again with the next answer', async () => {
    quietly()
    const { db, errors } = await open()
    const { options, refetch } = query([[a, { id: 'b' } as never], [a, b]])
    const connection = db.connect(fromTanStack('projects', options))
    await expect(connection.ready).rejects.toMatchObject({ code: 'MISSING_COLUMN' })
    expect([connection.status, errors.length]).toEqual(['error', 1])
    await refetch()
    await until(() => { expect([connection.status, db.live(db.query.projects).rows.length]).toEqual(['ready', 2]) })
    connection.close()
  })

  it('feeds a database in a worker', async () => {
    const errors: unknown[] = []
    const db = await createWorkerDatabase({ schema, worker: 'inline', onError: e => { errors.push(e) } })
    onTestFinished(() => { db.close() })
    const { options, refetch } = query([[a, b], [c]])
    const live = db.live(db.query.projects)
    const connection = db.connect(fromTanStack('projects', options))
    await connection.ready
    expect(live.rows).toEqual([a, b])
    await refetch()
    await until(() => { expect(live.rows).toEqual([c]) })
    expect(errors).toEqual([])
    connection.close()
  })
})

describe('other options', () => {
  const local = () => localOnlyCollectionOptions({ id: 'l', getKey: (row: Project) => row.id, initialData: [{ id: 'a', name: 'A' }] })
  const liveQuery = () => {
    const base = createCollection(local())
    return liveQueryCollectionOptions({ id: 'q', query: q => q.from({ base }), getKey: row => row.id })
  }

  it('collections without a backend are refused at once, and their sync when it starts', async () => {
    const { db, errors } = await open()
    expect(failure(() => fromTanStack('projects', local()))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'options' })
    expect(failure(() => fromTanStack('projects', liveQuery()))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'options' })
    expect(failure(() => fromTanStack('projects', createCollection(local()) as never))).toMatchObject({ code: 'INVALID_ARGUMENT' })
    for (const { sync } of [local(), liveQuery()]) {
      const connection = db.connect(fromTanStack('projects', sync))
      await expect(connection.ready).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'options' })
      expect(errors.pop()).toBe(connection.error)
    }
    expect([db.live(db.query.projects).rows, errors]).toEqual([[], []])
  })

  it('what is in a local storage can be read', async () => {
    const { db, errors } = await open()
    const kept = new Map([['k', JSON.stringify({ 's:a': { versionKey: '1', data: { id: 'a', name: 'A' } } })]])
    const storage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => { kept.set(k, v) }, removeItem: (k: string) => { kept.delete(k) } }
    const connection = db.connect(fromTanStack('projects', localStorageCollectionOptions({
      storageKey: 'k', storage, storageEventApi: { addEventListener() {}, removeEventListener() {} }, getKey: (row: Project) => row.id,
    })))
    await connection.ready
    expect([db.live(db.query.projects).rows, errors]).toEqual([[{ id: 'a', name: 'A' }], []])
    connection.close()
  })

  it('an adapter that throws as it starts is a typed error with the cause', async () => {
    const { db, errors } = await open()
    const cause = new TypeError('collection.fly is not a function')
    const connection = db.connect(fromTanStack('projects', { sync() { throw cause } }))
    await expect(connection.ready).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause })
    expect(errors).toEqual([connection.error])
  })

  it.each(['page', 'worker'])('one that does not wait for its commits is ready when what was refused has come: %s', async where => {
    const errors: any[] = []
    const options = { schema, onError: (e: unknown) => { errors.push(e) } }
    const db = where === 'page' ? await createDatabase(options) : await createWorkerDatabase({ ...options, worker: 'inline' }) as unknown as Db
    onTestFinished(() => { db.close() })
    let adapter!: Parameters<TanStackSync['sync']>[0]
    const connection = db.connect(fromTanStack('projects', { sync: params => { adapter = params } }))
    await until(() => { expect(adapter).toBeDefined() })
    const send = (row: object) => {
      adapter.begin()
      adapter.write({ type: 'insert', value: row })
      void adapter.commit()
      adapter.markReady()
    }
    send({ id: 'a' })
    await until(() => { expect([connection.status, errors.map(e => e.code)]).toEqual(['error', ['MISSING_COLUMN']]) })
    send({ id: 'a', name: 'A' })
    await until(() => { expect(connection.status).toBe('ready') })
    // Both are on their way.
    send({ id: 'b' })
    send({ id: 'b', name: 'B' })
    await until(() => { expect([connection.status, errors.length]).toEqual(['ready', 2]) })
    // What the adapter says is wrong is wrong until it says otherwise.
    adapter.markError(new Error('offline'))
    expect(connection.status).toBe('error')
    adapter.begin()
    adapter.write({ type: 'insert', value: { id: 'c', name: 'C' } })
    await adapter.commit()
    expect([connection.status, (connection.error as EddylineError).code]).toEqual(['error', 'SOURCE_FAILED'])
    adapter.markReady()
    await until(() => { expect(connection.status).toBe('ready') })
  })

  it('one whose `sync` is async ends with its connection, and what it rejects with is a typed error', async () => {
    const { db, errors } = await open()
    let ended = 0
    const first = db.connect(fromTanStack('projects', { sync: (async () => () => { ended++ }) as never }))
    await new Promise(resolve => setTimeout(resolve))
    first.close()
    await until(() => { expect(ended).toBe(1) })
    const cause = new TypeError('not today')
    const second = db.connect(fromTanStack('projects', { sync: (async () => { throw cause }) as never }))
    await expect(second.ready).rejects.toMatchObject({ code: 'SOURCE_FAILED', cause })
    expect(errors).toEqual([second.error])
    expect(failure(() => fromTanStack(undefined as never, { sync() {} }))).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'table' })
  })

  it('a delete by a key of its own finds the row, where updates carry whole rows, too', async () => {
    const { db, errors } = await open()
    const connection = db.connect(fromTanStack('projects', {
      getKey: (row: Project) => `project ${row.id}`,
      sync: {
        rowUpdateMode: 'full',
        sync({ begin, write, commit, markReady }) {
          begin()
          write({ type: 'insert', value: { id: 'a', name: 'A' } })
          write({ type: 'insert', value: { id: 'b', name: 'B' } })
          commit()
          begin()
          write({ type: 'delete', key: 'project a' })
          commit()
          markReady()
        },
      },
    }))
    await connection.ready
    expect([db.live(db.query.projects).rows, errors]).toEqual([[{ id: 'b', name: 'B' }], []])
  })

  describe('a `getKey` that does not agree with the key of the table', () => {
    interface Version { id: string; name: string }
    const a1 = { id: 'a', name: 'v1' }, a2 = { id: 'a', name: 'v2' }, b1 = { id: 'b', name: 'v1' }
    /** What an adapter with this `getKey` writes, a transaction each. */
    async function written(getKey: (row: Version) => unknown, ...transactions: { type: string; value?: object; key?: unknown }[][]) {
      const { db, errors } = await open()
      let p!: Parameters<TanStackSync['sync']>[0]
      const connection = db.connect(fromTanStack('projects', { getKey, sync: { sync(params) { p = params } } }))
      const outcomes: unknown[] = []
      for (const transaction of transactions) {
        p.begin()
        for (const each of transaction) p.write(each)
        const receipt = p.commit()
        outcomes.push(receipt === true || await receipt.catch((error: unknown) => error))
      }
      p.markReady()
      return { rows: db.live(db.query.projects.orderBy('id')).rows, outcomes, errors, status: connection.status }
    }
    const insert = (value: object) => ({ type: 'insert', value })
    const refused = { code: 'INVALID_ARGUMENT', path: 'getKey' }

    it('is refused where two rows have one key', async () => {
      const { rows, outcomes, errors, status } = await written(row => row.name, [insert(a1)], [insert(b1)])
      expect([rows, status]).toEqual([[a1], 'error'])
      expect(outcomes).toMatchObject([true, { ...refused, offending: 'v1' }])
      expect(errors).toMatchObject([refused])
    })
    it('is refused where one row has two keys', async () => {
      const { rows, outcomes } = await written(row => `${row.id}/${row.name}`, [insert(a1)], [insert(a2)], [{ type: 'delete', key: 'a/v1' }])
      expect(outcomes).toMatchObject([true, { ...refused, offending: 'a/v2' }, true])
      expect(rows).toEqual([])
    })
    it('is refused where an update is of another row', async () => {
      const { rows, outcomes } = await written(row => row.name, [insert(a1), insert({ id: 'b', name: 'v2' })], [{ type: 'update', value: { id: 'b', name: 'v1' } }])
      expect(outcomes).toMatchObject([true, { ...refused, offending: 'v1' }])
      expect(rows).toEqual([a1, { id: 'b', name: 'v2' }])
    })
    it('is refused where a row has none', async () => {
      expect(await written(() => undefined, [insert(a1)])).toMatchObject({ rows: [], outcomes: [{ ...refused, offending: 'undefined' }] })
    })
    it('is refused where a transaction that was given up has deleted the row', async () => {
      const { db } = await open()
      let p!: Parameters<TanStackSync['sync']>[0]
      db.connect(fromTanStack('projects', { getKey: (row: Version) => `${row.id}/${row.name}`, sync: { sync(params) { p = params } } }))
      const change = (message: object, signal?: AbortSignal) => {
        p.begin()
        p.write(message)
        return p.commit(signal)
      }
      for (const value of [a1, b1]) expect(change(insert(value))).toBe(true)
      await expect(change({ type: 'delete', key: 'a/v1' }, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
      p.begin()
      p.truncate()
      await expect(p.commit(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
      await expect(change(insert(a2))).rejects.toMatchObject({ ...refused, offending: 'a/v2' })
      expect(db.live(db.query.projects.orderBy('id')).rows).toEqual([a1, b1])
    })
    it.each(['truncate', 'delete'] as const)('is refused where the row came under another key in a transaction that was not applied: %s', async how => {
      for (const end of ['given up', 'refused'] as const) {
        const { db } = await open()
        let p!: Parameters<TanStackSync['sync']>[0]
        db.connect(fromTanStack('projects', { getKey: (row: Version) => `${row.id}/${row.name}`, sync: { sync(params) { p = params } } }))
        p.write(insert(a1))
        p.begin()
        if (how === 'truncate') p.truncate()
        else p.write({ type: 'delete', key: 'a/v1' })
        p.write(insert(a2))
        if (end === 'refused') p.write({ type: 'insert', key: 'bad', value: { id: 'c' } })
        await expect(p.commit(end === 'given up' ? AbortSignal.abort() : undefined)).rejects.toMatchObject(end === 'given up' ? { name: 'AbortError' } : { code: expect.any(String) })
        p.begin()
        p.write(insert({ id: 'a', name: 'v3' }))
        await expect(p.commit()).rejects.toMatchObject({ ...refused, offending: 'a/v3' })
        expect(db.live(db.query.projects).rows).toEqual([a1])
        db.close()
      }
    })
    it('is none where a row goes under its key and comes under another, or a key is for another row later', async () => {
      const { rows, outcomes, errors } = await written(row => `${row.id}/${row.name}`, [insert(a1)], [{ type: 'delete', key: 'a/v1' }, insert(a2)])
      expect([rows, outcomes, errors]).toEqual([[a2], [true, true], []])
      const later = await written(row => row.name, [insert(a1)], [{ type: 'delete', key: 'v1' }], [insert(b1)])
      expect([later.rows, later.outcomes]).toEqual([[b1], [true, true, true]])
    })
  })

  it('a delete whose value is null is one by its key, and one without either is refused with its transaction alone', async () => {
    const { db, errors } = await open()
    let p!: Parameters<TanStackSync['sync']>[0]
    const connection = db.connect(fromTanStack('projects', { sync(params) { p = params } }))
    const change = (...messages: object[]) => {
      p.begin()
      for (const each of messages) p.write(each)
      return p.commit()
    }
    db.apply([{ op: 'insert', table: 'projects', row: { id: 'x', name: 'X' } }])
    expect(change({ type: 'insert', value: { id: 'a', name: 'A' } }, { type: 'delete', key: 'x', value: null })).toBe(true)
    await expect(change({ type: 'insert', value: { id: 'b', name: 'B' } }, { type: 'delete', value: null })).rejects.toMatchObject({ code: 'CHANGE_INVALID' })
    expect(change({ type: 'insert', value: { id: 'c', name: 'C' } })).toBe(true)
    expect([db.live(db.query.projects).rows.map(row => row.id), connection.status]).toEqual([['a', 'c'], 'error'])
    await until(() => { expect(errors).toMatchObject([{ code: 'CHANGE_INVALID' }]) })
  })

  it('transactions that are begun while one is open are applied as they are committed, and each as a whole', async () => {
    const { db, errors } = await open()
    let p!: Parameters<TanStackSync['sync']>[0]
    const connection = db.connect(fromTanStack('projects', { sync(params) { p = params } }))
    const live = db.live(db.query.projects.orderBy('id'))
    const told: string[] = []
    live.subscribe(({ rows }) => { told.push(rows.map(row => `${row.id} ${row.name}`).join()) })
    const write = (id: string, name: string) => { p.write({ type: 'insert', value: { id, name } }) }
    p.begin()
    p.truncate({ markReady: false })
    write('a', 'of the first')
    p.begin()
    p.truncate()
    write('a', 'of the second')
    write('b', 'B')
    await expect(p.commit(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' })
    p.begin()
    write('c', 'C')
    expect(p.commit()).toBe(true)
    write('d', 'D')
    expect([connection.status, p.commit(), connection.status]).toEqual(['connecting', true, 'connecting'])
    expect([told, errors]).toEqual([['c C', 'a of the first,d D'], []])
  })

  it('a transaction that is given up is not applied', async () => {
    const { db } = await open()
    let given: unknown
    const connection = db.connect(fromTanStack('projects', {
      sync({ begin, write, commit, markReady }) {
        begin()
        write({ type: 'insert', value: { id: 'a', name: 'A' } })
        given = commit(AbortSignal.abort())
        begin()
        write({ type: 'insert', value: { id: 'b', name: 'B' } })
        expect(commit()).toBe(true)
        markReady()
      },
    }))
    await connection.ready
    await expect(given).rejects.toMatchObject({ name: 'AbortError' })
    expect(db.live(db.query.projects).rows).toEqual([{ id: 'b', name: 'B' }])
  })
})
