// A worker whose engine crashes when a page asks for it: `db.ask('crash')`, behind the batch that is given with it.
import '../../../pkg/worker/host.js'
import { inWorker } from '../../../pkg/worker/inside.js'

inWorker(({ db, answer }) => {
  answer('crash', (changes) => {
    db.apply(changes)
    db.inside.port.failure(new WebAssembly.RuntimeError('unreachable'))
  })
})
