import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, it } from 'vitest'
import { EddylineProvider, useDatabase, useLiveQuery } from '../../src/ts/react/index.js'
import { EddylineError } from '../../src/ts/errors.js'
import { issue, open } from './fixtures.js'

function List() {
  const { rows, status } = useLiveQuery((db: any) => db.query.issues.orderBy('title')) as { rows: readonly { title: string }[]; status: string }
  return createElement('p', null, `${status}: ${rows.map(r => r.title).join()}`)
}

it('renders a pending snapshot on a server, with and without a database', () => {
  const { db, engine } = open()
  db.apply([{ op: 'insert', table: 'issues', row: issue('a') }])
  expect(renderToString(createElement(EddylineProvider, { db }, createElement(List)))).toBe('<p>pending: </p>')
  expect(renderToString(createElement(EddylineProvider, { db: undefined }, createElement(List)))).toBe('<p>pending: </p>')
  expect(renderToString(createElement(EddylineProvider, { db: new Promise(() => {}) as never }, createElement(List)))).toBe('<p>pending: </p>')
  expect(engine.views.size).toBe(0)
})

it('says when the provider is missing', () => {
  expect(() => renderToString(createElement(List))).toThrow(EddylineError)
  expect(() => renderToString(createElement(List))).toThrow(expect.objectContaining({ code: 'NO_DATABASE', message: expect.stringContaining('EddylineProvider') }))
  const Plain = () => createElement('i', null, useDatabase().name)
  expect(renderToString(createElement(EddylineProvider, { db: open({ name: 'mine' }).db }, createElement(Plain)))).toBe('<i>mine</i>')
  expect(() => renderToString(createElement(EddylineProvider, { db: null }, createElement(Plain)))).toThrow(expect.objectContaining({ name: 'EddylineError', code: 'NO_DATABASE' }))
})

it('takes a provider whose database is null for one that has none yet', () => {
  expect(renderToString(createElement(EddylineProvider, { db: null }, createElement(List)))).toBe('<p>pending: </p>')
})

it('says what is no query, or gives none', () => {
  const { db } = open()
  const failure = (make: unknown): EddylineError => {
    const Wrong = () => createElement('i', null, useLiveQuery(make as never).status)
    try { renderToString(createElement(EddylineProvider, { db }, createElement(Wrong))) } catch (error) {
      expect(error).toBeInstanceOf(EddylineError)
      return error as EddylineError
    }
    throw new Error('did not throw')
  }
  for (const make of [undefined, null, db.query.issues, 5]) expect(failure(make)).toMatchObject({ code: 'INVALID_ARGUMENT', path: 'fn' })
  for (const made of [undefined, {}, 5, 'issues', Promise.resolve(null)]) expect(failure(() => made)).toMatchObject({ code: 'QUERY_INVALID', path: 'query' })
  expect(failure((d: any) => d.query.isues)).toMatchObject({ code: 'UNKNOWN_TABLE', offending: 'isues', nearest: 'issues' })
  for (const wait of [null, false] as const) {
    const Waits = () => createElement('i', null, useLiveQuery(() => wait).status)
    expect(renderToString(createElement(EddylineProvider, { db }, createElement(Waits)))).toBe('<i>pending</i>')
  }
})
