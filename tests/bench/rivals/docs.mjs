// The section "Beside the rivals" of www/docs/performance.md, its plots, and the numbers as JSON.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { plots } from './plots.mjs'

const docs = fileURLToPath(new URL('../../../www/docs/', import.meta.url))
const [begin, end] = ['<!-- rivals: written by npm run bench -- --rivals --write -->', '<!-- end of rivals -->']

export function writeDocs(results) {
  mkdirSync(`${docs}rivals`, { recursive: true })
  writeFileSync(`${docs}rivals/rivals.json`, results.json())
  const drawn = plots(results)
  for (const { file, svg } of drawn) writeFileSync(`${docs}rivals/${file}`, svg)
  const page = readFileSync(`${docs}performance.md`, 'utf8')
  const [from, to] = [page.indexOf(begin), page.indexOf(end)]
  if (from < 0 || to < 0) throw new Error('performance.md has no place for the rivals')
  writeFileSync(`${docs}performance.md`, `${page.slice(0, from + begin.length)}\n\n${section(results, drawn)}\n\n${page.slice(to)}`)
}

function section(results, drawn) {
  const { date, machine, node, load, settings, sides, minutes, quick } = results.head
  const versions = sides.filter((side) => side.version !== undefined).map((side) => `${side.title} ${side.version}`).join(', ')
  const verdicts = results.verdicts().filter(({ aims }) => aims.length > 0)
  const met = verdicts.filter(({ aims }) => aims.every((aim) => aim.met)).length
  return [
    `${quick ? '**A trial run with few rows and rounds: read nothing into its numbers.** ' : ''}${date}, ${machine}, load ${load.toFixed(1)} at the start, Node ${node}; ${versions}.`
      + ` ${settings.rows.toLocaleString('en')} rows unless said, medians of up to ${settings.rounds} rounds, ${minutes?.toFixed(0) ?? '?'} minutes. ${met} of ${verdicts.length} lines meet all of their aims.`,
    results.verdictTable(),
    ...drawn.map(({ file, title }) => `![${title}](rivals/${file})`),
    `Each number: ${results.head.by === 'processor' ? 'processor time of the main thread, and in brackets wall time' : 'wall time, and in brackets processor time of the main thread'}. A dash: the library has no such query.`,
    ...['load', 'change', 'many', 'transaction', 'memory', 'size'].map((group) => results.table(group)).filter((text) => text !== ''),
    ...notes(results),
  ].join('\n\n')
}

/** What stood in the place of a number. */
function notes(results) {
  const told = new Set()
  for (const line of results.lines.values()) {
    for (const [name, { why, text }] of Object.entries(line.cells)) if (why !== undefined) told.add(`- ${results.title(name)}, ${line.name}: ${text}: ${why.replaceAll('|', '\\|').slice(0, 200)}`)
  }
  return told.size === 0 ? [] : [[...told].join('\n')]
}
