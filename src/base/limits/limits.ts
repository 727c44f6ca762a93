/**
 * Every limit of the product, with its unit and its reason: nothing grows without a bound. What an operator may change
 * is an option whose default or ceiling stands here; what nobody may change is used as it is.
 */
// What C++ knows as well: src/protocol/boundary.json has their reasons.
export {
  BATCH_ROWS_CEILING,
  BENCH_CONNECTIONS_MAX,
  BENCH_IN_FLIGHT_MAX,
  BENCH_SECONDS_MAX,
  CHANNELS_MAX,
  CHECKS_MAX,
  CHECK_INSTRUCTIONS_MAX,
  CHECK_SOURCES_MAX,
  CHECK_STACK_MAX,
  DEADLINE_MS_MAX,
  EMPTY_NEST_CHARACTERS_MAX,
  IMAGE_SIDE_MAX,
  JSON_DEPTH_MAX,
  LOG_SEGMENT_BYTES_MAX,
  LOG_SEGMENT_MS_MAX,
  POSITIONS_MAX,
  RANK_MAX,
  REQUESTS_IN_FLIGHT_CEILING,
  TRACE_STATE_CHARACTERS_MAX,
} from '../generated/boundary.js'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

// ── memory ──────────────────────────────────────────────────────────────────────────────────────
/**
 * Bytes that callers may make an engine hold, all together: requests that wait or run, their expected answers, bodies
 * that arrive, answers that wait in sockets. Of a machine with less than four times as much, a quarter of what it has.
 */
export const MEMORY_BUDGET_BYTES = GIB
export const MEMORY_BUDGET_BYTES_MIN = 16 * MIB
export const MEMORY_BUDGET_BYTES_MAX = 1024 * GIB
/** Percent of the budget that may wait in all sockets together, so that who does not read leaves the others half. */
export const ANSWERS_BUDGET_PERCENT = 50
/** Bytes that a byte which waits in a socket may take: the socket library's buffer doubles as it grows. */
export const SOCKET_BYTES_PER_BYTE = 2
/** Percent of the budget that may wait in one socket. */
export const SOCKET_BUDGET_PERCENT = 25

// ── requests ────────────────────────────────────────────────────────────────────────────────────
/**
 * Rows of one request. A table of a hundred thousand rows is an everyday Arrow body and fits; more is a file, to be sent
 * in parts. Of rows wider than 256 bytes the bytes of a body or frame end first.
 */
export const REQUEST_ROWS_MAX = 262_144
/** Requests of one isolate that are not answered yet; bounds its tables. */
export const REQUESTS_IN_FLIGHT_MAX = 65_536
/** Milliseconds between looks whether all is answered, when an engine drains. */
export const DRAIN_POLL_MS = 2
/** Routing keys of one request, beside those of its trace context. */
export const META_KEYS_MAX = 64
/** Milliseconds between two lines of the operator's log about the same failure of requests. */
export const FAILURE_LOG_MS = 60_000
/** Milliseconds between two reports of a worker about background failures of one model. */
export const FAILURE_REPORT_MS = 1000
/** Kinds of failures that it counts apart. */
export const FAILURE_KINDS_MAX = 256
/** Columns of keys of a pipeline's log, the request's id among them; those of the trace context come besides. */
export const LOG_KEYS_MAX = 32
/** Characters of the name of one of them. */
export const LOG_KEY_CHARACTERS_MAX = 128
/** Characters of a routing key or of one of its text values. */
export const META_TEXT_CHARACTERS_MAX = 1024

// ── batches and queues ──────────────────────────────────────────────────────────────────────────
/** Rows of one batch unless calibration finds better: past this ONNX Runtime gains little and latency doubles. */
export const BATCH_ROWS_MAX = 1024
/** Bytes of the tensors of one batch; a wide model gets fewer rows instead of more memory. */
export const BATCH_BYTES_MAX = 16 * MIB
/** Rows waiting or running per model, interactive: one request of the largest size beside others. */
export const PENDING_ROWS_MAX = 262_144
/** Rows waiting or running per model, background: sheds first, so it may wait less. */
export const PENDING_ROWS_BACKGROUND_MAX = 16_384
/** Rows waiting or running per model at most, by option. */
export const PENDING_ROWS_CEILING = 16_777_216
/** Microseconds a batch may wait for more rows, by option; the default is 0, no timer. */
export const BATCH_DELAY_US_MAX = 1_000_000

