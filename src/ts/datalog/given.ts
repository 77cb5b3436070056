// Inputs as given by a caller: constants of the query, or rows of the table of inputs.
import type { Argument, Binding, InputSpec, ParsedQuery } from './ast.js'
import type { Catalog } from './catalog.js'
import type { Constant } from './edn.js'
import type { Step } from './lower/compiler.js'
import { type InputSource, type InputType, typeOfInput } from './lower/inputs.js'
import type { GivenInputs } from './lower/query.js'
import { type Bound, constant, fault, kindOf, wider } from './lower/values.js'

/** The rows of one input, and the type that they have in common. */
export interface InputRows { readonly spec: InputSpec; readonly rows: readonly unknown[]; readonly type: InputType }

/** What a value that is given is, by how it is bound: one row, or several. */
export function rowsOf(spec: InputSpec, value: unknown): InputRows {
  const binding = spec.kind === 'binding' ? spec.binding : undefined
  const name = spec.kind === 'binding' || spec.kind === 'source' ? spec.name : '%'
  if (value === undefined) throw fault('DATALOG_INPUT', `the input \`${name}\` is missing`, spec.at, name)
  const many = spec.kind === 'source' || binding?.kind === 'collection' || binding?.kind === 'relation'
  if (many && (typeof value !== 'object' || value === null || !(Symbol.iterator in value))) throw fault('DATALOG_INPUT', `the input \`${name}\` is a list`, spec.at, name)
  const rows = many ? [...value as Iterable<unknown>].map(plain) : [plain(value)]
  const shape = binding?.kind === 'collection' ? binding.item : binding
  const width = shape?.kind === 'tuple' || shape?.kind === 'relation' ? shape.items.length : undefined
  for (const row of rows) {
    checked(row, spec.at, name)
    if (width !== undefined && (!Array.isArray(row) || row.length < width)) throw fault('DATALOG_INPUT', `the input \`${name}\` has rows of ${width} members`, spec.at, name)
    if (spec.kind === 'source' && !Array.isArray(row)) throw fault('DATALOG_INPUT', `rows of \`${name}\` are lists`, spec.at, name)
  }
  return { spec, rows, type: rows.length === 0 ? 'null' : rows.map(typeOfInput).reduce((a, b) => both(a, b, spec.at, name)) }
}

/** Sets are lists, too. */
const plain = (v: unknown): unknown => v instanceof Set ? [...v] : v

function checked(v: unknown, at: string, name: string): void {
  if (Array.isArray(v)) { v.forEach(x => { checked(x, at, name) }); return }
  const ok = typeof v === 'string' || typeof v === 'number' || typeof v === 'boolean' || typeof v === 'bigint' || (v instanceof Date && !Number.isNaN(v.getTime())) || v instanceof Uint8Array
  if (typeof v === 'bigint' && BigInt.asIntN(64, v) !== v) throw fault('INTEGER_RANGE', `${v} is beyond 64 bits`, at, name)
  if (!ok) throw fault('DATALOG_INPUT', `the input \`${name}\` is no text, number, boolean, moment or bytes`, at, name)
}

function both(a: InputType, b: InputType, at: string, name: string): InputType {
  if (Array.isArray(a) || Array.isArray(b)) {
    if (!Array.isArray(a) || !Array.isArray(b) || a.length !== b.length) throw fault('DATALOG_INPUT', `the rows of \`${name}\` have different lengths`, at, name)
    return a.map((x: InputType, i: number) => both(x, b[i] as InputType, at, name))
  }
  if (a === b) return a
  if (kindOf(a as never) !== kindOf(b as never)) throw fault('DATALOG_INPUT', `values of different types in \`${name}\``, at, name)
  return wider([{ type: a as never }, { type: b as never }])
}

const bound = (v: unknown): Bound => Array.isArray(v) ? { kind: 'tuple', items: v.map(bound) } : constant(v as Constant)
const argument = (v: unknown, at: string): Argument => Array.isArray(v) ? { kind: 'members', items: v.map(x => argument(x, at)), at } : { kind: 'const', value: v as Constant, at }

