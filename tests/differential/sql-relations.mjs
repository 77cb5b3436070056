// Associations as steps between columns of tables, and the order they bring along.

/** `[{ table, left, right, where }]`: columns of the table before, equal to columns of `table`, whose rows satisfy `where`. */
export function hops(tables, owner, relation) {
  const key = (table) => tables.get(table).key
  const where = relation.where ? [relation.where] : []
  switch (relation.kind) {
    case 'belongsTo':
      return [{ table: relation.table, left: relation.columns, right: relation.references ?? key(relation.table), where }]
    case 'hasOne':
    case 'hasMany':
      return [{ table: relation.table, left: relation.references ?? owner.key, right: relation.columns, where }]
    case 'manyToMany':
      return [
        { table: relation.join, left: relation.references ?? owner.key, right: relation.columns, where: [] },
        { table: relation.table, left: relation.joinTarget, right: key(relation.table), where },
      ]
    default: {
      const steps = []
      let at = owner
      for (const name of relation.path) {
        steps.push(...hops(tables, at, at.relations.find((x) => x.name === name)))
        at = tables.get(steps.at(-1).table)
      }
      const last = steps.at(-1)
      steps[steps.length - 1] = { ...last, where: [...last.where, ...where] }
      return steps
    }
  }
}

/** The order of an association when a query gives none: its own, that of the last step of a `through`. */
export function defaultOrder(tables, owner, relation) {
  if (relation.orderBy?.length > 0 || relation.kind !== 'through') return relation.orderBy
  let at = owner
  let last
  for (const name of relation.path) {
    last = { owner: at, relation: at.relations.find((x) => x.name === name) }
    at = tables.get(hops(tables, at, last.relation).at(-1).table)
  }
  return defaultOrder(tables, last.owner, last.relation)
}
