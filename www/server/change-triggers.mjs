/**
 * The embedded database's change feed, in SQL: triggers write every row change into `changelog` within the transaction
 * that makes it, already in the form the pages receive, and wake the reader by NOTIFY at commit.
 *
 * A rolled back transaction takes its log rows with it. PGlite runs one transaction at a time, so the order of `seq` is the
 * order of commits and the rows of a transaction are neighbours.
 */
import { TABLES, TABLE_NAMES } from './model.mjs'

export const CHANNEL = 'eddyline_changes'

/** SQL for the key of `row` in wire form. @param {import('./model.mjs').TableName} table @param {'old' | 'new'} row */
function keySql(table, row) {
  const parts = TABLES[table].key.map(column => `to_json(${row}.${column})::text`)
  return parts.length === 1 ? parts[0] : `'[' || ${parts.join(` || ',' || `)} || ']'`
}

/** @param {import('./model.mjs').TableName} table */
function triggerSql(table) {
  const { columns, key } = TABLES[table]
  const plain = columns.filter(c => !key.includes(c))
  const isSameKey = key.map(c => `new.${c} = old.${c}`).join(' and ')
  const insert = `'{"op":"insert","table":"${table}","row":' || row_to_json(new)::text || '}'`
  const remove = `'{"op":"delete","table":"${table}","id":' || ${keySql(table, 'old')} || '}'`
  const set = plain.map(c => `case when new.${c} is distinct from old.${c} then '"${c}":' || coalesce(to_json(new.${c})::text, 'null') end`)
  const update = plain.length === 0 ? '' : `
    elsif ${isSameKey} then
      changed := concat_ws(',', ${set.join(',\n        ')});
      if changed <> '' then
        insert into changelog (change) values ('{"op":"update","table":"${table}","id":' || ${keySql(table, 'new')} || ',"set":{' || changed || '}}');
      end if;`
  return `
create function record_${table}() returns trigger language plpgsql as $body$
declare changed text;
begin
    if tg_op = 'INSERT' then
      insert into changelog (change) values (${insert});
    elsif tg_op = 'DELETE' then
      insert into changelog (change) values (${remove});${update}
    elsif not (${isSameKey}) then
      insert into changelog (change) values (${remove});
      insert into changelog (change) values (${insert});
    end if;
    return null;
end $body$;
create function record_${table}_truncate() returns trigger language plpgsql as $body$
begin
    insert into changelog (change) values ('{"op":"reset","table":"${table}","rows":[]}');
    return null;
end $body$;
create trigger record_rows after insert or update or delete on ${table} for each row execute function record_${table}();
create trigger record_truncate after truncate on ${table} for each statement execute function record_${table}_truncate();
create trigger wake after insert or update or delete or truncate on ${table} for each statement execute function wake_reader();
`
}

export const CREATE_FEED = `
create table changelog (
  seq bigserial primary key,
  txid bigint not null default pg_current_xact_id()::text::bigint,
  change text not null
);
create table feed_identity (epoch text not null);
create function wake_reader() returns trigger language plpgsql as $body$
begin
    perform pg_notify('${CHANNEL}', '');
    return null;
end $body$;
${TABLE_NAMES.map(triggerSql).join('')}
`
