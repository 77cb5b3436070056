// Real data: artists and release groups of MusicBrainz, some as rows with a composite key, beside DataScript and plain loops.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, it } from 'vitest'
import { createDatabase, defineSchema, int, string, table } from '../../../pkg/index.inline.js'
import { datalog } from '../../../pkg/datalog/index.js'
import { sorted, told } from '../heritage/wizard.js'

interface Data { artist: [number, string, string | null, string | null, number | null][]; group: [number, string, string | null][]; credit: [number, number][] }
const real = JSON.parse(readFileSync(new URL('./mbrainz.json', import.meta.url), 'utf8')) as Data
const datascript = createRequire(import.meta.url)('datascript') as Record<string, (...args: any[]) => any>

const schema = defineSchema({
  artist: table({ id: int().key(), name: string(), type: string().nullable(), country: string().nullable(), begin: int().nullable() }),
  group: table({ id: int().key(), name: string(), type: string().nullable() }),
  credit: table({ group: int().key(), artist: int().key() }),
})
const db = await createDatabase({ schema })
db.apply([
  { op: 'insert', table: 'artist', rows: real.artist.map(([id, name, type, country, begin]) => ({ id, name, type, country, begin })) },
  { op: 'insert', table: 'group', rows: real.group.map(([id, name, type]) => ({ id, name, type })) },
  { op: 'insert', table: 'credit', rows: real.credit.map(([group, artist]) => ({ group, artist })) },
])
const data = datalog(db)
const theirs = datascript.db_with(datascript.empty_db(), [
  ...real.artist.map(([id, name, type, country, begin]) => Object.fromEntries(Object.entries({ ':db/id': id, 'artist/name': name, 'artist/type': type, 'artist/country': country, 'artist/begin': begin }).filter(([, v]) => v !== null))),
  ...real.group.map(([id, name, type]) => Object.fromEntries(Object.entries({ ':db/id': id, 'group/name': name, 'group/type': type }).filter(([, v]) => v !== null))),
  ...real.credit.map(([group, artist], i) => ({ ':db/id': 1_000_000 + i, 'credit/group': group, 'credit/artist': artist })),
])
// Rows of credits are entities whose key has two columns; keys are columns, and so attributes.
const RULES = `[[(made ?a ?g) [?c :credit/artist ?a] [?c :credit/group ?g]]
  [(together ?a ?b) (made ?a ?g) (made ?b ?g) [(!= ?a ?b)]]
  [(circle ?a ?b) (together ?a ?b)] [(circle ?a ?b) (together ?a ?c) (circle ?c ?b)]]`
const asText = (q: string): string => q.replace(/:(artist|group|credit)\/(\w+)/g, '"$1/$2"')

const [popular] = [...real.credit.reduce((n, [, a]) => n.set(a, (n.get(a) ?? 0) + 1), new Map<number, number>())].sort((a, b) => b[1] - a[1])[0]
const QUERIES = [
  '[:find ?n ?title :in $ % :where [?a :artist/name ?n] (made ?a ?g) [?g :group/name ?title] [?g :group/type "Single"]]',
  '[:find ?country (count ?a) :in $ % :where [?a :artist/country ?country]]',
  '[:find ?n (count ?g) (min ?title) :in $ % :where (made ?a ?g) [?a :artist/name ?n] [?g :group/name ?title]]',
  '[:find ?n :in $ % :where [?a :artist/name ?n] [(missing? $ ?a :artist/begin)] (not-join [?a] [?a :artist/type "Group"])]',
  '[:find ?x ?y :in $ % :where (together ?a ?b) [(< ?a ?b)] [?a :artist/name ?x] [?b :artist/name ?y]]',
  '[:find ?n ?since :in $ % :where [?a :artist/name ?n] [(get-else $ ?a :artist/begin 0) ?since] (or [?a :artist/country "US"] [?a :artist/country "GB"])]',
  '[:find ?g (count ?a) :in $ % :where (made ?a ?g) (not-join [?g] [?g :group/type "Album"])]',
]

it.each(QUERIES)('%s', query => {
  const expected = sorted(datascript.q(asText(query), theirs, asText(RULES)) as unknown[])
  expect(expected.length).toBeGreaterThan(0)
  expect(sorted(data.q(query, RULES) as unknown[])).toEqual(expected)
})

it('who made something with whom, and they with others: found without looking at everybody, and kept', () => {
  const neighbours = (a: number, credits: readonly (readonly [number, number])[]): number[] => credits.filter(([g, x]) => x === a).flatMap(([g]) => credits.filter(([h, b]) => h === g && b !== a).map(([, b]) => b))
  const circle = (credits: readonly (readonly [number, number])[]): number[] => {
    const seen = new Set<number>()
    const todo = [popular]
    while (todo.length > 0) for (const b of neighbours(todo.pop()!, credits)) if (!seen.has(b)) { seen.add(b); todo.push(b) }
    return [...seen].sort((a, b) => a - b)
  }
  const view = data.view('circle', { query: '[:find [?b ...] :in $ ?a % :where (circle ?a ?b)]', rules: RULES, in: { '?a': popular } })
  const log = told(view)
  expect(sorted(view.get() as number[]).sort((a, b) => a - b)).toEqual(circle(real.credit))
  let credits: (readonly [number, number])[] = [...real.credit]
  for (const [group, artist] of real.credit.filter(([, a]) => a === popular).slice(0, 12)) {
    db.apply([{ op: 'delete', table: 'credit', id: [group, artist] }])
    credits = credits.filter(([g, a]) => g !== group || a !== artist)
    expect([...view.get() as number[]].sort((a, b) => a - b)).toEqual(circle(credits))
  }
  expect(log.take().every(t => t.added.length === 0)).toBe(true)
  db.apply([{ op: 'insert', table: 'credit', rows: real.credit.filter(c => !credits.includes(c)).map(([group, artist]) => ({ group, artist })) }])
  expect([...view.get() as number[]].sort((a, b) => a - b)).toEqual(circle(real.credit))
})

it('a row whose key has two columns is a list', () => {
  const [[group, artist]] = real.credit
  expect(data.q('[:find ?c :in $ ?a ?g :where [?c :credit/artist ?a] [?c :credit/group ?g]]', artist, group)).toEqual([[[group, artist]]])
  expect(data.pull('[:artist/name :artist/country]', artist, { table: 'artist' })).toMatchObject({ ':artist/name': real.artist.find(a => a[0] === artist)![1] })
})
