// `npm run bench -- --instructions`: what one change costs in the engine, in instructions, which no other load disturbs.
//   --only=filter,board-label,…   some of them          --json=file
// Native code, not WebAssembly: what is counted is the work, not the time. Needs valgrind; nothing of the boundary or of JavaScript is in it.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import * as algebra from './workloads/algebra.mjs'
import * as board from './workloads/board.mjs'

const COUNT = 1000
const ROWS = 50_000
const root = fileURLToPath(new URL('../..', import.meta.url))

/** Schema, query, rows by table and changes of each line. */
async function cases(e) {
  const made = {}
  {
    const schema = board.boardSchema(e)
    const query = board.boardQuery(await e.createDatabase({ schema })).toJSON()
    const rows = board.boardRows(ROWS / 2)
    for (const kind of ['issue', 'label', 'join', 'comment']) {
      made[`board-${kind}`] = () => ({ schema, query, rows, changes: new board.Changes(kind, rows, 3).take(3 * COUNT).map(board.plain) })
    }
  }
  const schema = algebra.schemaOf(e)
  const { query } = await e.createDatabase({ schema })
  const issues = algebra.rowsOf(0, ROWS, ROWS)
  const names = [...new Set(issues.map((row) => row.projectId))]
  const rows = { projects: names.map((id) => ({ id, team: algebra.teamOf(id) })), issues }
  const scenarios = algebra.scenarios(e)
  const shown = query.issues.where('status', '!=', 'canceled').orderBy('updatedAt', 'desc')
  const moved = (change) => ({ ...change, set: { updatedAt: change.set.updatedAt } })
  const ofProject = issues.filter((row) => row.projectId === names[3]).map((row) => row.id)
  const changes = () => algebra.changesOf(ROWS, 5)(3 * COUNT)
  const one = (of, make) => () => ({ schema, query: of.toJSON(), rows, changes: make() })
  made.filter = one(shown.where('projectId', '=', names[3]), () => changes().map((c, i) => moved({ ...c, id: ofProject[i * 7919 % ofProject.length] })))
  made.top = one(shown.limit(50), () => changes().map(moved))
  for (const name of ['count', 'count distinct', 'sum', 'avg', 'stddev', 'max', 'median', 'join', 'exists', 'lag', 'moving avg of 7', 'row number']) made[name] = one(scenarios[name].query(query), changes)
  return made
}

export async function instructions(flags) {
  const option = (name) => flags.find((f) => f.startsWith(`--${name}=`))?.slice(name.length + 3)
  try { execFileSync('valgrind', ['--version'], { stdio: 'ignore' }) } catch {
    process.stderr.write('`valgrind` is needed, which counts instructions: install the package of that name of your system.\n')
    process.exit(1)
  }
  const folder = resolve(process.env.BENCH_PKG ?? join(root, 'pkg'))
  const made = await cases(await import(pathToFileURL(join(folder, 'index.inline.js'))))
  const unknown = option('only')?.split(',').find((name) => !(name in made))
  if (unknown !== undefined) throw new Error(`there is no \`${unknown}\`; there are ${Object.keys(made).join(', ')}`)
  execFileSync('cargo', ['build', '--release', '--package', 'eddyline-instructions'], { cwd: root, stdio: 'inherit' })
  const program = join(process.env.CARGO_TARGET_DIR ?? join(root, 'target'), 'release', 'eddyline-instructions')
  const scratch = mkdtempSync(join(tmpdir(), 'eddyline-instructions-'))
  const results = {}
  try {
    console.log('one change          instructions   reads  writes   words of report   rows examined')
    for (const name of option('only')?.split(',') ?? Object.keys(made)) results[name] = counted(name, made[name](), program, scratch)
  } finally { rmSync(scratch, { recursive: true, force: true }) }
  if (option('json') !== undefined) writeFileSync(option('json'), JSON.stringify(results, undefined, 1))
}

function counted(name, { schema, query, rows, changes }, program, scratch) {
  const folder = join(scratch, name)
  const lines = (list) => list.map((item) => JSON.stringify(item)).join('\n')
  mkdirSync(folder)
  writeFileSync(join(folder, 'schema.json'), JSON.stringify(schema.json))
  writeFileSync(join(folder, 'query.json'), JSON.stringify(query))
  writeFileSync(join(folder, 'rows.ndjson'), Object.entries(rows).map(([table, list]) => lines(list.map((row) => ({ op: 'insert', table, row })))).join('\n'))
  writeFileSync(join(folder, 'changes.ndjson'), lines(changes))
  const out = join(folder, 'counted')
  const options = ['--quiet', '--tool=callgrind', '--cache-sim=yes', '--toggle-collect=measured', `--callgrind-out-file=${out}`]
  const told = JSON.parse(execFileSync('valgrind', [...options, program, folder, String(COUNT)], { stdio: ['ignore', 'pipe', 'pipe'] }).toString())
  const totals = execFileSync('grep', ['^totals:', out]).toString().trim().split(' ').slice(1).map(Number)
  const each = { instructions: totals[0] / COUNT, reads: totals[1] / COUNT, writes: totals[2] / COUNT, words: told.words / COUNT, examined: told.examined / COUNT }
  const cell = (n, width, digits = 0) => n.toFixed(digits).padStart(width)
  console.log(name.padEnd(18) + cell(each.instructions, 14) + cell(each.reads, 8) + cell(each.writes, 8) + cell(each.words, 18, 1) + cell(each.examined, 16, 1))
  rmSync(folder, { recursive: true })
  return each
}
