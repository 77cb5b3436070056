// `npm run bench`: prints what the engine costs against JavaScript written by hand. See README.md for what each number contains.
//   --node, --chromium   only that runtime          --quick   fewer and smaller rounds: whether it runs, not how fast
//   --rivals   beside other libraries instead: rivals/run.mjs          --instructions   counted rather than timed: instructions.mjs
//   --beside=folder   one change by this package and by another one, in turns: beside.mjs          --calls   functions that a change calls: calls.mjs
//   --only=hydrate,filter,top,list,scale,algebra,board,crowds,signals,durable,datalog    --json=file, --markdown=file   the table, for machines and for www/docs/performance.md
// BENCH_ROWS: rows of the tables (100,000); BENCH_PKG: folder of another build of the package.
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { measure as measureSize, gzipBudget } from '../scripts/size.mjs'
import { chromiumRunner } from './chromium.mjs'
import { datalog } from './datalog.mjs'
import { median } from './measure.mjs'
import { nodeRunner } from './node.mjs'
import { Report } from './report.mjs'
import { names as algebraNames } from './workloads/algebra.mjs'
import { crowdNames } from './workloads/crowds.mjs'
import { issuesJson } from './workloads/issues.mjs'

const flags = process.argv.slice(2)
if (flags.includes('--rivals')) {
  const { rivals } = await import('./rivals/run.mjs')
  await rivals(flags)
  process.exit()
}
if (flags.includes('--instructions')) {
  const { instructions } = await import('./instructions.mjs')
  await instructions(flags)
  process.exit()
}
const has = (name) => flags.includes(`--${name}`)
const option = (name) => flags.find((f) => f.startsWith(`--${name}=`))?.slice(name.length + 3)
const quick = has('quick')
const only = option('only')?.split(',')
const wanted = (name) => only === undefined || only.includes(name)
const rows = Number(process.env.BENCH_ROWS ?? (quick ? 10_000 : 100_000))
const rounds = Number(process.env.BENCH_ROUNDS ?? (quick ? 3 : 9))
const folder = resolve(process.env.BENCH_PKG ?? fileURLToPath(new URL('../../pkg', import.meta.url)))
const forms = { update: 'update: key and columns', upsert: 'upsert: whole row', json: 'update as JSON bytes', read: 'update, every patch read', outside: 'update of a row not shown' }
const windowNames = ['row number', 'lag', 'moving avg of 7']
const thousands = (n) => n.toLocaleString('en')

if (!existsSync(join(folder, 'engine.wasm'))) {
  process.stderr.write('There is no built package: run `npm run build` first.\n')
  process.exit(1)
}

if (flags.some((flag) => /^--calls(=|$)/.test(flag))) {
  const { calls } = await import('./calls.mjs')
  await calls(folder, flags)
  process.exit()
}
if (option('beside') !== undefined) {
  const { beside } = await import('./beside.mjs')
  await beside(folder, flags)
}

const report = new Report()
const scratch = mkdtempSync(join(tmpdir(), 'eddyline-bench-'))
const dataFile = join(scratch, 'issues.json')
try {
  console.log(`${cpus().length} × ${cpus()[0].model.trim()}, load ${loadavg()[0].toFixed(1)}, Node ${process.versions.node}, ${thousands(rows)} rows, ${rounds} rounds`)
  console.log('Ratios are of processor time of the main thread (medians); wall times are beside them.')
  const size = measureSize(folder)
  console.log(`Download: engine.wasm ${thousands(size.wasm.gzip)} + JavaScript ${thousands(size.js.gzip)} = ${thousands(size.total.gzip)} bytes of gzip (budget ${thousands(gzipBudget)})`)
  writeFileSync(dataFile, issuesJson(0, rows))
  if (!has('chromium')) await measure(nodeRunner({ folder, dataFile }), { hydrate: 0.5, aim: 0.4 })
  if (!has('node')) {
    const runner = await chromiumRunner({ folder, dataFile })
    console.log(`\nChromium ${runner.version}`)
    await measure(runner, { hydrate: 0.9, aim: 0.6 })
  }
  report.summary()
  const json = option('json')
  const markdown = option('markdown')
  if (markdown !== undefined) writeFileSync(markdown, `${report.markdown().trim()}\n`)
  if (json !== undefined) writeFileSync(json, JSON.stringify({ size, lines: report.lines, notes: report.notes }, undefined, 1))
} finally { rmSync(scratch, { recursive: true, force: true }) }

