// One side and one workload; nothing else runs in this worker.
import { sides } from 'virtual:rivals'
import { WrongResult } from '../../tests/bench/rivals/data.mjs'
import { OutOfTime, Unsupported, workloads } from '../../tests/bench/rivals/workloads.mjs'

const ours = {
  eddyline: () => import('../../tests/bench/rivals/sides/eddyline.mjs'),
  'by-hand': () => import('../../tests/bench/rivals/sides/by-hand.mjs'),
  recompute: () => import('../../tests/bench/rivals/sides/recompute.mjs'),
  parse: () => import('../../tests/bench/rivals/sides/parse.mjs'),
}

self.onmessage = async ({ data: { side, workload, options, patience, sampleMs } }) => {
  const host = { patience, sampleMs, cpu: () => performance.now(), collect: () => globalThis.gc?.(), eddyline: () => import('eddyline') }
  try {
    const implementation = await (ours[side] ?? sides[side])()
    self.postMessage({ result: await workloads[workload](host, implementation, options) })
  } catch (error) {
    const text = String(error?.message ?? error)
    self.postMessage(error instanceof Unsupported ? { unsupported: text } : error instanceof OutOfTime ? { outOfTime: text } : error instanceof WrongResult ? { wrong: text } : { failed: text })
  }
}
