/** Limits on the models that workers keep loaded, each with its unit and reason. */
const MIB = 1024 ** 2
const GIB = 1024 ** 3

/**
 * Bytes of versions that served before and stay loaded to serve again at once. Small models and those of middle size, of which the
 * last version is mostly kept; a large one is worth the time of loading it again.
 */
export const WARM_BYTES = 256 * MIB
/** Seconds that such a version stays loaded: most of what is rolled back is rolled back within minutes. */
export const WARM_SECONDS = 900
export const WARM_SECONDS_MAX = 7 * 24 * 3600
/** Bytes of memory for models: no less than the smallest model counts for, and no more than machines have. */
export const MODEL_MEMORY_BYTES_MIN = MIB
export const MODEL_MEMORY_BYTES_MAX = 16 * 1024 * GIB
/** Bytes that a session counts for beside its model's weights. */
export const SESSION_BYTES = 256 * 1024
/** Milliseconds that one who wants room waits for a newcomer to be done before it looks at those that are asked more. */
export const MODEL_ROOM_TRIAL_MS = 50
/** Milliseconds after which a model whose requests wait, but do not run, has to make way as well: else it could be asked for ever. */
export const MODEL_ROOM_BUSY_MS = 1_000
/** Milliseconds that a model waits for room before its requests fail. */
export const MODEL_ROOM_WAIT_MS_MAX = 30_000
/** Milliseconds between looks at how many live rows of a candidate are compared. */
export const SHADOW_LOOK_MS = 50
/** Live rows that one promotion may ask for. */
export const SHADOW_ROWS_MAX = 1_000_000_000
/** Milliseconds that a promotion waits for them: less than clients over HTTP wait for an answer to begin. */
export const SHADOW_LIMIT_MS = 240_000
export const SHADOW_LIMIT_MS_MAX = 24 * 3_600_000
/** Shapes of late on which a new version is run before it serves. */
export const WARM_UP_SHAPES_MAX = 4
