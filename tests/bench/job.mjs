// Runs one job in this runtime, Node or a page. `host` is what differs between them.
import { algebra, algebraScale } from './workloads/algebra.mjs'
import { board } from './workloads/board.mjs'
import { change, scale } from './workloads/change.mjs'
import { crowds } from './workloads/crowds.mjs'
import { datalogEdges, datalogLarge, datalogRival } from './workloads/datalog.mjs'
import { durableCommit, durableOpen, rebuildLog } from './workloads/durable.mjs'
import { hydrate, hydrateCold } from './workloads/hydrate.mjs'
import { likes, touches } from './workloads/signals.mjs'

const workloads = { datalogEdges, datalogLarge, datalogRival, durableCommit, durableOpen, rebuildLog, algebra, algebraScale, hydrate, hydrateCold, change, scale, board, crowds, touches, likes }

export const run = (host, job) => workloads[job.workload](host, job)
