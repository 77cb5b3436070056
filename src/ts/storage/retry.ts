// Retry: a database that has lost its storage, or never read it, goes on with it.
import type { EddylineError } from '../errors.js'
import { cursorBatch, cursorsOf } from './doors.js'
import type { Durable } from './durable.js'
import { storageError } from './medium.js'
import { packedRows, replacing } from './packed.js'
import { unread } from './stored.js'

/** Opens the storage anew and writes the whole state over what is there; or reads it, if that was never done. */
export async function retry(d: Durable): Promise<void> {
  const { medium, stored, line, checkpoints } = d
  const goesOn = (): void => { if (d.isOver) throw d.end }
  // A checkpoint that the failure has ended comes to its end: it must not write a piece into the new state.
  await checkpoints.running?.catch(() => {})
  try {
    await medium.close().catch(() => {})
    goesOn()
    if (d.number === stored.unread && await readLate(d)) {
      if (!d.isOver) d.become('ready')
      return
    }
    goesOn()
    await medium.open()
    // What is there counts no more; reading finds the end of it. It stays until the new state is whole, unless it cannot be read for damage.
    try { if (!await stored.look(medium.read(), goesOn)) stored.beginAnew() } catch (error) {
      const { code } = error as { code?: string }
      // It is another's to read, who may have it meanwhile.
      if (stored.unread !== undefined || code === 'NOT_DURABLE') await medium.close().catch(() => {})
      if (stored.unread !== undefined || code !== 'STORAGE_CORRUPT') throw error
      await medium.clear()
      stored.beginAnew()
    }
    stored.unread = undefined
    goesOn()
  } catch (error) { throw storageError(error, 'the storage cannot be opened') }
  // In this order, without a pause: what is applied from now on is behind the state in the line, and nothing of it counts before that is published.
  line.restart()
  await checkpoints.rewrite()
  // A write behind it may have failed meanwhile.
  if (line.writer.failure !== undefined) throw line.writer.failure
  if (d.isOver) return
  d.warning = undefined
  d.become('ready')
}

/**
 * Reads what could not be read at the start, as an opening does, into a database beside; nothing was applied to this one since, and it takes
 * all of it as one version. False if this one is ahead, or has something of another incarnation (as a tab that has followed).
 */
async function readLate(d: Durable): Promise<boolean> {
  const { db, medium, stored, line } = d
  const warnings: EddylineError[] = []
  const twin = db.twin()
  const late = d.beside(twin, w => { warnings.push(w) })
  try {
    await late.load()
    if (late.status === 'memory') throw late.warning!
    await late.line.writer.flush()
    // What others have is no part of what is stored.
    const { tables } = d
    const rows = await packedRows(twin, tables)
    if (d.isOver) throw d.end
    if (d.number !== stored.unread) throw unread()
    if (late.number < d.number || d.number > 0 && late.stored.incarnation !== stored.incarnation) {
      await medium.close()
      for (const w of warnings) d.warn(w)
      return false
    }
    const cursors = cursorsOf(twin)
    const batch = replacing(db, tables, rows)
    // Once the rows are in, as where there is room for them: before, what is stored is still to be read, and nothing to write over.
    d.takeStored(batch, () => {
      stored.unread = undefined
      stored.known = d.number = late.number
      stored.incarnation = late.stored.incarnation
      d.spaces.clear()
      d.spaces.enter(late.spaces.stored())
      line.restart()
      line.writer.logBytes = late.line.writer.logBytes
      d.checkpoints.bytes = late.checkpoints.bytes
    })
    // A listener of these rows may be further already.
    for (const [source, cursor] of cursors) try { d.takeStored(cursorBatch(source, cursor)) } catch (error) { if ((error as { code?: string }).code !== 'CURSOR_BACKWARDS') throw error }
    stored.onMatched?.()
    for (const w of warnings) d.warn(w)
    d.warning = late.warning
    return true
  } catch (error) {
    if (!line.isOpen) await medium.close().catch(() => {})
    throw error
  } finally {
    twin.keeper = undefined
    twin.close()
  }
}
