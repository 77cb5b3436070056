/** What the page knows about its feed. Written by the feed, read by whoever shows it. */
import { useSyncExternalStore } from 'react'

export interface ConnectionState {
  phase: 'loading' | 'live' | 'reconnecting' | 'failed'
  /** Bytes of the snapshot: received, and in all when the server knows. */
  received: number
  total: number | undefined
  /** The server reaches its database. */
  isDatabaseConnected: boolean
  database: 'embedded' | 'postgres' | undefined
  /** Changes per second of the busy team. */
  busyRate: number
  error: string | undefined
  /** How often the feed was resumed from its cursor, and how often from a new snapshot. */
  resumed: number
  refetched: number
}

let state: ConnectionState = {
  phase: 'loading', received: 0, total: undefined, isDatabaseConnected: true, database: undefined, busyRate: 0, error: undefined, resumed: 0, refetched: 0,
}
const listeners = new Set<() => void>()

export function setConnection(change: Partial<ConnectionState>): void {
  state = { ...state, ...change }
  for (const listener of listeners) listener()
}

export const getConnection = (): ConnectionState => state

const subscribe = (listener: () => void) => {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

export const useConnection = (): ConnectionState => useSyncExternalStore(subscribe, getConnection)
