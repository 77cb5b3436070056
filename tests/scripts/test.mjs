// `npm test`: every suite, in order; all run even when one fails. `npm test -- rust ts` runs those parts (and what they need);
// `--strict`: no test gets a second run.
import { SetupError, complain, say } from './command.mjs'
import { suites } from './suites.mjs'

const parts = [...new Set(suites.map(({ part }) => part))]
const seconds = (milliseconds) => `${(milliseconds / 1000).toFixed(1)} s`

function chosen(wanted) {
  const unknown = wanted.filter((part) => !parts.includes(part))
  if (unknown.length) {
    process.stderr.write(`no part ${unknown.join(', ')}; there are: ${parts.join(', ')}\n`)
    process.exit(2)
  }
  if (wanted.length === 0) return suites
  const needed = new Set(wanted)
  for (const { part, needs } of suites) if (needed.has(part) && needs) needed.add(needs)
  return suites.filter(({ part }) => needed.has(part))
}

/** What a part needs has failed: running it would judge the package of an earlier build. */
const lacks = (suite) => results.find((result) => result.suite.part === suite.needs && result.failed)

async function runSuite(suite) {
  say(`\n━━ ${suite.part} · ${suite.name} ${'━'.repeat(Math.max(4, 60 - suite.part.length - suite.name.length))}\n`)
  const begun = performance.now()
  let counts
  try {
    if (lacks(suite)) throw new SetupError(`not run: ${suite.needs} has failed`)
    counts = await suite.run()
  } catch (error) {
    complain(error)
    counts = { passed: 0, failed: 1, skipped: 0, told: error instanceof SetupError ? error.message : error?.stack ?? String(error) }
  }
  return { suite, ...counts, took: performance.now() - begun }
}

const results = []
for (const suite of chosen(process.argv.slice(2).filter((arg) => arg !== '--strict'))) results.push(await runSuite(suite))

// Where only the end of a long run is kept, it still says what failed.
const heading = (what, { name }) => `\n━━ ${what}: ${name} ${'━'.repeat(Math.max(4, 62 - what.length - name.length))}\n`
for (const { suite, told, wavered } of results) {
  if (wavered) say(`${heading('Flaky, passed when run again by itself', suite)}\n${wavered}`)
  if (told) say(`${heading('Failed', suite)}\n${told}`)
}

say(`\n━━ Summary ${'━'.repeat(54)}\n`)
for (const { suite, passed, failed, skipped, flaky, took } of results) {
  say(`${failed ? '✗' : '✓'} ${suite.name.padEnd(36)} ${`${passed} passed`.padStart(12)} ${failed ? `${failed} failed`.padStart(10) : ' '.repeat(10)} ${skipped ? `${skipped} skipped ` : ''}${flaky ? `${flaky} flaky ` : ''}${seconds(took).padStart(9)}`)
}
const total = (kind) => results.reduce((all, result) => all + (result[kind] ?? 0), 0)
say(`\n${total('passed')} passed, ${total('failed')} failed${total('flaky') ? `, ${total('flaky')} flaky` : ''}`)
process.exitCode = total('failed') ? 1 : 0
