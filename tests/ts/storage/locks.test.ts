// Whoever comes between any two steps of a process that takes a folder: one has it, and whoever dies leaves it to the next.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest'
import { NodeFolder } from '../../../src/ts/storage/node-files.js'

const fs = createRequire(import.meta.url)('node:fs')
const root = mkdtempSync(join(tmpdir(), 'eddyline-locks-'))
afterAll(() => { rmSync(root, { recursive: true, force: true }) })
afterEach(() => { vi.restoreAllMocks() })
let next = 0
const DEAD = '999999999'

/** Opens; the code if it is refused. */
function open(path: string): NodeFolder | string {
  const folder = new NodeFolder(path)
  try { folder.open(); return folder } catch (error) { return (error as { code?: string }).code ?? String(error) }
}
const holds = (outcome: NodeFolder | string | undefined): outcome is NodeFolder => outcome instanceof NodeFolder
const locks = (path: string): string[] => readdirSync(path).filter(name => name.startsWith('lock'))

/** From now on `at` is called before each use of the file system, with its number. */
function steps(at: (n: number) => void): { count: number } {
  const seen = { count: 0 }
  let isInside = false
  for (const name of ['openSync', 'linkSync', 'renameSync', 'rmSync', 'readFileSync', 'writeFileSync', 'fstatSync', 'closeSync']) {
    const original = fs[name].bind(fs)
    vi.spyOn(fs, name).mockImplementation((...args: unknown[]) => {
      if (!isInside) {
        isInside = true
        try { at(seen.count++) } finally { isInside = false }
      }
      return original(...args)
    })
  }
  return seen
}

/** A folder as processes have left it. */
const left: Record<string, (path: string) => void> = {
  'nobody has it': () => {},
  'a dead one has it': path => { writeFileSync(join(path, 'lock'), DEAD) },
  'and one that has died taking it over': path => {
    writeFileSync(join(path, 'lock'), `${DEAD} a`)
    writeFileSync(join(path, 'lock.a'), `${DEAD} b`)
  },
}
const made = (how: (path: string) => void): string => {
  const path = join(root, String(next++))
  fs.mkdirSync(path)
  how(path)
  return path
}

describe.skipIf(!existsSync('/proc/self/fd'))('a folder', () => {
  for (const [name, how] of Object.entries(left)) {
    const comes: Record<string, (path: string) => (NodeFolder | string)[]> = {
      'another takes it': path => [open(path)],
      'another takes it and lets it go': path => { const a = open(path); if (holds(a)) a.close(); return [] },
      'two come one after the other': path => { const a = open(path); if (holds(a)) a.close(); return [open(path)] },
    }
    for (const [what, come] of Object.entries(comes)) {
      it(`${name}; ${what} between any two steps`, () => {
        for (let at = 0, isOver = false; !isOver; at++) {
          const path = made(how)
          const others: (NodeFolder | string)[] = []
          const seen = steps(n => { if (n === at) others.push(...come(path)) })
          const own = open(path)
          vi.restoreAllMocks()
          isOver = seen.count <= at
          const where = `before step ${at}`
          const holding = [own, ...others].filter(holds)
          expect(holding.length, where).toBe(1)
          for (const outcome of [own, ...others]) if (!holds(outcome)) expect(outcome, where).toBe('STORAGE_LOCKED')
          expect(open(path), where).toBe('STORAGE_LOCKED')
          for (const folder of holding) folder.close()
          expect(locks(path), where).toEqual([])
        }
      })
    }

    it(`${name}; who takes it dies at any step: the next has it`, () => {
      for (let at = 0, isOver = false; !isOver; at++) {
        const path = made(how)
        const opened: number[] = []
        const seen = steps(n => { if (n >= at) throw new Error('killed') })
        const { openSync } = fs
        vi.spyOn(fs, 'openSync').mockImplementation((...args: unknown[]) => { const fd = openSync(...args); opened.push(fd); return fd })
        const own = open(path)
        vi.restoreAllMocks()
        isOver = seen.count <= at
        for (const fd of opened) { try { fs.closeSync(fd) } catch { /* it has closed it */ } }
        if (!isOver) expect(own, `at ${at}`).toContain('killed')
        const after = open(path)
        expect(holds(after), `at ${at}`).toBe(true)
        if (holds(after)) after.close()
        expect(existsSync(join(path, 'lock')), `at ${at}`).toBe(false)
      }
    })
  }

  it('is not of a living process that has the number of the dead one', async () => {
    const path = made(() => {})
    const other = spawn('sleep', ['60'])
    try {
      await new Promise(resolve => { other.once('spawn', resolve) })
      writeFileSync(join(path, 'lock'), String(other.pid))
      const folder = open(path)
      expect(holds(folder)).toBe(true)
      if (holds(folder)) folder.close()
    } finally { other.kill() }
  })

  it('is of a living process that has it open', async () => {
    const path = made(path => { writeFileSync(join(path, 'lock'), '') })
    const other = spawn('sh', ['-c', 'echo "$$" > lock; exec 3< lock; echo ready; exec sleep 60'], { cwd: path })
    try {
      await new Promise(resolve => { other.stdout.once('data', resolve) })
      expect(open(path)).toBe('STORAGE_LOCKED')
    } finally { other.kill() }
    await new Promise(resolve => { other.once('exit', resolve) })
    const folder = open(path)
    expect(holds(folder)).toBe(true)
    if (holds(folder)) folder.close()
  })
})

it('without links a lock is made in two steps, and nobody comes between them', () => {
  vi.spyOn(fs, 'linkSync').mockImplementation(() => { throw Object.assign(new Error('no links here'), { code: 'EPERM' }) })
  const path = made(() => {})
  let second: NodeFolder | string | undefined
  const { writeFileSync: write } = fs
  vi.spyOn(fs, 'writeFileSync').mockImplementation((...args: unknown[]) => {
    if (second === undefined && existsSync(join(path, 'lock')) && statSync(join(path, 'lock')).size === 0) {
      second = 'comes'
      second = open(path)
    }
    return write(...args)
  })
  const first = open(path)
  expect([holds(first), second]).toEqual([true, 'STORAGE_LOCKED'])
  if (holds(first)) first.close()
  // One that has died between them is not waited for for ever.
  writeFileSync(join(path, 'lock'), '')
  expect(open(path)).toBe('STORAGE_LOCKED')
  // Nor until a clock that was put back comes to where it was.
  for (const made of [new Date(0), new Date(Date.now() + 1e10)]) {
    writeFileSync(join(path, 'lock'), '')
    utimesSync(join(path, 'lock'), made, made)
    const third = open(path)
    expect(holds(third)).toBe(true)
    if (holds(third)) third.close()
  }
  expect(locks(path)).toEqual([])
})
