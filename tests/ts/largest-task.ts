// How long work in slices holds the page up: in time of the processor, so what other programs take is not counted.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

/** Runs it; of all the time of the processor that it took, which part its largest task did: 1 when the page had no turn. */
export async function largestTask<T extends object>(run: () => Promise<T>): Promise<T & { largest: number }> {
  setFlagsFromString('--expose_gc')
  // What was before is not collected in its time.
  ;(runInNewContext('gc') as () => void)()
  const used = (): number => { const { user, system } = process.cpuUsage(); return user + system }
  const begun = used()
  let longest = 0, last = begun, isOver = false
  const turn = (): void => {
    const now = used()
    longest = Math.max(longest, now - last)
    last = now
    if (!isOver) setImmediate(turn)
  }
  setImmediate(turn)
  const made = await run()
  isOver = true
  turn()
  return { ...made, largest: longest / (last - begun) }
}
