// `npm run bench -- --rivals`: Eddyline beside its rivals and beside JavaScript by hand; README.md says how it is done.
//   --quick   whether it runs          --sides=eddyline,zero   --work=load,block,change,many,transaction,memory,size
//   --json=file   --write   www/docs/rivals.json, the plots and the section of www/docs/performance.md
//   --by=processor   judges by processor time of the main thread, for a machine that is busy with other things
//   --from=file   nothing is measured: the tables of a run that was written before
// BENCH_ROWS (100,000), BENCH_LARGEST (1,000,000), BENCH_ROUNDS (7), BENCH_PATIENCE: seconds for one process (120); BENCH_PKG: another build.
import { execFileSync, spawn } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { measure as measureSize } from '../../scripts/size.mjs'
import { sides as everyone, work } from './cast.mjs'
import { Results } from './results.mjs'
import { pageSize } from './size.mjs'
import { writeDocs } from './docs.mjs'

const here = fileURLToPath(new URL('.', import.meta.url))
const groups = ['load', 'block', 'change', 'many', 'transaction', 'memory', 'size']

export async function rivals(flags) {
  const has = (name) => flags.includes(`--${name}`)
  const option = (name) => flags.find((f) => f.startsWith(`--${name}=`))?.slice(name.length + 3)
  const list = (name, all) => option(name)?.split(',') ?? all
  const quick = has('quick')
  const env = (name, usual, small) => Number(process.env[name] ?? (quick ? small : usual))
  const from = option('from')
  const results = from === undefined ? await measured() : Results.read(readFileSync(from, 'utf8'))
  process.stdout.write(`\n${results.markdown()}\n`)
  if (option('json') !== undefined) writeFileSync(option('json'), results.json())
  if (has('write')) writeDocs(results)

  async function measured() {
    const folder = resolve(process.env.BENCH_PKG ?? fileURLToPath(new URL('../../../pkg', import.meta.url)))
    const rows = env('BENCH_ROWS', 100_000, 5000)
    const settings = {
      rows, largest: env('BENCH_LARGEST', 1_000_000, 2 * rows), rounds: env('BENCH_ROUNDS', 7, 2),
      queries: quick ? 500 : 10_000, changes: quick ? 2000 : 10_000, patience: env('BENCH_PATIENCE', 120, 60), sampleMs: quick ? 20 : 100,
    }
    install()
    const sides = everyone.filter((side) => list('sides', everyone.map((s) => s.name)).includes(side.name))
    const wanted = list('work', groups)
    const results = new Results({
      date: new Date().toISOString().slice(0, 10), machine: `${cpus().length} × ${cpus()[0].model.trim()}`, node: process.versions.node, load: loadavg()[0], quick, settings, by: option('by') ?? 'wall',
      sides: sides.map((side) => ({ name: side.name, title: side.title, baseline: side.baseline === true, version: versionOf(side) })),
    })
    console.log(`${results.head.machine}, load ${loadavg()[0].toFixed(1)}, Node ${results.head.node}, ${rows.toLocaleString('en')} rows`)
    const begun = performance.now()
    const done = new Map()
    for (const job of work(settings).filter((job) => wanted.includes(job.group))) {
      for (const side of (job.sides ?? sides)) {
        // Jobs with a key are several numbers of one run.
        const key = `${side.name} ${job.key ?? job.name}`
        const before = done.get(`${side.name} ${job.after}`)
        if (before?.outOfTime !== undefined) results.add(job, side.name, { outOfTime: 'not tried' })
        else if (!done.has(key)) done.set(key, await inProcess({ side: side.name, workload: job.workload, options: job.options, folder, ...settings, by: results.head.by, patience: settings.patience * 1000 }))
        if (done.has(key)) console.log(results.add(job, side.name, done.get(key)))
      }
    }
    if (wanted.includes('size')) await sizes(results, sides, folder)
    results.head.minutes = (performance.now() - begun) / 60_000
    console.log(`\n${results.head.minutes.toFixed(1)} minutes`)
    return results
  }
}

/** One side and one workload; a process that takes too long is ended. */
async function inProcess(job) {
  const child = spawn(process.execPath, ['--expose-gc', '--max-old-space-size=8192', join(here, 'worker.mjs'), JSON.stringify(job)], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  let errors = ''
  child.stdout.setEncoding('utf8').on('data', (text) => { output = (output + text).slice(-1_000_000) })
  child.stderr.setEncoding('utf8').on('data', (text) => { errors = (errors + text).slice(-4000) })
  let late = false
  const guard = setTimeout(() => { late = true; child.kill('SIGKILL') }, job.patience)
  const code = await new Promise((done, fail) => { child.on('error', fail); child.on('close', done) })
  clearTimeout(guard)
  if (late) return { outOfTime: `more than ${job.patience / 1000} s` }
  if (code !== 0) return { failed: /^\w*Error\b.*$/m.exec(errors)?.[0] ?? `ended with ${code}: ${errors.slice(-300)}` }
  return JSON.parse(output.slice(output.lastIndexOf('\n', output.length - 2) + 1))
}

function install() {
  const missing = everyone.filter((side) => side.package !== undefined && !existsSync(join(here, 'node_modules', side.package, 'package.json')))
  if (missing.length === 0) return
  console.log(`Installing ${missing.map((side) => side.package).join(', ')} (once, some 450 MB) …`)
  // Nothing of what these run after installation is needed here; whoever cannot be installed is told of in the table.
  try {
    execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock', '--loglevel=error'], { cwd: here, stdio: 'inherit' })
  } catch { console.log('Some could not be installed.') }
}

function versionOf(side) {
  const file = side.package === undefined ? undefined : join(here, 'node_modules', side.package, 'package.json')
  if (file === undefined) return side.name === 'eddyline' ? JSON.parse(readFileSync(join(here, '../../../package.json'), 'utf8')).version : undefined
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).version : 'not installed'
}

async function sizes(results, sides, folder) {
  const job = { group: 'size', name: 'what a page loads, gzip', unit: 'kB' }
  for (const side of sides) {
    if (side.sameAs !== undefined || side.baseline) continue
    try {
      const size = side.name === 'eddyline' ? { total: measureSize(folder).total.gzip } : await pageSize(side, here)
      console.log(results.add(job, side.name, { result: { value: size.total / 1000, ...size } }))
    } catch (error) { console.log(results.add(job, side.name, { failed: String(error).slice(0, 200) })) }
  }
}
