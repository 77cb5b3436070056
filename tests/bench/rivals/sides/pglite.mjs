// PGlite: PostgreSQL in WebAssembly, in memory, with indexes on what is asked for; a live query is asked again when one of its
// tables was written to. `incremental` is its other kind of live query, which tells the differences apart in SQL.
import { PGlite } from '@electric-sql/pglite'
import { live } from '@electric-sql/pglite/live'
import { columns, projects as allProjects } from '../data.mjs'

export const supports = () => true

const names = columns.map((name) => `"${name}"`).join(', ')
const tables = `
create table issues (id text primary key, "projectId" text not null, title text not null, status text not null, priority text not null,
  kind text not null, number int not null, "updatedAt" float8 not null, estimate float8 not null, flagged boolean);
create table projects (id text primary key, name text not null, team text not null);
create index on issues ("projectId", "updatedAt" desc);
create index on issues ("updatedAt" desc);
create index on issues (estimate);`

const sql = {
  filter: ({ project }) => [`select ${names} from issues where "projectId" = $1 and status <> 'canceled' order by "updatedAt" desc`, [project]],
  top: ({ project, limit }) => [`select ${names} from issues where ${project === undefined ? '' : '"projectId" = $1 and '}status <> 'canceled' order by "updatedAt" desc limit ${limit}`, project === undefined ? [] : [project]],
  list: () => [`select ${names} from issues where status <> 'canceled' order by "updatedAt" desc`, []],
  join: ({ team }) => ['select i.id, i.title, i.status, i."updatedAt", p.name from issues i join projects p on p.id = i."projectId" where p.team = $1', [team]],
  count: () => ['select status, count(*)::int as value from issues group by status', []],
  sum: () => ['select status, sum(number)::float8 as value from issues group by status', []],
  max: () => ['select status, max("updatedAt") as value from issues group by status', []],
  nested: ({ limit }) => [`select p.id, p.name, (select jsonb_agg(l) from (select ${names} from issues where "projectId" = p.id order by "updatedAt" desc limit ${limit}) l) as issues from projects p`, []],
  equal: ({ estimate }) => [`select ${names} from issues where estimate = $1`, [estimate]],
  range: ({ from, to }) => [`select ${names} from issues where "updatedAt" >= $1 and "updatedAt" < $2`, [from, to]],
}

const keyOf = (kind) => (['count', 'sum', 'max'].includes(kind) ? 'status' : 'id')
const utf8 = new TextDecoder()

export async function opened(incremental) {
  const db = await PGlite.create({ extensions: { live } })
  await db.exec(tables)
  const insert = async (table, text) => { await db.query(`insert into ${table} select * from json_populate_recordset(null::${table}, $1::json)`, [text]) }
  const update = async (tx, { id, set }) => {
    const fields = Object.keys(set)
    await tx.query(`update issues set ${fields.map((name, i) => `"${name}" = $${i + 2}`).join(', ')} where id = $1`, [id, ...Object.values(set)])
  }

  return {
    async load(rows) {
      await insert('projects', JSON.stringify(allProjects))
      for (let at = 0; at < rows.length; at += 10_000) await insert('issues', JSON.stringify(rows.slice(at, at + 10_000)))
      await db.exec('analyze')
    },
    async loadJson(bytes) {
      await insert('projects', JSON.stringify(allProjects))
      await insert('issues', utf8.decode(bytes))
      await db.exec('analyze')
    },
    async mount(query, told) {
      const [text, params] = sql[query.kind](query)
      let ready = false
      let rows
      const callback = (result) => { rows = result.rows; if (ready) told(rows) }
      const view = incremental
        ? await db.live.incrementalQuery({ query: text, params, key: keyOf(query.kind), callback })
        : await db.live.query({ query: text, params, callback })
      rows = view.initialResults.rows
      ready = true
      return { rows: () => rows, close: () => view.unsubscribe() }
    },
    prepare: (change) => change,
    apply: (change) => update(db, change),
    applyAll: (changes) => db.transaction(async (tx) => { for (const change of changes) await update(tx, change) }),
    tellsOthers: true,
    close: () => db.close(),
  }
}

export const open = () => opened(false)