// ── workers ─────────────────────────────────────────────────────────────────────────────────────
/** Inference workers of a process: one per core of the largest machines, each holding every deployed model. */
export const INFER_WORKERS_MAX = 256
/** Threads inside one run, by option. */
export const INTRA_OP_THREADS_MAX = 256
/**
 * Microseconds that an idle worker spins for its next batch before it sleeps, when the machine has a core for it. Waking
 * a core that sleeps takes 20 to 60 us, more than a small model runs; the time to beat is a client's next request.
 */
export const WORKER_WATCH_US = 100
export const WORKER_WATCH_US_MAX = 10_000
/** GPUs of one machine that a model may name. */
export const DEVICES_MAX = 64
/** Milliseconds that closing waits for runs under way before it ends their threads. */
export const WORKER_CLOSE_MS_MAX = 10_000
/** Milliseconds between restarts of a worker that keeps ending. */
export const WORKER_RESTART_DELAY_MS_MAX = 5_000
/** Milliseconds that one run, and so one batch, may take when calibration chooses rows and threads. */
export const LATENCY_OBJECTIVE_MS = 100
/** The same at most, by option. */
export const LATENCY_OBJECTIVE_MS_MAX = 60_000
/** Milliseconds of trial runs of one calibration; cheap models need a tenth of it. */
export const CALIBRATION_MS_MAX = 4_000
/** Milliseconds of one answer of a calibration thread: a session opened, a slice run. */
export const CALIBRATION_ANSWER_MS_MAX = 120_000
/** Milliseconds of the inspection of one upload, trial runs included. */
export const INSPECTION_MS_MAX = 120_000
/** Milliseconds of the first run of one row from which no other is tried: the upload holds up those behind it. */
export const TRIAL_SLOW_MS = 5_000
/** Elements of one trial input; a free image dim of 224 in three dims would otherwise take gigabytes. */
export const TRIAL_ELEMENTS_MAX = 2 ** 22
/** Elements of the inputs of one trial batch: 64 MiB of floats. */
export const TRIAL_BATCH_ELEMENTS_MAX = 2 ** 24
/**
 * Rows that a trial compares with the same rows run by themselves before it is enough: an effect that shows in 1 % of
 * the draws is then missed once in a thousand times (ln 0.001 / ln 0.99).
 */
export const TRIAL_COMPARISONS = 688
/** Milliseconds of comparing rows of a model whose graph proves that they are independent: to be sure of the reading. */
export const TRIAL_PROVEN_MS = 500
/** The same of a model whose graph does not: without enough comparisons its rows do not share batches. */
export const TRIAL_UNPROVEN_MS = 20_000
/** Rows between two whose answers are run again by themselves and compared, and at most by option. */
export const ROW_CHECK_EVERY = 10_000
export const ROW_CHECK_EVERY_MAX = 2 ** 31 - 1
/** Characters of the name of an operator who has rows share batches. */
export const OPERATOR_CHARACTERS_MAX = 200
/** Milliseconds between two notices of one kind on the batches of one model. */
export const BATCHING_NOTICE_MS = 60_000
/** Requests in pipelines with column stages that are not answered yet: each may wait for a server or a worker. */
export const STAGED_REQUESTS_MAX = 2048
/** The same of one pipeline, so that a server that hangs leaves room to the others. */
export const STAGED_PIPELINE_REQUESTS_MAX = 512
/** Bytes of the tables of an engine's lookup steps, all together, unless an option says otherwise. */
export const LOOKUP_BYTES = GIB
export const LOOKUP_BYTES_MAX = 1024 * GIB
/** Rows of one of them: an index of 32-bit numbers, half full. */
export const LOOKUP_ROWS_MAX = 2 ** 28
/** Columns of a key, and columns that one step looks up. */
export const LOOKUP_KEYS_MAX = 8
export const LOOKUP_COLUMNS_MAX = 1024
/** Bytes of the columns that are looked up for one request. */
export const LOOKUP_REQUEST_BYTES_MAX = 256 * MIB
/** Rows that a refusal names of those of which a table has none. */
export const LOOKUP_FAILURES_MAX = 20
/** Milliseconds between two looks at the file of a table: a change is taken when it has stood for one. */
export const LOOKUP_POLL_MS = 1000
/** Requests on the string path that are not answered yet. */
export const STRING_PATH_REQUESTS_MAX = 1024