/** Inputs as constants: for queries that are asked once. */
export function asConstants(inputs: readonly InputRows[]): GivenInputs {
  const constants = new Map<string, Bound>()
  const steps: Step[] = []
  for (const { spec, rows } of inputs) {
    if (spec.kind !== 'binding') throw fault('DATALOG_INPUT', 'a relation as a source needs a schema with `...facts({})`', spec.at)
    const { binding, at } = spec
    const put = (b: Binding, v: Bound): void => {
      if (b.kind === 'var') constants.set(b.name, v)
      else if (b.kind === 'tuple' && v.kind === 'tuple') b.items.forEach((item, i) => { put(item, v.items[i]) })
    }
    if (binding.kind === 'collection' || binding.kind === 'relation') steps.push({ kind: 'call', name: 'ground', args: [{ kind: 'members', items: rows.map(r => argument(r, at)), at }], out: binding, at })
    else put(binding, bound(rows[0]))
  }
  return { constants, steps, relations: new Map() }
}

/** Inputs as rows of the table of inputs, under the number of a view. */
export function asRows(inputs: readonly InputRows[], view: number): GivenInputs {
  const steps: Step[] = []
  const relations = new Map<string, InputSource>()
  inputs.forEach(({ spec, type }, input) => {
    if (spec.kind === 'source') {
      relations.set(spec.name, { kind: 'input', name: spec.name, binding: { kind: 'blank', at: spec.at }, type, view, input, at: spec.at })
      return
    }
    if (spec.kind !== 'binding') return
    const { binding, at } = spec
    // Without a row there is no type either: nothing is found until there is one.
    if (type === 'null') { steps.push({ kind: 'call', name: 'ground', args: [{ kind: 'members', items: [], at }], out: binding, at }); return }
    const row: Binding = binding.kind === 'collection' ? binding.item : binding.kind === 'relation' ? { kind: 'tuple', items: binding.items, at } : binding
    steps.push({ kind: 'input', name: spec.name, binding: row, type, view, input, at })
  })
  return { constants: new Map(), steps, relations }
}

/** The specs of a query that a caller gives values for, in order. */
export const givenSpecs = (query: ParsedQuery): InputSpec[] => query.inputs.filter(i => i.kind === 'binding' || (i.kind === 'source' && i.name !== '$'))

/** Whether an input can be a row: the table of inputs has no bytes. */
export function storable({ type }: InputRows): boolean {
  const has = (t: InputType): boolean => Array.isArray(t) ? t.some(has) : t === 'bytes'
  return !has(type)
}

/** Lookup references, where an input binds a variable, as the entities that they name now. */
export function resolved(spec: InputSpec, value: unknown, face: { readonly catalog: Catalog; lookup(attribute: string, v: unknown): unknown }): unknown {
  const list = (v: unknown): v is Iterable<unknown> => Array.isArray(v) || v instanceof Set
  const bound = (b: Binding, v: unknown): unknown => {
    switch (b.kind) {
      case 'var': return reference(v)
      case 'tuple': return Array.isArray(v) ? v.map((x, i) => i < b.items.length ? bound(b.items[i], x) : x) : v
      case 'collection': return list(v) ? [...v].map(x => bound(b.item, x)) : v
      case 'relation': return list(v) ? [...v].map(row => Array.isArray(row) ? row.map((x, i) => i < b.items.length ? bound(b.items[i], x) : x) : row) : v
      default: return v
    }
  }
  const reference = (v: unknown): unknown => {
    if (!Array.isArray(v) || v.length !== 2 || typeof v[0] !== 'string' || Array.isArray(v[1])) return v
    const attribute = face.catalog.find(v[0])
    if (attribute === undefined || attribute.unique === false) return v
    // What names no entity is none: no number of an entity, or a key that no row has.
    return face.lookup(v[0], v[1]) ?? (attribute.fact ? 0 : v[1])
  }
  return spec.kind === 'binding' ? bound(spec.binding, value) : value
}
