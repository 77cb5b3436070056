import type { LooseChange } from './changes.js'
import type { Encoder } from './encoder.js'
import { EddylineError, codedError } from './errors.js'

/** The error of a batch with the place as users wrote it: the engine numbers the rows of a batch through, users wrote them in changes. */
export function located(encoder: Encoder, error: unknown, changes: readonly LooseChange[]): unknown {
  const coded = codedError(error)
  const m = coded?.path === undefined ? null : /^changes\[(\d+)\](.*)$/.exec(coded.path)
  if (coded === undefined || m === null) return error
  const place = encoder.pathOf(changes, Number(m[1]))
  // The engine sees packed rows: `row.x` is right below either form.
  const rest = place.endsWith(']') && place.includes('.rows[') ? m[2].replace(/^\.row\b/, '') : m[2]
  return new EddylineError(coded.code, coded.message.replace(`(at ${coded.path})`, `(at ${place + rest})`), { path: place + rest, offending: coded.offending, nearest: coded.nearest })
}
