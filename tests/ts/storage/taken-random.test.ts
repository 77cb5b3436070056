// One storage and several databases at random: some fail, lose their hold and try again, others have it meanwhile. Nothing acknowledged is lost.
import { expect, it } from 'vitest'
import { memory } from '../../../pkg/storage/index.js'
import { random } from '../real/support.js'
import { Held, turn, turns } from './disks.js'
import { type Db, batch, open, oracle, shut, stateOf } from './stream.js'

/** With `isDropped` everything that is stored goes now and then, while nobody has it open: from then on only what is acknowledged later counts. */
async function run(seed: number, isDropped: boolean): Promise<string[]> {
  const rnd = random(seed), drops = random(seed + 7777), root = Object.assign(new Held(), { flushed: turn }), wrong: string[] = [], log: string[] = []
  let acknowledged = 0, next = 0, times = 0
  const promised = new Map<string, number>()
  let all: { db: Db; folder: Held; name: string }[] = []
  for (let step = 0; step < 120; step++) {
    const one = all[rnd(all.length)]
    const what = rnd(14)
    log.push(`${what} ${one?.name} ${all.map(a => `${a.name}:${a.db.durability!.status}:${a.db.cursor('s')}:${a.folder === root.place.holder}`)} full ${root.place.isFull} unheard ${root.place.isUnheard}`)
    if (what <= 1 && all.length < 3) {
      const folder = root.again(), name = `d${next++}`
      const told: string[] = []
      const db = await open(memory(folder, { onWarning: w => { told.push(w.code) }, checkpointBytes: 1200 }))
      if (told.includes('STORAGE_CORRUPT')) wrong.push(`${name} ${told}`)
      if (stateOf(db) !== oracle(Number(db.cursor('s') ?? 0))) wrong.push(`${name} opens with another state`)
      if (db.durability!.status === 'ready') {
        const cursor = Number(db.cursor('s') ?? 0)
        if (cursor < acknowledged) wrong.push(`${name} opens with ${cursor} of ${acknowledged}`)
        for (const [who, n] of promised) if (Number(db.durability!.entries('by').get(who) ?? 0) < n) wrong.push(`${name} opens without ${n} of ${who}`)
      }
      all.push({ db, folder, name })
    } else if (one === undefined) continue
    else if (what <= 5) {
      const { db, name } = one
      let n = Number(db.cursor('s') ?? 0)
      for (let k = rnd(4); k >= 0; k--) { n++; db.durability!.commit(batch(n), { by: { [name]: n } }) }
      const at = n, then = times
      void db.flush().then(() => {
        if (then !== times) return
        acknowledged = Math.max(acknowledged, at); promised.set(name, Math.max(promised.get(name) ?? 0, at))
      }, () => {})
    } else if (what === 6) { one.folder.isDead = true; one.folder.close(); all = all.filter(a => a !== one) }
    else if (what === 7) { all = all.filter(a => a !== one); if (rnd(2) === 0) await shut(one.db); else one.db.close() }
    else if (what === 8) { root.place.isFull = rnd(2) === 0; root.place.isUnheard = rnd(5) === 0; root.place.isUnreadable = rnd(8) === 0 }
    else if (what === 9) void one.db.durability!.checkpoint().catch(() => {})
    else void one.db.durability!.retry().catch(() => {})
    await turns(rnd(8))
    // It loses its hold when nothing of it is under way.
    for (const a of all) if (a.db.durability!.status === 'memory' && root.place.holder === a.folder && rnd(3) === 0) { await turns(60); if (a.db.durability!.status === 'memory') a.folder.close() }
    if (isDropped && root.place.holder === undefined && drops(4) === 0) {
      log.push('all dropped')
      root.files.clear()
      times++
      acknowledged = 0
      promised.clear()
    }
    if (wrong.length > 0) break
  }
  root.place.isFull = root.place.isUnheard = root.place.isUnreadable = false
  for (const { db } of all) await shut(db)
  await turns(30)
  if (root.place.holder !== undefined) { wrong.push('held at the end'); delete root.place.holder }
  const told: string[] = []
  const db = await open(memory(root.again(), { onWarning: w => { told.push(w.code) } }))
  const cursor = Number(db.cursor('s') ?? 0)
  if (told.length > 0) wrong.push(`${told}`)
  if (cursor < acknowledged) wrong.push(`${cursor} of ${acknowledged}`)
  if (stateOf(db) !== oracle(cursor)) wrong.push(`not the state of ${cursor}`)
  for (const [who, n] of promised) if (Number(db.durability!.entries('by').get(who) ?? 0) < n) wrong.push(`without ${n} of ${who}`)
  await shut(db)
  return wrong.length === 0 ? [] : [`seed ${seed}: ${wrong.slice(0, 3).join('; ')}`, ...process.env['EDDYLINE_LOG'] ? log : []]
}
/** All that a run waits for are turns, a thousand or so: one that has not ended after a hundred times as many does not end, however slow the machine is. */
async function unlessHanging(seed: number, isDropped: boolean): Promise<string[]> {
  let wrong: string[] | undefined
  const ended = run(seed, isDropped).then(said => { wrong = said })
  for (let turn = 0; turn < 100_000 && wrong === undefined; turn++) await Promise.race([ended, new Promise(r => { setImmediate(r) })])
  return wrong ?? [`seed ${seed} hangs`]
}
it.each([['', false], [', of a storage that is dropped now and then', true]])('databases at random%s', async (_, isDropped) => {
  await shut(await open())
  const wrong: string[] = []
  // From 80 on 83, 122 and 129 once failed.
  const from = Number(process.env['EDDYLINE_SEED'] ?? 80), count = Number(process.env['EDDYLINE_RUNS'] ?? 60)
  for (let seed = from; seed < from + count; seed++) wrong.push(...await unlessHanging(seed, isDropped))
  expect(wrong).toEqual([])
}, 600_000)
