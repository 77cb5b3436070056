// Runs one job in this runtime, Node or a page. `host` is what differs between them.
import { algebra, algebraScale } from './workloads/algebra.mjs'
import { change, scale } from './workloads/change.mjs'
import { hydrate, hydrateCold } from './workloads/hydrate.mjs'

const workloads = { algebra, algebraScale, hydrate, hydrateCold, change, scale }

export const run = (host, job) => workloads[job.workload](host, job)
