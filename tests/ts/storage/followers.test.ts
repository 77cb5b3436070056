// What tabs that follow have: the rows of the one that leads, whatever they were not told, and never more than the storage has had.
import { afterEach, describe, expect, it, vi } from 'vitest'
import { EddylineError } from '../../../pkg/index.inline.js'
import { Browser, type Tab, stored, until } from './browser.js'
import { Disk, look, turns } from './disks.js'
import { batch, fed, feed, open, oracle, rejection, shut, stateOf } from './stream.js'

afterEach(() => { vi.unstubAllGlobals() })

/** A storage with thirty batches and an entry. */
async function filled(browser: Browser): Promise<void> {
  const db = await open(browser.tab().storage())
  feed(db, 30)
  db.durability!.commit(undefined, { my: { kept: 1 } })
  await db.durability!.checkpoint()
  await shut(db)
}

/** A tab whose storage cannot be read for now. */
function unreadable(browser: Browser): Tab & { isMended: boolean } {
  const tab = Object.assign(browser.tab(), { isMended: false })
  tab.asked = method => { if (method === 'read' && !tab.isMended) throw Object.assign(new Error('not now'), { code: 'STORAGE_FAILED' }) }
  return tab
}

describe('a tab that was not told all', () => {
  it('because the leading one was killed first: it has what is durable as soon as another leads, as one version, and leads with it', async () => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    const first = await open(a.storage())
    feed(first, 10)
    first.durability!.commit(undefined, { my: { old: 1, both: 1 } })
    await first.flush()
    const second = await open(b.storage()), third = await open(c.storage())
    a.isLost = m => m.kind === 'record'
    feed(first, 30)
    first.durability!.commit(undefined, { my: { old: undefined, both: 2 } })
    await first.flush()
    const live = third.live(third.query.items), versions = new Set<number>()
    live.subscribe(() => { versions.add(third.version) })
    a.kill()
    await second.durability!.leading
    await until('what it was not told', () => third.cursor('s') === '30')
    expect([look(third), versions.size]).toEqual([look(second), 1])
    feed(second, 40)
    await second.flush()
    await until('the stream', () => third.cursor('s') === '40')
    expect(stateOf(third)).toBe(oracle(40))
    b.kill()
    await third.durability!.leading
    feed(third, 50)
    await third.durability!.checkpoint()
    await shut(third)
    expect(await stored(browser)).toEqual(['ready', [], '50', [['both', 2]], oracle(50)])
  })

  it('because a message did not come, or could not be taken: it asks for the state, and takes nothing before it', async () => {
    const browser = new Browser()
    const [a, b] = [browser.tab(), browser.tab()]
    const first = await fed(a.storage(), 10)
    const second = await open(b.storage())
    let lost = 0
    a.isLost = m => m.kind === 'record' && ++lost === 3
    for (let to = 11; to <= 20; to++) { feed(first, to); await first.flush() }
    await until('the state', () => second.cursor('s') === '20')
    expect([lost > 3, stateOf(second)]).toEqual([true, oracle(20)])
    // Of another one the rows are refused once.
    a.isLost = () => false
    const taken = vi.spyOn(second, 'applyPacked').mockImplementationOnce(() => { throw new Error('not now') })
    const thrown: unknown[] = []
    const hear = b.channel!.onmessage!
    b.channel!.onmessage = event => { try { hear(event) } catch (error) { thrown.push((error as Error).message) } }
    for (let to = 21; to <= 23; to++) { feed(first, to); await first.flush() }
    await until('the state', () => second.cursor('s') === '23')
    taken.mockRestore()
    expect([thrown, stateOf(second)]).toEqual([['not now'], oracle(23)])
    a.kill()
    await second.durability!.leading
    await second.durability!.checkpoint()
    await shut(second)
    expect((await stored(browser)).at(-1)).toBe(oracle(23))
  })

  it('and cannot take the state, as for its size: it does not have all of it said anew for each transaction, and takes it when it can', async () => {
    const browser = new Browser()
    const [a, b] = [browser.tab(), browser.tab()]
    const first = await fed(a.storage(), 5)
    const second = await open(b.storage())
    const taken = vi.spyOn(second, 'applyPacked').mockImplementation(() => { throw new Error('no room') })
    const hear = b.channel!.onmessage!
    let refused = 0
    b.channel!.onmessage = event => { try { hear(event) } catch { refused++ } }
    const questions = (): number => browser.said.filter(m => m.kind === 'hello').length, before = questions()
    let to = 5
    const next = async (): Promise<void> => {
      feed(first, ++to)
      await first.flush()
      // Whatever it asks is answered before the next transaction.
      await turns(30)
    }
    while (to < 69) await next()
    // Each time it is refused twice as many go by: at 2, 3, 5, 9, 17, 33 and so on.
    expect([questions() - before, refused]).toEqual([6, 7])
    taken.mockRestore()
    while (second.cursor('s') !== String(to)) { expect(to).toBeLessThan(150); await next() }
    const asked = questions()
    for (let n = 0; n < 20; n++) await next()
    expect([questions(), second.cursor('s'), stateOf(second)]).toEqual([asked, String(to), oracle(to)])
  })

  it('and leads before it is told: it goes on from what it has', async () => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    const first = await fed(a.storage(), 10)
    const second = await open(b.storage()), third = await open(c.storage())
    a.isLost = m => m.kind === 'record'
    feed(first, 20)
    await first.flush()
    // Nobody tells the third what it has missed.
    b.isLost = m => m.kind === 'state'
    a.kill()
    await second.durability!.leading
    for (let to = 21; to <= 30; to++) { feed(second, to); await second.flush() }
    await until('the question', () => browser.said.filter(m => m.kind === 'hello').length > 3)
    expect(stateOf(third)).toBe(oracle(10))
    b.kill()
    await third.durability!.leading
    expect(look(third)).toEqual(['30', [], oracle(30)])
    feed(third, 40)
    await third.durability!.checkpoint()
    await shut(third)
    expect((await stored(browser)).at(-1)).toBe(oracle(40))
  })

  it('because the lock has passed on before what was said last was heard: it waits for that, which nothing else may have', async () => {
    const disk = new Disk(), browser = new Browser({ folder: disk })
    const first = await fed(browser.tab().storage(), 10)
    const second = await open(browser.tab().storage()), third = await open(browser.tab().storage())
    disk.full = /./
    feed(first, 12)
    expect(await rejection(first.flush())).toBe('STORAGE_FULL')
    browser.slowness = 200
    feed(first, 14)
    disk.full = undefined
    await shut(first)
    await second.durability!.leading
    await until('the stream', () => third.cursor('s') === '14')
    expect([second.cursor('s'), stateOf(second), third.durability!.status]).toEqual(['14', oracle(14), 'follower'])
    await shut(third)
    await shut(second)
    expect((await stored(browser)).slice(2)).toEqual(['14', [], oracle(14)])
  })

  it.each(['a log', 'a checkpoint'])('and leads before it is told: what listens to a version has its entries, too: %s', async kept => {
    const browser = new Browser()
    const [a, b] = [browser.tab(), browser.tab()]
    const first = await fed(a.storage({ checkpointBytes: Infinity }), 3), second = await open(b.storage())
    a.isLost = m => m.kind === 'record'
    for (let n = 4; n <= 6; n++) first.durability!.commit(batch(n), { my: { at: n } })
    await first.flush()
    if (kept === 'a checkpoint') await first.durability!.checkpoint()
    first.durability!.commit(batch(8), { my: { at: 8 } })
    await first.flush()
    const seen: unknown[] = []
    const at = (): unknown => second.durability!.entries('my').get('at')
    second.subscribe(({ applied }) => { if (applied > 0) seen.push(at()) })
    a.kill()
    await until('rows', () => second.cursor('s') === '8')
    // Not before it leads.
    expect(at()).toBe(8)
    await second.durability!.leading
    expect(seen).toEqual(kept === 'a log' ? [4, 5, 6, 8] : [6, 8])
    await shut(second)
  })

  it('and comes in the middle of writing: it has nothing that is not durable', async () => {
    const disk = new Disk(), browser = new Browser({ folder: disk })
    const a = browser.tab(), b = browser.tab()
    const first = await open(a.storage())
    let go!: () => void
    const written = new Promise<void>(resolve => { go = resolve })
    disk.flushed = () => written
    feed(first, 10)
    // Right when it is durable something is applied that is not, for as long as this tab lives.
    void first.flush().then(() => { disk.flushed = () => new Promise(() => {}); feed(first, 12) })
    const opening = open(b.storage())
    await until('the question', () => browser.said.some(m => m.kind === 'hello' && m.from !== browser.said[0].from))
    go()
    await until('the state', () => browser.said.filter(m => m.kind === 'state').length > 1)
    await turns(20)
    expect(browser.said.some(m => m.done !== undefined)).toBe(false)
    disk.flushed = () => {}
    a.kill()
    const second = await opening
    expect([second.durability!.status, stateOf(second)]).toEqual(['ready', oracle(Number(second.cursor('s')))])
    await shut(second)
  })

  it('because of what listeners of the failure applied: what was lost comes before that', async () => {
    const disk = new Disk(), browser = new Browser({ folder: disk })
    const first = await fed(browser.tab().storage(), 10)
    const second = await open(browser.tab().storage())
    first.durability!.subscribe(status => { if (status === 'memory') feed(first, 13) })
    disk.full = /./
    feed(first, 12)
    await first.flush().catch(() => {})
    await until('the last of them', () => second.cursor('s') === '13')
    expect(stateOf(second)).toBe(oracle(13))
    // It was told them, and did not have to ask.
    expect(browser.said.filter(m => m.kind === 'hello').length).toBe(2)
    disk.full = undefined
    await first.durability!.retry()
    await shut(second)
    await shut(first)
    expect((await stored(browser)).at(-1)).toBe(oracle(13))
  })

  it('of a leader that has had more than is stored, and was not told that: what the next leader has counts', async () => {
    const disk = new Disk(), browser = new Browser({ folder: disk })
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    const first = await open(a.storage())
    first.apply([{ op: 'upsert', table: 'items', row: { id: 1, n: 1, text: null, more: null } }])
    await first.flush()
    const second = await open(b.storage()), third = await open(c.storage())
    const hear = b.channel!.onmessage!
    b.channel!.onmessage = event => { if (event.data.kind !== 'record') hear(event) }
    disk.full = /./
    for (const n of [2, 3, 4]) first.apply([{ op: 'upsert', table: 'items', row: { id: n, n, text: 'never durable', more: null } }])
    await first.flush().catch(() => {})
    await until('what is not durable', () => third.live(third.query.items).rows.length === 4)
    b.channel!.onmessage = hear
    disk.full = undefined
    a.kill()
    await second.durability!.leading
    await until('what counts', () => third.live(third.query.items).rows.length === 1)
    second.apply([{ op: 'upsert', table: 'items', row: { id: 9, n: 9, text: null, more: null } }])
    await second.flush()
    await until('what is new', () => stateOf(third) === stateOf(second))
    const expected = stateOf(second)
    b.kill()
    await third.durability!.leading
    await third.durability!.checkpoint()
    await shut(third)
    expect((await stored(browser)).at(-1)).toBe(expected)
  })

  it('because its engine has crashed: it asks for nothing, says so, and lets another lead', async () => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    const first = await fed(a.storage(), 5)
    const second = await open(b.storage()), third = await open(c.storage())
    const before = browser.said.length
    second.inside.port.end(new EddylineError('ENGINE_CRASHED', 'it crashed'))
    b.channel!.onmessage = (hear => event => { try { hear(event) } catch { /* the host is told */ } })(b.channel!.onmessage!)
    for (let to = 6; to <= 15; to++) { feed(first, to); await first.flush(); await until('the stream', () => third.cursor('s') === String(to)) }
    expect(new Set(browser.said.slice(before).map(m => m.kind))).toEqual(new Set(['record']))
    expect([second.durability!.status, second.durability!.warning, b.warnings]).toMatchObject(['memory', { code: 'ENGINE_CRASHED' }, ['ENGINE_CRASHED']])
    a.kill()
    await third.durability!.leading
    expect(stateOf(third)).toBe(oracle(15))
    await expect(second.durability!.leading).rejects.toMatchObject({ code: 'ENGINE_CRASHED' })
  })

  it('a status listener that writes when a tab leads has nobody ask for the state', async () => {
    const browser = new Browser()
    const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
    await fed(a.storage(), 5)
    const second = await open(b.storage()), third = await open(c.storage())
    second.durability!.subscribe(status => { if (status === 'ready') feed(second, 6) })
    const before = browser.said.length
    a.kill()
    await second.durability!.leading
    await until('what it wrote', () => third.cursor('s') === '6')
    expect([stateOf(third), browser.said.slice(before).map(m => m.kind)]).toEqual([oracle(6), ['lead', 'record']])
  })

  it('a tab that cannot take all of the first state is refused, rather than having a part of it for all', async () => {
    const browser = new Browser()
    const [a, b] = [browser.tab(), browser.tab()]
    const first = await open(a.storage())
    for (let id = 0; id < 3000; id++) first.apply([{ op: 'insert', table: 'items', row: { id, n: id, text: 'x'.repeat(50), more: null } }])
    feed(first, 5)
    await first.flush()
    const storage = b.storage()
    const attach = storage.attach.bind(storage)
    // Of several pieces one is refused.
    storage.attach = async db => {
      const apply = db.applyPacked.bind(db)
      let pieces = 0
      vi.spyOn(db, 'applyPacked').mockImplementation((...given) => {
        if (++pieces === 2) throw new EddylineError('VALUE_TOO_LARGE', 'no room')
        return apply(...given)
      })
      return attach(db)
    }
    const second = open(storage)
    expect(await rejection(second)).toBe('VALUE_TOO_LARGE')
    a.kill()
    expect((await stored(browser)).at(-1)).toBe(stateOf(first))
  })
})

