// A database without tabs at random: engines that crash, disks that are full, entries, checkpoints and `retry` in any order. What was acknowledged is
// there at the next opening, as the state of one cursor; every promise settles, and the storage is let go.
import { expect, it } from 'vitest'
import { random } from '../real/support.js'
import { until } from './browser.js'
import { Disk, kept, turns } from './disks.js'
import { batch, open, oracle, shut, stateOf } from './stream.js'

async function run(seed: number): Promise<string[]> {
  const rnd = random(seed)
  const disk = new Disk()
  disk.flushed = () => turns(rnd(3))
  // Of cursors and of entries.
  const acknowledged = { s: 0, e: 0 }
  let asked = 0, settled = 0, entry = 0

  /** Acknowledged is what was there when it was asked. */
  const track = (work: Promise<unknown>, s: number, e: number): void => {
    asked++
    work.then(() => {
      acknowledged.s = Math.max(acknowledged.s, s)
      acknowledged.e = Math.max(acknowledged.e, e)
    }, () => {}).finally(() => { settled++ })
  }

  for (let life = 0; life < 4; life++) {
    const warnings: string[] = []
    const db = await open(kept(disk, { checkpointBytes: 1200, onWarning: w => { warnings.push(w.code) } }))
    const durability = db.durability!
    const entries = (): number => Number(durability.entries('my').get('e') ?? 0)
    const cursor = Number(db.cursor('s') ?? 0)
    const isWhole = warnings.length === 0 && cursor >= acknowledged.s && entries() >= acknowledged.e && stateOf(db) === oracle(cursor)
    if (!isWhole) { await shut(db); return [`seed ${seed}, opening ${life}: ${warnings} ${cursor} of ${acknowledged.s}, ${entries()} of ${acknowledged.e} entries`] }
    for (let step = 0; step < 25; step++) {
      const what = rnd(12), isDead = db.inside.port.dead !== undefined
      try {
        if (what <= 3 && !isDead) {
          const n = Number(db.cursor('s') ?? 0) + 1
          if (rnd(2) === 0) track(db.apply(batch(n) as never, { durable: true }), n, entries())
          else { durability.commit(batch(n), { my: { e: ++entry } }); track(db.flush(), n, entry) }
        } else if (what === 4) { durability.commit(undefined, { my: { e: ++entry } }); track(db.flush(), 0, entry) }
        else if (what === 5) track(durability.checkpoint(), 0, 0)
        else if (what <= 7) track(durability.retry(), 0, 0)
        else if (what === 8) disk.full = [/./, /./, /checkpoint/, undefined][rnd(4)]
        else if (what === 9) disk.full = undefined
        else if (what === 10 && rnd(4) === 0 && !isDead) {
          // From now on it traps in a call, which may be the next one or not.
          const call = ['commit', 'changes', 'export_begin', 'export_next', 'cursors', 'export_end'][rnd(6)]
          Object.defineProperty(db.inside.port.engine, call, { configurable: true, value: () => { throw new WebAssembly.RuntimeError('unreachable') } })
        }
      } catch (error) {
        if ((error as { code?: string }).code !== 'ENGINE_CRASHED') throw error
      }
      await turns(rnd(4))
    }
    if (rnd(2) === 0) disk.full = undefined
    if (rnd(2) === 0) track(durability.retry(), 0, 0)
    let isOver = false
    db.close()
    void durability.closed.then(() => { isOver = true })
    const end = await until('the end', () => isOver && settled === asked).then(() => [], () => [`seed ${seed}, opening ${life}: ${isOver ? `${asked - settled} promises wait for ever` : 'the storage is not let go'}`])
    if (end.length > 0) return end
    disk.full = undefined
  }
  return []
}

const from = Number(process.env['EDDYLINE_SEED'] ?? 1), count = Number(process.env['EDDYLINE_RUNS'] ?? 60)
it(`a database whose engine crashes, ${count} times`, async () => {
  const wrong: string[] = []
  // The binary is there then.
  await shut(await open())
  for (let seed = from; seed < from + count; seed++) wrong.push(...await run(seed))
  expect(wrong).toEqual([])
}, 600_000)
