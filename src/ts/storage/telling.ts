// What tabs say to each other, and how one that leads tells its state.
import { later, slices } from '../breathe.js'
import type { Durable } from './durable.js'
import { PATIENCE } from './medium.js'
import { type StoredSchema, type Transaction, encodeTransaction } from './record.js'

/** Which tables the rows are of, without saying them. */
export type Tables = Pick<StoredSchema, 'version' | 'hash'>

/** What the rows and numbers of a message are of: tables, and the incarnation of the storage. */
export interface Of extends Tables { readonly incarnation: string | undefined }
export const ofLeader = ({ schema: { version, hash }, stored: { incarnation } }: Durable): Of => ({ version, hash, incarnation })

/**
 * `hello`: who has the state? `state`: pieces of one, for one tab, the last with `done` and the cursors, which
 * nobody has without all rows. `record`: a transaction that is durable. `lead`: somebody has taken over, or has read the storage late; what he
 * has is the state of transaction `number`. `unread`: behind this transaction the storage was not read by who leads, and may hold anything.
 */
export type Message =
  | { kind: 'hello'; from: string }
  | { kind: 'state'; to: string; state: string; record: Uint8Array; done?: Done }
  | { kind: 'record'; of: Of; record: Uint8Array; unread: number | undefined }
  | { kind: 'lead'; of: Of; number: number; unread: number | undefined }

interface Done { readonly cursors: readonly [source: string, cursor: string][]; readonly unread: number | undefined }

/** Bytes of rows in a message: what a page takes in one task. */
const PIECE = 32 * 1024

export const newId = (): string => Math.random().toString(36).slice(2)

/** Resolves when what other tabs have said by now has been heard: it comes before an echo of one's own. */
export async function heard(): Promise<void> {
  const name = `eddyline:echo:${newId()}`
  const here = new BroadcastChannel(name), there = new BroadcastChannel(name)
  // A page that the browser has frozen hears nothing.
  let patience: ReturnType<typeof later> | undefined
  await new Promise<void>(resolve => {
    there.onmessage = () => { resolve() }
    patience = later(resolve, PATIENCE)
    here.postMessage(undefined)
  })
  clearTimeout(patience)
  here.close()
  there.close()
}

/** Tells a tab that has just come everything: what is durable, and what is on its way there will be told by itself. */
export async function tellState(leader: Durable, to: string, say: (message: Message) => void, isOver: () => boolean): Promise<void> {
  // Nothing that is not durable is shown elsewhere.
  await leader.flush().catch(() => {})
  if (isOver()) return
  const state = leader.state()
  const { head: { number }, cursors } = state
  const id = newId()
  const send = (t: Transaction, done?: Done): void => { say({ kind: 'state', to, state: id, record: encodeTransaction(t), ...(done === undefined ? {} : { done }) }) }
  const breathe = slices()
  try {
    send(state.head)
    for (let batch = state.next(PIECE); batch !== undefined; batch = state.next(PIECE)) {
      send({ number, batch })
      await breathe()
      if (isOver()) return
    }
    // It counts when this is said. What was applied while the last of it was written may be in it.
    if (leader.stored.known < number) await leader.flush().catch(() => {})
    if (isOver()) return
    send({ number }, { cursors, unread: leader.stored.unread })
  } finally { state.end() }
}
