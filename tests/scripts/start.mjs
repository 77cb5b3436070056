// `npm start`: builds the package, then serves the demo. Signals go to the server, its exit code is ours.
import { spawn } from 'node:child_process'
import { build } from './build.mjs'
import { complain } from './command.mjs'
import { inRoot, root } from './place.mjs'

async function start() {
  await build()
  const server = spawn(process.execPath, [inRoot('www/server/server.mjs'), ...process.argv.slice(2)], { cwd: root, stdio: 'inherit' })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => server.kill(signal))
  if (process.env.npm_lifecycle_event) whenOrphaned(() => server.kill('SIGTERM'))
  server.on('error', complain)
  server.on('exit', (code, signal) => { process.exitCode = code ?? (signal === 'SIGINT' || signal === 'SIGTERM' ? 0 : 1) })
}

/** npm hands a SIGTERM to the shell between us, which dies of it without telling us. */
function whenOrphaned(stop) {
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    stop()
  }, 300)
  watch.unref()
}

start().catch(complain)
