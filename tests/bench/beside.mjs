// `npm run bench -- --beside=folder`: one change by this build of the package and by another one, in one process.
//   --only=filter,count,…   some of them
// Blocks of 200 changes in turns, each pair a ratio of wall times: what disturbs the machine for longer than a block disturbs both, so a
// hundredth shows where the tables of `npm run bench` differ by a tenth from run to run. Nothing is compared with code by hand.
import { pathToFileURL } from 'node:url'
import { join, resolve } from 'node:path'
import { median } from './measure.mjs'
import { changesOf, names as algebraNames, rowsOf, scenarios, schemaOf, teamOf } from './workloads/algebra.mjs'

const ROWS = 100_000
const BLOCK = 200
const WARM = 20
const PROJECTS = ROWS / 1000

const own = 'p0'
const lists = {
  filter: (q) => q.issues.where('projectId', '=', own).where('status', '!=', 'canceled').orderBy('updatedAt', 'desc'),
  top: (q) => q.issues.where('status', '!=', 'canceled').orderBy('updatedAt', 'desc').limit(50),
}

export async function beside(folder, flags) {
  const option = (name) => flags.find((f) => f.startsWith(`--${name}=`))?.slice(name.length + 3)
  const blocks = Number(process.env.BENCH_ROUNDS ?? 150)
  const packages = [resolve(option('beside')), folder].map((place) => pathToFileURL(join(place, 'index.inline.js')))
  const sides = [await import(packages[0]), await import(packages[1])]
  const known = [...Object.keys(lists), ...algebraNames.filter((name) => !['row number', 'string agg', 'array agg'].includes(name))]
  const wanted = option('only')?.split(',') ?? known
  const unknown = wanted.find((name) => !known.includes(name))
  if (unknown !== undefined) throw new Error(`there is no \`${unknown}\`; there are ${known.join(', ')}`)
  const issues = rowsOf(0, ROWS, ROWS)
  const text = JSON.stringify(issues)
  const ofOwn = issues.filter((row) => row.projectId === own).map((row) => row.id)
  console.log(`${blocks} pairs of blocks of ${BLOCK} changes, ${ROWS.toLocaleString('en')} rows: µs a change there and here, ratios of the pairs`)
  for (const name of wanted) {
    const made = changesOf(ROWS, 5)((blocks + WARM) * BLOCK)
    const changes = name === 'filter' ? made.map((change, i) => ({ ...change, id: ofOwn[i * 7919 % ofOwn.length] })) : made
    const dbs = []
    for (const e of sides) dbs.push(await opened(e, name, text))
    const times = [[], []]
    const run = (side, block) => {
      const begun = performance.now()
      for (let i = block * BLOCK; i < (block + 1) * BLOCK; i++) dbs[side].apply([changes[i]])
      times[side][block] = (performance.now() - begun) * 1000 / BLOCK
    }
    for (let block = 0; block < blocks + WARM; block++) for (const side of block % 2 ? [0, 1] : [1, 0]) run(side, block)
    const [there, here] = times.map((list) => list.slice(WARM))
    const ratios = here.map((time, i) => time / there[i]).sort((a, b) => a - b)
    const quarter = (part) => ratios[Math.floor(ratios.length * part)].toFixed(2)
    console.log(`${name.padEnd(26)} ${median(there).toFixed(2).padStart(8)} ${median(here).toFixed(2).padStart(8)}   ${median(ratios).toFixed(3)}   (half of them ${quarter(0.25)}–${quarter(0.75)})`)
    for (const db of dbs) db.close()
  }
  process.exit()
}

async function opened(e, name, issues) {
  const db = await e.createDatabase({ schema: schemaOf(e), graceMs: 0 })
  const projects = Array.from({ length: PROJECTS }, (_, i) => ({ id: `p${i}`, team: teamOf(`p${i}`) }))
  db.apply([{ op: 'insert', table: 'projects', rows: projects }])
  db.applyJson(issues, { table: 'issues' })
  const live = db.live((lists[name] ?? scenarios(e)[name].query)(db.query))
  let held
  live.subscribe((event) => { held = event.diff; return held })
  return db
}
