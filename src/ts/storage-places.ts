// Places that closed databases of this thread are still writing to: who opens one of them waits until it is let go.
import type { FarStorage } from './durability.js'

const leaving = new Map<string, Promise<void>>()
const nameOf = ({ kind, name }: FarStorage): string => `${kind}:${name}`

/** Resolves when no closed database of this thread holds the place any more. */
export async function placeFree(place: FarStorage | undefined): Promise<void> {
  if (place !== undefined) await leaving.get(nameOf(place))
}

/** A database that has the place is closed; `closed` settles when it has let it go. */
export function placeLeft(place: FarStorage, closed: Promise<void>): void {
  const name = nameOf(place)
  const gone = closed.then(() => { if (leaving.get(name) === gone) leaving.delete(name) })
  leaving.set(name, gone)
}
