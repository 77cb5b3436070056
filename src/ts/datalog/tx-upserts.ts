// Tempids that name what is there: by a value that is unique.
import type { Attribute } from './catalog.js'
import { keyOf } from './mirror.js'
import { type Op, isTempid, txError } from './tx-data.js'

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
  // A value may come to stand for an entity by another one: as long as something is found.
  for (let found = true; found;) {
    found = false
    const firsts = new Map<string, unknown>()
    const gone = new Set<string>()
    const goneEntities = new Set<number>()
    for (const op of ops) {
      if (op.kind === 'retractEntity') {
        const e = op.table === undefined ? context.named(op.e, op.path) : undefined
        if (e !== undefined) goneEntities.add(e)
        continue
      }
      const { attribute } = op
      if (attribute.unique !== 'identity' || !attribute.fact || op.kind === 'cas') continue
      if (op.kind === 'retract') {
        const e = context.named(op.e, op.path)
        if (e !== undefined) for (const v of context.values(attribute, e)) if (op.v === undefined || keyOf(v) === keyOf(op.v)) gone.add(idOf(attribute, v))
        continue
      }
      if (attribute.ref === true && isTempid(op.v) && !tempids.has(leader(aliases, op.v))) continue
      const v = context.value(attribute, op.v, op.path)
      const id = idOf(attribute, v)
      if (!isTempid(op.e)) {
        const e = context.named(op.e, op.path)
        if (e === undefined) continue
        firsts.set(id, e)
        if (!attribute.many) for (const old of context.values(attribute, e)) if (keyOf(old) !== keyOf(v)) gone.add(idOf(attribute, old))
        continue
      }
      const tempid = leader(aliases, op.e)
      const known = tempids.get(tempid)
      const before = context.holder(attribute, v)
      const first = firsts.get(id)
      const holder = typeof first === 'number' && first > 0 ? first : before === undefined || gone.has(id) || goneEntities.has(before) ? undefined : before
      if (holder !== undefined) {
        if (known === undefined) { tempids.set(tempid, holder); found = true }
        else if (known !== holder) throw txError('TX_CONFLICT', `\`${String(v)}\` of \`:${attribute.name}\` is that of entity ${holder}, not of ${known}`, op.path)
        continue
      }
      // Two tempids with one value are one entity.
      if (first === undefined) { firsts.set(id, op.e); continue }
      const other = leader(aliases, first)
      if (other === tempid) continue
      const theirs = tempids.get(other)
      if (known !== undefined && theirs !== undefined) {
        if (known !== theirs) throw txError('TX_CONFLICT', `\`${String(v)}\` of \`:${attribute.name}\` is that of entity ${theirs}, not of ${known}`, op.path)
        continue
      }
      if (theirs === undefined && known !== undefined) tempids.set(other, known)
      else aliases.set(tempid, other)
      found = true
    }
  }
}
