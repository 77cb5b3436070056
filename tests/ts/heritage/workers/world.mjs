// The functions of a random graph of projections, served by a worker of Node: which graph, its seed says.
import { parentPort, workerData } from 'node:worker_threads'
import { projection, serve } from '../../../../pkg/project/index.js'

const { apply, specs } = workerData
// The worker gets plain data, so the operations come as text: the same functions that run elsewhere.
const op = new Function(`return ${apply}`)()
serve(specs.filter(s => s.kind === 'derive').map(({ name, op: what, inputs, isAsync }) => {
  const work = (lists, { tx, lens }) => {
    if (lists.some(l => l.some(r => r.v !== null && r.v >= 1e9))) throw new Error('poison')
    tx.dematerialize(lens)
    tx.materialize(op(what, lists))
  }
  const derive = isAsync
    ? async run => {
      const lists = []
      for (const i of inputs) { const list = []; for await (const row of run.inputs[i]) list.push(row); lists.push(list) }
      work(lists, run)
    }
    : run => { work(inputs.map(i => [...run.inputs[i]]), run) }
  return projection(undefined, name, { inputs, derive })
}), parentPort)
