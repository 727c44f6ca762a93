/**
 * The process of inspections: answers each task with one message, until it is killed or its parent is gone. An upload is
 * somebody's file, run by native code: what ends or never ends it there ends this process, not the server's.
 */
import { setPriority } from 'node:os'
import inspect, { type InspectionTask } from './inspection-worker.js'

/** Behind the requests: an upload must not take a core from them. */
const niceness = 5

setPriority(niceness)
process.on('message', (task: InspectionTask) => {
  inspect(task).then(
    (reply) => process.send?.(reply),
    (error: unknown) => process.send?.({ isServable: false, reason: `Its inspection failed: ${String(error)}` }),
  )
})
process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'))
