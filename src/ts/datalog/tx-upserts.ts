// Tempids that name what is there: by a value that is unique.
import type { Attribute } from './catalog.js'
import { keyOf } from './mirror.js'
import { type Op, isTempid, txError } from './tx-data.js'
import { Parts } from './tx-parts.js'

/** What the transaction knows. */
export interface UpsertContext {
  /** Entities of tempids. */
  readonly tempids: Map<unknown, number>
  /** Tempids that are another one. */
  readonly aliases: Map<unknown, unknown>
  value(attribute: Attribute, v: unknown, path: string): unknown
  /** Who has a value, before the transaction. */
  holder(attribute: Attribute, v: unknown): number | undefined
  values(attribute: Attribute, e: number): readonly unknown[]
  /** Attributes whose values go with their entity. */
  readonly components: readonly Attribute[]
  /** An entity that is named by its number or by a lookup reference; undefined for others, and for what nobody has. */
  named(e: unknown, path: string): number | undefined
}

const idOf = (attribute: Attribute, v: unknown): string => `${attribute.name} ${typeof v} ${String(keyOf(v))}`

/** The tempid that stands for all that are one with it. */
export function leader(aliases: ReadonlyMap<unknown, unknown>, tempid: unknown): unknown {
  let at = tempid
  while (aliases.has(at)) at = aliases.get(at)
  return at
}

/**
 * Finds which tempids are entities that are there, and which are one. The order of the operations counts: a value that was retracted before names
 * nobody, one that was added before names who got it.
 */
export function upserts(ops: readonly Op[], context: UpsertContext): void {
  const { tempids, aliases } = context
  if (!ops.some(op => op.kind === 'add' && op.attribute.unique === 'identity' && isTempid(op.e))) return
  const known = (e: unknown, path: string): number | undefined => isTempid(e) ? tempids.get(leader(aliases, e)) : context.named(e, path)
  // A value may come to stand for an entity by another one: as long as something is found.
  for (let found = true; found;) {
    found = false
    const firsts = new Map<string, unknown>()
    const gone = new Set<string>()
    const goneEntities = new Set<number>()
    const parts = new Parts((attribute, e) => context.values(attribute, e), context.components)
    /** Values that entities have got here. */
    const got = new Map<number, Set<string>>()
    const give = (id: string, to: unknown): void => {
      firsts.set(id, to)
      const e = known(to, '')
      if (e === undefined) return
      const ids = got.get(e)
      if (ids === undefined) got.set(e, new Set([id]))
      else ids.add(id)
    }
    const forget = (e: number, isGone: (id: string) => boolean): void => {
      const ids = got.get(e)
      for (const id of ids ?? []) {
        if (!isGone(id)) continue
        ids!.delete(id)
        if (known(firsts.get(id), '') === e) firsts.delete(id)
      }
    }
    const leave = (entity: number): void => {
      const all = parts.take(entity)
      for (const e of all) goneEntities.add(e)
      for (const e of all) forget(e, () => true)
    }
    /** Of one value another takes the place. */
    const replaced = (attribute: Attribute, e: number, by: unknown): void => {
      if (attribute.many) return
      for (const old of context.values(attribute, e)) if (keyOf(old) !== keyOf(by)) gone.add(idOf(attribute, old))
      const id = idOf(attribute, by)
      forget(e, other => other !== id && other.startsWith(`${attribute.name} `))
    }
    /** What comes to be a part of what, and is no more. */
    const follow = (op: Op & { kind: 'add' | 'retract' | 'cas' }): void => {
      const { attribute } = op
      const e = known(op.e, op.path), part = op.v === undefined ? undefined : known(op.v, op.path)
      if (e === undefined) return
      if (op.kind !== 'retract') { if (part !== undefined) parts.add(attribute, e, part); return }
      const all = parts.of(attribute, e)
      for (const gone of op.v === undefined ? [...all] : part === undefined ? [] : [part]) {
        all.delete(gone)
        if (op.whole === true) leave(gone)
      }
    }
    for (const op of ops) {
      if (op.kind === 'retractEntity') {
        const e = op.table === undefined ? known(op.e, op.path) : undefined
        if (e !== undefined) leave(e)
        continue
      }
      const { attribute } = op
      if (attribute.component && attribute.fact) follow(op)
      if (attribute.unique !== 'identity' || !attribute.fact || op.kind === 'cas') continue
      if (op.kind === 'retract') {
        const e = known(op.e, op.path)
        if (e === undefined) continue
        for (const v of context.values(attribute, e)) if (op.v === undefined || keyOf(v) === keyOf(op.v)) gone.add(idOf(attribute, v))
        const id = op.v === undefined ? undefined : idOf(attribute, context.value(attribute, op.v, op.path))
        forget(e, other => id === undefined ? other.startsWith(`${attribute.name} `) : other === id)
        continue
      }
      if (attribute.ref === true && isTempid(op.v) && !tempids.has(leader(aliases, op.v))) continue
      const v = context.value(attribute, op.v, op.path)
      const id = idOf(attribute, v)
      if (!isTempid(op.e)) {
        const e = context.named(op.e, op.path)
        if (e === undefined) continue
        give(id, e)
        replaced(attribute, e, v)
        continue
      }
      const tempid = leader(aliases, op.e)
      const own = tempids.get(tempid)
      const before = context.holder(attribute, v)
      const first = firsts.get(id)
      const holder = typeof first === 'number' && first > 0 ? first : before === undefined || gone.has(id) || goneEntities.has(before) ? undefined : before
      if (holder !== undefined) {
        if (own === undefined) { tempids.set(tempid, holder); found = true }
        else if (own !== holder) throw txError('TX_CONFLICT', `\`${String(v)}\` of \`:${attribute.name}\` is that of entity ${holder}, not of ${own}`, op.path)
        continue
      }
      // Two tempids with one value are one entity.
      if (first === undefined) { give(id, op.e); continue }
      const other = leader(aliases, first)
      if (other === tempid) continue
      const theirs = tempids.get(other)
      if (own !== undefined && theirs !== undefined) {
        if (own !== theirs) throw txError('TX_CONFLICT', `\`${String(v)}\` of \`:${attribute.name}\` is that of entity ${theirs}, not of ${own}`, op.path)
        continue
      }
      if (theirs === undefined && own !== undefined) tempids.set(other, own)
      else aliases.set(tempid, other)
      found = true
    }
  }
}
