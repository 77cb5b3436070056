// `npm run bench -- --calls`: which functions of the binary one change calls, and how often: what is worth `#[inline(always)]`, and what is not.
//   --calls=file   the difference to another build: its `.data/build/bound/glue_bg.wasm`          --only=count,join,…   some of the queries
// Counted in WebAssembly, after the optimiser: what is inlined is not called. Says nothing of what a call costs.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { optimizerFlags } from '../scripts/features.mjs'
import { bodies, counted, namesOf } from '../scripts/module-bytes.mjs'
import { cache, inRoot } from '../scripts/place.mjs'
import { changesOf, rowsOf, scenarios, schemaOf, teamOf } from './workloads/algebra.mjs'

const ROWS = 20_000
const WARM = 200
const COUNT = 2_000
/** Functions that are called less often than once in so many changes are not listed. */
const SELDOM = 30

const lists = {
  filter: (q) => q.issues.where('projectId', '=', 'p0').orderBy('updatedAt', 'desc'),
  top: (q) => q.issues.where('status', '!=', 'canceled').orderBy('updatedAt', 'desc').limit(50),
}

export async function calls(folder, flags) {
  const option = (name) => flags.find((f) => f.startsWith(`--${name}=`))?.slice(name.length + 3)
  const wanted = option('only')?.split(',') ?? [...Object.keys(lists), 'count', 'sum', 'max', 'join', 'exists', 'lag']
  const here = await callsOf(join(cache, 'bound', 'glue_bg.wasm'), folder, wanted)
  const there = option('calls') === undefined ? new Map() : await callsOf(resolve(option('calls')), folder, wanted)
  const all = [...here].map(([name, { calls, size }]) => ({ name, size, calls, more: calls - (there.get(name)?.calls ?? 0) }))
  const sum = (found) => [...found.values()].reduce((total, { calls }) => total + calls, 0)
  console.log(`calls of functions for a change, mean of ${wanted.join(', ')}: ${sum(here).toFixed(1)}${there.size > 0 ? `, there ${sum(there).toFixed(1)}` : ''}`)
  console.log(`${there.size > 0 ? '    more' : ''}   calls   bytes`)
  for (const { name, size, calls, more } of all.filter((f) => f.more * SELDOM > 1).sort((a, b) => b.more - a.more)) {
    console.log(`${there.size > 0 ? more.toFixed(2).padStart(8) : ''}${calls.toFixed(2).padStart(8)}${String(size).padStart(8)}  ${name}`)
  }
}

/** Calls and bytes by name; instances of one generic function together. */
async function callsOf(bound, folder, wanted) {
  const scratch = mkdtempSync(join(tmpdir(), 'eddyline-calls-'))
  try {
    const named = join(scratch, 'named.wasm')
    execFileSync(process.execPath, [inRoot('node_modules/binaryen/bin/wasm-opt'), '-O3', '-O3', '-g', ...optimizerFlags, bound, '-o', named])
    const wasm = readFileSync(named)
    const glue = pathToFileURL(join(folder, 'glue.js')).href
    // Each binary in a copy of the package's modules of its own: the glue holds one instance.
    const program = `
      const e = await import(${JSON.stringify(pathToFileURL(join(folder, 'index.slim.js')).href)}); const { default: glue } = await import(${JSON.stringify(glue)})
      const { measured } = await import(${JSON.stringify(import.meta.url)})
      console.log(JSON.stringify(await measured(e, glue, ${JSON.stringify(named)}, ${JSON.stringify(wanted)})))`
    const counts = JSON.parse(execFileSync(process.execPath, ['--input-type=module', '-e', program], { maxBuffer: 1 << 28 }).toString())
    const sizes = bodies(wasm).map((code) => code.length)
    const found = new Map()
    namesOf(wasm).forEach((name, i) => {
      const plain = name.replace(/::h[0-9a-f]{16}$/, '').replace(/\[[0-9a-f]{16}\]/g, '')
      const known = found.get(plain) ?? { calls: 0, size: 0 }
      if (counts[i] > 0) found.set(plain, { calls: known.calls + counts[i], size: known.size + sizes[i] })
    })
    return found
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
}

/** Mean calls of each function for a change. */
export async function measured(e, glue, file, wanted) {
  const wasm = readFileSync(file)
  const functions = bodies(wasm).length
  await e.init({ module: counted(wasm) })
  const exported = await glue()
  const read = () => Array.from({ length: functions }, (_, i) => exported[`calls${i}`].value >>> 0)
  const issues = rowsOf(0, ROWS, ROWS)
  const projects = [...new Set(issues.map((row) => row.projectId))]
  const total = new Float64Array(functions)
  for (const name of wanted) {
    const db = await e.createDatabase({ schema: schemaOf(e) })
    db.apply(projects.map((id) => ({ op: 'insert', table: 'projects', row: { id, team: teamOf(id) } })))
    db.applyJson(JSON.stringify(issues), { table: 'issues' })
    const make = lists[name] ?? scenarios(e)[name]?.query
    if (make === undefined) throw new Error(`there is no \`${name}\``)
    const live = db.live(make(db.query))
    live.subscribe(() => {})
    const changes = changesOf(ROWS, 5)(WARM + COUNT)
    for (const change of changes.slice(0, WARM)) db.apply([change])
    const before = read()
    for (const change of changes.slice(WARM)) db.apply([change])
    // Counters are of 32 bits.
    read().forEach((now, i) => { total[i] += (now - before[i] >>> 0) / COUNT / wanted.length })
    db.close()
  }
  return Array.from(total)
}
