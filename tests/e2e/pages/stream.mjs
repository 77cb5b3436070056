// A known stream of batches and what a table holds at each of its cursors: for pages that are killed, and for who judges them.

/** Batch `n`, from 1 on. */
export function batch(n) {
  const changes = [{ op: 'upsert', table: 'items', row: { id: n % 97, n, text: 'x'.repeat(n % 61) } }]
  if (n % 3 === 0) changes.push({ op: 'delete', table: 'items', id: (n * 7) % 97 })
  if (n % 5 === 0) changes.push({ op: 'update', table: 'items', id: n % 97, set: { n: -n } })
  if (n % 400 === 0) changes.push({ op: 'reset', table: 'items' }, { op: 'insert', table: 'items', row: { id: 1, n, text: 'reset' } })
  return changes
}

/** The rows after batches 1 to `cursor`, as text. */
export function oracle(cursor) {
  const rows = new Map()
  for (let n = 1; n <= cursor; n++) {
    for (const c of batch(n)) {
      if (c.op === 'reset') rows.clear()
      else if (c.op === 'delete') rows.delete(c.id)
      else if (c.op === 'update') { if (rows.has(c.id)) rows.set(c.id, { ...rows.get(c.id), ...c.set }) } else rows.set(c.row.id, c.row)
    }
  }
  return [...rows.values()].sort((a, b) => a.id - b.id).map((r) => `${r.id} ${r.n} ${r.text}`).join('\n')
}
