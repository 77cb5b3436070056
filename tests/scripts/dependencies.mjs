// node_modules: complete when what is installed agrees with package-lock.json.
import { existsSync, readFileSync } from 'node:fs'
import { must, say } from './command.mjs'
import { inRoot } from './place.mjs'

const packagesOf = (file) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : undefined)

/** Compared by content: times say little after a checkout, and git touches the lock without changing it. */
function isComplete() {
  const wanted = packagesOf(inRoot('package-lock.json'))
  const installed = packagesOf(inRoot('node_modules', '.package-lock.json'))
  return wanted !== undefined && installed !== undefined && Object.entries(wanted).every(([path, { version, optional }]) =>
    path === '' || (optional && !installed[path]) || (installed[path]?.version === version && existsSync(inRoot(path))))
}

/** Does package-lock.json still say what package.json asks for? */
function isLockCurrent() {
  const lock = packagesOf(inRoot('package-lock.json'))?.['']
  const manifest = JSON.parse(readFileSync(inRoot('package.json'), 'utf8'))
  return ['dependencies', 'devDependencies'].every((kind) => JSON.stringify(sorted(lock?.[kind])) === JSON.stringify(sorted(manifest[kind])))
}
const sorted = (record = {}) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1))

export async function ensureDependencies() {
  if (isComplete() && isLockCurrent()) return
  say('Installing npm packages')
  await must('npm', ['install', '--no-audit', '--no-fund'])
}