// ── datasets ────────────────────────────────────────────────────────────────────────────────────
/** Bytes of one version: read whole to be stored, and whole again to be given back. */
export const DATASET_BYTES_MAX = 256 * 2 ** 20
/** First rows that are shown of one, and how many unless it is said. */
export const DATASET_ROWS_SHOWN_MAX = 100
export const DATASET_ROWS_SHOWN_DEFAULT = 5

// ── the log ─────────────────────────────────────────────────────────────────────────────────────
/** Hours that a pipeline may have its rows kept: a hundred years. */
export const LOG_AGE_HOURS_MAX = 876_000
/** Bytes that a pipeline may have its log grow to. */
export const LOG_BYTES_MAX = 2 ** 50

// ── the prediction cache ────────────────────────────────────────────────────────────────────────
/** Seconds that an answer may be given again: thirty days, after which a version is long another one. */
export const CACHE_TTL_SECONDS_MAX = 2_592_000
/** Bytes of a pipeline's cache: one answer of a small model, and what it takes beside its tensors. */
export const CACHE_BYTES_MIN = 4096
/** Bytes of a pipeline's cache; the engine's byte budget, of which caches get half, is what bounds it sooner. */
export const CACHE_BYTES_MAX = 2 ** 40

// ── reading the log ─────────────────────────────────────────────────────────────────────────────
/** Rows of one page unless asked otherwise. */
export const LOG_LIMIT_DEFAULT = 100
/** Rows and bytes of one page: what a person reads, or a program in one answer. */
export const LOG_PAGE_ROWS_MAX = 1000
export const LOG_PAGE_BYTES_MAX = 10_000_000
/** Rows that one page may look at for few matches before it ends with a cursor: about a second. */
export const LOG_PAGE_SCANNED_ROWS_MAX = 20_000_000
/** Pages, exports and queries that wait for a flow thread. */
export const LOG_TASKS_WAITING_MAX = 64
/** Milliseconds between looks for segments to compact and to remove: they come by the minute. */
export const LOG_UPKEEP_MS = 5_000
/** How long rows are kept, and how many bytes of one pipeline, unless its definition says otherwise. */
export const LOG_RETENTION_HOURS = 7 * 24
export const LOG_RETENTION_BYTES = GIB
/** Rows of one row group of a Parquet file: what is decoded to show a page of it. */
export const LOG_ROW_GROUP_ROWS_MAX = 32_768
/** Bytes of one exported file at least: a header and a row must fit. */
export const LOG_EXPORT_FILE_BYTES_MIN = 1024
/** Characters of a query. */
export const LOG_SQL_CHARACTERS_MAX = 65_536
/** Queries that run at once, and that wait until they may: an analyst's page of charts; more are a loop without end. */
export const LOG_SQL_RUNNING_MAX = 2
export const LOG_SQL_WAITING_MAX = 16
/** Milliseconds after a server's start, and after each query, for which a process of 100 MB stays ready for the next. */
export const LOG_SQL_SPARE_MS = 600_000
/** Milliseconds between looks, after a server's start, whether it has time to start that process: requests come first. */
export const LOG_SQL_SPARE_DELAY_MS = 500
/** Milliseconds that queries get at the end of a server, or half of its drain limit: they can be asked again elsewhere. */
export const LOG_SQL_DRAIN_MS = 5000
/** Milliseconds of one query, waiting included, and at most by option. */
export const LOG_SQL_MS = 30_000
export const LOG_SQL_MS_MAX = 600_000
/** Bytes that one query may use, and by option: below, DuckDB cannot open a file; above, the models need it. */
export const LOG_SQL_MEMORY_BYTES = 512 * MIB
export const LOG_SQL_MEMORY_BYTES_MIN = 16 * MIB
export const LOG_SQL_MEMORY_BYTES_MAX = 16 * GIB
/** Bytes of a query's process beside what its query may use: Node, DuckDB's and Parquet's code, the result on its way out. */
export const LOG_SQL_PROCESS_BYTES = 512 * MIB
/** Rows of a query's result, and at most by option. */
export const LOG_SQL_ROWS = 10_000
export const LOG_SQL_ROWS_MAX = 1_000_000
/** Bytes of a query's result as JSON or Arrow. */
export const LOG_SQL_RESULT_BYTES_MAX = 64 * MIB

