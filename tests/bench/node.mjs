// Node: a child process per job, with the collector exposed. As a module it starts children, as a program it is one.
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const self = fileURLToPath(import.meta.url)

/** Runs jobs in Node; `folder` is the built package. */
export function nodeRunner({ folder, dataFile, flags = [] }) {
  return {
    name: 'Node',
    /** `most`: milliseconds, behind which the job is ended and undefined the answer. */
    async run(job, { most } = {}) {
      const child = spawn(process.execPath, ['--expose-gc', '--max-old-space-size=8192', ...flags, self, JSON.stringify({ job, folder, dataFile })], { stdio: ['ignore', 'pipe', 'inherit'] })
      let output = ''
      child.stdout.setEncoding('utf8').on('data', (text) => { output += text })
      let isLate = false
      const guard = most === undefined ? undefined : setTimeout(() => { isLate = true; child.kill('SIGKILL') }, most)
      const code = await new Promise((resolve, reject) => { child.on('error', reject); child.on('close', resolve) })
      clearTimeout(guard)
      if (isLate) return undefined
      if (code !== 0) throw new Error(`the job ended with ${code}: ${JSON.stringify(job)}`)
      return JSON.parse(output)
    },
    async close() {},
  }
}

/** Processor time of the main thread in milliseconds; of the whole process where the system does not say. */
export function threadClock(pid = process.pid) {
  const file = `/proc/${pid}/task/${pid}/schedstat`
  try { readFileSync(file) } catch { return () => { const { user, system } = process.cpuUsage(); return (user + system) / 1000 } }
  // The system counts the time of what runs when its clock ticks, every 4 ms, and when somebody asks how much the process has had.
  if (pid === process.pid) return () => { process.cpuUsage(); return Number(readFileSync(file, 'latin1').split(' ', 1)[0]) / 1e6 }
  // A process of a browser may end meanwhile: it has done nothing.
  return () => { try { return Number(readFileSync(file, 'latin1').split(' ', 1)[0]) / 1e6 } catch { return 0 } }
}

async function child({ job, folder, dataFile }) {
  const clock = threadClock()
  const host = {
    cpu: clock,
    cpuNow: clock,
    collect: () => globalThis.gc?.(),
    eddyline: () => import(pathToFileURL(`${folder}/index.inline.js`).href),
    part: (name) => import(pathToFileURL(`${folder}/${name}/index.js`).href),
    library: async (name) => { const found = await import(name); return found.default ?? found },
    folder: dirname(dataFile),
    watch: () => import(pathToFileURL(`${folder}/watch/index.js`).href),
    bytes: () => new Uint8Array(readFileSync(dataFile)),
  }
  const { run } = await import('./job.mjs')
  process.stdout.write(JSON.stringify(await run(host, job)))
}

if (process.argv[1] === self) await child(JSON.parse(process.argv[2]))
