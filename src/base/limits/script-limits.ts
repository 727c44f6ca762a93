/** Limits of `script` steps: what a user's module may be, take and hold. Each runs in threads of its own step. */

/** UTF-8 bytes of a script's source, which is stored in the pipeline's definition and listed with it. */
export const SCRIPT_SOURCE_BYTES_MAX = 256 * 1024
/** Columns that a script answers, and names of columns that it takes or keeps: as many as a transform has. */
export const SCRIPT_COLUMNS_MAX = 4096
/** Milliseconds of one run, by default and by option, after which its thread is ended: a minute is a batch job's time. */
export const SCRIPT_TIMEOUT_MS = 1_000
export const SCRIPT_TIMEOUT_MS_MAX = 60_000
/** MiB of a thread's JavaScript heap: below the least, Node and the type stripper themselves do not start. */
export const SCRIPT_MEMORY_MIB = 128
export const SCRIPT_MEMORY_MIB_MIN = 64
export const SCRIPT_MEMORY_MIB_MAX = 4096
/** Threads of one step: by default one, which keeps the order of requests and a module's state in one place. */
export const SCRIPT_THREADS = 1
export const SCRIPT_THREADS_MAX = 16
/** Runs of one step that wait for a thread. Beyond it callers are refused and told to come again. */
export const SCRIPT_RUNS_WAITING_MAX = 1024
/** Milliseconds for a thread to start, and for a module's own top level: after them nothing of it is waited for. */
export const SCRIPT_START_MS_MAX = 10_000
/** Milliseconds between looks whether a run has begun: its timeout counts from then. */
export const SCRIPT_LOOK_MS = 25
/** UTF-8 bytes of the texts that one run answers, all columns together. */
export const SCRIPT_TEXT_BYTES_MAX = 2 ** 28
/** Lines that one run may write to the server's log, and characters of one. What is beyond is counted. */
export const SCRIPT_LINES_MAX = 100
export const SCRIPT_LINE_CHARACTERS_MAX = 2_000
