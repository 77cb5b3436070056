// What npm would publish, and a place to use it the way a stranger does: an empty folder with the package installed.
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { SetupError, ask, must } from '../scripts/command.mjs'
import { inRoot } from '../scripts/place.mjs'

const temporary = (name) => mkdtempSync(join(tmpdir(), `eddyline-${name}-`))

/** Packs the built package. `--ignore-scripts`: the caller has just built it, or tests it as it lies there. */
export async function prepareTarball() {
  const folder = temporary('pack')
  const told = ask('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', folder])
  if (!told) throw new SetupError('npm pack failed')
  return { tarball: join(folder, JSON.parse(told)[0].filename), remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/**
 * A project in an empty folder: the fixture's files, or `files` (path to text), a package.json and the installed tarball.
 * `borrow` names packages of this repository that the project may import as if it had installed them.
 */
export async function project(fixture, { borrow = [], files } = {}) {
  const folder = temporary(fixture)
  const remove = [() => rmSync(folder, { recursive: true, force: true })]
  let tarball = process.env.EDDYLINE_TARBALL
  if (!tarball) {
    const packed = await prepareTarball()
    tarball = packed.tarball
    remove.push(packed.remove)
  }
  if (files === undefined) cpSync(fileURLToPath(new URL(`fixtures/${fixture}/`, import.meta.url)), folder, { recursive: true })
  for (const [path, text] of Object.entries(files ?? {})) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), text)
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: `consumer-${fixture}`, private: true, type: 'module' }))
  // Offline, because the package has no dependencies: should it ever get one unasked, this fails.
  await must('npm', ['install', '--offline', '--no-audit', '--no-fund', '--silent', '--no-package-lock', tarball], { cwd: folder })
  for (const name of borrow) {
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(inRoot('node_modules', name), link)
  }
  return { folder, installed: join(folder, 'node_modules', 'eddyline'), remove: () => remove.forEach((undo) => undo()) }
}
