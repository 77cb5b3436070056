import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { EddylineError, codedError, nearestName, unknownName } from '../../src/ts/errors.js'

it('codes are those of the engine', () => {
  const engine = [...readFileSync('src/error.rs', 'utf8').matchAll(/= "([A-Z0-9_]+)",/g)].map(m => m[1])
  const list = /type EngineErrorCode =([^]*?)\n\n/.exec(readFileSync('src/ts/errors.ts', 'utf8'))![1]
  expect(engine.length).toBeGreaterThan(20)
  expect([...list.matchAll(/'(\w+)'/g)].map(m => m[1])).toEqual(engine)
})

it('suggest the name that was meant, and none when nothing is close', () => {
  expect(nearestName('statsu', ['title', 'status', 'state'])).toBe('status')
  expect(nearestName('Status', ['stats', 'status'])).toBe('status')
  expect(nearestName('zzz', ['title', 'status'])).toBeUndefined()
  expect(unknownName('UNKNOWN_COLUMN', 'column `x1` on `t`', 'x1', ['x2'], 'where').message).toBe('no column `x1` on `t`; did you mean `x2`?')
})

it('of wasm are ours when they have a code', () => {
  const error = codedError(Object.assign(new Error('dup'), { code: 'DUPLICATE_KEY', path: 'changes[0]', offending: 'a' }))!
  expect(error).toBeInstanceOf(EddylineError)
  expect(error).toBeInstanceOf(Error)
  expect({ ...error, message: error.message, name: error.name }).toEqual({ code: 'DUPLICATE_KEY', path: 'changes[0]', offending: 'a', message: 'dup', name: 'EddylineError' })
  expect(codedError(new WebAssembly.RuntimeError('unreachable'))).toBeUndefined()
  expect(codedError('text')).toBeUndefined()
})

it('have members of the memory budget only where one is full: a console shows all', () => {
  expect(Object.keys(new EddylineError('CLOSED', 'the database is closed'))).toEqual(['code', 'path', 'offending', 'nearest', 'name'])
  expect(new EddylineError('MEMORY_BUDGET', 'full', { needed: 2, budget: 1 })).toMatchObject({ needed: 2, budget: 1 })
})