describe('a leader whose storage could not be read at the start', () => {
  it('that reads it late: the others have rows, cursors and entries as it has, and lead with them', async () => {
    const browser = new Browser()
    await filled(browser)
    const a = unreadable(browser), b = browser.tab(), c = browser.tab()
    const first = await open(a.storage())
    expect([first.durability!.status, a.warnings]).toEqual(['memory', ['STORAGE_FAILED']])
    const second = await open(b.storage()), third = await open(c.storage())
    const live = second.live(second.query.items), versions = new Set<number>()
    live.subscribe(() => { versions.add(second.version) })
    a.isMended = true
    await first.durability!.retry()
    await until('the rows', () => second.cursor('s') === '30' && third.cursor('s') === '30')
    const expected = ['30', [['kept', 1]], oracle(30)]
    expect([look(first), look(second), look(third), versions.size]).toEqual([expected, expected, expected, 1])
    feed(first, 35)
    await first.flush()
    await until('the stream', () => second.cursor('s') === '35')
    a.kill()
    await second.durability!.leading
    feed(second, 40)
    await second.durability!.checkpoint()
    await shut(second)
    await shut(third)
    expect(await stored(browser)).toEqual(['ready', [], '40', [['kept', 1]], oracle(40)])
  })

  it('after it has followed: entries that are gone are gone for the others, too', async () => {
    const browser = new Browser()
    const a = browser.tab(), b = unreadable(browser), c = browser.tab()
    const first = await open(a.storage())
    feed(first, 10)
    first.durability!.commit(undefined, { my: { gone: 1, kept: 1 } })
    await first.flush()
    const second = await open(b.storage()), third = await open(c.storage())
    a.isLost = m => m.kind === 'record'
    feed(first, 30)
    first.durability!.commit(undefined, { my: { gone: undefined } })
    await first.flush()
    a.kill()
    await until('the leader', () => second.durability!.status === 'memory')
    b.isMended = true
    await second.durability!.retry()
    await until('the rows', () => third.cursor('s') === '30')
    expect([look(second), look(third)]).toEqual([['30', [['kept', 1]], oracle(30)], ['30', [['kept', 1]], oracle(30)]])
    await shut(third)
    await shut(second)
  })

  it.each([3, 60])('what it and the others had since (%i versions) is put neither over nor under what is stored', async many => {
    const browser = new Browser()
    await filled(browser)
    const a = unreadable(browser), b = browser.tab()
    const first = await open(a.storage())
    const second = await open(b.storage())
    feed(first, many)
    await until('the stream', () => second.cursor('s') === String(many))
    a.kill()
    await until('the end of it', () => second.durability!.status === 'memory')
    expect([b.warnings, second.durability!.warning!.code, stateOf(second)]).toEqual([['NOT_DURABLE'], 'NOT_DURABLE', oracle(many)])
    for (const asked of [second.durability!.leading, second.durability!.retry(), second.flush()]) expect(await rejection(asked)).toBe('NOT_DURABLE')
    await shut(second)
    expect(await stored(browser)).toEqual(['ready', [], '30', [['kept', 1]], oracle(30)])
  })

  it.each([1, 8])('where nothing is stored but a schema, what the others have (%i versions) is written', async many => {
    const browser = new Browser()
    await shut(await open(browser.tab().storage()))
    const a = unreadable(browser), b = browser.tab()
    const first = await open(a.storage())
    const second = await open(b.storage())
    feed(first, many)
    await until('the stream', () => second.cursor('s') === String(many))
    a.kill()
    await second.durability!.leading
    // Told to be durable, it is all of it.
    await second.flush()
    b.kill()
    expect(await stored(browser)).toEqual(['ready', [], String(many), [], oracle(many)])
  })

  it('where nothing is stored at all, neither', async () => {
    const browser = new Browser()
    const a = unreadable(browser), b = browser.tab()
    const first = await open(a.storage())
    const second = await open(b.storage())
    feed(first, 8)
    await until('the stream', () => second.cursor('s') === '8')
    a.kill()
    await second.durability!.leading
    feed(second, 12)
    await shut(second)
    expect(await stored(browser)).toEqual(['ready', [], '12', [], oracle(12)])
  })
})

