// What the worker tells the page: versions as they come, or, when the page does not keep up, the state it is to have.
import { later } from '../breathe.js'
import type { Report } from '../changes.js'
import type { Port, RelationInfo, ViewInfo } from '../port.js'
import { FILL, FLAGS, FREED, HEAD, KIND, REMOVE, SECTIONS, SET, TOUCHES, VERSION, WORDS } from '../report.js'
import { Gatherer, Handles, type Kind, Marker, kindOf } from './gather.js'
import type { ErrorJson, Told } from './messages.js'

type Words = Int32Array<ArrayBuffer>

/** A view that the page has, or will have with the next message. */
interface Shown { readonly query: number; readonly info: ViewInfo; readonly windowed: boolean; failed: boolean; total: number }
/** Takes what rows a view shows. */
interface Taker { need(rel: number, handle: number): void }

/** Rows sent beyond those looked at by the last sweep before the next one. */
const SWEEP_MORE = 4096
/** After views went, milliseconds until rows that only they showed go. */
const SWEEP_MS = 500

/**
 * Messages to the page, in the order of versions.
 *
 * A version goes out at once unless `ahead` messages are not acknowledged yet. Then nothing is queued: which views changed and
 * which handles were freed is noted, and once the page has caught up it gets one message with the present state of those views.
 * So what waits is bounded by what the page shows, however many versions go by.
 */
export class Outbox {
  readonly views = new Map<number, Shown>()
  readonly #kinds = new Map<number, Kind>()
  readonly #users = new Map<number, number>()
  readonly #known = new Handles()
  readonly #gather: Gatherer
  #n = 0
  #acked = 0
  // What waits for the page.
  #waiting = false
  readonly #roomers: (() => void)[] = []
  #dirty = new Set<number>()
  #fresh = new Set<number>()
  #freed = new Map<number, number[]>()
  #held: Told = {}
  /** Of `#held.signals`, those told as the latest of their name. */
  readonly #latest = new Map<string, [name: string, value: unknown]>()
  #applied = 0
  #ignored = 0
  #micros = 0
  #sweepAt = SWEEP_MORE
  #sweeping = false
  /** Views went since the last sweep, which took so many milliseconds. */
  #gone = false
  #sweepMs = 0
  /** For `stats`: messages of versions, versions that were put together with others, and the most messages not acknowledged. */
  readonly traffic = { messages: 0, bytes: 0, coalesced: 0, mostUnacknowledged: 0 }

  constructor(readonly port: Port, tables: readonly RelationInfo[], readonly ahead: number, readonly post: (told: Told, transfer: ArrayBuffer[]) => void) {
    this.#need(tables)
    this.#gather = new Gatherer(port, this.#kinds, this.#known)
  }