// ── models and pipelines ────────────────────────────────────────────────────────────────────────
/** Bytes of an .onnx file: protobuf's own limit, 2 GiB - 1. */
export const MODEL_BYTES_MAX = 2 * GIB - 1
/** Files of one upload: old exporters write one for each large weight. */
export const MULTIPART_PARTS_MAX = 4096
/** Bytes of the headers of one part. */
export const MULTIPART_HEAD_BYTES_MAX = 16 * KIB
/** Inputs with a default that a model offers, and elements of each: more are weights that an exporter lists. */
export const OPTIONAL_INPUTS_MAX = 8
export const OPTIONAL_INPUT_ELEMENTS_MAX = 1024
/** Nodes, attributes, names and tensors that reading a model's graph may keep: about 200 bytes each. */
export const ONNX_ITEMS_MAX = 2 ** 21
/** Graphs, or types, inside each other: ONNX Runtime's protobuf ends at 100 messages, three for each graph. */
export const ONNX_GRAPH_DEPTH_MAX = 32
/** Bytes of one name or text of a model's graph. */
export const ONNX_TEXT_BYTES_MAX = MIB
/** Bytes of a model from which its workers share weights through prepared files: below, copies cost less than a second file. */
export const PREPARED_MODEL_BYTES_MIN = 16 * MIB
/** Bytes of a weight that goes to the shared file: each is a mapping of its own, and Linux grants a process 65,530. */
export const PREPARED_WEIGHT_BYTES_MIN = 64 * KIB
/** Bytes of shared weights for which prepared files are kept; a forest keeps its trees elsewhere. */
export const PREPARED_WEIGHTS_BYTES_MIN = 8 * MIB
/** One dim, beside a 0 as well: shapes travel as 32-bit integers on every way through the product. */
export const DIM_MAX = 2 ** 31 - 1
/** Elements of one tensor: its bytes must fit an ArrayBuffer and an int32 offset count. */
export const TENSOR_ELEMENTS_MAX = 2 ** 31 - 1
/** Tensors a model takes or gives. */
export const FIELDS_MAX = 256
/** Characters of a check's expression. */
export const CHECK_EXPRESSION_CHARACTERS_MAX = 4096
/** Steps of a pipeline. */
export const STEPS_MAX = 64
/** Options of one split. */
export const OPTIONS_MAX = 256
/** Models that a SageMaker endpoint may have loaded: each has sessions, and the service keeps fewer. */
export const SAGEMAKER_MODELS_MAX = 1024
/** Characters of a model's, version alias's, pipeline's or check's name: it becomes a file name. */
export const NAME_CHARACTERS_MAX = 128
/** Metrics of a model version's lineage, and as many parameters; characters of each of its texts. */
export const LINEAGE_ENTRIES_MAX = 1024
export const LINEAGE_TEXT_CHARACTERS_MAX = 4096
/** Tags of a model version, and characters of each. */
export const TAGS_MAX = 64
export const TAG_CHARACTERS_MAX = 128

// ── explanations ────────────────────────────────────────────────────────────────────────────────
/** Configurations of one pipeline; they lie in its record. */
export const EXPLAIN_CONFIGS_MAX = 64
/** Rows of one explanation: a sample, not a table. */
export const EXPLAIN_ROWS_MAX = 4096
/** Groups of one explanation: the blocks of an image, the columns of a wide table. */
export const EXPLAIN_GROUPS_MAX = 4096
/** Permutations of one group. */
export const EXPLAIN_REPEATS_MAX = 100
/** Rows that one explanation runs: hours in the background with a slow model, a minute with a fast one. */
export const EXPLAIN_EVALUATIONS_MAX = 4_194_304
/** Numbers of one result: printed as JSON by the thread that serves everybody. */
export const EXPLAIN_RESULT_VALUES_MAX = 65_536
/** Bytes of the inputs of one explanation, which wait in memory for their turn, and of the body that brings them. */
export const EXPLAIN_INPUT_BYTES_MAX = 8 * MIB
export const EXPLAIN_BODY_BYTES_MAX = 8 * MIB
/** Rows, bytes of inputs and milliseconds of one run of an explanation: what others may have to wait for. */
export const EXPLAIN_RUN_ROWS_MAX = 256
export const EXPLAIN_RUN_BYTES_MAX = MIB
export const EXPLAIN_RUN_MS_MAX = 5
/** Explanations that wait for their turn, and those that are remembered after their end. */
export const EXPLAIN_JOBS_WAITING_MAX = 16
export const EXPLAIN_JOBS_KEPT_MAX = 64

