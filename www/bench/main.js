// The bench of tests/bench/rivals in a page: one worker per side and line, tables that fill as the numbers come.
import { versions } from 'virtual:rivals'
import { sides as cast, work } from '../../tests/bench/rivals/cast.mjs'
import { figure, Results } from '../../tests/bench/rivals/results.mjs'

const PATIENCE = 120_000
const groups = { load: 'Loading', block: 'Longest block', change: 'One change', many: 'Many queries', transaction: 'Many changes at once' }
const place = (id) => document.getElementById(id)
const made = (tag, properties, ...children) => { const element = Object.assign(document.createElement(tag), properties); element.append(...children); return element }

const known = cast.filter((side) => side.package === undefined || versions[side.name] !== undefined)
place('missing').hidden = known.length > 3

const box = (name, value, text, checked = true) => made('label', {}, made('input', { type: 'checkbox', name, value, checked }), ` ${text}`)
place('work').append(...Object.entries(groups).map(([name, title]) => box('work', name, title)))
place('sides').append(...known.map((side) => box('side', side.name, [side.title, versions[side.name]].filter(Boolean).join(' '), side.name !== 'pglite-incremental')))

let results
let running

/** One side and one line in a worker that is ended when it takes too long, or when everything is stopped. */
function inWorker(job, signal) {
  const worker = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' })
  return new Promise((done) => {
    const finish = (outcome) => { clearTimeout(guard); worker.terminate(); done(outcome) }
    const guard = setTimeout(() => { finish({ outOfTime: `more than ${PATIENCE / 1000} s` }) }, PATIENCE)
    signal.addEventListener('abort', () => { finish(undefined) }, { once: true })
    worker.onmessage = ({ data }) => { finish(data) }
    worker.onerror = (event) => { finish({ failed: event.message ?? 'the worker could not be loaded' }) }
    worker.postMessage({ ...job, patience: PATIENCE })
  })
}

async function run(settings, wanted, names, signal) {
  const sides = known.filter((side) => names.includes(side.name))
  const jobs = work(settings).filter((job) => wanted.includes(job.group))
  results = new Results({
    date: new Date().toISOString().slice(0, 10), machine: navigator.userAgent, settings,
    sides: sides.map(({ name, title, baseline }) => ({ name, title, baseline: baseline === true, version: versions[name] })),
  })
  draw(jobs, sides)
  const done = new Map()
  const steps = jobs.flatMap((job) => (job.sides ?? sides).map((side) => ({ job, side }))).filter(({ job, side }) => side.name === 'parse' || names.includes(side.name))
  for (const [i, { job, side }] of steps.entries()) {
    place('state').textContent = `${i + 1} of ${steps.length}: ${job.name}, ${side.title ?? 'parsing by itself'}`
    const key = `${side.name} ${job.key ?? job.name}`
    if (!done.has(key)) {
      cellOf(job, side)?.classList.add('busy')
      const outcome = await inWorker({ side: side.name, workload: job.workload, options: job.options, sampleMs: 100 }, signal)
      cellOf(job, side)?.classList.remove('busy')
      if (outcome === undefined) return
      done.set(key, outcome)
    }
    results.add(job, side.name, done.get(key))
    fill(job, sides)
  }
  document.body.dataset.done = 'true'
}

const columns = (job, sides) => (job.group === 'block' ? job.sides : sides).map((side) => side.name).concat(job.group === 'load' ? ['parse'] : [])
const cellOf = (job, side) => document.querySelector(`tr[data-line="${CSS.escape(job.name)}"] td[data-side="${side.name}"]`)

function draw(jobs, sides) {
  place('tables').replaceChildren(...Object.entries(groups).filter(([group]) => jobs.some((job) => job.group === group)).map(([group, title]) => {
    const lines = [...new Map(jobs.filter((job) => job.group === group).map((job) => [job.name, job])).values()]
    const names = columns(lines[0], sides)
    const head = made('tr', {}, made('th', {}), ...names.map((name) => made('th', { textContent: results.title(name) })))
    const body = lines.map((job) => {
      const row = made('tr', {}, made('td', { textContent: `${job.name}, ${job.unit}` }), ...names.map((name) => { const cell = made('td', {}); cell.dataset.side = name; return cell }))
      row.dataset.line = job.name
      return row
    })
    return made('section', {}, made('h2', { textContent: title }), made('table', {}, made('thead', {}, head), made('tbody', {}, ...body)))
  }))
}

function fill(job, sides) {
  const { cells } = results.lines.get(job.name)
  const rivals = sides.filter((side) => side.name !== 'eddyline' && side.baseline !== true).map((side) => cells[side.name]?.value).filter((value) => value !== undefined)
  const best = Math.min(...rivals, cells.eddyline?.value ?? Infinity)
  for (const name of columns(job, sides)) {
    const cell = cellOf(job, { name })
    const { value, text, why, least, most } = cells[name] ?? {}
    cell.textContent = value === undefined ? text ?? '' : figure(value)
    cell.title = why ?? (least === undefined ? '' : `${figure(least)} to ${figure(most)}`)
    cell.classList.toggle('ours', name === 'eddyline' && value !== undefined)
    cell.classList.toggle('best', value !== undefined && value === best)
    cell.classList.toggle('bad', value === undefined && text !== undefined && text !== '–')
  }
}

place('settings').addEventListener('submit', (event) => {
  event.preventDefault()
  const form = new FormData(event.target)
  const rows = Number(form.get('rows'))
  const settings = { rows, largest: rows, rounds: Number(form.get('rounds')), queries: rows / 10, changes: Math.min(10_000, rows) }
  running = new AbortController()
  delete document.body.dataset.done
  place('start').disabled = true
  for (const id of ['stop', 'copy']) place(id).disabled = false
  const begun = performance.now()
  run(settings, form.getAll('work'), form.getAll('side'), running.signal).finally(() => {
    place('state').textContent = `${running.signal.aborted ? 'Stopped' : 'Done'} after ${((performance.now() - begun) / 1000).toFixed(0)} s.`
    place('start').disabled = false
    place('stop').disabled = true
  })
})
place('stop').addEventListener('click', () => { running.abort() })
place('copy').addEventListener('click', async () => {
  await navigator.clipboard.writeText(`${results.head.date}, ${results.head.machine}, ${figure(results.head.settings.rows)} rows\n\n${results.markdown()}\n`)
  place('state').textContent = 'Copied.'
})
