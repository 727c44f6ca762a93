/** Limits of places that models are taken from: what a folder, a bucket or another registry may make a server do. */
const SECOND_MS = 1000

/** Milliseconds between two looks at a place, unless its operator says another number. */
export const WATCH_INTERVAL_MS = 15 * SECOND_MS
/** Below it a look would not be over before the next one. */
export const WATCH_INTERVAL_MS_MIN = 100
export const WATCH_INTERVAL_MS_MAX = 3600 * SECOND_MS
/** Milliseconds between two tries of what keeps failing; each waits twice as long as the one before, up to this. */
export const WATCH_BACKOFF_MS_MAX = 300 * SECOND_MS
/** Milliseconds that one look may take; a model of 2 GiB at 10 MB/s needs half of it. */
export const WATCH_LOOK_MS_MAX = 600 * SECOND_MS
/** Milliseconds that a file has to be unchanged for before it is read: a copy that is under way changes it more often. */
export const WATCH_SETTLE_MS = 2 * SECOND_MS
/** Places that one server watches. */
export const WATCH_PLACES_MAX = 16
/** Files of one place: their names and sizes are held between two looks. */
export const WATCH_FILES_MAX = 20_000
/** Folders in folders: a model, a version, a model that is a folder, its data. */
export const WATCH_DEPTH_MAX = 6
/** Sentences about what cannot be taken that one place keeps; the others are counted. */
export const WATCH_PROBLEMS_MAX = 100
/** Bytes of one page of a bucket's listing: 1000 keys of 1024 characters, thrice as long when escaped. */
export const S3_LISTING_BYTES_MAX = 8 * 1024 * 1024
