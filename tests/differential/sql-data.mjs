// Tables and batches as SQL.
import { columnType, constant, name } from './sql-expression.mjs'

/** Statements that make the tables of a schema anew, in a schema of their own. */
export function tablesSql(schema) {
  const tables = schema.tables.map((t) => {
    const columns = t.columns.map((c) => `${name(c.name)} ${columnType(c.type)}${c.nullable ? '' : ' not null'}`)
    return `create table ${name(t.name)} (${[...columns, `primary key (${t.key.map(name).join(', ')})`].join(', ')})`
  })
  return ['drop schema if exists d cascade', 'create schema d', 'set search_path to d', ...tables].join(';\n')
}

/** A batch as one transaction. */
export function batchSql(schema, changes) {
  const statements = []
  let open
  for (const change of changes) {
    const table = schema.tables.find((t) => t.name === change.table)
    // Runs of inserts into one table are one statement.
    if (change.op === 'insert') {
      if (open?.table !== table) statements.push(open = { table, rows: [] })
      open.rows.push(change.row)
      continue
    }
    open = undefined
    statements.push(...changeSql(table, change))
  }
  return ['begin', ...statements.map((s) => (typeof s === 'string' ? s : insertSql(s.table, s.rows))), 'commit'].join(';\n')
}

function insertSql(table, rows) {
  const row = (r) => `(${table.columns.map((c) => constant(c.type, r[c.name] ?? null)).join(', ')})`
  return `insert into ${name(table.name)} values ${rows.map(row).join(', ')}`
}

function whereKey(table, id) {
  const values = table.key.length === 1 ? [id] : id
  const column = (k) => table.columns.find((c) => c.name === k)
  return table.key.map((k, i) => `${name(k)} = ${constant(column(k).type, values[i])}`).join(' and ')
}

function changeSql(table, change) {
  switch (change.op) {
    case 'upsert': {
      const others = table.columns.filter((c) => !table.key.includes(c.name))
      const set = others.map((c) => `${name(c.name)} = excluded.${name(c.name)}`).join(', ')
      return [`${insertSql(table, [change.row])} on conflict (${table.key.map(name).join(', ')}) do ${set ? `update set ${set}` : 'nothing'}`]
    }
    case 'update': {
      const set = Object.entries(change.set).map(([n, v]) => `${name(n)} = ${constant(table.columns.find((c) => c.name === n).type, v)}`)
      return set.length > 0 ? [`update ${name(table.name)} set ${set.join(', ')} where ${whereKey(table, change.id)}`] : []
    }
    case 'delete':
      return [`delete from ${name(table.name)} where ${whereKey(table, change.id)}`]
    case 'reset':
      return [`delete from ${name(table.name)}`, ...(change.rows.length > 0 ? [insertSql(table, change.rows)] : [])]
    default:
      throw new Error(`no SQL for ${change.op}`)
  }
}
