// Every medium that runs under Node, by the laws of conformance.mjs; those of browsers are judged in tests/e2e/storage.test.mjs.
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { Generations } from '../../../src/ts/storage/generations.js'
import { MemoryFolder } from '../../../src/ts/storage/memory.js'
import { NodeFolder } from '../../../src/ts/storage/node-files.js'
import { crc32, decodeTransaction, encodeTransaction } from '../../../src/ts/storage/record.js'
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
