/** A page that stays with its feed as that of the demo does: it resumes, fetches a snapshot when it is told to, and begins anew with another database. */
import { WebSocket } from 'ws'
import { FeedPage, ask } from './feed-client.mjs'

export class FollowingPage extends FeedPage {
  isLeft = false
  /** @type {unknown} */ fault = undefined
  refetched = 0
  resumed = 0
  reloaded = 0
  /** Batches applied. */
  taken = 0
  #mustLoad = true
  /** @type {Promise<void> | undefined} */ #running

  /** @param {() => number} port of the server, which may be another one after its restart */
  constructor(port) {
    super(0)
    this.portNow = port
  }

  begin() {
    this.#running = this.#run().catch(error => { this.fault = error })
  }

  async #run() {
    while (!this.isLeft) {
      try {
        if (this.#mustLoad) await this.#load()
      } catch (error) {
        if (/** @type {any} */ (error).code === 'ERR_ASSERTION') throw error
        await pause(50)
        continue
      }
      if (!this.isLeft) await this.#followOnce()
      await pause(20)
    }
  }

  async #load() {
    const after = this.cursor === undefined ? '' : `?after=${encodeURIComponent(this.cursor)}`
    const response = await ask(`http://127.0.0.1:${this.portNow()}/snapshot${after}`)
    if (response.status !== 200) throw new Error('no snapshot')
    const batch = /** @type {any} */ (await response.json())
    this.replica.apply(batch.changes)
    this.cursor = batch.cursor
    this.#mustLoad = false
    this.refetched++
  }

  #followOnce() {
    return new Promise((/** @type {(value?: undefined) => void} */ resolve) => {
      const query = new URLSearchParams({ cursor: this.cursor ?? '', ...(this.epoch ? { epoch: this.epoch } : {}) })
      const socket = this.socket = new WebSocket(`ws://127.0.0.1:${this.portNow()}/feed?${query}`)
      socket.on('error', () => {})
      socket.on('close', () => resolve())
      socket.on('open', () => { this.resumed++ })
      socket.on('message', (data, isBinary) => {
        try {
          this.#take(JSON.parse(data.toString()), isBinary)
        } catch (error) {
          this.fault = error
          this.isLeft = true
          socket.terminate()
        }
      })
    })
  }

  /** @param {any} message @param {boolean} isBatch */
  #take(message, isBatch) {
    if (isBatch) {
      this.replica.apply(message.changes)
      this.cursor = message.cursor
      this.taken++
    } else if (message.control === 'hello') this.epoch = message.epoch
    else if (message.control === 'must-refetch') this.#mustLoad = true
    else if (message.control === 'reload') {
      this.forget()
      this.#mustLoad = true
      this.reloaded++
    }
  }

  /** The connection breaks, as those of pages do. */
  cut() {
    this.socket?.terminate()
  }

  async leave() {
    this.isLeft = true
    this.socket?.terminate()
    await this.#running
  }
}

const pause = (/** @type {number} */ ms) => new Promise(resolve => setTimeout(resolve, ms))
