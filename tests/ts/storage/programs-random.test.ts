// One stored database at random, over several versions of its tables: batches, JSON, sources, entries, tenants, live queries, budgets; disks that are
// full or fail, processes that are killed and power that fails in the middle of a write. What is shown is the model at any time; after each
// opening it is a state that was, and nothing that was acknowledged is lost.
import { expect, it } from 'vitest'
import { type Database, type SyncSession, createDatabase } from '../../../pkg/index.inline.js'
import { type StoreOptions, memory } from '../../../pkg/storage/index.js'
import { random } from '../real/support.js'
import { until } from './browser.js'
import { turns } from './disks.js'
import { Machine, type Process } from './machine.js'
import { NEWEST, type State, type Watched, change, changesOf, copyOf, empty, migrated, migrationsTo, plain, schemas, stateOf, text, watched } from './versions.js'

type Db = Database<any>

const fine = new Set(['STORAGE_FULL', 'STORAGE_FAILED', 'NOT_DURABLE', 'CLOSED', 'MEMORY_BUDGET'])

async function run(seed: number): Promise<string[]> {
  const rnd = random(seed)
  const machine = new Machine(rnd)
  const wrong: string[] = [], log: string[] = []
  /** What may be stored, oldest first; from `acknowledged` on it is. */
  let may: State[] = [], acknowledged = 0
  let version = 1, serial = 0, cursor = 0
  let asked = 0, settled = 0

  for (let life = 0; life < 6 && wrong.length === 0; life++) {
    const process_: Process = machine.process()
    const warnings: string[] = []
    const options: StoreOptions = { version, migrations: migrationsTo(version), checkpointBytes: [0, 800, 3000, Infinity][rnd(4)], onWarning: w => { warnings.push(w.code); log.push(String(w)) } }
    // It may be killed, or out of room, while it is opened.
    if (rnd(4) === 0) process_.diesIn = rnd(12)
    machine.full = rnd(8) === 0 ? /checkpoint|log/ : undefined
    machine.isUnreadable = rnd(10) === 0
    // An older version of the application is refused, and takes nothing.
    if (version > 1 && !machine.isUnreadable && rnd(6) === 0) {
      const old = version - 1 - rnd(version - 1)
      const refused = await createDatabase({ schema: schemas[old], storage: memory(machine.process(), { ...options, version: old, migrations: migrationsTo(old) }) }).then(async db => {
        const has = may.length === 0 || db.durability!.status !== 'ready' || may.some((state, i) => i >= acknowledged && state.version <= old && text(migrated(state, old)) === text(stateOf(db, old)))
        db.close()
        await db.durability!.closed
        return has ? 'none' : 'another state'
      }, (error: { code?: string }) => error.code)
      log.push(`version ${old}: ${refused}`)
      if (refused !== 'none' && refused !== 'SCHEMA_MISMATCH') wrong.push(`opening ${life} as version ${old}: ${refused}`)
    }
    log.push(`opening ${life}, version ${version}, dies in ${process_.diesIn}, full ${machine.full}, may ${may.length}, acknowledged ${acknowledged}`)
    let db: Db
    try {
      db = await createDatabase({ schema: schemas[version], storage: memory(process_, options), ...(rnd(3) === 0 ? { memory: { budget: 1 << (13 + rnd(3)) } } : {}) })
    } catch (error) {
      log.push(`refused: ${error}`)
      if (!process_.isDead) wrong.push(`opening ${life} is refused: ${error}`)
      process_.kill()
      if (rnd(2) === 0) machine.off()
      continue
    }
    const durability = db.durability!
    const isRead = durability.status === 'ready' || !/cannot be (opened|read)/.test(durability.warning!.message)
    log.push(`opened ${durability.status} ${warnings}`)
    if (warnings.includes('STORAGE_CORRUPT')) { wrong.push(`opening ${life}: STORAGE_CORRUPT`); break }
    let model = stateOf(db, version)
    const seen = text(model)
    const texts = may.map(state => text(migrated(state, version))), at = texts.lastIndexOf(seen)
    // One that was never read is empty, and says so.
    const isUnread = !isRead && seen === text(empty(version))
    if (may.length > 0 && !isUnread && at < acknowledged) {
      wrong.push(`opening ${life}: ${at < 0 ? 'no state that was' : `state ${at}, not ${acknowledged}, which was acknowledged`}: ${seen.slice(0, 300)}`)
      process_.kill(); db.close()
      break
    }
    if (!isUnread) {
      if (may.length === 0) may.push(empty(version))
      // What is read is stored; in a version of its own only once that was written, which is not before it is acknowledged.
      may = may.filter((_, i) => i >= acknowledged && (texts[i] ?? seen) === seen)
      acknowledged = 0
      if (may[may.length - 1].version !== version) may.push(model)
    }
    let isOwn = !isUnread
    // Where nothing is stored one that has not read that writes what it has.
    const mayBeFirst = isUnread && (may.length === 0 || texts.lastIndexOf(text(empty(version))) >= acknowledged)
    if (mayBeFirst && may.length === 0) may.push(empty(version))
    const statuses: string[] = [durability.status]
    durability.subscribe(status => { statuses.push(status) })
    let queries: Watched[] = []
    /** Acknowledged is what was there when it was asked. */
    const track = (work: Promise<unknown>, counts = true): void => {
      const index = may.length - 1
      asked++
      work.then(() => { if (counts && isOwn) acknowledged = Math.max(acknowledged, index) }, error => {
        if (!fine.has((error as { code: string }).code)) wrong.push(`rejected: ${error}`)
      }).finally(() => { settled++ })
    }
    const done = (next: State): void => { model = next; if (isOwn || mayBeFirst) may.push(next) }
    const check = (where: string): void => {
      const has = text(stateOf(db, version))
      if (has !== text(model)) wrong.push(`${where}: has ${has}, not ${text(model)}`)
      for (const { live, of } of queries) if (plain(live.rows) !== plain(of(model))) wrong.push(`${where}: a query shows ${plain(live.rows)}, not ${plain(of(model))}`)
      if (statuses[statuses.length - 1] !== durability.status || statuses.some((s, i) => i > 0 && s === statuses[i - 1])) wrong.push(`${where}: told ${statuses}, is ${durability.status}`)
    }
    /** What a listener applies behind the next version. */
    let echo: any[] | undefined, current: State | undefined
    db.subscribe(({ applied }) => {
      const changes = echo
      if (changes === undefined || current === undefined || applied === 0) return
      echo = undefined
      const next = copyOf(current)
      change(next, changes)
      try { db.apply(changes as never) } catch (error) {
        if ((error as { code?: string }).code !== 'MEMORY_BUDGET') wrong.push(`a listener is refused: ${error}`)
        return
      }
      done(current)
      current = next
    })
    /** Applies what `apply` does, and to the model if it was taken. */
    const applies = (batch: any, apply: () => unknown, entries: Record<string, unknown> = {}): void => {
      const next = copyOf(model)
      change(next, batch.changes, batch.tenant)
      if (batch.cursor !== undefined) next.cursors.set(batch.source, String(batch.cursor))
      for (const [key, value] of Object.entries(entries)) if (value === null) next.entries.delete(key); else next.entries.set(key, value)
      const before = db.version
      current = next
      try {
        const made = apply()
        // What is durable is refused by its promise.
        if (!(made instanceof Promise) || db.version > before) done(current)
        if (made instanceof Promise) track(made)
      } catch (error) {
        if ((error as { code?: string }).code !== 'MEMORY_BUDGET') wrong.push(`refused: ${error}`)
      }
      current = undefined
    }
    check('at the beginning')

    for (let step = 0; step < 30 && wrong.length === 0 && !process_.isDead; step++) {
      // What was not read is tried again, mostly.
      const what = isOwn || rnd(3) > 0 ? rnd(21) : 12
      if (what >= 10 && what <= 12 && rnd(2) === 0) machine.isUnreadable = false
      const changes = changesOf(rnd, version, ++serial)
      log.push(`${step}: ${what} ${durability.status}`)
      echo = rnd(6) === 0 ? changesOf(rnd, version, ++serial) : undefined
      if (what <= 2) applies({ changes }, () => db.apply(changes as never))
      else if (what === 3) { const batch = { changes, source: 's', cursor: ++cursor }; applies(batch, () => db.apply(batch as never)) }
      else if (what === 4) applies({ changes }, () => db.apply(changes as never, { durable: true }))
      else if (what === 5) {
        const batch = { changes, source: 'r', cursor: ++cursor }
        applies(batch, () => db.applyJson(JSON.stringify({ ...batch, cursor: String(cursor) })))
      } else if (what === 6) {
        const entries = { [`e${rnd(3)}`]: rnd(4) === 0 ? null : serial, last: serial }
        if (rnd(3) === 0) applies({ changes: [] }, () => durability.commit(undefined, { my: entries }), entries)
        else { const batch = rnd(2) === 0 ? { changes } : { changes, source: 's', cursor: ++cursor }; applies(batch, () => durability.commit(batch as never, { my: entries }), entries) }
      } else if (what === 7) {
        const tenant = `t${rnd(2)}`
        const own = [{ op: 'upsert', table: 'notes', row: { id: version >= 3 ? 'n9' : 9, text: `of ${tenant} ${serial}` } }]
        const scope = db.tenant(tenant)
        if (rnd(4) === 0) applies({ changes: [{ op: 'reset', table: 'notes', tenant }] }, () => scope.clear())
        else applies({ changes: own, tenant }, () => rnd(2) === 0 ? scope.apply(own as never) : scope.applyJson(JSON.stringify(own)))
      } else if (what === 8) {
        // Refused as a whole.
        try { db.apply([...changes, { op: 'insert', table: 'items', row: { id: 1 } }] as never); wrong.push('a row without its columns was taken') } catch (error) { if ((error as { code?: string }).code !== 'MISSING_COLUMN' && (error as { code?: string }).code !== 'TYPE_MISMATCH') wrong.push(String(error)) }
      } else if (what === 9) {
        // A source goes on where it is, and sends the last batch again.
        const connection = db.connect({ name: 's', sync: (session: SyncSession) => {
          if ((session.cursor === undefined ? undefined : String(session.cursor)) !== model.cursors.get('s')) wrong.push(`a source begins at ${session.cursor}`)
          for (let n = 0; n < 2; n++) {
            const more = n === 0 ? changes : changesOf(rnd, version, ++serial), to = ++cursor
            applies({ changes: more, source: 's', cursor: to }, () => { session.begin(); for (const c of more) session.write(c); session.commit({ cursor: to }) })
          }
          session.markReady()
        } } as never)
        if (connection.status === 'error' && (connection.error as { code?: string }).code !== 'MEMORY_BUDGET') wrong.push(`the source: ${connection.error}`)
        connection.close()
      } else if (what === 10) track(db.flush())
      else if (what === 11) track(durability.checkpoint(), false)
      else if (what === 12) track(durability.retry().then(() => db.flush()))
      else if (what === 13) machine.full = [/./, /log/, /checkpoint/, undefined][rnd(4)]
      else if (what === 14) machine.full = undefined
      else if (what === 15) machine.failsIn = rnd(6)
      else if (what === 16 && rnd(3) === 0) process_.diesIn = rnd(10)
      else if (what === 20 && isOwn) {
        // As a stream: nothing of it is there before its end.
        const batch = { changes, source: 'r', cursor: String(++cursor) }, pieces = JSON.stringify(batch).match(/[^]{1,40}/g)!
        const next = copyOf(model)
        change(next, changes)
        next.cursors.set('r', batch.cursor)
        echo = undefined
        let isTaken: boolean | undefined
        void db.applyJson(new Blob(pieces).stream()).then(() => { isTaken = true }, error => {
          if (!fine.has((error as { code: string }).code)) wrong.push(`a stream: ${error}`)
          isTaken = false
        })
        await until('the stream', () => isTaken !== undefined)
        if (isTaken === true) done(next)
      } else if (what === 17 && queries.length < 4) queries.push(watched(db, rnd(3)))
      else if (what === 18 && queries.length > 0) { queries[0].live.dispose(); queries = queries.slice(1) }
      else if (what === 19) {
        // Another one meanwhile is kept out.
        const told: string[] = []
        const second = await createDatabase({ schema: schemas[version], storage: memory(machine.process(), { ...options, onWarning: w => { told.push(w.code) } }) })
        if (second.durability!.status === 'ready' && machine.holder === process_) wrong.push('two have the storage')
        second.close()
        await second.durability!.closed
        if (told[0] !== 'STORAGE_LOCKED') { log.push(`the second: ${told} ${second.durability!.status}`); break }
      }
      await turns(rnd(4))
      // What was never read may be read late.
      if (!isOwn && durability.status === 'ready') {
        isOwn = true
        const now = stateOf(db, version)
        if (!may.some((state, i) => i >= acknowledged && text(migrated(state, version)) === text(now))) wrong.push('read late, and not what is stored')
        model = now
        may.push(model)
      }
      check(`opening ${life}, step ${step} (${what})`)
    }
    // The end: killed at some time, closed, or the power fails.
    const way = process_.isDead ? 0 : rnd(3), told = warnings.length
    log.push(`end ${way}`)
    if (way === 0) { await turns(rnd(6)); process_.kill() }
    if (way === 2) { machine.full = undefined; machine.failsIn = Infinity; machine.isUnreadable = false; process_.diesIn = Infinity }
    if (way === 2 && rnd(2) === 0) {
      // With room again all of it works: behind what has failed already, perhaps.
      let isLive: unknown
      void durability.retry().catch(() => {}).then(() => durability.retry()).then(() => db.flush()).then(() => durability.checkpoint()).then(() => { isLive = true }, error => { isLive = error })
      await until('what works', () => isLive !== undefined)
      if (isOwn && isLive !== true) wrong.push(`with room again: ${isLive}`)
      if (isOwn) acknowledged = may.length - 1
    }
    db.close()
    let isOver = false
    void durability.closed.then(() => { isOver = true })
    await until('the end', () => isOver && settled === asked).catch(() => { wrong.push(isOver ? `${asked - settled} promises wait for ever` : 'the storage is not let go') })
    // What could not be written any more is told.
    if (way > 0 && warnings.length === told && statuses.at(-2) === 'ready' && isOwn && wrong.length === 0) acknowledged = may.length - 1
    if (machine.holder === process_) wrong.push('the storage is held')
    process_.kill()
    machine.full = undefined
    machine.isUnreadable = false
    machine.failsIn = Infinity
    if (rnd(3) === 0) { log.push('power'); machine.off() }
    if (version < NEWEST && rnd(3) === 0) version++
  }
  return wrong.length === 0 ? [] : [`seed ${seed}: ${wrong.slice(0, 2).join('; ')}`, ...process.env['EDDYLINE_LOG'] === undefined ? [] : log]
}

const from = Number(process.env['EDDYLINE_SEED'] ?? 1), count = Number(process.env['EDDYLINE_RUNS'] ?? 60)
it(`a stored database over versions of its tables, ${count} times`, async () => {
  const wrong: string[] = []
  ;(await createDatabase({ schema: schemas[1] })).close()
  for (let seed = from; seed < from + count; seed++) wrong.push(...await run(seed))
  expect(wrong).toEqual([])
}, 600_000)
