// Places that closed databases of this thread are still writing to: who opens one of them waits until it is let go.
import type { FarStorage } from './durability.js'

/** A place by its name, or a folder that is handed from database to database. */
export type Place = FarStorage | { readonly folder: object }

const leaving = new Map<string | object, Promise<void>>()
const nameOf = (place: Place): string | object => ('folder' in place ? place.folder : `${place.kind}:${place.name}`)

/** Resolves when no closed database of this thread holds the place any more. */
export async function placeFree(place: Place | undefined): Promise<void> {
  if (place !== undefined) await leaving.get(nameOf(place))
}

/** A database that has the place is closed; `closed` settles when it has let it go. */
export function placeLeft(place: Place, closed: Promise<void>): void {
  const name = nameOf(place)
  const gone = closed.then(() => { if (leaving.get(name) === gone) leaving.delete(name) })
  leaving.set(name, gone)
}
