// The worker's side of the lines that pages open.
import type { Entry } from '../boot/core.js'
import type { Channel } from './messages.js'
import { Pages } from './pages.js'

/** Serves the pages at the other end of the lines that it is given: one page, or (`shared`) several tabs with one engine. `apart`: in another thread than theirs. */
export function serve(entry: Entry, shared: boolean, apart: boolean): (channel: Channel) => void {
  const pages = new Pages(entry, shared, apart)
  return channel => { pages.meet(channel) }
}
