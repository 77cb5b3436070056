/**
 * What the main thread of a page works, in milliseconds of its processor time.
 *
 * Whether a page stays smooth is a matter of its own work: on a machine that has other things to do, frames come late with an idle page, too.
 * The browser's trace knows the processor time of every task.
 */

/** @typedef {{ name: string, ph: string, pid: number, tid: number, ts: number, dur?: number, tdur?: number, args: any }} TraceEvent */

const CATEGORIES = ['toplevel', 'blink.user_timing', '__metadata']

/** A mark that is put where a frame of the page begins. */
export const FRAME = 'eddyline-frame'
/** Marks around the opening of something. */
export const OPENING = 'eddyline-opening', OPEN = 'eddyline-open'

/**
 * Runs `work`, in which the page puts the marks, and says what its main thread worked meanwhile.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').Page} page
 * @param {() => Promise<void>} work
 * @returns {Promise<{ frames: number[], tasks: number[], opening: number, seconds: number }>} milliseconds of processor time, the frames in ascending order; `seconds` of time
 */
export async function watchMainThread(browser, page, work) {
  await browser.startTracing(page, { categories: CATEGORIES })
  await work()
  /** @type {TraceEvent[]} */
  const events = JSON.parse((await browser.stopTracing()).toString()).traceEvents
  const marks = events.filter(e => e.name === FRAME || e.name === OPENING || e.name === OPEN).sort((a, b) => a.ts - b.ts)
  const first = marks[0], last = marks.at(-1)
  if (!first || !last) throw new Error('the page put no mark into the trace')
  const tasks = events
    .filter(e => e.pid === first.pid && e.tid === first.tid && e.tdur !== undefined && /RunTask$/.test(e.name))
    .sort((a, b) => a.ts - b.ts)
  if (tasks.length === 0) throw new Error('the trace has no tasks of the page')
  /** @param {number} from @param {number} to */
  const worked = (from, to) => tasks.reduce((sum, e) => e.ts >= from && e.ts < to ? sum + (e.tdur ?? 0) : sum, 0) / 1000
  /** @param {string} name */
  const at = name => marks.filter(e => e.name === name).map(e => e.ts)
  const cuts = at(FRAME)
  const opening = at(OPENING)[0], open = at(OPEN)[0]
  return {
    frames: cuts.slice(1).map((to, i) => worked(cuts[i], to)).sort((a, b) => a - b),
    tasks: tasks.filter(e => e.ts >= first.ts && e.ts <= last.ts).map(e => (e.tdur ?? 0) / 1000),
    opening: opening === undefined || open === undefined ? NaN : worked(opening, open),
    seconds: (cuts.at(-1) - cuts[0]) / 1e6,
  }
}

/** Processor time of the work below on a machine for which the bounds of the tests are made, in milliseconds. */
const USUAL = 60

/**
 * How many times slower this machine is than what the bounds are made for, at least 1: what is slow in its own right is so beside other work of the same page.
 *
 * @param {import('playwright-core').Browser} browser
 * @param {import('playwright-core').Page} page
 */
export async function slownessOf(browser, page) {
  const { frames: [worked] } = await watchMainThread(browser, page, () => page.evaluate(async FRAME => {
    performance.mark(FRAME)
    await new Promise(resolve => setTimeout(resolve))
    // Objects, texts and an order: what a page does.
    for (let round = 0; round < 20; round++) {
      const rows = Array.from({ length: 4_000 }, (_, i) => ({ id: `i${i * 7919 % 4_000}`, n: i }))
      JSON.parse(JSON.stringify(rows.sort((a, b) => a.id < b.id ? -1 : 1)))
    }
    await new Promise(resolve => setTimeout(resolve))
    performance.mark(FRAME)
  }, FRAME))
  return Math.max(1, Math.round(worked / USUAL * 10) / 10)
}
