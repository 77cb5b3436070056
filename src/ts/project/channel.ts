/** What messages go through: a `Worker`, a `MessagePort`, the global scope of a worker, or those of Node's `worker_threads`. */
export interface Channel {
  postMessage(message: any): void
  addEventListener?(type: string, fn: (event: any) => void): void
  on?(type: string, fn: (value: any) => void): unknown
  terminate?(): unknown
  start?(): void
}

/** Listens to messages, and where there are any to errors. */
export function listen(channel: Channel, message: (data: any) => void, error?: (error: unknown) => void): void {
  if (channel.addEventListener !== undefined) {
    channel.addEventListener('message', event => { message(event.data) })
    if (error !== undefined) {
      channel.addEventListener('error', event => { event.preventDefault?.(); error(event.error ?? new Error(event.message ?? 'the worker failed')) })
      channel.addEventListener('messageerror', () => { error(new Error('a message could not be read')) })
    }
    channel.start?.()
  } else {
    channel.on!('message', message)
    if (error === undefined) return
    channel.on!('error', error)
    channel.on!('exit', (code: unknown) => { error(new Error(`the worker ended: ${String(code)}`)) })
  }
}

/** Rows in one message. */
export const CHUNK = 2000

/** An error as it travels. */
export interface ErrorMessage { readonly name: string; readonly message: string; readonly stack?: string; readonly code?: string; readonly path?: string; readonly offending?: string; readonly nearest?: string }

/** To the worker: a job begins, rows of its inputs, all of them are there; it is not wanted any more. */
export type ToWorker =
  | { readonly t: 'job'; readonly id: number; readonly projection: string; readonly lens: unknown; readonly inputs: readonly string[] }
  | { readonly t: 'rows'; readonly id: number; readonly input: string; readonly rows: readonly object[] }
  | { readonly t: 'run'; readonly id: number }
  | { readonly t: 'abort'; readonly id: number }
/** From it: what the job asks for, in pieces; it is done, or has failed. */
export type FromWorker =
  | { readonly t: 'rows'; readonly id: number; readonly rows: readonly object[]; readonly onConflict?: any }
  | { readonly t: 'lens'; readonly id: number; readonly lens: unknown }
  | { readonly t: 'done'; readonly id: number }
  | { readonly t: 'failed'; readonly id: number; readonly error: ErrorMessage }