  /** Tells what belongs to no version: at once, or with what waits, so that it never comes before a version that it follows. */
  tell(told: Told): void {
    if (!this.#waiting) { this.post(told, []); return }
    const held = this.#held
    if (told.replies !== undefined) (held.replies ??= []).push(...told.replies)
    if (told.fetched !== undefined) (held.fetched ??= []).push(...told.fetched)
    if (told.sourced !== undefined) (held.sourced ??= []).push(...told.sourced)
    if (told.replies === undefined && told.fetched === undefined && told.sourced === undefined) this.post(told, [])
  }

  /** What code in the worker tells: in order with versions, and counted as they are. `latest` takes the place of what waits as the latest of that name. */
  signal(name: string, value: unknown, latest: boolean): void {
    const held = this.#held
    const signal: [string, unknown] = [name, value]
    if (latest) {
      const before = this.#latest.get(name)
      if (before !== undefined) held.signals!.splice(held.signals!.indexOf(before), 1)
      this.#latest.set(name, signal)
    }
    (held.signals ??= []).push(signal)
    if (this.#waiting || this.#full()) this.#waiting = true
    else this.#flush()
  }

  reply(id: number, value: unknown, error?: ErrorJson): void { this.tell({ replies: [[id, value, error]] }) }

  /** A view was registered: the page gets it with its present content; `id` is answered. */
  opened(query: number, info: ViewInfo, windowed: boolean, id: number | undefined): void {
    if (id !== undefined) (this.#held.replies ??= []).push([id, undefined])
    this.views.set(info.view, { query, info, windowed, failed: false, total: -1 })
    this.#need(info.relations)
    this.#fresh.add(info.view)
    if (this.#waiting || this.#full()) { this.#waiting = true; return }
    this.#flush()
  }

  /** A view was unregistered. */
  dropped(view: number): void {
    const shown = this.views.get(view)
    if (shown === undefined) return
    this.views.delete(view)
    this.#dirty.delete(view)
    this.#fresh.delete(view)
    const forgotten: number[] = []
    for (const { id } of shown.info.relations) {
      const users = this.#users.get(id)! - 1
      this.#users.set(id, users)
      if (users > 0) continue
      this.#users.delete(id)
      this.#kinds.delete(id)
      this.#known.flags.delete(id)
      this.#freed.delete(id)
      forgotten.push(id)
    }
    this.#gone = true
    this.#sweepSoon(Math.max(SWEEP_MS, 20 * this.#sweepMs))
    if (forgotten.length === 0) return
    if (this.#waiting) (this.#held.forgotten ??= []).push(...forgotten)
    else this.post({ forgotten }, [])
  }

  /** A version, and the engine's report of it, which is only read; `id` is answered. */
  published(words: Words, report: Report, id: number | undefined, value: unknown): void {
    if (this.#waiting || this.#full()) { this.#note(words, report, id, value); return }
    this.#direct(words, report, id, value)
  }

  /** The page has taken in the messages up to this one. */
  acked(n: number): void {
    this.#acked = n
    if (this.#full()) return
    if (this.#waiting) this.#flush()
    for (const go of this.#roomers.splice(0)) go()
  }

  /** Resolves when a version would go out at once. */
  room(): Promise<void> { return this.#waiting || this.#full() ? new Promise(go => { this.#roomers.push(go) }) : Promise.resolve() }

  #full(): boolean { return this.#n - this.#acked >= this.ahead }

  #direct(words: Words, report: Report, id: number | undefined, value: unknown): void {
    const told: Told = { report, version: words[VERSION] }
    let at = HEAD
    for (let s = 0; s < words[SECTIONS]; s++) {
      const view = words[at]
      const shown = this.views.get(view)
      const end = at + 4 + words[at + 3]
      if (shown !== undefined) {
        if (words[at + 1] !== 0) this.#failure(told, shown)
        else if (shown.failed) this.#content(told, shown)
        else this.#section(words, at, shown, this.#gather)
      }
      at = end
    }
    told.words = this.#own(words)
    if (id !== undefined) told.replies = [[id, value]]
    this.#send(told)
  }

  /** The sections of this page's views, and of the freed handles those that it has. */
  #own(words: Words): Words {
    const out = words.slice()
    let at = HEAD, to = HEAD, sections = 0, lists = 0
    for (let s = 0; s < words[SECTIONS]; s++) {
      const from = at
      at += 4 + words[at + 3]
      if (!this.views.has(words[from])) continue
      if (to !== from) out.copyWithin(to, from, at)
      to += at - from
      sections++
    }
    for (let s = 0; s < words[FREED]; s++) {
      const rel = words[at], n = words[at + 1]
      const head = to
      at += 2; to += 2
      for (let i = 0; i < n; i++, at++) if (this.#known.delete(rel, words[at])) out[to++] = words[at]
      if (to === head + 2) { to = head; continue }
      out[head] = rel
      out[head + 1] = to - head - 2
      lists++
    }
    out[SECTIONS] = sections
    out[FREED] = lists
    out[FLAGS] = out[TOUCHES] = 0
    out[WORDS] = to
    return out.slice(0, to)
  }

  /** The page is behind: what changed is noted, how is not. */
  #note(words: Words, report: Report, id: number | undefined, value: unknown): void {
    this.#waiting = true
    this.traffic.coalesced++
    this.#applied += report.applied
    this.#ignored += report.ignored
    this.#micros += report.micros
    this.#held.version = words[VERSION]
    if (!report.replayed || this.#held.report === undefined) this.#held.report = report
    if (id !== undefined) (this.#held.replies ??= []).push([id, value])
    let at = HEAD
    for (let s = 0; s < words[SECTIONS]; s++) {
      if (this.views.has(words[at])) this.#dirty.add(words[at])
      at += 4 + words[at + 3]
    }
    for (let s = 0; s < words[FREED]; s++) {
      const rel = words[at], n = words[at + 1]
      at += 2
      for (let i = 0; i < n; i++, at++) if (this.#known.delete(rel, words[at])) this.#free(rel, words[at])
    }
  }

  #free(rel: number, handle: number): void {
    let list = this.#freed.get(rel)
    if (list === undefined) this.#freed.set(rel, list = [])
    list.push(handle)
  }

  /** One message with the state that the page is to have. Of an engine that has crashed there is none, and the page knows: it may still acknowledge what came before. */
  #flush(): void {
    if (this.port.dead !== undefined) return
    const told: Told = { ...this.#held, net: true }
    const { report } = told
    if (report !== undefined && this.#applied > 0) told.report = { ...report, applied: this.#applied, ignored: this.#ignored, micros: this.#micros }
    told.version ??= this.port.call('version')
    if (this.#freed.size > 0) told.words = this.#freedWords(told.version)
    for (const view of this.#fresh) {
      const shown = this.views.get(view)!;
      (told.opened ??= []).push({ query: shown.query, info: shown.info })
      this.#dirty.add(view)
    }
    for (const view of this.#dirty) {
      const shown = this.views.get(view)!
      const fails = this.port.call('view_error', view) != null
      // One that is opened in error shows the rows that there are, others those before it.
      if (!fails || this.#fresh.has(view)) this.#content(told, shown)
      if (fails) this.#failure(told, shown)
    }
    this.#waiting = false
    this.#dirty = new Set()
    this.#fresh = new Set()
    this.#freed = new Map()
    this.#held = {}
    this.#latest.clear()
    this.#applied = this.#ignored = this.#micros = 0
    this.#send(told)
  }

  /** A report of freed handles only. */
  #freedWords(version: number): Words {
    const out = [0, version, 0, 0, 0, 0, this.#freed.size, 0]
    for (const [rel, handles] of this.#freed) {
      out.push(rel, handles.length)
      for (const handle of handles) out.push(handle)
    }
    out[WORDS] = out.length
    return Int32Array.from(out)
  }

  #send(told: Told): void {
    for (const [view, shown] of this.views) {
      if (!shown.windowed) continue
      const total = this.port.call('total', view)
      if (total !== shown.total) (told.totals ??= []).push([view, shown.total = total])
    }
    const rows = this.#gather.take()
    if (rows !== undefined) told.rows = rows
    const transfer: ArrayBuffer[] = []
    if (told.words !== undefined) transfer.push(told.words.buffer)
    for (const [, words] of told.contents ?? []) transfer.push(words.buffer)
    if (rows !== undefined) transfer.push(rows.bytes.buffer, rows.packed.buffer, rows.pairs.buffer)
    told.n = ++this.#n
    this.traffic.messages++
    for (const buffer of transfer) this.traffic.bytes += buffer.byteLength
    this.traffic.mostUnacknowledged = Math.max(this.traffic.mostUnacknowledged, this.#n - this.#acked)
    this.post(told, transfer)
    if (this.#gather.sent >= this.#sweepAt) this.#sweepSoon(0)
  }

  #sweepSoon(ms: number): void {
    if (this.#sweeping) return
    this.#sweeping = true
    later(() => {
      this.#sweeping = false
      if (this.port.dead !== undefined) return
      if (this.#gather.sent >= this.#sweepAt || (this.#gone && this.#known.count() > SWEEP_MORE)) this.#sweep()
    }, ms)
  }

  /**
   * Tells the page to give back the rows that no view shows any more though the engine has them. Done when as many rows were sent
   * as it looks at, and after views went, at a twentieth of the time at most.
   */
  #sweep(): void {
    if (this.#waiting) { this.#sweepSoon(SWEEP_MS); return }
    const begun = performance.now()
    const live = new Handles()
    const marker = new Marker(this.port, this.#kinds, live)
    for (const shown of this.views.values()) if (!shown.failed) this.#take(shown, marker)
    // Of a view that cannot be evaluated the page shows rows that nobody can tell.
    if (![...this.views.values()].some(shown => shown.failed)) {
      this.#known.flags.forEach((flags, rel) => {
        for (let handle = 0; handle < flags.length; handle++) {
          if (flags[handle] !== 0 && !live.has(rel, handle)) { flags[handle] = 0; this.#free(rel, handle) }
        }
      })
    }
    this.#sweepAt = this.#gather.sent + marker.walked + SWEEP_MORE
    this.#sweepMs = performance.now() - begun
    this.#gone = false
    if (this.#freed.size === 0) return
    const words = this.#freedWords(this.port.call('version'))
    this.#freed = new Map()
    this.post({ words }, [words.buffer])
  }

  #failure(told: Told, shown: Shown): void {
    const { view } = shown.info
    const failure = this.port.call('view_error', view)
    shown.failed = true;
    (told.failures ??= []).push([view, failure ?? { code: 'EVALUATION_FAILED', message: 'the query could not be evaluated' }])
  }

  #content(told: Told, shown: Shown): void {
    shown.failed = false;
    (told.contents ??= []).push([shown.info.view, this.#take(shown, this.#gather)])
  }

  /** The state of a view: handles of a flat list, or the report of a snapshot. Its rows are given to `taker`. */
  #take(shown: Shown, taker: Taker): Words {
    const { port } = this
    const { view, flat, levels } = shown.info
    const at = (flat ? port.call('slice', view, 0, 0x7fffffff) : port.call('snapshot', view)) >>> 2
    port.fresh()
    if (flat) {
      const handles = port.i32.slice(at + 1, at + 1 + port.i32[at])
      for (let i = 0; i < handles.length; i++) taker.need(levels[0].rel, handles[i])
      return handles
    }
    const words = port.i32.slice(at, at + port.i32[at + WORDS])
    if (words[SECTIONS] > 0) this.#section(words, HEAD, shown, taker)
    return words
  }

  /** The rows that the patches of a section name. */
  #section(words: Words, at: number, { info }: Shown, taker: Taker): void {
    const patches = words[at + 2]
    at += 4
    for (let n = 0; n < patches; n++) {
      const kind = words[at] & KIND
      const { rel, maskWords } = info.levels[words[at + 1]]
      if (kind === FILL) {
        const end = at + 8 + words[at + 4]
        for (at += 8; at < end; at++) taker.need(rel, words[at])
        continue
      }
      if (kind !== REMOVE) taker.need(rel, words[at + 5])
      at += 8 + (kind === SET ? maskWords : 0)
    }
  }

  #need(infos: readonly RelationInfo[]): void {
    for (const info of infos) {
      if (!this.#kinds.has(info.id)) this.#kinds.set(info.id, kindOf(info))
      this.#users.set(info.id, (this.#users.get(info.id) ?? 0) + 1)
    }
  }
}
