// Every sample of the README, of www/docs/api.md and of www/docs/storage.md is a program that type-checks against the package as it is published, and runs where
// it needs neither a browser nor a backend. How samples are written: `notation.ts`; what they take for granted: `prelude.ts`.
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import * as core from '../../../pkg/index.inline.js'
import { type Block, type Program, blocksOf, program } from './notation.js'
import { prelude } from './prelude.js'

const root = new URL('../../../', import.meta.url)
const folder = new URL('.data/samples/', root)
const exported: Record<string, { default?: string }> = JSON.parse(readFileSync(new URL('package.json', root), 'utf8')).exports

/** Types that a sample spells out, beside those of the package: they have the same members. */
const published: Record<string, string> = {
  Change: 'core.Change<Schema>', Batch: 'core.Batch<Schema>', Report: 'core.Report', Patch: 'core.Patch<any>', Source: 'core.Source', SyncSession: 'core.SyncSession', Defined: 'core.Schema', AppSchema: 'core.Schema',
}
/** Entries of frameworks, workers and storages are only type-checked. */
const elsewhere = /'eddyline\/(react|vue|svelte|solid|worker|storage|tanstack)|new Worker\(/

interface Sample { readonly block: Block; readonly program: Program; readonly name: string }
const samples: Sample[] = ['README.md', 'www/docs/api.md', 'www/docs/storage.md'].flatMap(blocksOf).map((block, i) => ({ block, program: program(block.code), name: `sample-${String(i).padStart(2, '0')}` }))

/** The module of a sample. What stands before its first line is one line. */
function moduleOf({ imports, imported, body, types }: Program, names: readonly string[]): string {
  const scope = (all: readonly string[]): string => all.filter(name => !imported.includes(name)).join(', ')
  return `import type * as core from 'eddyline'; import type { Cursor, Database, Expr, JsonOptions, LiveSnapshot, MemoryOptions, QueryLike } from 'eddyline'; `
    + `import type { ${imported.includes('Row') ? '' : 'AnyRow as Row, '}Prelude, Schema } from '../../tests/ts/samples/prelude.js'; type Change = core.Change<Schema>; type Key = unknown; ${imports.join('; ')}; `
    + `type Members<T> = T extends unknown ? keyof T : never; type Same<A, B> = [A] extends [B] ? [B] extends [A] ? [] : [{ only: Exclude<A, B>, without: Exclude<B, A> }] : [{ only: Exclude<A, B>, without: Exclude<B, A> }]; `
    + `const same = <A, B>(..._: Same<A, B>): void => {}; `
    + `export default async ({ ${scope(Object.keys(core).filter(name => !names.includes(name)))} }: typeof core, { ${scope(names)} }: Prelude): Promise<void> => { {\n`
    + `${body}\n${types.map(name => `same<Members<${name}>, Members<${published[name]}>>()`).join('\n')}\n} }\n`
}

/** What tsc says of samples, with the lines of the documentation. */
function complaints(told: string): string[] {
  return told.split('\n').flatMap(line => {
    const [, file, at, code, message] = /((?:sample|wrong)-\d+)\.ts\((\d+),\d+\): error (TS\d+): (.*)/.exec(line) ?? []
    if (file === undefined) return /error TS/.test(line) ? [line] : []
    const block = samples.find(({ name }) => name === file)?.block ?? { file, line: 1 }
    // TS7008: members of the types that samples spell out need no types of their own.
    return code === 'TS7008' ? [] : [`${block.file}:${block.line + Number(at) - 2}: ${message}`]
  })
}

/** What is no sample, and what tsc says of it. */
const wrong: Record<string, RegExp> = {
  'db.aply(changes)': /'aply' does not exist/, 'createDatabase({ schema, nam? })': /'nam' does not exist/, "q.where('statsu', '=', 'open')": /"statsu"/,
  "live.window(1, 'x' | 2)": /'string \| number' is not assignable/, 'isNul(now)': /name 'isNul'/, 'interface Report { version: number }': /Expected 1 arguments/,
  "import { reducers, folder } from 'eddyline/reduce'": /no exported member 'folder'/, 'q.where(…).selekt(…)': /'selekt' does not exist/,
}

let names: string[]
let told: string[]
beforeAll(async () => {
  names = Object.keys(await prelude())
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const modules = [...samples, ...Object.keys(wrong).map((code, i) => ({ name: `wrong-${i}`, program: program(code) }))]
  for (const each of modules) writeFileSync(new URL(`${each.name}.ts`, folder), moduleOf(each.program, names))
  const config = { extends: '../../tsconfig.json', compilerOptions: { rootDir: '../..', noEmit: true, types: ['node'] }, files: modules.map(({ name }) => `${name}.ts`) }
  writeFileSync(new URL('tsconfig.json', folder), JSON.stringify(config))
  const { stdout, stderr } = spawnSync(process.execPath, [fileURLToPath(new URL('node_modules/typescript/bin/tsc', root)), '-p', fileURLToPath(folder)], { encoding: 'utf8' })
  told = complaints(`${stdout}${stderr}`)
})

it('every sample type-checks', () => {
  expect(samples.length).toBeGreaterThan(25)
  expect(told.filter(line => !line.startsWith('wrong-'))).toEqual([])
})

it('a method, an option, a member and a column that there are not are found', () => {
  Object.entries(wrong).forEach(([code, message], i) => {
    const found = told.filter(line => line.startsWith(`wrong-${i}:`))
    expect(found, code).toHaveLength(1)
    expect(found[0], code).toMatch(message)
  })
})

for (const { block, program: sample, name } of samples) {
  if (elsewhere.test(block.code)) continue
  it(`runs: ${block.file}:${block.line}`, async () => {
    const file = new URL(`${name}-run.ts`, folder)
    writeFileSync(file, moduleOf(sample, names).replace(/'eddyline(\/\w+)?'/g, (_, sub = '') => `'../../${exported[`.${sub}`].default!.replace('pkg/index.js', 'pkg/index.inline.js').slice(2)}'`))
    const { default: run } = await import(/* @vite-ignore */ fileURLToPath(file))
    await run(core, await prelude())
  })
}
