/**
 * What the demo stores: tables, their columns and keys, and the SQL that makes them.
 *
 * Both databases run this text, the feed decodes by it, and the page's schema (`src/schema.ts`) has the same names:
 * columns stay snake_case from PostgreSQL to the screen, so a row is never renamed on its way.
 */

/** The PostgreSQL schema that holds the demo: nothing outside of it is read or written. */
export const NAMESPACE = 'eddyline_demo'

/** The source name in every batch; cursors are ordered within a source. */
export const SOURCE = 'pg'

/** @typedef {'projects' | 'users' | 'labels' | 'issues' | 'issue_labels' | 'comments'} TableName */

/**
 * Columns in the order of their `CREATE TABLE`, parents before children. `key` lists the key columns.
 * @type {Record<TableName, { columns: string[], key: string[] }>}
 */
export const TABLES = {
  projects: { columns: ['id', 'key', 'name', 'color', 'position'], key: ['id'] },
  users: { columns: ['id', 'name', 'handle', 'color'], key: ['id'] },
  labels: { columns: ['id', 'name', 'color'], key: ['id'] },
  issues: {
    columns: ['id', 'project_id', 'number', 'title', 'description', 'status', 'priority', 'estimate', 'assignee_id',
      'creator_id', 'created_at', 'updated_at'],
    key: ['id'],
  },
  issue_labels: { columns: ['issue_id', 'label_id'], key: ['issue_id', 'label_id'] },
  comments: { columns: ['id', 'issue_id', 'author_id', 'body', 'created_at'], key: ['id'] },
}

/** @type {TableName[]} */
export const TABLE_NAMES = /** @type {TableName[]} */ (Object.keys(TABLES))

export const STATUSES = ['backlog', 'todo', 'in_progress', 'in_review', 'done', 'canceled']

/** 0 is "no priority", 1 urgent … 4 low, as in most trackers. */
export const PRIORITIES = [0, 1, 2, 3, 4]

/** Tables, with the sequences that number new rows. A page has no moment for `infinity`. */
export const CREATE_TABLES = `
create schema if not exists ${NAMESPACE};
set search_path to ${NAMESPACE};

create table projects (
  id text primary key, key text not null unique, name text not null, color text not null, position int not null
);
create table users (
  id text primary key, name text not null, handle text not null unique, color text not null
);
create table labels (
  id text primary key, name text not null unique, color text not null
);
create table issues (
  id text primary key,
  project_id text not null references projects on delete cascade,
  number int not null,
  title text not null,
  description text not null default '',
  status text not null check (status in (${STATUSES.map(s => `'${s}'`).join(', ')})),
  priority int not null check (priority between 0 and 4),
  estimate int,
  assignee_id text references users on delete set null,
  creator_id text not null references users,
  created_at timestamptz not null default now() check (isfinite(created_at)),
  updated_at timestamptz not null default now() check (isfinite(updated_at))
);
create table issue_labels (
  issue_id text not null references issues on delete cascade,
  label_id text not null references labels on delete cascade,
  primary key (issue_id, label_id)
);
create table comments (
  id text primary key,
  issue_id text not null references issues on delete cascade,
  author_id text not null references users,
  body text not null,
  created_at timestamptz not null default now() check (isfinite(created_at))
);
create sequence issue_ids;
create sequence comment_ids;
`

/** Made after the seed: building an index once is cheaper than growing it row by row. */
export const CREATE_INDEXES = `
create index comments_of_issue on comments (issue_id);
create index issue_numbers on issues (project_id, number);
select setval('issue_ids', (select count(*) from issues) + 1, false);
select setval('comment_ids', (select count(*) from comments) + 1, false);
`

/**
 * The key of a row in wire form: the value itself, or an array for composite keys.
 * @param {TableName} table
 * @param {Record<string, unknown>} row
 */
export function keyOf(table, row) {
  const { key } = TABLES[table]
  return key.length === 1 ? row[key[0]] : key.map(column => row[column])
}
