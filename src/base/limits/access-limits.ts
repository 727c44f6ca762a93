/** Limits of API keys, of those who show none or a wrong one, and of hosts: as limits.ts, each with its unit and reason. */
/** API keys of one home: all are held in memory, and one file has them. */
export const API_KEYS_MAX = 1024
/** Pipelines that one key is bound to. */
export const KEY_PIPELINES_MAX = 256
/** Requests a second of one key: beyond it the limit is no limit. */
export const KEY_RATE_MAX = 1_000_000
/** Requests in flight of one key: as many as one engine has. */
export const KEY_CONCURRENCY_MAX = 1_048_576
/** Milliseconds until a key expires: ten years, within which 2 ** 53 ms cannot be mistaken for seconds. */
export const KEY_LIFE_MS_MAX = 3653 * 24 * 3_600_000
/** Milliseconds between two looks at keys.json: with ACCESS_LOOK_MS below a second from `keys revoke` to the last answer. */
export const KEYS_POLL_MS = 250
/** Milliseconds between two writes of when keys were last used. */
export const KEY_USES_WRITE_MS = 60_000

/** Milliseconds between two looks at the keys of open connections. */
export const ACCESS_LOOK_MS = 250
/** Wrong keys of one address that are answered at once: a person who mistypes, a deployment that starts too early. */
export const WRONG_KEYS_FREE = 10
/** Milliseconds that the address waits after the first one more; each further one doubles it. */
export const WRONG_KEY_DELAY_MS = 1000
/** Milliseconds: the longest of them. */
export const WRONG_KEY_DELAY_MS_MAX = 60_000
/** Milliseconds without a wrong key after which those before are forgotten. */
export const WRONG_KEY_FORGET_MS = 15 * 60_000
/** Addresses whose wrong keys are counted, some hundred bytes each. */
export const WRONG_KEY_ADDRESSES_MAX = 4096
/** Milliseconds between two lines of the log about wrong keys of one address. */
export const WRONG_KEY_LOG_MS = 60_000
/** Lines about wrong keys in that time, of all addresses together. */
export const WRONG_KEY_LOG_LINES_MAX = 60
/** Hosts of --allow-host. */
export const ALLOWED_HOSTS_MAX = 64
/** WebSockets that have not sent their key yet. */
export const UNAUTHENTICATED_SOCKETS_MAX = 256
/** Milliseconds within which they must. */
export const AUTHENTICATE_LIMIT_MS = 5000
