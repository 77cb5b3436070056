// Every medium that runs under Node, by the laws of conformance.mjs; those of browsers are judged in tests/e2e/storage.test.mjs.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type File, Generations } from '../../../src/ts/storage/generations.js'
import { MemoryFolder } from '../../../src/ts/storage/memory.js'
import { NodeFolder } from '../../../src/ts/storage/node-files.js'
import { crc32, decodeTransaction, encodeTransaction } from '../../../src/ts/storage/record.js'
import { random } from '../real/support.js'
import { Machine } from './machine.js'
// @ts-expect-error -- plain JavaScript, which pages load, too
import { lawsOf } from './conformance.mjs'

const tools = { encode: encodeTransaction, decode: decodeTransaction }
const root = mkdtempSync(join(tmpdir(), 'eddyline-files-'))
afterAll(() => { rmSync(root, { recursive: true, force: true }) })
let next = 0
const folderName = (): string => join(root, String(next++))

const disks = {
  memory: () => { const folder = new MemoryFolder(); return { exclusive: true, open: () => new Generations(folder) } },
  files: () => { const path = folderName(); return { exclusive: true, open: () => new Generations(new NodeFolder(path)) } },
}
for (const [name, disk] of Object.entries(disks)) {
  describe(name, () => {
    for (const [law, run] of Object.entries(lawsOf(tools, disk) as Record<string, () => Promise<void>>)) it(law, run)
  })
}

/** A record of more than a sector. */
const large = (number: number): Uint8Array => encodeTransaction({ number, entries: { s: { k: 'x'.repeat(900) } } })

async function filled(path: string): Promise<void> {
  const medium = new Generations(new NodeFolder(path))
  await medium.open()
  for await (const _ of medium.read()) { /* nothing there */ }
  for (let n = 1; n <= 5; n++) await medium.append([encodeTransaction({ number: n, entries: { s: { k: n } } })])
  await medium.close()
}
async function numbers(path: string): Promise<number[]> {
  const medium = new Generations(new NodeFolder(path))
  await medium.open()
  try {
    const out: number[] = []
    for await (const bytes of medium.read()) out.push(decodeTransaction(bytes).number)
    return out
  } finally { await medium.close() }
}

describe('files', () => {
  it('a last record that was cut off anywhere is dropped, and what is written then follows the one before', async () => {
    const path = folderName()
    await filled(path)
    const whole = readFileSync(join(path, 'log-0'))
    const last = whole.length / 5 * 4
    for (let cut = last + 1; cut < whole.length; cut += 3) {
      writeFileSync(join(path, 'log-0'), whole.subarray(0, cut))
      expect(await numbers(path)).toEqual([1, 2, 3, 4])
      expect(readFileSync(join(path, 'log-0')).length).toBe(last)
    }
  })

  it('a last record whose place holds zeros or garbage is dropped', async () => {
    const path = folderName()
    await filled(path)
    const whole = readFileSync(join(path, 'log-0'))
    const last = whole.length / 5 * 4
    for (const fill of [0, 255, 77]) {
      const bytes = Buffer.from(whole)
      bytes.fill(fill, last + 9)
      writeFileSync(join(path, 'log-0'), bytes)
      expect(await numbers(path)).toEqual([1, 2, 3, 4])
    }
  })

  it('any other byte that changed is damage, wherever it is', async () => {
    const path = folderName()
    await filled(path)
    const whole = readFileSync(join(path, 'log-0'))
    const record = whole.length / 5
    let damaged = 0
    for (let at = 0; at < record * 4; at++) {
      const bytes = Buffer.from(whole)
      bytes[at] ^= 16
      writeFileSync(join(path, 'log-0'), bytes)
      // The last word of a frame's head and the padding say nothing.
      const outcome = await numbers(path).catch((e: { code: string }) => e.code)
      if (outcome === 'STORAGE_CORRUPT') damaged++
      else expect(outcome).toEqual([1, 2, 3, 4, 5])
    }
    expect(damaged).toBeGreaterThan(record * 4 * 0.8)
  })

  it('of an append that the power has cut off any sectors may be there: it is dropped from the first that is not; behind an earlier one that is damage', async () => {
    const path = folderName()
    const medium = new Generations(new NodeFolder(path))
    await medium.open()
    for await (const _ of medium.read()) { /* nothing there */ }
    await medium.append([1, 2].map(large))
    await medium.append([3, 4, 5].map(large))
    await medium.close()
    const whole = readFileSync(join(path, 'log-0')), record = whole.length / 5
    for (let sector = 0; sector < whole.length; sector += 512) {
      writeFileSync(join(path, 'log-0'), Buffer.from(whole).fill(0, sector, Math.min(sector + 512, whole.length)))
      const first = Math.floor(sector / record) + 1
      expect(await numbers(path).catch((e: { code: string }) => e.code), `without sector ${sector}`).toEqual(first <= 2 ? 'STORAGE_CORRUPT' : [1, 2, 3, 4].slice(0, first - 1))
    }
    // Of what is not empty nobody knows that it was never written.
    writeFileSync(join(path, 'log-0'), Buffer.from(whole).fill(7, record * 2 + 700, record * 2 + 800))
    await expect(numbers(path)).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
  })

  it('what is behind a damaged place is looked through in pieces, not word by word', async () => {
    let reads = 0
    class Counted extends MemoryFolder {
      override file(name: string): File {
        const file = super.file(name)
        return { ...file, read: (into, at) => { reads++; return file.read(into, at) } }
      }
    }
    const folder = new Counted(), medium = new Generations(folder)
    const read = async (): Promise<number> => {
      let n = 0
      for await (const _ of medium.read()) n++
      return n
    }
    await medium.open()
    await read()
    await medium.append([1, 2, 3].map(number => encodeTransaction({ number, batch: new Uint8Array(1 << 20).fill(7) })))
    await medium.close()
    const { bytes, size } = folder.files.get('log-0')!
    bytes.fill(0, size / 3, size / 3 + 4096)
    await medium.open()
    reads = 0
    expect(await read()).toBe(1)
    // By 64 KB at a time, twice.
    expect(reads).toBeLessThan(2 * size / 65536)
    await medium.close()
  })

  it('a log that is missing is damage', async () => {
    const path = folderName()
    const medium = new Generations(new NodeFolder(path))
    await medium.open()
    for await (const _ of medium.read()) { /* nothing there */ }
    await medium.append([encodeTransaction({ number: 1 })])
    await medium.begin()
    await medium.append([encodeTransaction({ number: 2 })])
    await medium.close()
    rmSync(join(path, 'log-0'))
    await expect(numbers(path)).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
  })

  it('a checkpoint that was cut short behind its log is damage, and nothing is removed', async () => {
    const path = folderName()
    const medium = new Generations(new NodeFolder(path))
    await medium.open()
    for await (const _ of medium.read()) { /* nothing there */ }
    await medium.begin()
    await medium.piece(encodeTransaction({ number: 1 }))
    await medium.publish()
    await medium.append([encodeTransaction({ number: 2 })])
    await medium.close()
    const file = join(path, 'checkpoint-1'), whole = readFileSync(file)
    writeFileSync(file, whole.subarray(0, whole.length - 8))
    for (let times = 0; times < 2; times++) await expect(numbers(path)).rejects.toMatchObject({ code: 'STORAGE_CORRUPT' })
    writeFileSync(file, Buffer.concat([readFileSync(file), whole.subarray(whole.length - 8)]))
    expect(await numbers(path)).toEqual([1, 2])
  })

  it('the lock of a process that is gone is taken over, that of one that lives is not', async () => {
    const path = folderName()
    await filled(path)
    writeFileSync(join(path, 'lock'), '999999999')
    expect(await numbers(path)).toHaveLength(5)
    // In a container the next process has the number of the one that was killed.
    writeFileSync(join(path, 'lock'), String(process.pid))
    if (existsSync('/proc/self/fd')) expect(await numbers(path)).toHaveLength(5)
    rmSync(join(path, 'lock'), { force: true })
    writeFileSync(join(path, 'lock'), 'what')
    expect(await numbers(path)).toHaveLength(5)
    expect(readdirSync(path).filter(name => name.startsWith('lock'))).toEqual([])
    const medium = new Generations(new NodeFolder(path))
    await medium.open()
    await expect(numbers(path)).rejects.toMatchObject({ code: 'STORAGE_LOCKED' })
    expect(readdirSync(path)).toContain('lock')
    await medium.close()
  })
})