// ── HTTP ────────────────────────────────────────────────────────────────────────────────────────
/** Bytes of an HTTP body that is no model. */
export const BODY_BYTES_MAX = 64 * MIB
/** Bytes of one Arrow body once its compressed, dictionary-encoded and shared parts are written out. */
export const ARROW_DECODED_BYTES_MAX = 4 * BODY_BYTES_MAX
/** The same of one batch of a file, which its own user reads. */
export const ARROW_FILE_DECODED_BYTES_MAX = 16 * GIB
/** Keys of one JSON object: inputs and columns of a record. */
export const JSON_KEYS_MAX = 4096
/** Bytes of a .npy file in Fortran's order, which is read whole. */
export const NPY_FORTRAN_BYTES_MAX = GIB
/** Mistakes of one infer body that its refusal lists; the rest are counted. */
export const BODY_MISTAKES_MAX = 20
/** Columns of a body that are no inputs, among which a misspelt input is looked for. */
export const BODY_OTHERS_MAX = 4096
/** Arrays and objects of a JSON body that become JavaScript values: each costs a hundred times its two bytes of text. */
export const JSON_CONTAINERS_MAX = 2 ** 20
/** Bytes of an HTTP body that only configures: a pipeline's definition, an alias. */
export const CONTROL_BODY_BYTES_MAX = MIB
/** Packed bodies that are unpacked at a time: each grows to a thousand times its size, on one of libuv's four threads. */
export const UNPACKING_MAX = 2
/** Packed bodies that wait for it, each held as it came. */
export const UNPACKING_WAITING_MAX = 256
/**
 * Milliseconds for which an answer may wait for a caller who takes less of it than ANSWER_WAIT_BYTES_MIN: what he does not
 * read is held for him.
 */
export const ANSWER_WAIT_MS_MAX = 10_000
/** Bytes. 6.4 kB a second: any network that a caller would wait at. */
export const ANSWER_WAIT_BYTES_MIN = 64 * KIB
/** Milliseconds without a byte in either direction, while a client of HTTP is to send or to read, that end its connection. */
export const HTTP_SILENCE_MS_MAX = 10_000
/** Milliseconds from the first byte of a request's head to its last: a byte now and then keeps no connection for good. */
export const HTTP_HEAD_MS_MAX = 30_000
/** Milliseconds in each of which a body must bring HTTP_BODY_WAIT_BYTES_MIN. */
export const HTTP_BODY_WAIT_MS_MAX = 30_000
/** Bytes. 140 a second: slower than any network, faster than a client that only holds what it was given. */
export const HTTP_BODY_WAIT_BYTES_MIN = 4 * KIB
/** Milliseconds for which a connection that ends is read on, so that its last answer arrives before a reset. */
export const CONNECTION_LINGER_MS = 1000
/** Received bytes of a connection that JavaScript has not handled: beyond, it is not read until it has. */
export const CONNECTION_UNHANDLED_BYTES_MAX = 256 * KIB
/** I/O threads of a server: more never pay, as the kernel does most of the work of one. */
export const IO_THREADS_MAX = 32
/** Milliseconds that draining waits for what is in flight. */
export const DRAIN_LIMIT_MS = 30_000
/** Milliseconds that a drained server waits for its WebSocket clients to close by themselves: a few round trips. */
export const FAREWELL_LIMIT_MS = 500

/** Regions of shared memory that clients have registered, each a file descriptor. */
export const SHARED_REGIONS_MAX = 1024

