// How many tests passed and failed, read from what each kind of runner says. A green runner that ran nothing has failed.
import { readFileSync } from 'node:fs'

const plain = (text) => text.replace(/\x1b\[[0-9;]*m/g, '')
const sum = (text, pattern) => [...text.matchAll(pattern)].reduce((total, [, number]) => total + Number(number), 0)

const readers = {
  /** A check without parts, such as a formatter: one test. */
  check: (_, code) => ({ passed: code === 0 ? 1 : 0, failed: 0, skipped: 0 }),
  /** libtest and wasm-bindgen-test print the same closing line per binary. */
  cargo: (text) => ({
    passed: sum(text, /^test result: .*?(\d+) passed/gm), failed: sum(text, /^test result: .*?(\d+) failed/gm), skipped: sum(text, /^test result: .*?(\d+) ignored/gm),
  }),
  /** node --test with the spec reporter. */
  node: (text) => ({
    passed: sum(text, /^ℹ pass (\d+)$/gm), failed: sum(text, /^ℹ fail (\d+)$/gm) + sum(text, /^ℹ cancelled (\d+)$/gm), skipped: sum(text, /^ℹ (?:skipped|todo) (\d+)$/gm),
  }),
}

function vitest(report) {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(readFileSync(report, 'utf8'))
    const files = testResults.filter(({ status }) => status === 'failed').map(({ name }) => name)
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests, files, told: testResults.flatMap(failuresOf).join('\n') }
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }
  }
}

/** What the report of vitest says about a file: of its failed tests, or of the file if it could not be run at all. */
function failuresOf({ name, status, message, assertionResults }) {
  const failed = assertionResults.filter((test) => test.status === 'failed').map(({ fullName, failureMessages }) => `${name}\n${fullName}\n${failureMessages.join('\n')}`)
  return failed.length || status !== 'failed' ? failed : [`${name}\n${message}`]
}

/** Where the runners begin to repeat what failed; without it, the end of what was written. */
const repeats = { cargo: /^failures:$/gm, node: /^✖ failing tests:$/gm }
const longest = 80

/** The files that node names beside what failed in them. */
const filesOf = { node: (text) => [...new Set([...text.matchAll(/^test at (.+?):\d+:\d+$/gm)].map(([, file]) => file))] }

/** The failures of a runner again, for a summary that may be all that is kept of a long run. */
function failures(kind, output) {
  const lines = output.trimEnd().split('\n')
  const parts = repeats[kind] ? output.split(repeats[kind]).slice(1).map((part) => part.trim().split('\n').slice(0, longest)) : []
  return (parts.length ? parts.flat() : lines.slice(-longest)).slice(0, 2 * longest).join('\n')
}

/** { passed, failed, skipped } of one finished runner and, if it failed, what it told about that and the files that it named. */
export function count(kind, { output, code }, report) {
  const text = plain(output)
  const { told, ...counts } = kind === 'vitest' ? vitest(report) : readers[kind](text, code)
  const hasRunNothing = counts.passed + counts.failed === 0
  if (counts.failed === 0 && (code !== 0 || hasRunNothing)) counts.failed = 1
  if (counts.failed === 0) return { passed: counts.passed, failed: 0, skipped: counts.skipped }
  return { ...counts, files: counts.files ?? filesOf[kind]?.(text), told: told || failures(kind, text) }
}
