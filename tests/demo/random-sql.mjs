/** Random transactions on the demo's tables, such as no page makes. What the database refuses is rolled back, as elsewhere. */
import { STATUSES } from '../../www/server/model.mjs'

/** @typedef {import('../../www/server/seed.mjs').Random} Random */

const TEXTS = ['', ' ', 'null', `It's "quoted" \\ and \\n`, 'über 日本語 😀 \u2028', 'line\nbreak\ttab\r', '{"json":[1,"2",null]}', '\u0001\u007f', "'); drop table issues; --"]
const TIMES = ['2026-02-03 04:05:06.789012+00', '1999-12-31 23:59:59.999999+13:45', '0044-03-15 12:00:00+00 BC', '12026-01-01 00:00:00+00', '1970-01-01 00:00:00-05', '2026-03-29 02:30:00 Europe/Berlin']

let made = 0

/** Text that no compression makes short enough to stay in its row. @param {Random} random */
const large = random => Array.from({ length: 9_000 }, () => random.below(2 ** 31).toString(36)).join('')

/** @param {Random} random @returns {{ text: string, params?: unknown[] }} */
function statement(random) {
  const text = () => (random.next() < 0.04 ? large(random) : random.pick(TEXTS) + random.below(1000))
  const issue = () => (random.next() < 0.5 ? `i${1 + random.below(300)}` : `r${random.below(made + 1)}`)
  const comment = () => (random.next() < 0.5 ? `c${1 + random.below(600)}` : `x${random.below(made + 1)}`)
  const label = () => `l${1 + random.below(26)}`
  const user = () => `u${1 + random.below(40)}`
  const roll = random.below(100)
  if (roll < 14) {
    return { text: `insert into issues (id, project_id, number, title, description, status, priority, estimate, assignee_id, creator_id, created_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
      params: [`r${++made}`, `p${1 + random.below(12)}`, random.below(1e9), text(), text(), random.pick(STATUSES), random.below(5), random.next() < 0.5 ? null : random.below(2 ** 31), random.next() < 0.5 ? null : user(), user(), random.pick(TIMES)] }
  }
  if (roll < 30) return { text: 'update issues set status = $2, priority = $3, estimate = nullif(estimate, 3), updated_at = $4 where id = $1', params: [issue(), random.pick(STATUSES), random.below(5), random.pick(TIMES)] }
  if (roll < 38) return { text: 'update issues set description = $2 where id = $1', params: [issue(), text()] }
  if (roll < 43) return { text: 'update issues set title = title where id = $1', params: [issue()] }
  if (roll < 49) return { text: 'delete from issues where id = $1', params: [issue()] }
  if (roll < 60) return { text: 'insert into comments values ($1, $2, $3, $4, $5)', params: [`x${++made}`, issue(), user(), text(), random.pick(TIMES)] }
  if (roll < 66) return { text: 'update comments set created_at = $2 where id = $1', params: [comment(), random.pick(TIMES)] }
  if (roll < 72) return { text: 'update comments set id = $2 where id = $1', params: [comment(), `x${++made}`] }
  if (roll < 76) return { text: 'delete from comments where id = $1', params: [comment()] }
  if (roll < 82) return { text: 'insert into issue_labels values ($1, $2) on conflict do nothing', params: [issue(), label()] }
  if (roll < 86) return { text: 'update issue_labels set label_id = $2 where issue_id = $1 and label_id = (select min(label_id) from issue_labels where issue_id = $1)', params: [issue(), label()] }
  if (roll < 89) return { text: 'delete from issue_labels where label_id = $1 and issue_id < $2', params: [label(), issue()] }
  if (roll < 92) return { text: `update issues set id = $2 where id = $1`, params: [issue(), `r${++made}`] }
  if (roll < 94) return { text: `insert into comments select 'x' || ($1::int + i), $2, 'u1', md5(i::text) from generate_series(1, 300) i`, params: [(made += 301) - 301, issue()] }
  if (roll < 96) return { text: `update comments set body = body || '!' where length(body) < 5000 and id > $1`, params: [comment()] }
  if (roll < 97) return { text: 'delete from comments where id > $1 and id < $2', params: [comment(), comment()] }
  if (roll < 98) return { text: 'update labels set name = $2, color = $3 where id = $1', params: [label(), text().slice(0, 40) + ++made, text().slice(0, 20)] }
  return { text: 'insert into labels values ($1, $2, $3) on conflict (id) do update set color = excluded.color', params: [label(), `label ${++made}`, '#abc'] }
}

/** Now and then, what is done to tables and not to rows. @param {Random} random */
const alteration = random => random.pick([
  'truncate comments', 'alter table issues add column extra int default 7', 'alter table issues drop column extra', 'alter table labels replica identity full',
  'alter table labels replica identity default', 'alter table labels replica identity using index labels_name_key', 'alter table issues replica identity full',
  'alter table issues replica identity default', `alter table comments alter body type text using left(body, 6000)`, 'alter table issues alter priority type bigint', 'alter table issues alter priority type int',
])

/** One transaction on a connection. @param {import('pg').Client} client @param {Random} random @param {boolean} mayAlter */
export async function transact(client, random, mayAlter) {
  await client.query('begin')
  try {
    if (mayAlter && random.next() < 0.03) await client.query(alteration(random))
    for (let n = 1 + random.below(random.next() < 0.1 ? 40 : 5); n > 0; n--) {
      const isTried = random.next() < 0.3
      if (isTried) await client.query('savepoint tried')
      const { text, params } = statement(random)
      try {
        await client.query(text, params)
        if (isTried && random.next() < 0.3) await client.query('rollback to tried')
      } catch (error) {
        if (!isTried) throw error
        await client.query('rollback to tried')
      }
    }
    await client.query(random.next() < 0.15 ? 'rollback' : 'commit')
  } catch (error) {
    await client.query('rollback')
    if (!/** @type {any} */ (error).code?.match(/^(23|40|55|42)/)) throw error
  }
}
