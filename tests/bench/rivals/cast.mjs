// Who is compared, what of them a page loads, and what is measured.

/** `package`: where the version is; `entry`: what a page imports; `assets`: what that loads beside JavaScript. */
export const sides = [
  { name: 'eddyline', title: 'Eddyline' },
  { name: 'by-hand', title: 'by hand', baseline: true },
  { name: 'recompute', title: 'recompute', baseline: true },
  {
    name: 'tanstack', title: 'TanStack DB', package: '@tanstack/db',
    entry: "export { BTreeIndex, createCollection, createLiveQueryCollection, createLiveQueryObserver, eq, Query, resolveLiveQueryValue } from '@tanstack/db'",
  },
  { name: 'zero', title: 'Zero (ZQL)', package: '@rocicorp/zero', entry: "export { boolean, createBuilder, createSchema, number, relationships, string, table, Zero } from '@rocicorp/zero'" },
  { name: 'rindle', title: 'Rindle', package: '@rindle/wasm', entry: "export { createSchema, createWasmStore, string, table } from '@rindle/wasm'", assets: ['@rindle/wasm/pkg/rindle_bg.wasm'] },
  { name: 'tinybase', title: 'TinyBase', package: 'tinybase', entry: "export { createQueries, createStore } from 'tinybase'" },
  {
    name: 'pglite', title: 'PGlite', package: '@electric-sql/pglite', entry: "export { PGlite } from '@electric-sql/pglite'; export { live } from '@electric-sql/pglite/live'",
    assets: ['pglite.wasm', 'pglite.data', 'initdb.wasm'].map((name) => `@electric-sql/pglite/dist/${name}`),
  },
  { name: 'pglite-incremental', title: 'PGlite incremental', package: '@electric-sql/pglite', sameAs: 'pglite' },
  {
    name: 'perspective', title: 'Perspective', package: '@perspective-dev/client', entry: "export { default } from '@perspective-dev/client'",
    assets: ['client/dist/wasm/perspective-js.wasm', 'client/dist/cdn/perspective-server.worker.js', 'server/dist/wasm/perspective-server.wasm'].map((name) => `@perspective-dev/${name}`),
  },
  { name: 'datascript', title: 'DataScript', package: 'datascript', entry: "export { default } from 'datascript'" },
]

const thousands = (n) => n.toLocaleString('en')
/** `TextDecoder` and `JSON.parse` by themselves. */
const parse = { name: 'parse' }

/**
 * The jobs, by what they are called in the tables. `unit` of the table, `of` which number of an outcome, `target`: how many times
 * better than the best rival, `hand`, `parse`: at most so many times what is written by hand, or of parsing by itself, `most`: at
 * most that, `own`: as another line of ours; `after`: not tried by who ran out
 * of time there.
 */
export function work({ rows, rounds, largest, queries, changes }) {
  const sizes = [...new Set([rows / 10, rows, largest])]
  const loading = (form, size) => `${form === 'json' ? 'JSON text' : 'objects'} to the first 50, ${thousands(size)} rows`
  const hydrate = (form, size, extra = {}) => ({
    group: 'load', name: loading(form, size), workload: 'hydrate', unit: 'ms',
    ...(size === largest && { after: loading(form, rows) }), options: { rows: size, rounds: size > rows ? Math.min(rounds, 3) : rounds, form }, ...(form === 'json' && size === rows && { target: 3, parse: 0.4 }), ...extra,
  })
  const parsing = (size) => ({ ...hydrate('json', size), workload: 'parse', options: { rows: size, rounds }, sides: [parse] })
  const change = (query, name, targets = { target: 2, hand: 2 }) => ({ group: 'change', name, workload: 'change', unit: 'µs', options: { query, rows, rounds }, ...targets })
  return [
    ...sizes.flatMap((size) => [hydrate('json', size), parsing(size), hydrate('objects', size)]),
    hydrate('json', rows, { name: `JSON text to the first 50 and no more, ${thousands(rows)} rows`, options: { rows, rounds, form: 'json', limit: 50 }, target: undefined, parse: undefined }),
    { group: 'block', name: `longest block, ${thousands(largest)} rows as a stream`, workload: 'block', unit: 'ms', options: { rows: largest, rounds: 2 }, most: 8, sides: [sides[0]] },
    change('filter', 'a 1 % filter'),
    change('top', 'the first 50'),
    change('list', 'a full ordered list', { target: 20 }),
    change('join', 'a join'),
    change('count', 'count of groups'),
    change('sum', 'sum of groups'),
    change('max', 'max of groups'),
    change('nested', 'latest three of each parent'),
    ...['equal', 'range'].flatMap((shape) => [queries / 10, queries].flatMap((count) => {
      const job = { group: 'many', workload: 'many', options: { shape, queries: count, rows, rounds }, key: `${shape} ${count}`, ...(count === queries && { after: `${shape} ${queries / 10}` }) }
      const what = `${thousands(count)} ${shape === 'equal' ? 'queries by value' : 'queries by range'}`
      return [
        { ...job, name: `mount ${what}`, unit: 'ms', of: 'mount', ...(count === queries && { target: 50 }) },
        { ...job, name: `one change under ${what}`, unit: 'µs', ...(count === queries && { own: 'a 1 % filter' }) },
      ]
    })),
    { group: 'transaction', name: `${thousands(changes)} changes at once under 10 queries`, workload: 'transaction', unit: 'ms', options: { rows, changes, rounds: Math.min(rounds, 5) }, target: 3 },
    ...[
      ['rows', 'bytes of a row, loaded as text', 'json', 2], ['list', 'bytes of a row in a full ordered list', 'json'], ['query', 'bytes of a small query', 'json', 2],
      ['rows', 'bytes of a row, loaded as objects at once', 'objects'],
    ].map(([of, name, form, target]) => ({ group: 'memory', name, workload: 'memory', unit: 'B', options: { rows, form, queries: form === 'json' ? queries / 10 : 1 }, of, key: `memory ${form}`, target })),
  ]
}
