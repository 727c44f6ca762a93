/** Limits of steps that another server answers: of their definitions, which are untrusted, and of each call. */

const KIB = 1024
const MIB = 1024 * KIB

/** Milliseconds that one request may spend in a remote step, its retries included, unless the step says otherwise. */
export const REMOTE_TIMEOUT_MS = 10_000
export const REMOTE_TIMEOUT_MS_MAX = 600_000
/** Milliseconds to look at a remote's metadata, at deploy. */
export const REMOTE_DISCOVERY_MS = 10_000
/** Calls of one step at a time, a connection each; what more there is waits in the step. */
export const REMOTE_CONCURRENCY = 16
export const REMOTE_CONCURRENCY_MAX = 256
/** Calls of one step that wait for a connection; one more is refused, as a model's full queue refuses. */
export const REMOTE_WAITING_MAX = 4096
/** Attempts beyond the first. */
export const REMOTE_RETRIES = 2
export const REMOTE_RETRIES_MAX = 10
/** Milliseconds before the first retry; each further one waits twice as long, up to the second figure. */
export const REMOTE_BACKOFF_MS = 50
export const REMOTE_BACKOFF_MS_MAX = 5000
/** Failures in a row after which a remote is left alone, and the milliseconds until it is tried again. */
export const REMOTE_BREAKER_FAILURES = 5
export const REMOTE_BREAKER_FAILURES_MAX = 1000
export const REMOTE_BREAKER_OPEN_MS = 10_000
export const REMOTE_BREAKER_OPEN_MS_MAX = 600_000
/** Rows of one call. */
export const REMOTE_ROWS_MAX = 1024
export const REMOTE_ROWS_CEILING = 262_144
/** Bytes of one body, in either direction: with all calls of a step at their largest, what it holds. */
export const REMOTE_BODY_BYTES_MAX = 16 * MIB
export const REMOTE_BODY_BYTES_CEILING = 512 * MIB
/** Bytes of headers that a remote may answer with. */
export const REMOTE_HEADER_BYTES_MAX = 16 * KIB
/** Headers that a step adds; hosts that an operator allows; columns that a step names. */
export const REMOTE_HEADERS_MAX = 32
export const REMOTE_HOSTS_MAX = 256
export const REMOTE_COLUMNS_MAX = 4096
/** Characters of an address, a header's value, and of a JSON Pointer. */
export const REMOTE_URL_CHARACTERS_MAX = 2048
export const REMOTE_TEXT_CHARACTERS_MAX = 8192
/** Characters of the JSON that a step sends beside its columns. */
export const REMOTE_TEMPLATE_CHARACTERS_MAX = 65_536
/** Characters of a remote's failure that stand in ours. */
export const REMOTE_EXCERPT_CHARACTERS_MAX = 300
/** Milliseconds that an idle connection is kept. */
export const REMOTE_IDLE_MS = 4000
