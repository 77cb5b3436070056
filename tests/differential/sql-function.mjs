// Functions of the Query JSON as SQL. Where PostgreSQL's are of 32-bit integers, ours are of 64: the arguments are cast.
//
// Patterns and `initcap` are those of "pg_c_utf8": Unicode letters, one character for one.

const posix = (sql) => `(${sql}) collate "pg_c_utf8"`
const int4 = (a) => `(${a.sql})::int4`
const float8 = (a) => `(${a.sql})::float8`
/** Without the −0 that the engine does not have. */
const positive = (a) => `(${float8(a)} + 0::float8)`
const text = (sql) => ({ sql: `(${sql})`, type: 'text' })
const float = (sql) => ({ sql: `(${sql})::float8`, type: 'float' })
const int = (sql) => ({ sql: `(${sql})::int8`, type: 'int' })
const bool = (sql) => ({ sql: `(${sql})`, type: 'bool' })
const moment = (sql) => ({ sql: `(${sql})`, type: 'timestamp' })

const sqls = (args) => args.map((a) => a.sql)

/** `when … then … else …`, and the results. */
function branches(args, sql) {
  const results = []
  for (let i = 0; i + 1 < args.length; i += 2) {
    sql += ` when ${args[i].sql} then ${args[i + 1].sql}`
    results.push(args[i + 1])
  }
  if (args.length % 2 === 1) {
    sql += ` else ${args.at(-1).sql}`
    results.push(args.at(-1))
  }
  return { sql: `(${sql} end)`, results }
}

function cast(to, a) {
  switch (to) {
    case 'text': {
      const from = { float: positive(a), bool: `(${a.sql})::bool` }[a.type] ?? a.sql
      return text(`(${from})::text collate "C"`)
    }
    case 'int': case 'bigint': return int(a.type === 'bool' ? `(${a.sql})::int4` : a.sql)
    case 'float': return float(a.sql)
    case 'decimal': return { sql: `(${a.sql})::numeric`, type: 'decimal' }
    case 'date': case 'time': case 'uuid': case 'interval': return { sql: `(${a.sql})::${to}`, type: to }
    case 'bool': return bool(a.type === 'int' ? `${a.sql} <> 0` : `(${a.sql})::bool`)
    case 'timestamp': return moment(`(${a.sql})::timestamptz`)
    default: return { sql: `(${a.sql})::jsonb`, type: 'json' }
  }
}

const names = { strpos: 'strpos', splitPart: 'split_part', startsWith: 'starts_with', octetLength: 'octet_length', concatWs: 'concat_ws' }
const arrows = { '->': 'json', '->>': 'text' }
const paths = { '#>': 'json', '#>>': 'text' }

/**
 * `{ sql, type }` of a function, `undefined` if it is none of these.
 * @param args the bound arguments, `{ sql, type }`
 * @param common the one type of some arguments
 */