describe('a tab that takes over', () => {
  it('without room for what it has more than the storage: it leads without, and `retry` writes it', async () => {
    const disk = new Disk(), browser = new Browser({ folder: disk })
    const a = browser.tab(), b = browser.tab()
    const first = await fed(a.storage(), 10)
    const second = await open(b.storage())
    disk.full = /./
    feed(first, 14)
    await first.flush().catch(() => {})
    await until('the stream', () => second.cursor('s') === '14')
    a.kill()
    await second.durability!.leading
    expect([second.durability!.status, second.durability!.warning!.code]).toEqual(['memory', 'STORAGE_FULL'])
    feed(second, 16)
    disk.full = undefined
    await second.durability!.retry()
    feed(second, 18)
    await shut(second)
    expect((await stored(browser)).at(-1)).toBe(oracle(18))
  })

  it('although the browser has dropped its request, as of a page that it keeps for the way back', async () => {
    const browser = new Browser()
    const a = browser.tab(), b = browser.tab()
    const first = await open(a.storage())
    const second = await open(b.storage())
    // It hears nothing meanwhile.
    const hear = b.channel!.onmessage!
    b.channel!.onmessage = () => {}
    browser.drop()
    for (let to = 1; to <= 5; to++) { feed(first, to); await first.flush() }
    b.channel!.onmessage = hear
    feed(first, 6)
    await first.flush()
    await until('the state', () => second.cursor('s') === '6')
    a.kill()
    await second.durability!.leading
    feed(second, 10)
    await shut(second)
    expect((await stored(browser)).at(-1)).toBe(oracle(10))
  })

  it('and is closed while it writes all anew: all of it is there', async () => {
    const ends = new Set<string>()
    for (let after = 0; after < 40; after += 2) {
      const disk = new Disk(), browser = new Browser({ folder: disk })
      const db = await fed(browser.tab().storage(), 10)
      disk.full = /./
      feed(db, 12)
      await db.flush().catch(() => {})
      disk.full = undefined
      const retried = rejection(db.durability!.retry())
      await turns(after)
      await shut(db)
      const end = await retried
      ends.add(end)
      const [status, warnings, cursor, , state] = await stored(browser)
      expect([status, warnings, state], `${after} turns`).toEqual(['ready', [], oracle(Number(cursor))])
      expect(Number(cursor)).toBeGreaterThanOrEqual(end === 'none' ? 12 : 10)
    }
    expect([...ends].sort()).toEqual(['CLOSED', 'none'])
  })

  it('is not waited for when it is closed before: `leading` rejects', async () => {
    const browser = new Browser()
    const first = await open(browser.tab().storage()), second = await open(browser.tab().storage())
    const leading = rejection(second.durability!.leading)
    await shut(second)
    expect(await leading).toBe('CLOSED')
    // Who leads has led.
    await shut(first)
    expect(await rejection(first.durability!.leading)).toBe('none')
  })
})

it('a tab that was told more than who leads now, of the same source, keeps what it has and says that it was never durable', async () => {
  const disk = new Disk(), browser = new Browser({ folder: disk })
  const [a, b, c] = [browser.tab(), browser.tab(), browser.tab()]
  const first = await fed(a.storage(), 8)
  const second = await open(b.storage()), third = await open(c.storage())
  // The second does not hear it before it leads.
  const { onmessage } = b.channel!
  b.channel!.onmessage = event => { if (event.data.kind !== 'record') onmessage?.(event) }
  disk.full = /./
  feed(first, 10)
  await until('the stream', () => third.cursor('s') === '10')
  disk.full = undefined
  a.kill()
  await second.durability!.leading
  await until('the state', () => third.durability!.status !== 'follower' || stateOf(third) === oracle(8))
  expect([third.durability!.status, c.warnings, third.cursor('s'), stateOf(third) === oracle(10)]).toEqual(['memory', ['NOT_DURABLE'], '10', true])
  await shut(second)
  await shut(third)
})
