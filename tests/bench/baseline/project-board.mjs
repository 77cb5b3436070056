// By hand: projects, the 20 latest issues of each, their labels in the order in which they came, and how many comments they
// have. Everything is kept so that a change costs what it changes: sorted arrays per project, uses per label, a set of uses in
// view. Patches are those of the engine.

const byUpdated = (a, b) => b.updatedAt - a.updatedAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

export class ProjectBoard {
  constructor(listener, most = 20) {
    this.listener = listener
    this.most = most
    this.projects = new Map()
    this.issues = new Map()
    this.labels = new Map()
  }

  load({ projects, labels, issues, issueLabels, comments }) {
    for (const row of projects) this.projects.set(row.id, { row, list: [] })
    for (const row of labels) this.labels.set(row.id, { row, shown: new Set() })
    for (const row of issues) {
      const issue = { row, labels: [], comments: 0 }
      this.issues.set(row.id, issue)
      this.projects.get(row.projectId).list.push(issue)
    }
    for (const row of issueLabels) this.issues.get(row.issueId)?.labels.push(this.labels.get(row.labelId))
    for (const row of comments) { const issue = this.issues.get(row.issueId); if (issue !== undefined) issue.comments++ }
    for (const { list } of this.projects.values()) {
      list.sort((a, b) => byUpdated(a.row, b.row))
      for (const issue of list.slice(0, this.most)) this.enter(issue)
    }
  }

  enter(issue) { for (const label of issue.labels) label.shown.add(issue) }
  leave(issue) { for (const label of issue.labels) label.shown.delete(issue) }

  position(list, row) {
    let low = 0, high = list.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (byUpdated(list[middle].row, row) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  isShown(issue) { return this.position(this.projects.get(issue.row.projectId).list, issue.row) < this.most }
  value(issue) { return { ...issue.row, commentsCount: issue.comments, labels: issue.labels.map((l) => l.row) } }
  pathOf(issue) { return [issue.row.projectId, 'issues'] }

  apply(change) {
    const diff = []
    switch (change.table) {
      case 'issues': this.updateIssue(change, diff); break
      case 'labels': this.updateLabel(change, diff); break
      case 'issueLabels': this.changeJoin(change, diff); break
      case 'comments': this.changeComment(change, diff); break
    }
    if (diff.length > 0) this.listener({ diff })
  }

  updateIssue({ id, set }, diff) {
    const issue = this.issues.get(id)
    const old = issue.row
    const fields = {}
    let changed = false
    for (const name in set) if (old[name] !== set[name]) { fields[name] = set[name]; changed = true }
    if (!changed) return
    const { list } = this.projects.get(old.projectId)
    const path = this.pathOf(issue)
    const from = this.position(list, old)
    issue.row = { ...old, ...fields }
    let to = from
    if (fields.updatedAt !== undefined) {
      list.splice(from, 1)
      to = this.position(list, issue.row)
      list.splice(to, 0, issue)
    }
    const { most } = this
    if (from < most && to < most) {
      if (from !== to) diff.push({ t: 'move', path, key: id, from, to })
      diff.push({ t: 'set', path, key: id, fields })
    } else if (from < most) {
      diff.push({ t: 'remove', path, key: id, at: from })
      this.leave(issue)
      const next = list[most - 1]
      this.enter(next)
      diff.push({ t: 'add', path, key: next.row.id, at: most - 1, value: this.value(next) })
    } else if (to < most) {
      const last = list[most]
      this.leave(last)
      diff.push({ t: 'remove', path, key: last.row.id, at: most - 1 })
      this.enter(issue)
      diff.push({ t: 'add', path, key: id, at: to, value: this.value(issue) })
    }
  }

  updateLabel({ id, set }, diff) {
    const label = this.labels.get(id)
    if (label.row.name === set.name) return
    label.row = { ...label.row, ...set }
    for (const issue of label.shown) diff.push({ t: 'set', path: [...this.pathOf(issue), issue.row.id, 'labels'], key: id, fields: set })
  }

  changeJoin({ op, id, row }, diff) {
    const [issueId, labelId] = op === 'delete' ? id : [row.issueId, row.labelId]
    const issue = this.issues.get(issueId)
    const label = this.labels.get(labelId)
    const at = issue.labels.indexOf(label)
    if ((op === 'delete') !== (at >= 0)) return
    if (op === 'delete') issue.labels.splice(at, 1)
    else issue.labels.push(label)
    if (!this.isShown(issue)) return
    const path = [...this.pathOf(issue), issueId, 'labels']
    if (op === 'delete') {
      label.shown.delete(issue)
      diff.push({ t: 'remove', path, key: labelId, at })
    } else {
      label.shown.add(issue)
      diff.push({ t: 'add', path, key: labelId, at: issue.labels.length - 1, value: label.row })
    }
  }

  changeComment({ op, row, issueId }, diff) {
    const issue = this.issues.get(op === 'delete' ? issueId : row.issueId)
    issue.comments += op === 'delete' ? -1 : 1
    if (this.isShown(issue)) diff.push({ t: 'set', path: this.pathOf(issue), key: issue.row.id, fields: { commentsCount: issue.comments } })
  }

  rows() {
    return [...this.projects.values()].map(({ row, list }) => ({ ...row, issues: list.slice(0, this.most).map((i) => this.value(i)) }))
  }
}
