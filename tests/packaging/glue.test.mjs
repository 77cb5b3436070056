// src/ts/glue.d.ts is kept by hand, so that the sources type-check before anything is built. Here it meets the truth.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'
import { inRoot } from '../scripts/place.mjs'

const folder = mkdtempSync(join(tmpdir(), 'eddyline-glue-'))
after(() => rmSync(folder, { recursive: true, force: true }))

function check(statements) {
  const lines = [`import * as kept from ${JSON.stringify(inRoot('src/ts/glue.js'))}`, `import * as generated from ${JSON.stringify(inRoot('pkg/glue.js'))}`, ...statements]
  writeFileSync(join(folder, 'check.ts'), lines.join('\n'))
  const options = ['--strict', '--noEmit', '--skipLibCheck', '--target', 'ES2022', '--module', 'ESNext', '--moduleResolution', 'bundler', '--lib', 'ES2023,ESNext.Disposable,DOM', '--types', '']
  const { status, stdout } = spawnSync(process.execPath, [inRoot('node_modules/typescript/bin/tsc'), ...options, 'check.ts'], { cwd: folder, encoding: 'utf8' })
  return { isAccepted: status === 0, said: stdout }
}

describe('the hand-kept declaration of the glue', () => {
  it('promises nothing that the generated glue does not have', () => {
    const { isAccepted, said } = check([
      'export const engine: new (schema: unknown) => kept.Engine = generated.Engine',
      'export const initSync: typeof kept.initSync = generated.initSync',
    ])
    assert.ok(isAccepted, said)
  })

  it('is really compared: a call that the engine lacks is refused', () => {
    const { isAccepted, said } = check(['export const engine: new (schema: unknown) => kept.Engine & { absent(): void } = generated.Engine'])
    assert.ok(!isAccepted && /absent/.test(said), said)
  })
})
