// Comments are for the repository and, as declarations, for editors: a page that loads the modules need not download them.
// They are about a quarter of the JavaScript. What remains is readable, and what bundlers read in comments stays.
import { SetupError } from './command.mjs'

const isForTools = (comment) => /[@#]__|@vite|webpack|@license|^!/.test(comment.value)

/** The same program without comments; parsed again and compared, so that it is exactly that. */
export async function withoutComments(name, code) {
  // Imported late: the packages may just have been installed.
  const { parseSync } = await import('vite')
  const before = parseSync(name, code)
  let bare = ''
  let at = 0
  for (const comment of before.comments.filter((one) => !isForTools(one))) {
    const lineStart = code.lastIndexOf('\n', comment.start - 1) + 1
    const isFirst = code.slice(lineStart, comment.start).trim() === '' && lineStart >= at
    const rest = /^[ \t]*\n?/.exec(code.slice(comment.end))[0]
    const isLast = rest.endsWith('\n') || comment.end + rest.length === code.length
    if (isFirst && isLast) {
      bare += code.slice(at, lineStart)
      at = comment.end + rest.length
    } else {
      bare += isLast ? code.slice(at, comment.start).trimEnd() : code.slice(at, comment.start)
      at = comment.end
      // A comment of several lines ends a statement like a line break does.
      if (!isLast && comment.value.includes('\n')) bare += '\n'
    }
  }
  bare += code.slice(at)
  if (shape(parseSync(name, bare).program) !== shape(before.program)) throw new SetupError(`${name} is another program without its comments: mend tests/scripts/comments.mjs`)
  return bare
}

const shape = (program) => JSON.stringify(program, (key, value) => (key === 'start' || key === 'end' || key === 'range' ? undefined : typeof value === 'bigint' ? `${value}n` : value))
