// How the samples of www/docs are written, and the programs that they mean. Beside TypeScript there are:
//   { name?, label? }     options that may be left out: every one of them is given
//   a | b                 one or the other, in calls
//   …                     whatever fits: such a statement is not run
import { readFileSync } from 'node:fs'

export interface Block { readonly file: string; readonly line: number; readonly code: string }

/** A block as a program: its imports, and statements whose lines are those of the block. */
export interface Program { readonly imports: readonly string[]; readonly imported: readonly string[]; readonly body: string; readonly types: readonly string[] }

const root = new URL('../../../', import.meta.url)

export function blocksOf(file: string): Block[] {
  const text = readFileSync(new URL(file, root), 'utf8')
  return [...text.matchAll(/```ts\n([\s\S]*?)```/g)].map(m => ({ file, line: text.slice(0, m.index).split('\n').length + 1, code: m[1] }))
}

export function program(code: string): Program {
  const texts: string[] = []
  // Texts are set aside and comments left out, so that what is in them is not read as notation.
  let plain = code.replace(/\/\/[^\n]*|'(?:[^'\\\n]|\\.)*'|`(?:[^`\\]|\\.)*`/g, found => (found.startsWith('//') ? '' : `§${texts.push(found) - 1}§`))
  const back = (text: string): string => text.replace(/§(\d+)§/g, (_, n) => texts[Number(n)])
  const imports: string[] = []
  plain = plain.replace(/^import [^§]*§\d+§/gm, found => {
    imports.push(back(found).replaceAll('\n', ' '))
    return found.replace(/[^\n]/g, '')
  })
  const imported = imports.flatMap(text => (/\{(.*)\}/.exec(text)?.[1] ?? '').split(',').map(name => name.trim()).filter(name => name !== ''))
  // A statement begins at the left edge.
  const statements = plain.split(/\n(?=[^\s})\]])/)
  const types = statements.flatMap(text => /^(?:type|interface) (\w+)/.exec(text)?.[1] ?? [])
  return { imports, imported, types, body: back(statements.map(meant).join('\n')) }
}

/** A statement without the notation. */
function meant(statement: string): string {
  if (/^(type|interface)\b/.test(statement)) return statement
  return parts(statement).map(part => {
    const left = part.includes('…')
    const text = part
      .replace(/=> \{ … \}/g, '=> given')
      .replace(/…/g, (_, at: number, whole: string) => (around(whole, at) === '{' ? '...given' : 'given'))
      .replace(/([}\]])\?(?=\s*[,)])/g, '$1')
      .replace(/\b(\w+)\?(?=\s*[,})\]])/g, (_, name: string, at: number, whole: string) => (around(whole, at) === '{' ? `${name}: given` : 'given'))
      .replace(/\b(\w+)\?: /g, '$1: ')
      .replace(/(?<![\w§<.])(§\d+§|\{[^{}]*\}|[\w.]+)( \| (§\d+§|\{[^{}]*\}|[\w.]+))+/g, found => `either(${found.split(' | ').join(', ')})`)
    const declares = /^\s*(const|let|function|async function|return|if|for|await using)\b/.test(text)
    if (declares || text.trim() === '') return text
    const [, before, expression, after] = /^(\s*)([\s\S]*?)(;?\s*)$/.exec(text)!
    return `${before};${left ? '' : 'await shown'}(async () => [${expression}])${after}`
  }).join('')
}

/** The bracket that is open at a place. */
function around(text: string, at: number): string {
  let depth = 0
  for (let i = at - 1; i >= 0; i--) {
    if ('})]'.includes(text[i])) depth++
    else if ('{(['.includes(text[i]) && depth-- === 0) return text[i]
  }
  return ''
}

/** A line of several statements, one by one. */
function parts(statement: string): string[] {
  const found: string[] = []
  let begin = 0
  for (const { index } of statement.matchAll(/; ?/g)) {
    if (around(statement, index) !== '') continue
    found.push(statement.slice(begin, index + 1))
    begin = index + 1
  }
  return [...found, statement.slice(begin)]
}
