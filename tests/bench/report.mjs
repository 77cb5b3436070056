// The table: one line per number, with its ratio, its target and its spread.
import { median } from './measure.mjs'

/** Two digits behind the point; of what is less than a hundredth two that say something. */
const short = (value) => value > 0 && value < 0.01 ? value.toPrecision(2) : value.toFixed(2)
const spread = (values) => values.every(Number.isFinite) ? `${short(Math.min(...values))}–${short(Math.max(...values))}` : '–'

/** Ratio of two lists of samples taken in turns: of the medians, of the least, and the range of the pairs. */
export function ratio(ours, theirs) {
  const pairs = ours.cpu.map((x, i) => x / theirs.cpu[i])
  const least = Math.min(...ours.cpu) / Math.min(...theirs.cpu)
  return { cpu: median(ours.cpu) / median(theirs.cpu), least, wall: median(ours.wall) / median(theirs.wall), pairs: spread(pairs) }
}

const times = (value) => Number.isFinite(value) ? `${short(value)}×` : '–'
const figure = (value) => value === undefined ? '' : value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)

export class Report {
  lines = []
  notes = []
  #section = ''
  #unit = ''
  #rival = ''

  constructor(write = (text) => process.stdout.write(`${text}\n`)) { this.write = write }

  section(title, unit, rival = 'by hand') {
    this.#section = title
    this.#unit = unit
    this.#rival = rival
    this.write(`\n${title}, ${unit}`)
    this.write(`${''.padEnd(36)}${['ours', rival, 'ratio', 'target'].map((t) => t.padStart(9)).join('')} ${''.padEnd(9)}${'least'.padEnd(8)}${'pairs'.padEnd(13)}${'wall: ours'.padStart(10)}${rival.padStart(9)}${'ratio'.padStart(8)}`)
  }

  /** One comparison. `target`: the ratio that must not be exceeded; `aim`: the one hoped for. */
  compare(name, ours, theirs, { target, aim } = {}) {
    const r = ratio(ours, theirs)
    const isMet = r.cpu <= target
    const verdict = target === undefined ? '' : !isMet ? 'MISSED' : r.cpu <= aim ? 'aim met' : 'met'
    const line = { section: this.#section, unit: this.#unit, rival: this.#rival, name, ours: median(ours.cpu), theirs: median(theirs.cpu), ratio: r.cpu, least: r.least, target, aim, verdict, pairs: r.pairs, wallOurs: median(ours.wall), wallTheirs: median(theirs.wall), wallRatio: r.wall }
    this.lines.push(line)
    const left = [figure(line.ours), figure(line.theirs), times(r.cpu), target === undefined ? '' : times(target)]
    const right = [figure(line.wallOurs).padStart(10), figure(line.wallTheirs).padStart(9), times(r.wall).padStart(8)]
    this.write(`${name.padEnd(36)}${left.map((t) => t.padStart(9)).join('')} ${verdict.padEnd(9)}${times(r.least).padEnd(8)}${r.pairs.padEnd(13)}${right.join('')}`)
  }

  note(text) {
    this.notes.push({ section: this.#section, text })
    this.write(`  ${text}`)
  }

  /** The tables of www/docs/performance.md: the runtimes side by side. */
  markdown() {
    const place = (l) => l.section.slice(l.section.indexOf(': ') + 2)
    const runtimes = [...new Set(this.lines.map((l) => l.section.split(':')[0]))]
    const text = []
    for (const section of new Set(this.lines.map(place))) {
      const lines = this.lines.filter((l) => place(l) === section)
      const { unit, rival } = lines[0]
      text.push('', `### ${section[0].toUpperCase()}${section.slice(1)}`, '',
        `| ${unit}: ours / ${rival} | ${runtimes.map((r) => `${r} | ratio (pairs)`).join(' | ')} | at most |`, `|---|${'---|---|'.repeat(runtimes.length)}---|`)
      for (const name of new Set(lines.map((l) => l.name))) {
        const cells = lines.filter((l) => l.name === name).map((l) => {
          const r = l.verdict === 'MISSED' ? `**${times(l.ratio)}**` : times(l.ratio)
          return `${figure(l.ours)} / ${figure(l.theirs)} | ${r} (${l.pairs})`
        })
        const targets = new Set(lines.filter((l) => l.name === name && l.target !== undefined).map((l) => times(l.target)))
        text.push(`| ${name} | ${cells.join(' | ')} | ${[...targets].join(', ')} |`)
      }
      for (const n of this.notes) if (place(n) === section) text.push('', `${n.section.split(':')[0]}: ${n.text}.`)
    }
    return text.join('\n')
  }

  summary() {
    const judged = this.lines.filter((l) => l.target !== undefined)
    const missed = judged.filter((l) => l.verdict === 'MISSED')
    this.write(`\n${judged.length - missed.length} of ${judged.length} targets met${missed.length > 0 ? '; missed:' : '.'}`)
    for (const l of missed) this.write(`  ${l.section}: ${l.name}: ${times(l.ratio)} against ${times(l.target)}`)
  }
}
