// Workers that the application makes, and may end: nothing waits for ever, whatever becomes of them.
import { Worker as Thread } from 'node:worker_threads'
import { afterEach, expect, it, vi } from 'vitest'
import { type EddylineError } from '../../../pkg/index.inline.js'
import { createWorkerDatabase } from '../../../pkg/worker/index.js'
import { BrowserWorker } from './browser-worker.js'
import { put, schema, tick } from './support.js'

const opened: { close(): void }[] = []
afterEach(() => { vi.unstubAllGlobals(); for (const db of opened.splice(0)) db.close() })
const host = new URL('../../../pkg/worker/host.js', import.meta.url)
/** What it rejects with; 'nothing' when it does not settle. */
const refusal = (promise: Promise<unknown>): Promise<unknown> => Promise.race([promise.then(() => 'none', (e: EddylineError) => e.code), tick(60_000).then(() => 'nothing')])
async function far(worker: unknown, errors: unknown[] = []) {
  const db = await createWorkerDatabase({ schema, worker: worker as never, onError: e => { errors.push(e) } })
  opened.push(db)
  return db
}

it('one that its owner terminates is noticed at once, also without Web Locks', async () => {
  const worker = new BrowserWorker()
  const db = await far(worker)
  await db.apply([put('a')])
  const live = db.live(db.query.issues)
  while (live.status === 'loading') await tick(1)
  expect(live.rows.map(r => r.id)).toEqual(['a'])
  const asked = refusal(db.apply([put('b')]))
  worker.terminate()
  expect([live.status, live.error?.code, live.rows.map(r => r.id)]).toEqual(['error', 'WORKER_FAILED', ['a']])
  expect([await asked, await refusal(db.stats())]).toEqual(['WORKER_FAILED', 'WORKER_FAILED'])
})

it.each(['at once', 'before it answers'])('one that its owner terminates %s rejects', async when => {
  const worker = new BrowserWorker()
  const isAsked = new Promise<void>(resolve => {
    const post = worker.postMessage.bind(worker)
    worker.postMessage = (message, transfer) => { post(message, transfer); if (when !== 'at once') worker.terminate(); resolve() }
  })
  const made = refusal(createWorkerDatabase({ schema, worker: worker as never }))
  if (when === 'at once') worker.terminate()
  else await isAsked
  expect(await made).toBe('LOAD_FAILED')
})

it('a thread that has ended rejects', async () => {
  const thread = new Thread(host)
  await thread.terminate()
  expect(await refusal(createWorkerDatabase({ schema, worker: thread }))).toBe('LOAD_FAILED')
})

it('one worker is of one database, also when that is closed', async () => {
  const worker = new Thread(host)
  const first = await far(worker)
  const second = createWorkerDatabase({ schema, worker })
  await expect(second).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'worker' })
  await first.apply([put('a')])
  first.close()
  await expect(createWorkerDatabase({ schema, worker })).rejects.toMatchObject({ code: 'INVALID_ARGUMENT', path: 'worker' })
})

it('an error that nobody caught while the database is opened is told, and it opens', async () => {
  const worker = new BrowserWorker().withLock()
  const post = worker.postMessage.bind(worker)
  worker.postMessage = (message, transfer) => {
    worker.onmessage!({ data: { alive: 'mine' } })
    worker.onerror!({ message: 'a timer of mine' })
    post(message, transfer)
    worker.postMessage = post
  }
  const errors: any[] = []
  const db = await far(worker, errors)
  expect([(await db.apply([put('a')])).applied, errors.map(e => e.code)]).toEqual([1, ['WORKER_ERROR']])
})

it('one whose script is not there says how to give it: bundlers that do not know the form ship none', async () => {
  const worker = new BrowserWorker()
  // Of a script that could not be loaded the event has no message.
  worker.postMessage = () => { setTimeout(() => { worker.onerror!({} as never) }) }
  const error = await createWorkerDatabase({ schema, worker: worker as never }).catch((e: unknown) => e as EddylineError)
  expect(error).toMatchObject({ code: 'LOAD_FAILED', message: expect.stringMatching(/script could not be loaded.*`worker`.*eddyline\/worker\/host.*optimizeDeps/) })
})