export function functionSql(e, args, common) {
  const [a, b, c] = args
  const name = names[e.op] ?? e.op
  switch (e.op) {
    case 'case': {
      const { sql, results } = branches(args, 'case')
      return { sql, type: common(results) }
    }
    case 'caseOf': {
      const { sql, results } = branches(args.slice(1), `case ${a.sql}`)
      return { sql, type: common(results) }
    }
    case 'nullif': case 'greatest': case 'least': return { sql: `${e.op}(${sqls(args).join(', ')})`, type: common(args) }
    case 'between': return bool(`${a.sql} between ${b.sql} and ${c.sql}`)
    case 'isDistinctFrom': return bool(`${a.sql} is distinct from ${b.sql}`)
    case 'isNotDistinctFrom': return bool(`${a.sql} is not distinct from ${b.sql}`)
    case 'trimScale': return { sql: `trim_scale(${a.sql})`, type: 'decimal' }
    case 'scale': return int(`scale(${a.sql})`)
    case 'round': case 'floor': case 'ceil': case 'trunc': case 'sign':
      if (a.type === 'decimal') return { sql: `${e.op}(${[a.sql, ...(b ? [int4(b)] : [])].join(', ')})`, type: 'decimal' }
  }
  switch (e.op) {
    // PostgreSQL rounds to digits as numeric only: of the shortest text.
    case 'round': return float(b ? `round(${float8(a)}::text::numeric, ${int4(b)})` : `round(${float8(a)})`)
    case 'floor': case 'ceil': case 'trunc': case 'sign': case 'power': case 'sqrt': case 'exp': case 'ln':
      return float(`${e.op}(${args.map(float8).join(', ')})`)
    case 'cast': return cast(e.name, a)
    case 'substring': case 'left': case 'right': case 'repeat': return text(`${e.op}(${[a.sql, ...args.slice(1).map(int4)].join(', ')})`)
    case 'lpad': case 'rpad': return text(`${e.op}(${[a.sql, int4(b), ...(c ? [c.sql] : [])].join(', ')})`)
    case 'trim': return text(`btrim(${sqls(args).join(', ')})`)
    case 'ltrim': case 'rtrim': case 'replace': case 'reverse': return text(`${e.op}(${sqls(args).join(', ')})`)
    case 'concat': case 'concatWs': return text(`${name}(${args.map((x) => `(${x.sql})::text`).join(', ')}) collate "C"`)
    case 'initcap': return text(`initcap(${posix(a.sql)}) collate "C"`)
    case 'toChar': return text(`to_char(${a.sql}, ${b.sql}) collate "C"`)
    case 'numeric': return { sql: `(${a.sql})::numeric(${args.slice(1).map((v) => v.sql.replace(/[^-0-9]/g, '').replace(/8$/, '')).join(', ')})`, type: 'decimal' }
    case 'splitPart': return text(`${name}(${a.sql}, ${b.sql}, ${int4(c)})`)
    case 'strpos': case 'octetLength': case 'ascii': return int(`${name}(${sqls(args).join(', ')})`)
    case 'chr': return text(`chr(${int4(a)}) collate "C"`)
    case 'startsWith': return bool(`${name}(${sqls(args).join(', ')})`)
    case 'dateTrunc': return { ...moment(`date_trunc('${e.name}', ${a.sql})`), type: a.type === 'interval' ? a.type : 'timestamp' }
    case 'extract': return float(`date_part('${e.name}', ${a.sql})`)
    case 'addInterval': return moment(`${a.sql} + make_interval(months => ${int4(b)}, days => ${int4(c)}, secs => ${float8(args[3])} / 1000000)`)
    case 'diffSeconds': return float(`date_part('epoch', ${a.sql} - ${b.sql})`)
    case 'makeTimestamp': return moment(`make_timestamptz(${[...args.slice(0, 5).map(int4), float8(args[5])].join(', ')})`)
    case '->': case '->>': {
      const type = arrows[e.op]
      return { sql: `(${a.sql} ${e.op} ${b.type === 'int' ? int4(b) : `(${b.sql})::text`})${type === 'text' ? ' collate "C"' : ''}`, type }
    }
    case '#>': case '#>>': {
      const type = paths[e.op]
      return { sql: `(${a.sql} ${e.op} array[${sqls(args.slice(1)).join(', ')}]::text[])${type === 'text' ? ' collate "C"' : ''}`, type }
    }
    case 'jsonTypeof': return text(`jsonb_typeof(${a.sql}) collate "C"`)
    case 'jsonArrayLength': return int(`jsonb_array_length(${a.sql})`)
    case 'any': return bool(`${a.sql} = any(${b.sql})`)
    case '&&': return bool(`${a.sql} && ${b.sql}`)
    case 'cardinality': return int(`cardinality(${a.sql})`)
    case 'arrayLength': return int(`array_length(${a.sql}, 1)`)
    case 'arrayAt': return { sql: `((${a.sql})[${int4(b)}])`, type: a.type.slice(0, -2) }
    case 'arrayPosition': return int(`array_position(${a.sql}, ${b.sql})`)
    case 'arrayToText': return text(`array_to_string(${a.sql}, ${b.sql}) collate "C"`)
    case '@>': return bool(`${a.sql} @> ${b.sql}`)
    case '?': return bool(`${a.sql} ? ${b.sql}`)
    case 'regexpMatch': return { sql: `(regexp_match(${posix(a.sql)}, ${posix(b.sql)}) collate "C")`, type: 'text[]' }
    case 'regexpMatches': return { sql: `(case when ${a.sql} is not null then (select coalesce(array_agg(t collate "C" order by n, i), '{}') from regexp_matches(${posix(a.sql)}, ${posix(b.sql)}, 'g') with ordinality x(m, n), unnest(m) with ordinality y(t, i)) end)`, type: 'text[]' }
    case 'regexpReplace': return text(`regexp_replace(${args.map((x) => posix(x.sql)).join(', ')}) collate "C"`)
    case 'regexpSubstr': return text(`regexp_substr(${posix(a.sql)}, ${posix(b.sql)}) collate "C"`)
    case '~': case '~*': return bool(`${posix(a.sql)} ${e.op} ${posix(b.sql)}`)
    default: return undefined
  }
}
