// The laws of a medium (src/ts/storage/medium.ts), for every implementation: plain functions, so that pages run them, too.

/** Bytes that a reader can tell apart: a record of this number, `size` bytes of payload. */
function payload(n, size = 40) {
  const bytes = new Uint8Array(size)
  for (let i = 0; i < size; i++) bytes[i] = (n * 31 + i * 7) & 255
  return bytes
}

const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i])
function equal(got, wanted, what) {
  const [a, b] = [JSON.stringify(got), JSON.stringify(wanted)]
  if (a !== b) throw new Error(`${what}: ${a}, not ${b}`)
}

/** `storage`: the built entry. `disk()`: a place of its own; `.open()` gives a new medium over the same place. */
export function lawsOf({ Generations: _, encode, decode }, disk) {
  const record = (n, size) => encode({ number: n, batch: payload(n, size) })
  const numbers = async (medium) => {
    const out = []
    for await (const bytes of medium.read()) {
      const t = decode(bytes)
      if (t.batch !== undefined && !same(t.batch, payload(t.number, t.batch.length))) throw new Error(`record ${t.number} has other bytes`)
      out.push(t.number)
    }
    return out
  }
  /** Opens, lets `use` work, closes. */
  const session = async (place, use) => {
    const medium = await place.open()
    await medium.open()
    try {
      const before = await numbers(medium)
      return await use(medium, before)
    } finally { await medium.close() }
  }
  const state = (place) => session(place, async (_, before) => before)

  return {
    'an empty place has no records': async () => { equal(await state(await disk()), [], 'records') },
    'what was appended is there in order, over many openings': async () => {
      const place = await disk()
      for (let n = 0; n < 5; n++) {
        await session(place, async (m, before) => {
          equal(before, Array.from({ length: n * 3 }, (_, i) => i), 'before')
          await m.append([record(n * 3), record(n * 3 + 1, 0)])
          await m.append([record(n * 3 + 2, 5000)])
        })
      }
      equal(await state(place), Array.from({ length: 15 }, (_, i) => i), 'at the end')
    },
    'records of every length around the borders of words': async () => {
      const place = await disk()
      await session(place, async (m) => { for (let n = 0; n < 40; n++) await m.append([record(n, n)]) })
      equal(await state(place), Array.from({ length: 40 }, (_, i) => i), 'records')
    },
    'a large record and a hundred small ones in one append': async () => {
      const place = await disk()
      await session(place, (m) => m.append([record(0, 3_000_001), ...Array.from({ length: 100 }, (_, i) => record(i + 1))]))
      equal((await state(place)).length, 101, 'records')
    },
    'a published checkpoint takes the place of everything before its beginning': async () => {
      const place = await disk()
      await session(place, async (m) => {
        await m.append([record(1), record(2)])
        await m.begin()
        await m.piece(record(100))
        await m.append([record(3)])
        await m.piece(record(101, 900))
        await m.publish()
        await m.append([record(4)])
      })
      equal(await state(place), [100, 101, 3, 4], 'records')
      await session(place, async (m) => {
        await m.begin()
        await m.piece(record(200))
        await m.publish()
        await m.append([record(5)])
      })
      equal(await state(place), [200, 5], 'after the second')
    },
    'a checkpoint that was not published shows nowhere and takes nothing away': async () => {
      const place = await disk()
      await session(place, async (m) => {
        await m.append([record(1)])
        await m.begin()
        await m.append([record(2)])
        await m.piece(record(100))
      })
      equal(await state(place), [1, 2], 'records')
      await session(place, async (m) => {
        await m.append([record(3)])
        await m.begin()
        await m.piece(record(100))
        await m.begin()
        await m.piece(record(101))
        await m.append([record(4)])
      })
      equal(await state(place), [1, 2, 3, 4], 'after two more')
      await session(place, async (m) => {
        await m.begin()
        await m.piece(record(300))
        await m.publish()
      })
      equal(await state(place), [300], 'after one that was published')
    },
    'a checkpoint that is published though nobody was told so: the next one takes nothing of it away before it is published itself': async () => {
      const place = await disk()
      if (place.unheard === undefined) return
      await session(place, async (m) => {
        await m.append([record(1)])
        await m.begin()
        await m.piece(record(100))
        await m.append([record(2)])
        equal(await place.unheard(() => m.publish()).then(() => 'done', (error) => error.code), 'STORAGE_FAILED', 'publish')
        await m.begin()
        await m.piece(record(200))
        await m.append([record(3)])
      })
      equal(await state(place), [100, 2, 3], 'records')
      await session(place, async (m) => { await m.begin(); await m.piece(record(300)); await m.publish() })
      equal(await state(place), [300], 'after the next one')
    },
    'what was stored and is not there any more is damage; what was never written, or cleared, is not': async () => {
      const place = await disk()
      if (place.lose === undefined) return
      const code = () => state(place).then((numbers) => numbers, (error) => error.code)
      await session(place, async (m) => { await m.begin(); await m.piece(record(9)) })
      equal(await code(), [], 'a checkpoint that was begun')
      await session(place, (m) => m.append([record(1)]))
      await place.lose('log')
      for (let times = 0; times < 2; times++) equal(await code(), 'STORAGE_CORRUPT', 'without the log')
      const medium = await place.open()
      await medium.open()
      await medium.clear()
      await medium.close()
      equal(await code(), [], 'cleared')
      await session(place, async (m) => { await m.append([record(1)]); await m.begin(); await m.piece(record(100)); await m.piece(record(101)); await m.publish(); await m.append([record(2)]) })
      equal(await code(), [100, 101, 2], 'whole')
      await place.lose('pieces')
      equal(await code(), 'STORAGE_CORRUPT', 'without the checkpoint')
    },
    'an empty checkpoint and an empty log behind it': async () => {
      const place = await disk()
      await session(place, async (m) => { await m.append([record(1)]); await m.begin(); await m.publish() })
      equal(await state(place), [], 'records')
    },
    'clear forgets everything, and appends go on': async () => {
      const place = await disk()
      await session(place, async (m) => { await m.append([record(1)]); await m.begin(); await m.piece(record(9)); await m.publish(); await m.append([record(2)]) })
      await session(place, async (m) => { await m.clear(); await m.append([record(7)]) })
      equal(await state(place), [7], 'records')
    },
    'two at once: the second is refused, or waits for nobody': async () => {
      const place = await disk()
      if (!place.exclusive) return
      await session(place, async () => {
        const second = await place.open()
        let code
        try { await second.open() } catch (error) { code = error.code }
        equal(code, 'STORAGE_LOCKED', 'the code')
      })
    },
    'two at once: what the second closes is not what the first has open, so a third is refused as well': async () => {
      const place = await disk()
      if (!place.exclusive) return
      await session(place, async () => {
        const codes = []
        for (let i = 0; i < 2; i++) {
          const late = await place.open()
          try { await late.open() } catch (error) { codes.push(error.code) }
          await late.close()
        }
        equal(codes, ['STORAGE_LOCKED', 'STORAGE_LOCKED'], 'the codes')
      })
    },
    'two at once where nothing keeps the second out: who comes to write behind the other is refused, and nothing acknowledged is lost': async () => {
      const opened = async (place, before) => {
        const medium = await place.unlocked()
        await medium.open()
        equal(await numbers(medium), before, 'found')
        return medium
      }
      const code = (work) => work.then(() => 'done', (error) => error.code)
      const both = async (use, wanted) => {
        const place = await disk()
        if (place.unlocked === undefined) return
        const a = await opened(place, [])
        await a.append([record(1)])
        await a.begin()
        await a.piece(record(100))
        const b = await opened(place, [1])
        await use(a, b)
        for (const medium of [a, b]) await medium.close()
        equal(await state(place), wanted, 'at the end')
      }
      await both(async (a, b) => {
        equal(await code(b.append([record(2)])), 'done', 'the second writes')
        for (const late of [a.append([record(3)]), a.piece(record(101)), a.publish(), a.begin(), a.clear()]) equal(await code(late), 'STORAGE_LOCKED', 'the first')
        equal(await code(b.append([record(3)])), 'done', 'and goes on')
      }, [1, 2, 3])
      await both(async (a, b) => {
        equal(await code(a.append([record(2)])), 'done', 'the first writes')
        for (const late of [b.append([record(3)]), b.begin(), b.piece(record(101)), b.publish(), b.clear()]) equal(await code(late), 'STORAGE_LOCKED', 'the second')
        equal(await code(a.publish()), 'done', 'and has its checkpoint')
      }, [100, 2])
      await both(async (a, b) => {
        await b.begin()
        equal([await code(a.piece(record(101))), await code(a.publish())], ['STORAGE_LOCKED', 'STORAGE_LOCKED'], 'the checkpoint of the first')
        await b.piece(record(200))
        await b.publish()
      }, [200])
    },
    'places of other names are apart': async () => {
      const [a, b] = [await disk(), await disk()]
      await session(a, (m) => m.append([record(1)]))
      equal(await state(b), [], 'the other')
    },
  }
}
