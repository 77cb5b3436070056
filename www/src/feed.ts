/**
 * The demo server as an Eddyline source: a snapshot over HTTP, then transactions over a WebSocket.
 *
 * Bytes go into the engine as they come; this file never looks into a batch. After an interruption the feed goes on from
 * the engine's cursor; only when the server cannot resume there is the snapshot loaded again, whose `reset` changes
 * touch no more than what differs.
 */
import type { Source, SyncSession } from 'eddyline'
import { getConnection, setConnection } from './connection'

const RETRY_MS = [200, 500, 1_000, 2_000, 4_000]
/** The server says something at least every ten seconds. */
const SILENCE_MS = 25_000

type Ending = 'closed' | 'must-refetch'
type Control =
  | { control: 'hello', epoch: string, database: 'embedded' | 'postgres', busy: number, connected: boolean }
  | { control: 'must-refetch' | 'reload' | 'alive' } | { control: 'busy', rate: number } | { control: 'database', connected: boolean }

export const feed: Source = {
  name: 'pg',
  stale: 'ignore',
  sync(session) {
    void new Feed(session).run().catch(error => {
      setConnection({ phase: 'failed', error: messageOf(error) })
      session.markError(error)
    })
  },
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

class Feed {
  #epoch: string | undefined
  #mustLoad: boolean
  #failures = 0

  constructor(readonly session: SyncSession) {
    this.#mustLoad = session.cursor === undefined
  }

  async run(): Promise<void> {
    const { signal } = this.session
    while (!signal.aborted) {
      try {
        if (this.#mustLoad) await this.#load()
        this.session.markReady()
        if (await this.#follow() === 'must-refetch') {
          this.#mustLoad = true
          setConnection({ refetched: getConnection().refetched + 1 })
          continue
        }
      } catch (error) {
        // The engine is gone for good; anything else can be tried again.
        if ((error as { code?: string }).code === 'ENGINE_CRASHED') throw error
        setConnection({ error: messageOf(error) })
      }
      if (signal.aborted) return
      setConnection({ phase: this.#mustLoad ? 'loading' : 'reconnecting' })
      await this.#pause()
    }
  }

  async #load(): Promise<void> {
    // What is held already is of no use: it did not fit, or is too old.
    const { cursor } = this.session
    const response = await fetch(cursor === undefined ? '/snapshot' : `/snapshot?after=${encodeURIComponent(cursor)}`, { signal: this.session.signal })
    if (!response.ok || !response.body) throw new Error(`the server has no snapshot just now (${response.status})`)
    this.#checkEpoch(response.headers.get('x-eddyline-epoch') ?? undefined)
    const length = Number(response.headers.get('content-length'))
    let received = 0
    setConnection({ received, total: length || undefined })
    const counted = response.body.pipeThrough(new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        received += chunk.length
        setConnection({ received })
        controller.enqueue(chunk)
      },
    }))
    await this.session.load(counted)
    this.#mustLoad = false
  }

  /** Applies what comes until the socket closes. */
  #follow(): Promise<Ending> {
    const { session } = this
    return new Promise<Ending>((resolve, reject) => {
      const url = new URL('/feed', location.href)
      url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
      if (session.cursor !== undefined) url.searchParams.set('cursor', session.cursor)
      if (this.#epoch !== undefined) url.searchParams.set('epoch', this.#epoch)
      const socket = new WebSocket(url)
      socket.binaryType = 'arraybuffer'
      let silence = setTimeout(() => socket.close(), SILENCE_MS)
      let ending: Ending = 'closed'
      const stop = () => socket.close()
      session.signal.addEventListener('abort', stop)

      socket.onmessage = ({ data }: MessageEvent<ArrayBuffer | string>) => {
        clearTimeout(silence)
        silence = setTimeout(() => socket.close(), SILENCE_MS)
        try {
          if (typeof data !== 'string') {
            session.applyJson(new Uint8Array(data))
            this.#failures = 0
          } else if (this.#control(JSON.parse(data) as Control) === 'must-refetch') ending = 'must-refetch'
        } catch (error) {
          // A batch that does not fit what is held: a new snapshot puts it right.
          this.#mustLoad = true
          socket.onmessage = null
          socket.close()
          reject(error)
        }
      }
      socket.onclose = () => {
        clearTimeout(silence)
        session.signal.removeEventListener('abort', stop)
        resolve(ending)
      }
    })
  }

  #control(message: Control): Ending | undefined {
    switch (message.control) {
      case 'hello':
        this.#checkEpoch(message.epoch)
        if (getConnection().phase === 'reconnecting') setConnection({ resumed: getConnection().resumed + 1 })
        setConnection({ phase: 'live', error: undefined, database: message.database, busyRate: message.busy, isDatabaseConnected: message.connected })
        return undefined
      case 'busy': return void setConnection({ busyRate: message.rate })
      case 'database': return void setConnection({ isDatabaseConnected: message.connected })
      case 'must-refetch': return 'must-refetch'
      case 'reload': return void location.reload()
      case 'alive': this.#failures = 0
    }
  }

  /** Rows of one database must not meet changes of another, say after its data was deleted. */
  #checkEpoch(epoch: string | undefined): void {
    if (this.#epoch !== undefined && epoch !== undefined && this.#epoch !== epoch) location.reload()
    this.#epoch ??= epoch
  }

  #pause(): Promise<void> {
    const ms = RETRY_MS[Math.min(this.#failures++, RETRY_MS.length - 1)] * (0.75 + Math.random() / 2)
    return new Promise(resolve => {
      const timer = setTimeout(done, ms)
      function done() {
        clearTimeout(timer)
        removeEventListener('online', done)
        resolve()
      }
      // The network is back: no need to wait longer.
      addEventListener('online', done)
    })
  }
}
