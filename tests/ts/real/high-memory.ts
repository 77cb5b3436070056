// Imported before the package, it puts the engine's heap behind the first 2 GiB of its memory, as after a large load.
// The pages in between are never touched, so they cost nothing.
import { onInstance } from './on-instance.js'

const PAGES = (2 ** 31) / 65536

onInstance(instance => { (instance.exports.memory as WebAssembly.Memory).grow(PAGES) })
