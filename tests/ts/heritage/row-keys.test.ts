// Lists of rows by their keys find them whatever the type of the key and the form it comes in.
import { readFileSync, readdirSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { bigint, boolean, bytes, createDatabase, defineSchema, int, number, string, table, timestamp } from '../../../pkg/index.inline.js'
import { watches } from '../../../pkg/watch/index.js'
import { random } from '../fixtures.js'

const schema = defineSchema({
  texts: table({ k: string().key(), n: int() }), ints: table({ k: int().key(), n: int() }), bigs: table({ k: bigint().key(), n: int() }),
  floats: table({ k: number().key(), n: int() }), moments: table({ k: timestamp().key(), n: int() }), blobs: table({ k: bytes().key(), n: int() }),
  flags: table({ k: boolean().key(), n: int() }),
  pairs: table({ n: int(), b: string().key(), a: timestamp().key(), c: bigint().key() }),
})

const r = random(3)
const list = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))
const letters = ['a', 'Z', 'é', '\uffee', '\u{1f600}', '\u{10000}', '\ue000', '', '\u0000', 'aa']
/** Keys that are there, keys that are not, and the same keys in other forms. */
const cases: Record<string, { keys: unknown[]; absent: unknown[]; other?: (key: any) => unknown }> = {
  texts: { keys: [...new Set(list(300, () => list(r(4), () => letters[r(letters.length)]).join('')))], absent: ['zz', '\u{1f601}x'] },
  ints: { keys: [...new Set(list(300, () => r(2000) - 1000))], absent: [5000, -5000], other: k => [k] },
  bigs: { keys: [...new Set(list(300, () => BigInt(r(2000) - 1000) ** 5n))], absent: [7n ** 20n], other: k => k > -(2n ** 53n) && k < 2n ** 53n ? Number(k) : k },
  floats: { keys: [NaN, Infinity, -Infinity, 0, ...new Set(list(200, () => (r(2000) - 1000) / 7 || 1))], absent: [1e300, 0.3], other: k => k === 0 ? -0 : k },
  moments: { keys: list(300, i => new Date(Date.UTC(2024, 0, 1) + i * 7919)), absent: [new Date(0)], other: k => r(2) ? k.toISOString() : k.getTime() },
  blobs: { keys: list(200, i => new Uint8Array(list(1 + i % 5, n => (i * 37 + n * 91) % 256).concat(i % 256))), absent: [new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8])] },
  flags: { keys: [true], absent: [false] },
  pairs: { keys: list(300, i => [letters[i % 10] + i % 7, new Date(Date.UTC(2024, 0, 1 + i % 11)), BigInt(i)]), absent: [['a0', new Date(0), 0n]], other: ([b, a, c]) => r(2) ? { c, b, a } : [b, a.toISOString(), Number(c)] },
}

describe('rows by their keys', () => {
  it.each(Object.keys(cases))('%s', async name => {
    const { keys, absent, other } = cases[name]
    const db = await createDatabase({ schema })
    const scope = watches(db) as any
    const row = (key: any, n: number): object => name === 'pairs' ? { b: key[0], a: key[1], c: key[2], n } : { k: key, n }
    // Not in order.
    const mixed = keys.map((key, i) => [r(1e6), key, i] as const).sort((a, b) => a[0] - b[0])
    db.apply([{ op: 'insert', table: name, rows: mixed.map(([, key, i]) => row(key, i)) } as never])
    const a = scope.assigns().many('all', name, mixed.map(([, key]) => other?.(key) ?? key).concat(absent))
    expect(a.get('all').map((x: any) => x.n)).toEqual(mixed.map(([, , i]) => i))
    // And they are followed under the keys that patches carry.
    for (const [, key, i] of mixed.slice(0, 20)) scope.apply([{ op: 'update', table: name, id: other?.(key) ?? key, set: { n: 1000 + i } }])
    expect(a.get('all').slice(0, 20).map((x: any) => x.n)).toEqual(mixed.slice(0, 20).map(([, , i]) => 1000 + i))
    scope.apply([{ op: 'insert', table: name, row: row(absent[0], -1) }, { op: 'delete', table: name, id: keys[0] }])
    expect(a.get('all').length).toBe(keys.length)
    expect(a.get('all').at(-1).n).toBe(-1)
    scope.watch(name, 'changes', {}, () => {})
    db.close()
  })
})

it('the room works on what a database tells: it imports nothing of the boundary', () => {
  const boundary = ['port', 'encoder', 'decoder', 'report', 'view', 'rows', 'layout', 'raw', 'row-writer', 'row-by-key', 'glue'].map(name => `../${name}.js`)
  const files = readdirSync('src/ts/watch')
  expect(files.length).toBeGreaterThan(8)
  for (const file of files) {
    const code = readFileSync(`src/ts/watch/${file}`, 'utf8')
    for (const [, type, from] of code.matchAll(/^(?:import|export) (type )?.*? from '([^']+)'/gm)) {
      if (type === undefined && from.startsWith('../')) expect(boundary, file).not.toContain(from)
    }
  }
})
