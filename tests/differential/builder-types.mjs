// The queries of cases as a program of TypeScript, which says for each member what its values were seen to be: the types of the rows must have them.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as eddyline from '../../pkg/index.inline.js'

const built = fileURLToPath(new URL('../../pkg/index.inline.js', import.meta.url))
const written = { null: 'null', number: 'number', bigint: 'bigint', boolean: 'boolean', string: 'string', Date: 'Date', Uint8Array: 'Uint8Array', Decimal: 'Decimal', DateText: 'DateText', IntervalText: 'IntervalText' }

/** A program of cases: each `{ schema, queries }` with queries `{ code, seen }`, `seen` as `observe` makes it. Lines of queries are told by `lines`. */
export function typeProgram(cases) {
  const lines = new Map()
  const out = [`import { ${Object.keys(eddyline).join(', ')}, type Database, type RowOf, type Decimal, type DateText, type IntervalText } from ${JSON.stringify(built)}`, 
    // What a row is said to have may be named one by one: what was seen is any text or number.
    'type Wide<T> = T extends string | number ? ({} extends Record<T, 1> ? T : T extends string ? string : number) : T', 'declare function holds<Row, Seen extends Wide<Row>>(): void']
  cases.forEach(({ schema, queries, seed }, i) => {
    out.push(`export function case${i}(): unknown {`)
    out.push(`const schema = ${typed(schema.code.replaceAll('\n', ' '))}`, 'const db = null as unknown as Database<typeof schema>')
    queries.forEach(({ code, seen, isUntyped }, j) => {
      if (isUntyped) return
      lines.set(out.length + 1, { seed, query: j, code })
      out.push(`const q${j} = ${typed(code)}`)
      for (const [name, kinds] of seen) {
        lines.set(out.length + 1, { seed, query: j, code, member: name, kinds: [...kinds] })
        out.push(`holds<${name.replace('Row', `RowOf<typeof q${j}>`)}, ${[...kinds].map((k) => written[k]).join(' | ')}>()`)
      }
    })
    out.push(`return [${queries.flatMap((query, j) => (query.isUntyped ? [] : [`q${j}`])).join(', ')}]`, '}')
  })
  return { text: out.join('\n'), lines }
}

/** What is said of types in the program is a comment in JavaScript. */
const typed = (code) => code.replace(/\/\*(<.*?>)\*\//g, '$1')

/** What TypeScript says of a program, each `{ line, message }`. */
export function typeErrors(text) {
  const folder = mkdtempSync(join(tmpdir(), 'eddyline-types-'))
  try {
    writeFileSync(join(folder, 'program.ts'), text)
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: true, target: 'ES2022', module: 'ESNext', moduleResolution: 'bundler', lib: ['ES2023', 'ESNext.Disposable', 'DOM', 'DOM.Iterable', 'DOM.AsyncIterable'], types: [] }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['program.ts'] }))
    const { stdout } = spawnSync(process.execPath, [fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url)), '-p', folder, '--pretty', 'false'], { encoding: 'utf8', maxBuffer: 1 << 26 })
    const errors = [...stdout.matchAll(/program\.ts\((\d+),\d+\): error (.*(?:\n {2}.*)*)/g)].map((m) => ({ line: Number(m[1]), message: m[2].replace(/\s+/g, ' ') }))
    if (errors.length === 0 && stdout.trim() !== '') throw new Error(stdout)
    return errors
  } finally {
    rmSync(folder, { recursive: true })
  }
}
