// Texts of JSON are read sixteen bytes at a time: whatever stands at whatever place of them, what comes in is what JSON says.
import { beforeEach, describe, expect, it } from 'vitest'
import { createDatabase, defineSchema, string, table } from '../../../pkg/index.inline.js'
import { failure } from './support.js'

const schema = defineSchema({ notes: table({ id: string().key(), text: string(), tail: string() }) })
const open = () => createDatabase({ schema, graceMs: 0 })
let db: Awaited<ReturnType<typeof open>>
beforeEach(async () => { db = await open() })

/** The longest text: two chunks, and some more. */
const LONGEST = 40
const special = ['"', '\\', '\n', '\u001f', '\u007f', 'é', '€', '😀', '\u0000']
const encoder = new TextEncoder()

/** Texts of every length with a special character at every place, and those that end behind it. */
function* texts(): Generator<string> {
  for (let length = 0; length <= LONGEST; length++) {
    yield 'abcdefgh'.repeat(5).slice(0, length)
    for (let at = 0; at < length; at++) for (const one of special) yield `${'x'.repeat(at)}${one}${'y'.repeat(length - at - 1)}`
  }
}

describe('texts of JSON', () => {
  it('come in as they are, of bytes with and without more behind them', () => {
    const all = [...texts()]
    // Where the tail begins depends on whether what stands before it is known to be ASCII.
    const rows = all.map((text, i) => ({ id: String(i), text, tail: `end ${i}` }))
    db.applyJson(encoder.encode(JSON.stringify(rows)), { table: 'notes' })
    const byId = new Map(db.live(db.query.notes).rows.map(row => [row.id, row]))
    expect(rows.filter(({ id, text, tail }) => byId.get(id)?.text !== text || byId.get(id)?.tail !== tail)).toEqual([])
    expect(byId.size).toBe(all.length)
    // The text is the last thing of the input but for three bytes.
    const last = db.live(db.query.notes.where('id', '=', 'last'))
    for (const text of all.slice(-500)) {
      db.applyJson(`[{"tail":"","id":"last","text":${JSON.stringify(text)}}]`, { table: 'notes' })
      expect(last.rows).toEqual([{ id: 'last', text, tail: '' }])
    }
  })

  it('with what JSON forbids are refused at its place', () => {
    const refused = (bytes: Uint8Array): (string | number)[] => {
      const error = failure(() => db.applyJson(bytes, { table: 'notes' }))
      return [error.code, Number(/ at byte (\d+)/.exec(error.message)?.[1])]
    }
    for (let at = 0; at < LONGEST; at++) {
      const begin = encoder.encode('[{"id":"1","tail":"","text":"')
      const bytes = encoder.encode(`[{"id":"1","tail":"","text":"${'x'.repeat(LONGEST)}"}]`)
      for (const [byte, code] of [[0, 'JSON_MALFORMED'], [31, 'JSON_MALFORMED'], [10, 'JSON_MALFORMED'], [0xff, 'INVALID_UTF8'], [0x80, 'INVALID_UTF8'], [0xe2, 'INVALID_UTF8']] as const) {
        const wrong = bytes.slice()
        wrong[begin.length + at] = byte
        expect(refused(wrong)).toEqual([code, begin.length + at])
      }
      expect(refused(bytes.slice(0, begin.length + at))[0]).toBe('JSON_MALFORMED')
    }
    expect(db.live(db.query.notes).rows).toEqual([])
  })
})
