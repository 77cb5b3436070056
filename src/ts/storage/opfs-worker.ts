// The worker of `opfs`: an entry of its own, started by pages.
import { hold } from './alive.js'
import { Generations } from './generations.js'
import { type Medium, storageError } from './medium.js'
import { OpfsFolder } from './opfs-folder.js'

interface Scope {
  onmessage: ((event: { data: [number, string, any] }) => void) | null
  postMessage(message: unknown, transfer?: ArrayBufferLike[]): void
}

/** Records go to the page in portions of about this size. */
const PORTION = 1 << 20

let medium: Medium | undefined
let reading: AsyncIterator<Uint8Array> | undefined
/** Ends with this worker, however that ends. */
let alive: ReturnType<typeof hold> | undefined
let turn: Promise<unknown> = Promise.resolve()

async function answer(method: string, argument: any): Promise<unknown> {
  if (method === 'open') {
    medium = new Generations(new OpfsFolder(argument))
    await medium.open()
    return (await (alive ??= hold()))?.name
  }
  // Who did not read to the end leaves a file open.
  if (method !== 'read' || argument === true) {
    await reading?.return?.()
    reading = undefined
  }
  if (medium === undefined) throw new Error('it is not open')
  switch (method) {
    case 'read': {
      reading ??= medium.read()[Symbol.asyncIterator]()
      const records: Uint8Array[] = []
      for (let bytes = 0; bytes < PORTION;) {
        const { done, value } = await reading.next()
        if (done) break
        records.push(value)
        bytes += value.length
      }
      return records
    }
    case 'append': return medium.append(argument)
    case 'begin': return medium.begin()
    case 'piece': return medium.piece(argument)
    case 'publish': return medium.publish()
    case 'clear': return medium.clear()
    case 'close': return medium.close()
  }
  throw new Error(`no ${method}`)
}

const scope = globalThis as unknown as Scope
scope.onmessage = ({ data: [id, method, argument] }) => {
  // One call at a time, in the order in which they came.
  turn = turn.then(() => answer(method, argument)).then(
    // Records go over, they are not copied: each has its own memory.
    value => { scope.postMessage([id, value], Array.isArray(value) ? value.map((r: Uint8Array) => r.buffer) : []) },
    error => {
      const { code, message } = storageError(error, 'the storage')
      scope.postMessage([id, undefined, { code, message }])
    })
}

export {}
