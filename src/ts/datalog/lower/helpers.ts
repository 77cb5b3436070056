// Rules of a recursion that cannot be answered by themselves: what they say is put in the place of their calls.
import type { Branch, Clause, Rule, Rules } from '../ast.js'
import { calledBy } from '../ast.js'
import type { Compiler } from './compiler.js'
import { inlined } from './rename.js'
import type { RuleBook } from './rules.js'

/** The rules of a book without calls, from within their recursion, of those that need arguments which their bodies do not bind. Undefined if there are none such. */
export function withoutHelpers(book: RuleBook, compiler: Compiler): Rules | undefined {
  const { rules } = book
  const helper = [...rules.values()].find(rule => {
    const group = book.groupOf(rule.name)
    return group.length > 1 && !rule.branches.some(b => calledBy(b.clauses).some(c => c.name === rule.name)) && book.binding(rule.name).includes(false)
  })
  if (helper === undefined) return undefined
  const group = new Set(book.groupOf(helper.name))
  const put = (clause: Clause): Clause => {
    switch (clause.kind) {
      case 'rule': {
        if (clause.name !== helper.name) return clause
        const vars = [...new Set(clause.args.flatMap(a => a.kind === 'var' ? [a.name] : []))]
        return { kind: 'or', vars, required: [], branches: helper.branches.map(b => inlined(b.clauses, b.vars, clause.args, compiler)), at: clause.at }
      }
      case 'not': return { ...clause, clauses: clause.clauses.map(put) }
      case 'or': return { ...clause, branches: clause.branches.map(b => b.map(put)) }
      default: return clause
    }
  }
  const body = (b: Branch): Branch => ({ ...b, clauses: b.clauses.map(put) })
  return new Map([...rules].map(([name, rule]): [string, Rule] => [name, group.has(name) && name !== helper.name ? { ...rule, branches: rule.branches.map(body) } : rule]))
}
