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
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests } = JSON.parse(readFileSync(report, 'utf8'))
    return { passed: numPassedTests, failed: numFailedTests, skipped: numPendingTests + numTodoTests }
  } catch {
    return { passed: 0, failed: 0, skipped: 0 }
  }
}

/** { passed, failed, skipped } of one finished runner. */
export function count(kind, { output, code }, report) {
  const counts = kind === 'vitest' ? vitest(report) : readers[kind](plain(output), code)
  const hasRunNothing = counts.passed + counts.failed === 0
  if (counts.failed === 0 && (code !== 0 || hasRunNothing)) counts.failed = 1
  return counts
}