// ── WebSocket ───────────────────────────────────────────────────────────────────────────────────
/** Bytes of one frame. */
export const FRAME_BYTES_MAX = 64 * MIB
/** Requests a connection may have in flight before it must wait for answers. */
export const WINDOW_REQUESTS = 1024
/** Bytes waiting in one socket; a reader slower than its own requests is cut off. */
export const SOCKET_BUFFER_BYTES_MAX = 64 * MIB
/** Bytes waiting in all sockets of one I/O thread: many slow readers must not sum up to the machine's memory. */
export const SOCKETS_BUFFER_BYTES_MAX = GIB
/** Seconds without a frame or pong before a connection is taken for dead; pings are sent in between. */
export const IDLE_TIMEOUT_S = 120
/** Bytes by which a frame may exceed its limit and still be refused with a close code instead of being cut off. */
export const FRAME_SLACK_BYTES = MIB
/** Connections of one I/O thread. */
export const CONNECTIONS_MAX = 65_536

// ── the process ─────────────────────────────────────────────────────────────────────────────────
/** Open files that a server must be allowed: two workers with a dozen models take about 120, and some are to serve with. */
export const DESCRIPTORS_MIN = 256
/** Those among them that no connection gets: a full table must still open models, logs and what queries read. */
export const DESCRIPTORS_RESERVED = 64
/** Held open to be closed when the table is full all the same: a listener that cannot accept would spin. */
export const DESCRIPTORS_SPARE = 8
/** Milliseconds between looks when nobody connects. */
export const DESCRIPTOR_LOOK_MS = 1000
/** Milliseconds between two lines of the operator's log about refused connections. */
export const DESCRIPTOR_LOG_MS = 10_000
/** Bytes of address space: V8, ONNX Runtime and threads' stacks reserve about 4 GiB before the first request. */
export const ADDRESS_SPACE_BYTES_MIN = 8 * GIB

// ── registry ────────────────────────────────────────────────────────────────────────────────────
/** Models, and as many pipelines, that one home lists: all records are held in memory. */
export const RECORDS_MAX = 16_384
/** Versions of one model or pipeline; the record is rewritten whole at each change. */
export const VERSIONS_MAX = 4096
/** Aliases of one model. */
export const ALIASES_MAX = 256
/** Changes waiting for the disk; they run one by one. */
export const MUTATIONS_PENDING_MAX = 1024
/** Bytes of journal.jsonl before it is set aside and a new one begins. */
export const JOURNAL_BYTES_MAX = 16 * MIB

// ── bench ───────────────────────────────────────────────────────────────────────────────────────
/** Requests per second of an open loop: beyond it the generator's clock ticks are the limit. */
export const BENCH_RATE_MAX = 10_000_000
/** Kinds of request in one mix: each has histograms of its own. */
export const BENCH_KINDS_MAX = 256
/** Phases of one run. */
export const BENCH_PHASES_MAX = 256
/** Bytes of the tensors of one kind's different bodies: they are sent in turn and stay in memory. */
export const BENCH_BODIES_BYTES_MAX = 64 * MIB
/** Elements that a free dim is drawn with. */
export const BENCH_FREE_DIM_MAX = 65_536
/** Bytes of a file of inputs: it is read whole. */
export const BENCH_INPUT_FILE_BYTES_MAX = 256 * MIB
/** Points of a recording that is read again: a day of seconds. */
export const BENCH_INTERVALS_MAX = 86_400

/** Milliseconds without work on models until free memory is returned. */
export const FREE_MEMORY_QUIET_MS = 500
/** Milliseconds from a return to the next one: what V8's collector frees comes later than what ONNX Runtime frees. */
export const FREE_MEMORY_REPEAT_MS = 5_000
/** Returns after the last work on models; then there is nothing more to be had. */
export const FREE_MEMORY_RETURNS_MAX = 4
/** Milliseconds for which the first may be postponed by ever more work on models. */
export const FREE_MEMORY_WAIT_MS_MAX = 5_000
/** Milliseconds between looks whether memory of a past load can be given back. */
export const IDLE_MEMORY_LOOK_MS = 1_000
/** Milliseconds without use after which a batch's memory is given back. */
export const ARENA_IDLE_MS = 2_000
/** Bytes above the lowest of late that are worth a look through the C library's arenas. */
export const FREE_MEMORY_WORTH_BYTES = 16 * MIB

/** Versions of pipelines that an engine serves beside the deployed ones. */
export const VERSIONS_BESIDE_MAX = 16
