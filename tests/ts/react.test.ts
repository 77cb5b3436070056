import { createElement } from 'react'
import { renderToString } from 'react-dom/server'
import { expect, it } from 'vitest'
import { EddylineProvider, useDatabase, useLiveQuery } from '../../src/ts/react/index.js'
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
  expect(() => renderToString(createElement(List))).toThrow('EddylineProvider')
  const Plain = () => createElement('i', null, useDatabase().name)
  expect(renderToString(createElement(EddylineProvider, { db: open({ name: 'mine' }).db }, createElement(Plain)))).toBe('<i>mine</i>')
})
