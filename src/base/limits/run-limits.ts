/**
 * Limits of runs that take long, beside those of limits.ts: what is long, what is too long, and how much is done about it.
 */
// What C++ knows as well: src/protocol/boundary.json has their reasons.
export { LONG_RUN_MS, TRUSTED_RUNS } from '../generated/boundary.js'

/** Milliseconds between looks at what the workers run: one look takes some microseconds. */
export const RUN_LOOK_MS = 100
/** A run past so many times what its model is known to take counts as stuck … */
export const RUN_LIMIT_FACTOR = 10
/** … but not before so many milliseconds: first runs, unusual shapes and busy machines take longer and do end. */
export const RUN_LIMIT_MS_MIN = 2_000
/** Milliseconds of one run before it counts as stuck at most, by option: an hour. */
export const RUN_LIMIT_MS_MAX = 3_600_000
/** Milliseconds that a control operation waits for a worker inside a run; it does then later what was asked. */
export const JOB_PATIENCE_MS = 500
/** Milliseconds that work waits while every worker is inside a long run, until one worker more is started. */
export const CROWDED_MS = 100
/** Looks in a row at which long work waits while a worker is kept free for other models, until one worker more is started. */
export const HELD_BACK_LOOKS = 4
/** Milliseconds without a long run until the workers that were started for that end, and with them what they hold in memory. */
export const EXTRA_WORKER_IDLE_MS = 5_000
/** Workers beyond the thread plan's, stuck ones and those: each holds a session of every model. And at most by option. */
export const SUBSTITUTE_WORKERS = 4
export const SUBSTITUTE_WORKERS_MAX = 16
/** Milliseconds without a worker that takes work, or soon will, until the engine is not ready. */
export const WORKERLESS_MS_MAX = 1_000
/** Milliseconds that a run goes on which nobody waits for any more, until it is ended: it may be about to end by itself. */
export const RUN_STOP_GRACE_MS = 500
