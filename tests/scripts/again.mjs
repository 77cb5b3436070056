// Tests that failed get a second run by themselves. One that fails twice has failed; one that passes is told as flaky, with all that it said.
import { say } from './command.mjs'

/** `npm test -- --strict`: whatever fails has failed. */
export const isStrict = (args = process.argv) => args.includes('--strict')

/**
 * `run()` gives the counts of all, `run(files)` those of files that failed. Only for tests of time, memory and browsers, which depend on what else
 * the machine does: what is wrong there every time is still red, and what is so now and then is named at the end of the run.
 */
export async function again(run, { strict = isStrict() } = {}) {
  const first = await run()
  const { files } = first
  if (first.failed === 0 || strict || files === undefined || files.length === 0) return first
  say(`\n━━ once more, by themselves: ${files.join(', ')}\n`)
  const second = await run(files)
  const flaky = Math.max(0, first.failed - second.failed)
  return {
    ...second, flaky, passed: first.passed + flaky, skipped: first.skipped,
    ...(flaky > 0 ? { wavered: first.told } : {}),
  }
}
