// PGlite with `live.incrementalQuery`.
import { opened, supports } from './pglite.mjs'

export { supports }
export const open = () => opened(true)
