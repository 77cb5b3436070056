// Opening waits for who is about to let go, and for nobody else: a browser that answers late is not one that refuses.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Generations } from '../../../src/ts/storage/generations.js'
import { IndexedDbMedium } from '../../../src/ts/storage/indexeddb.js'
import { OpfsFolder } from '../../../src/ts/storage/opfs-folder.js'

beforeEach(() => { vi.useFakeTimers() })
afterEach(() => { vi.unstubAllGlobals(); vi.useRealTimers() })

/** What came of it once so many milliseconds are over. */
async function outcome(opening: Promise<unknown>, ms: number): Promise<string> {
  let said = 'waits'
  opening.then(() => { said = 'open' }, (error: { code?: string }) => { said = error.code ?? String(error) })
  await vi.advanceTimersByTimeAsync(ms)
  return said
}

describe('indexeddb', () => {
  /** A browser that answers so much later, in order. Another page has the lock until then, counted from now on. */
  function host(late: number, free: number): void {
    const request = (value: unknown): object => { const made = { result: value, onsuccess: () => {}, onerror: () => {} }; setTimeout(() => { made.onsuccess() }); return made }
    vi.stubGlobal('indexedDB', { open: () => request({ transaction: () => ({ objectStore: () => ({ get: () => request(undefined) }) }), close() {} }) })
    const later = <T>(give: () => T): Promise<T> => new Promise(resolve => { setTimeout(() => { resolve(give()) }, late) })
    vi.stubGlobal('navigator', {
      locks: {
        query: () => later(() => ({ held: [], pending: [] })),
        request: (_: string, { signal }: { signal: AbortSignal }, fn: () => Promise<void>) => new Promise((resolve, reject) => {
          signal.addEventListener('abort', () => { reject(signal.reason as Error) })
          if (free < Infinity) setTimeout(() => { if (!signal.aborted) resolve(fn()) }, Math.max(late, free))
        }),
      },
    })
  }

  it('opens in a browser that answers late', async () => {
    host(5000, 0)
    expect(await outcome(new IndexedDbMedium('late').open(), 20_000)).toBe('open')
  })

  it('waits a second for a page that goes', async () => {
    host(0, 900)
    expect(await outcome(new IndexedDbMedium('goes').open(), 1500)).toBe('open')
  })

  it('does not wait for one that stays', async () => {
    host(0, Infinity)
    expect(await outcome(new IndexedDbMedium('stays').open(), 1500)).toBe('STORAGE_LOCKED')
  })
})

describe('opfs', () => {
  /** A folder whose files another worker has for so long. */
  function host(free: number): void {
    const from = Date.now() + free
    const taken = (): boolean => Date.now() < from
    const folder = {
      getDirectoryHandle: async () => folder,
      getFileHandle: async () => ({ createSyncAccessHandle: async () => { if (taken()) throw new DOMException('in use', 'NoModificationAllowedError'); return { close() {} } } }),
    }
    vi.stubGlobal('FileSystemFileHandle', class { createSyncAccessHandle(): void {} })
    vi.stubGlobal('WorkerGlobalScope', class {})
    vi.stubGlobal('navigator', { storage: { getDirectory: async () => folder } })
  }

  it('waits a second for a worker that goes', async () => {
    host(900)
    expect(await outcome(new Generations(new OpfsFolder('goes')).open(), 1500)).toBe('open')
  })

  it('does not wait for one that stays', async () => {
    host(Infinity)
    expect(await outcome(new Generations(new OpfsFolder('stays')).open(), 1500)).toBe('STORAGE_LOCKED')
  })
})