async function measure(runner, targets) {
  try {
    if (wanted('hydrate')) await hydrate(runner, { target: targets.hydrate, aim: targets.aim })
    if (wanted('filter')) await change(runner, 'filter', 'a 1 % filter', 30_000, { target: 2 })
    if (wanted('top')) await change(runner, 'top', 'the first 50', 30_000, { target: 2 })
    if (wanted('list')) await change(runner, 'list', 'a full ordered list with a snapshot', 2000, { target: 0.2 })
    if (wanted('list')) await change(runner, 'chunks', 'the same list against copied chunks', 10_000, {})
    if (wanted('scale')) await scale(runner)
    if (wanted('algebra')) await algebra(runner)
    if (wanted('board')) await board(runner)
    if (wanted('crowds')) await crowds(runner)
    if (wanted('signals')) await signals(runner)
    if (wanted('durable')) await durable(runner)
    if (wanted('datalog') && runner.name === 'Node') await datalog(runner, report, { quick, rounds })
  } finally { await runner.close() }
}

async function hydrate(runner, targets) {
  report.section(`${runner.name}: ${thousands(rows)} rows of JSON bytes to a live query and its first 50 rows`, 'ms', 'parse')
  const { samples } = await runner.run({ workload: 'hydrate', rows, rounds })
  for (const name of ['query first', 'rows first', 'query first, limit 50']) report.compare(`fresh engine: ${name}`, samples[name], samples.parse, targets)
  report.compare('fresh engine: rows only, no query', samples['rows only'], samples.parse)
  report.compare('fresh engine: query first ÷ p., f., sort', samples['query first'], samples['parse, filter, sort'])
  const cold = { parse: [], 'query first': [], 'rows first': [] }
  const create = []
  for (let round = 0; round < rounds; round++) {
    for (const way of Object.keys(cold)) {
      const taken = await runner.run({ workload: 'hydrateCold', rows, way })
      cold[way].push(taken)
      if (taken.create) create.push(taken.create)
    }
  }
  const series = (list) => ({ cpu: list.map((s) => s.cpu), wall: list.map((s) => s.wall) })
  for (const way of ['query first', 'rows first']) report.compare(`fresh process or page: ${way}`, series(cold[way]), series(cold.parse), targets)
  report.note(`not in it: loading the engine (createDatabase) ${median(create.map((c) => c.cpu)).toFixed(1)} ms of processor, ${median(create.map((c) => c.wall)).toFixed(1)} ms of wall time`)
}

async function change(runner, scenario, title, count, targets) {
  report.section(`${runner.name}: one change in ${thousands(rows)} rows, ${title}`, 'µs')
  const { results, notes } = await runner.run({ workload: 'change', scenario, rows, rounds, count: quick ? count / 5 : count, forms: Object.keys(forms).filter((form) => form !== 'outside' || scenario === 'filter') })
  for (const [form, { samples }] of Object.entries(results)) {
    const judged = form === 'update' || form === 'upsert' || form === 'json'
    report.compare(forms[form], samples.ours, samples.byHand, judged ? targets : {})
  }
  report.note(`${thousands(notes.shown)} rows shown; a listener was called for ${(results.update.calls * 100).toFixed(0)} % of the changes; rows examined per change: ${notes.work.toFixed(1)}${notes.way ? `; by hand: ${notes.way}` : ''}`)
}

async function scale(runner) {
  const sizes = [rows, rows / 10, rows * 10]
  for (const scenario of ['filter', 'top', 'list']) {
    report.section(`${runner.name}: one change at other sizes, ${scenario}: against ${thousands(rows)} rows`, 'µs', 'there')
    const { samples, work } = await runner.run({ workload: 'scale', scenario, sizes, rounds, count: quick ? 1000 : 5000 })
    for (const size of sizes.slice(1)) report.compare(`${thousands(size)} rows`, samples[size], samples[rows], { target: 1.5 })
    report.note(`rows examined per change: ${[...sizes].sort((a, b) => a - b).map((s) => `${work[s].toFixed(2)} at ${thousands(s)}`).join(', ')}`)
  }
}

