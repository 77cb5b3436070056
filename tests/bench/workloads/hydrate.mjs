// JSON bytes → a live filtered and sorted query whose first 50 rows have been read. Against: the same bytes as JavaScript
// objects, without any query.
import { byUpdated, isShown, issueSchema, issuesJson } from './issues.mjs'
import { perUnit, sample, timed } from '../measure.mjs'

const utf8 = new TextDecoder()

/** Reads every field of every row, as a page that draws them does. */
function read(rows) {
  let sum = 0
  for (const row of rows) sum += row.id.length + row.projectId.length + row.title.length + row.status.length + row.priority.length + row.kind.length + row.number + row.updatedAt + row.estimate + (row.flagged ? 1 : 0)
  return sum
}

const query = (db) => db.query.issues.where('status', '!=', 'canceled').orderBy('updatedAt', 'desc')

/** All ways there are; each returns the number that `read` gave. */
export const ways = {
  parse: (_, bytes) => read(JSON.parse(utf8.decode(bytes)).slice(0, 50)),
  'parse, filter, sort': (_, bytes) => read(JSON.parse(utf8.decode(bytes)).filter(isShown).sort(byUpdated).slice(0, 50)),
  'query first': (db, bytes) => {
    const live = db.live(query(db))
    db.applyJson(bytes, { table: 'issues' })
    return read(live.window(0, 50))
  },
  'rows first': (db, bytes) => {
    db.applyJson(bytes, { table: 'issues' })
    return read(db.live(query(db)).window(0, 50))
  },
  'query first, limit 50': (db, bytes) => {
    const live = db.live(query(db).limit(50))
    db.applyJson(bytes, { table: 'issues' })
    return read(live.rows)
  },
  'rows only': (db, bytes) => {
    db.applyJson(bytes, { table: 'issues' })
    return 0
  },
}

const usesEngine = (name) => !name.startsWith('parse')

/** One process, a fresh engine per round. */
export async function hydrate(host, { rows, rounds }) {
  const eddyline = await host.eddyline()
  const schema = issueSchema(eddyline)
  const bytes = issuesJson(0, rows)
  const sums = {}
  const variants = Object.fromEntries(Object.entries(ways).map(([name, way]) => [name, {
    prepare: async () => usesEngine(name) ? await eddyline.createDatabase({ schema }) : undefined,
    run: (db) => { sums[name] = way(db, bytes) },
    after: (db) => db?.close(),
  }]))
  const samples = await sample(host, variants, rounds)
  for (const name of ['query first', 'rows first', 'query first, limit 50']) {
    if (sums[name] !== sums['parse, filter, sort']) throw new Error(`the first rows differ: ${name}`)
  }
  return { bytes: bytes.length, samples: perUnit(samples, 1) }
}

/** A fresh process or page: one way, once. */
export async function hydrateCold(host, { rows, way }) {
  const bytes = await host.bytes(rows)
  if (!usesEngine(way)) return await timed(host, () => ways[way](undefined, bytes))
  const eddyline = await host.eddyline()
  const begun = performance.now()
  const cpu = await host.cpu()
  const db = await eddyline.createDatabase({ schema: issueSchema(eddyline) })
  const create = { wall: performance.now() - begun, cpu: await host.cpu() - cpu }
  return { ...await timed(host, () => ways[way](db, bytes)), create }
}