it('a process that is killed at any operation, one that reads what it has left, and a power failure: all that was read is there', async () => {
  const listed = async (medium: Generations): Promise<number[]> => {
    const out: number[] = []
    for await (const bytes of medium.read()) out.push(decodeTransaction(bytes).number)
    return out
  }
  const write = async (medium: Generations): Promise<void> => {
    await medium.open()
    await listed(medium)
    await medium.append([1, 2].map(large))
    await medium.begin()
    await medium.append([large(3)])
    await medium.piece(large(2))
    await medium.publish()
    await medium.append([large(4)])
  }
  let isOver = false
  const seen = new Set<string>()
  for (let at = 0; !isOver; at++) for (let seed = 0; seed < 40; seed++) {
    const machine = new Machine(random(seed * 1000 + at))
    const first = Object.assign(machine.process(), { diesIn: at })
    isOver = await write(new Generations(first)).then(() => true, () => false)
    first.kill()
    const second = machine.process(), medium = new Generations(second)
    await medium.open()
    const found = await listed(medium)
    second.kill()
    machine.off()
    const last = new Generations(machine.process())
    await last.open()
    expect(await listed(last).catch((e: { code: string }) => e.code), `killed at operation ${at}, seed ${seed}`).toEqual(found)
    await last.close()
    seen.add(String(found))
  }
  expect([...seen].sort()).toEqual(['', '1', '1,2', '1,2,3', '2,3', '2,3,4'])
})

describe('records', () => {
  it('hold values of every kind', () => {
    const entries = { s: { a: 1, b: 'ä', c: 12345678901234567890n, d: Uint8Array.of(1, 2, 255), e: [null, true, { x: 1n }], f: { $bigint: 'no' }, g: { $blob: 3, $object: [] } } }
    const t = decodeTransaction(encodeTransaction({ number: 2 ** 40, batch: Uint8Array.of(9), entries }))
    expect(t).toEqual({ number: 2 ** 40, batch: Uint8Array.of(9), entries })
  })
  it('have the CRC-32 that everybody has', () => {
    expect(crc32(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
    expect(crc32(new TextEncoder().encode('The quick brown fox jumps over the lazy dog'))).toBe(0x414fa339)
  })
})