async function algebra(runner) {
  report.section(`${runner.name}: one change in ${thousands(rows)} rows, operators of the algebra`, 'µs')
  const sizes = [rows / 10, rows, rows * 10]
  for (const scenario of algebraNames) {
    const count = scenario === 'row number' ? 1000 : windowNames.includes(scenario) || scenario.endsWith(' agg') ? 5000 : 40_000
    const { samples } = await runner.run({ workload: 'algebra', scenario, rows, rounds, count: quick ? count / 10 : count })
    report.compare(scenario, samples.ours, samples.byHand, { target: 3 })
  }
  const { work } = await runner.run({ workload: 'algebraScale', sizes })
  const figures = Object.entries(work).map(([name, by]) => `${name} ${sizes.map((size) => by[size].toFixed(1)).join(', ')}`)
  report.note(`rows examined per change at ${sizes.map(thousands).join('; ')} rows: ${figures.join(' · ')}`)
}

async function board(runner) {
  report.section(`${runner.name}: 200 projects, their 20 latest of ${thousands(rows)} issues, labels and counts of comments: one change`, 'µs')
  const { results, work, uses } = await runner.run({ workload: 'board', rows, rounds, count: quick ? 400 : 8000 })
  const names = { issue: 'an issue, half of them in view', label: 'a label renamed', 'large label': `a label of ${thousands(uses)} issues renamed`, join: 'a label put on or taken off', comment: 'a comment added or deleted' }
  for (const [kind, samples] of Object.entries(results)) report.compare(names[kind], samples.ours, samples.byHand, { target: 3 })
  report.note(`rows examined and patches per change: ${Object.entries(work).map(([kind, w]) => `${kind} ${w.examined.toFixed(1)}, ${w.patches.toFixed(1)}`).join('; ')}`)
}

async function crowds(runner) {
  const queries = quick ? 1000 : 10_000
  report.section(`${runner.name}: one change under ${thousands(queries)} queries of one shape, against the ten that can hear of it`, 'µs', 'ten')
  for (const shape of crowdNames) {
    const { samples } = await runner.run({ workload: 'crowds', shape, queries, rounds, count: quick ? 500 : 5000 })
    report.compare(shape, samples.many, samples.few)
  }
}

async function signals(runner) {
  report.section(`${runner.name}: bursts, per touch or update`, 'µs')
  const touched = await runner.run({ workload: 'touches', rounds })
  report.compare('50 handles, 1,000 touches, 100 rows', touched.samples.ours, touched.samples.byHand)
  const liked = await runner.run({ workload: 'likes', rounds })
  report.compare('4,000 updates, 3 rows, 40 batches', liked.samples.ours, liked.samples.byHand)
  report.note(`requests per burst: ${touched.requested.toFixed(1)}; calls of the watch per 40 batches: ${liked.calls.toFixed(1)}`)
}

/** Wall time throughout: the processor is not what one waits for. */
async function durable(runner) {
  const kinds = runner.name === 'Node' ? ['files'] : ['indexeddb', 'opfs']
  const series = (list) => ({ cpu: list, wall: list })
  const count = quick ? 60 : 400
  for (const kind of kinds) {
    report.section(`${runner.name}: open ${thousands(rows)} rows from ${kind} and ten live queries, wall time`, 'ms', 'parse')
    const { ours, load, parse, longest, named, namedLongest } = await runner.run({ workload: 'durableOpen', kind, rows, rounds })
    report.compare('open, ten queries', series(ours), series(parse))
    report.compare('open, ten queries named to the storage', series(named), series(parse))
    report.compare('open', series(load), series(parse))
    const commit = await runner.run({ workload: 'durableCommit', kind, size: 100, count })
    report.note(`longest gap between timers ${median(longest).toFixed(0)} ms, with the queries named ${median(namedLongest).toFixed(0)} ms; a durable batch of 100 rows: p50 ${commit.p50.toFixed(2)} ms, p99 ${commit.p99.toFixed(2)} ms (${count} batches)`)
  }
  const events = quick ? 10_000 : 100_000
  report.section(`${runner.name}: rebuild of ${thousands(events)} events in 1,000 partitions, wall time`, 'ms', 'fold')
  const { ours, byHand, longest } = await runner.run({ workload: 'rebuildLog', events, partitions: 1000, rounds })
  report.compare('rebuild, swap included', series(ours), series(byHand))
  report.note(`longest gap between timers meanwhile ${median(longest).toFixed(0)} ms`)
}
