/**
 * Limits of runs that take long, beside those of limits.ts: what is long, what is too long, and how much is done about it.
 */

/**
 * Milliseconds from which a run is long: shorter ones end before another worker could be started. Long runs leave the last
 * free worker to other models. The addon has the same number (native/queue/scheduler.hpp).
 */
export const LONG_RUN_MS = 50
/**
 * Runs of a model until it is taken for what they were: until then it may be long. The addon has the same number
 * (native/queue/scheduler.hpp).
 */
export const TRUSTED_RUNS = 64
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
