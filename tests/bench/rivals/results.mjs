// What was measured, as numbers, as verdicts and as tables.
import { median } from '../measure.mjs'

const scales = { ms: 1, 'µs': 1000, B: 1, kB: 1 }

export class Results {
  lines = new Map()

  constructor(head) { this.head = head }

  static read(text) {
    const { head, lines } = JSON.parse(text)
    const results = new Results(head)
    for (const line of lines) results.lines.set(line.name, line)
    return results
  }

  json() { return `${JSON.stringify({ head: this.head, lines: [...this.lines.values()] }, (_, v) => (typeof v === 'number' && !Number.isInteger(v) ? Number(v.toPrecision(5)) : v), 1)}\n` }

  /** Adds what a job gave of one side; returns it as a line. */
  add(job, side, outcome) {
    const { group, name, unit, target, hand, parse, own, most } = job
    if (!this.lines.has(name)) this.lines.set(name, { group, name, unit, target, hand, parse, own, most, cells: {} })
    const cell = this.lines.get(name).cells[side] = cellOf(job, outcome, this.head.by)
    return `${name.padEnd(58)} ${side.padEnd(20)} ${cell.value === undefined ? cell.text : `${figure(cell.value)} ${unit}${cell.cpu === undefined ? '' : `, wall ${figure(cell.wall)}, processor ${figure(cell.cpu)}`}`}`
  }

  /** Lines with what the best rival has, and whether the aims are met. */
  verdicts() {
    const baselines = new Set(['parse', ...this.head.sides.filter((side) => side.baseline).map((side) => side.name)])
    return [...this.lines.values()].filter((line) => line.cells.eddyline?.value !== undefined).map((line) => {
      const ours = line.cells.eddyline.value
      const rivals = Object.entries(line.cells).filter(([name, { value }]) => name !== 'eddyline' && !baselines.has(name) && value !== undefined)
      const [best, cell] = rivals.sort(([, a], [, b]) => a.value - b.value)[0] ?? []
      const hand = line.cells['by-hand']?.value
      const times = cell === undefined ? undefined : cell.value / ours
      const aims = []
      if (line.target !== undefined && times !== undefined) aims.push({ text: `${line.target}× the best rival`, met: times >= line.target })
      if (line.hand !== undefined && hand !== undefined) aims.push({ text: `${line.hand}× by hand`, met: ours <= line.hand * hand })
      const parsed = line.cells.parse?.value
      if (line.parse !== undefined && parsed !== undefined) aims.push({ text: `${line.parse}× decode and parse`, met: ours <= line.parse * parsed })
      if (line.most !== undefined) aims.push({ text: `${line.most} ${line.unit}`, met: ours <= line.most })
      const alone = this.lines.get(line.own)?.cells.eddyline?.value
      if (alone !== undefined) aims.push({ text: 'as one query', met: ours <= 1.5 * alone })
      return { line, ours, best, rival: cell?.value, times, byHand: hand === undefined ? undefined : ours / hand, aims }
    })
  }

  markdown() {
    return [this.verdictTable(), ...['load', 'change', 'many', 'transaction', 'memory', 'size'].map((group) => this.table(group))].filter((text) => text !== '').join('\n\n')
  }

  title(name) { return name === 'parse' ? 'decode and parse' : this.head.sides.find((side) => side.name === name)?.title ?? name }

  verdictTable() {
    const rows = this.verdicts().map(({ line, ours, best, rival, times, byHand, aims }) => [
      line.name, `${figure(ours)} ${line.unit}`, best === undefined ? '' : `${figure(rival)} (${this.title(best)})`, times === undefined ? '' : `${figure(times)}×`,
      byHand === undefined ? '' : `${figure(byHand)}×`, aims.map((aim) => (aim.met ? aim.text : `**${aim.text}**`)).join(', '), aims.length === 0 ? '' : aims.every((aim) => aim.met) ? 'met' : '**missed**',
    ])
    return tableOf(['', 'Eddyline', 'best rival', 'times better', 'of by hand', 'aims', ''], rows)
  }

  table(group) {
    const lines = [...this.lines.values()].filter((line) => line.group === group)
    const names = [...this.head.sides.map((side) => side.name), 'parse'].filter((name) => lines.some((line) => line.cells[name] !== undefined))
    if (lines.length === 0 || names.length === 0) return ''
    const cell = (c) => (c === undefined ? '' : c.value === undefined ? c.text : figure(c.value) + (c.cpu === undefined ? '' : ` (${figure(this.head.by === 'processor' ? c.wall : c.cpu)})`))
    return tableOf(['', ...names.map((name) => this.title(name))], lines.map((line) => [`${line.name}, ${line.unit}`, ...names.map((name) => cell(line.cells[name]))]))
  }
}

const tableOf = (head, rows) => [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n')

export function figure(value) {
  if (value === undefined || Number.isNaN(value)) return ''
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en')
  return value.toPrecision(value >= 10 || value <= -10 ? 3 : 2)
}

/** A number with its range and processor time, or what stands in its place. */
function cellOf(job, { result, unsupported, outOfTime, wrong, failed }, by) {
  if (unsupported !== undefined) return { text: '–' }
  if (outOfTime !== undefined) return { text: outOfTime }
  if (wrong !== undefined) return { text: 'wrong result', why: wrong }
  if (failed !== undefined) return { text: 'fails', why: failed }
  const scale = scales[job.unit]
  if (job.unit === 'kB') return { value: result.value, ...result }
  if (job.workload === 'memory') {
    const part = result[job.of]
    return part === undefined ? { text: '–' } : { value: part.heap + part.external, rss: part.rss, wasm: part.wasm, mounted: result.mounted }
  }
  const samples = job.of === 'mount' ? [result.mount] : result.samples
  const [walls, processor] = [samples.map((s) => s.wall * scale), samples.map((s) => s.cpu * scale)]
  const judged = by === 'processor' ? processor : walls
  return { value: median(judged), wall: median(walls), cpu: median(processor), least: Math.min(...judged), most: Math.max(...judged), rounds: samples.length, per: result.per }
}
