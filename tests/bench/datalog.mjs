// The section of the report on Datalog: views beside DataScript, which asks again.
import { median } from './measure.mjs'

const thousands = (n) => n.toLocaleString('en')
const quantile = (values, q) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]
const few = (n) => thousands(n < 100 ? Math.round(n * 10) / 10 : Math.round(n))
const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length
const range = (values) => values.length === 1 ? few(values[0]) : `${few(mean(values))} on average (median ${few(median(values))}, 99 % at most ${few(quantile(values, 0.99))}, most ${few(Math.max(...values))})`
const kinds = { cut: 'removed', mend: 'added' }
const names = { reach: 'what one node reaches, on cycles', generation: 'pairs of the same generation', chain: 'closure of a chain, middle edge' }

export async function datalog(runner, report, { quick, rounds }) {
  const guard = Number(process.env.BENCH_GUARD ?? (quick ? 5000 : 20_000))
  const small = { reach: 40, generation: 140, chain: 100 }
  report.section(`${runner.name}: a Datalog view, one edge, against asking DataScript again where it ends`, 'µs', 'again')
  for (const [scenario, nodes] of Object.entries(small)) {
    const job = { workload: 'datalogEdges', scenario, nodes, counted: 100, checked: 20, count: 100, rounds, rival: Math.min(rounds, 3) }
    const taken = await runner.run(job, { most: guard * 2 })
    if (taken === undefined) report.note(`${scenario}, ${nodes} nodes: not done after ${guard * 2 / 1000} s, ended`)
    else compare(report, scenario, nodes, taken, 'asked')
  }
  report.section(`${runner.name}: a Datalog view, one edge, against computing all by hand again`, 'µs', 'by hand')
  for (const [scenario, nodes, count] of [['reach', 5000, 500], ['generation', 5000, 200], ['chain', 1000, 1]]) {
    const job = { workload: 'datalogEdges', scenario, nodes, counted: count, checked: { reach: 20, generation: 3, chain: 1 }[scenario], count, rounds: Math.min(rounds, 3) }
    const taken = await runner.run(job)
    compare(report, scenario, nodes, taken, 'byHand')
    const rival = await runner.run({ workload: 'datalogRival', scenario, nodes }, { most: guard })
    const each = median(taken.ours.cpu) / 1000
    report.note(rival === undefined
      ? `DataScript had not answered after ${guard / 1000} s and was ended: more than ${thousands(Math.floor(guard / each))} times as long`
      : `DataScript answers in ${few(rival.cpu)} ms, ${thousands(Math.floor(rival.cpu / each))} times as long`)
  }
  report.section(`${runner.name}: a Datalog view of 10,000 rows over 100,000 entities, one fact, against asking DataScript again`, 'µs', 'again')
  const { shown, examined, samples } = await runner.run({ workload: 'datalogLarge', entities: 100_000, count: quick ? 200 : 2000, rounds })
  report.compare('db.apply to the table of facts', samples.apply, samples.asked, { target: 0.001 })
  report.compare('transact', samples.transact, samples.asked, { target: 0.001 })
  const times = (way) => thousands(Math.round(median(samples.asked.cpu) / median(samples[way].cpu)))
  report.note(`${thousands(shown)} rows; DataScript takes ${times('apply')} times as long as db.apply, ${times('transact')} times as long as transact; rows examined per fact: ${examined.toFixed(1)}`)
}

function compare(report, scenario, nodes, taken, against) {
  const { size, work } = taken
  report.compare(`${scenario}, ${thousands(nodes)} nodes`, taken.ours, taken[against])
  const per = Object.entries(kinds).map(([kind, name]) => `${name}: ${range(work[kind].touched)} derivations touched, ${range(work[kind].told)} rows told`)
  report.note(`${names[scenario]}: ${thousands(size.edges)} edges, ${thousands(size.rows)} rows, ${thousands(size.facts)} facts, ${thousands(size.derivations)} derivations, made in ${few(taken.built.cpu)} ms. ${per.join('; ')}`)
}
