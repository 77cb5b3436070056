import { EddylineError } from '../errors.js'
import { said } from '../option-kinds.js'
import { checkFlag, checkList, checkOptions } from './checks.js'
import { Watch } from './watch.js'

/** Futures as a list, each with its label, or by label. */
export type Futures = readonly Watch[] | ReadonlyMap<unknown, Watch>

/** `[values by label, new futures, futures that were left alone]`. */
export type Ready<F extends Futures> = F extends ReadonlyMap<unknown, Watch>
  ? [assigns: [label: unknown, value: unknown][], futures: Map<unknown, Watch>, untouched: Map<unknown, Watch>]
  : [assigns: [label: unknown, value: unknown][], futures: Watch[], untouched: Watch[]]

/**
 * Reads what one-shot watches look at, all at the present version, and arms new ones: the loop of a process that gets
 * `{ref, ready}` messages.
 *
 * A ref that is not among the futures has no effect. A row that is gone is null, and no new watch is made for it.
 */
export function assignReady<F extends Futures>(futures: F, refs: readonly number[], options?: { watch?: boolean | undefined }, check?: (watch: Watch, path: string) => void): Ready<F> {
  const byLabel = !Array.isArray(futures)
  if (byLabel && !(futures instanceof Map)) throw new EddylineError('WATCH_INVALID', 'futures are a list of watches, or a Map of them by label', { path: 'futures', offending: said(futures) })
  checkList(refs, 'refs')
  refs.forEach((ref, i) => { if (typeof ref !== 'number') throw new EddylineError('WATCH_INVALID', 'a ref is the number of a watch', { path: `refs[${i}]`, offending: said(ref) }) })
  checkOptions(options ?? {}, ['watch'])
  checkFlag(options?.watch, 'watch')
  const given: [unknown, Watch][] = byLabel ? [...futures as ReadonlyMap<unknown, Watch>] : (futures as readonly Watch[]).map(w => [w?.label, w])
  given.forEach(([, watch], i) => {
    if (!(watch instanceof Watch)) throw new EddylineError('WATCH_INVALID', 'a future is what `watch` returned', { path: `futures[${i}]`, offending: said(watch) })
    check?.(watch, `futures[${i}]`)
  })
  const ready = [...new Set(refs)].map(ref => given.find(([, w]) => w.ref === ref)).filter(entry => entry !== undefined)
  for (const [, watch] of ready) {
    if (!byLabel && !watch.labelled) {
      throw new EddylineError('WATCH_INVALID', '`assignReady` needs the label of each watch: watch(…, { label })', { path: 'futures', offending: said(watch.ref) })
    }
  }
  const assigns: [unknown, unknown][] = []
  const armed: [unknown, Watch][] = []
  for (const [label, watch] of ready) {
    const value = watch.reads.value()
    watch.cancel()
    assigns.push([label, value])
    if (options?.watch !== false && value !== null) armed.push([label, watch.reads.again()])
  }
  const untouched = given.filter(([, w]) => !ready.some(([, r]) => r === w))
  const out = (list: [unknown, Watch][]): unknown => byLabel ? new Map(list) : list.map(([, w]) => w)
  return [assigns, out(armed), out(untouched)] as Ready<F>
}
