// One side and one workload in a process of its own; the result is the last line of what it prints.
import { pathToFileURL } from 'node:url'
import { threadClock } from '../node.mjs'
import { OutOfTime, Unsupported, workloads } from './workloads.mjs'
import { WrongResult } from './data.mjs'

const { side, workload, options, folder, patience, sampleMs, by } = JSON.parse(process.argv[2])

// Memories of WebAssembly are in no number of Node's: all that are made are remembered here.
const memories = new Set()
const { instantiate } = WebAssembly
const remember = (instance) => { for (const value of Object.values(instance.exports)) if (value instanceof WebAssembly.Memory) memories.add(value) }
WebAssembly.Instance = new Proxy(WebAssembly.Instance, { construct(target, args) { const made = new target(...args); remember(made); return made } })
WebAssembly.Memory = new Proxy(WebAssembly.Memory, { construct(target, args) { const made = new target(...args); memories.add(made); return made } })
WebAssembly.instantiate = async (...args) => { const made = await instantiate(...args); remember(made.instance ?? made); return made }

// What the system says of a running thread is up to a tick old; of one that has just slept it is exact.
const clock = threadClock()
const sleeper = new Int32Array(new SharedArrayBuffer(4))
const cpu = () => { Atomics.wait(sleeper, 0, 0, 0.02); return clock() }

const host = {
  patience,
  sampleMs,
  by,
  cpu,
  collect: () => globalThis.gc?.(),
  eddyline: () => import(pathToFileURL(`${folder}/index.inline.js`).href),
  async memory() {
    for (let i = 0; i < 4; i++) { globalThis.gc(); await new Promise((resolve) => { setTimeout(resolve, 20) }) }
    const { heapUsed, external, rss } = process.memoryUsage()
    let wasm = 0
    for (const memory of memories) wasm += memory.buffer.byteLength
    return { heap: heapUsed, external, wasm, rss }
  },
}

async function run() {
  const implementation = await import(`./sides/${side}.mjs`)
  try {
    return { result: await workloads[workload](host, implementation, options) }
  } catch (error) {
    if (error instanceof Unsupported) return { unsupported: error.message }
    if (error instanceof OutOfTime) return { outOfTime: error.message }
    if (error instanceof WrongResult) return { wrong: error.message }
    throw error
  }
}

const outcome = await run()
process.stdout.write(`\n${JSON.stringify(outcome)}\n`, () => { process.exit(0) })
