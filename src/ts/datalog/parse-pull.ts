// Pull patterns as read.
import type { PullAttribute, PullPattern } from './ast.js'
import { type Form, read, syntax } from './edn.js'
import { attributeOf, constantOf, itemsOf, symbolOf } from './parse-clause.js'
import { placed } from './place.js'

/** A pull pattern: EDN text, a form, or arrays. Throws DATALOG_SYNTAX with the place. */
export function parsePull(input: unknown): PullPattern { return placed({ pattern: input }, () => pullPattern(read(input, 'pattern'))) }

export function pullPattern(form: Form): PullPattern {
  const items = form.kind === 'vector' ? form.items : undefined
  if (items === undefined) throw syntax('a pull pattern is a vector', form.at)
  let wildcard = false
  let id = false
  const attributes: PullAttribute[] = []
  for (const item of items) {
    if (symbolOf(item) === '*' || (item.kind === 'text' && item.value === '*')) { wildcard = true; continue }
    if (item.kind === 'map') {
      for (const [key, value] of item.entries) attributes.push({ ...attribute(key), nested: nested(value) })
      continue
    }
    const name = attributeOf(item)
    if (name === 'db/id') { id = true; continue }
    attributes.push(attribute(item))
  }
  return { wildcard, id, attributes, at: form.at }
}

function nested(form: Form): PullPattern | number {
  if (symbolOf(form) === '...') return Infinity
  if (form.kind === 'constant' && typeof form.value === 'number' && Number.isInteger(form.value) && form.value > 0) return form.value
  return pullPattern(form)
}

function attribute(form: Form): PullAttribute {
  const plain = attributeOf(form)
  if (plain !== undefined) return named(form, plain)
  const items = itemsOf(form)
  if (items === undefined || items.length === 0) throw syntax('an attribute must stand here: `:a`, `(limit :a 10)`, `[:a :as "b"]`', form.at)
  // `(limit :a 10)`, `(default :a 0)`: the older way to write options.
  const word = items[0].kind === 'symbol' || items[0].kind === 'word' ? items[0].value : undefined
  if ((word === 'limit' || word === 'default') && items.length === 3) return option(attribute(items[1]), word, items[2])
  let out = attribute(items[0])
  if (items.length % 2 === 0) throw syntax('an option has no value', form.at)
  for (let i = 1; i < items.length; i += 2) out = option(out, attributeOf(items[i]) ?? '', items[i + 1])
  return out
}

function named(form: Form, name: string): PullAttribute {
  const slash = name.lastIndexOf('/')
  const reverse = name[slash + 1] === '_'
  return { name: reverse ? name.slice(0, slash + 1) + name.slice(slash + 2) : name, reverse, label: name, at: form.at }
}

/** A form as the value that it stands for. */
function valueOf(form: Form): unknown {
  const constant = constantOf(form)
  if (constant !== undefined) return constant.value
  if (form.kind === 'map') return Object.fromEntries(form.entries.map(([k, v]) => [String(valueOf(k)), valueOf(v)]))
  const items = itemsOf(form)
  if (items === undefined) throw syntax('`:default` takes a value', form.at)
  return items.map(valueOf)
}

function option(of: PullAttribute, name: string, form: Form): PullAttribute {
  const constant = constantOf(form)
  switch (name) {
    case 'as': {
      const as = constant !== undefined ? String(constant.value) : form.kind === 'symbol' ? form.value : undefined
      if (as === undefined) throw syntax('`:as` takes a name', form.at)
      return { ...of, as }
    }
    case 'limit': {
      const limit = constant?.value
      if (limit !== null && !(typeof limit === 'number' && Number.isInteger(limit) && limit > 0)) throw syntax('`:limit` takes a whole number from 1, or nil', form.at)
      return { ...of, limit }
    }
    case 'default': {
      return { ...of, fallback: valueOf(form) }
    }
  }
  throw syntax(`no option \`:${name}\` of attributes; there are :as, :limit, :default`, form.at, name)
}
