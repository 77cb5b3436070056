// Waiting for what others do, for as long as somebody wants it: a source may never answer.
import { EddylineError } from '../errors.js'

/** For whom something is done. */
export interface Wish {
  /** Throws once nobody wants it any more. */
  readonly check: () => void
  /** When that may be so. */
  readonly signals: readonly AbortSignal[]
  /** Called when the database is being closed. */
  readonly closers?: Set<() => void>
}

/** Why nobody wants what is done for a reducer or notifier that was stopped. */
export const stoppedError = (name: string): EddylineError => new EddylineError('CLOSED', `\`${name}\` was stopped`, { offending: name })

/** What a promise becomes. Rejects with what `check` throws as soon as nobody wants it. */
export async function wanted<T>(promise: T | Promise<T>, { check, signals, closers }: Wish): Promise<T> {
  let look = (): void => {}
  const over = new Promise<never>((_, reject) => { look = () => { try { check() } catch (error) { reject(error as Error) } } })
  // Behind the end of the database that is being closed.
  const lookSoon = (): void => { queueMicrotask(look) }
  for (const signal of signals) signal.addEventListener('abort', look)
  closers?.add(lookSoon)
  look()
  lookSoon()
  try { return await Promise.race([over, promise]) } finally {
    for (const signal of signals) signal.removeEventListener('abort', look)
    closers?.delete(lookSoon)
  }
}
