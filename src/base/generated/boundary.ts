// Generated from src/protocol/boundary.json by tools/codegen: do not edit, run `npm run codegen`.

/** Results.caches: what the prediction cache did for a request. */
export const CacheUse = {
  /** it was not asked */
  none: 0,
  /** the answer came from it */
  hit: 1,
  /** the models ran */
  miss: 2,
} as const
export type CacheUseCode = (typeof CacheUse)[keyof typeof CacheUse]

/** Infer.priority, and the order of whatever is kept by priority. */
export const Priority = {
  /** somebody waits for it */
  interactive: 0,
  /** runs when nothing interactive waits; is shed first */
  background: 1,
} as const
export type PriorityCode = (typeof Priority)[keyof typeof Priority]

/** Which tensors of a batch a source means. */
export const SourceSide = {
  /** the model's inputs */
  inputs: 0,
  /** its outputs */
  outputs: 1,
} as const
export type SourceSideCode = (typeof SourceSide)[keyof typeof SourceSide]

/** Why a body of rows is not read at all; with the byte at which it was seen. */
export const BodyFault = {
  /** it was read */
  none: 0,
  /** it ends inside a value */
  end: 1,
  /** no JSON value begins here */
  value: 2,
  /** NaN or Infinity, which JSON does not have */
  notFinite: 3,
  /** no key of an object begins here */
  key: 4,
  /** no colon stands behind the key */
  colon: 5,
  /** neither a comma nor the closing bracket stands behind the value */
  comma: 6,
  /** a control character inside a string */
  control: 7,
  /** a backslash that begins no escape */
  escape: 8,
  /** bytes that are no UTF-8 */
  utf8: 9,
  /** nested deeper than JSON_DEPTH_MAX */
  depth: 10,
  /** more text behind the value */
  trailing: 11,
  /** neither an object nor a list of objects */
  rows: 12,
  /** more rows than the caller allows */
  tooManyRows: 13,
  /** its columns take more memory than the caller allows */
  tooLarge: 14,
  /** the memory budget is used up, or the system has no more */
  noMemory: 15,
  /** a column of texts whose offsets do not begin at 0, descend, or leave its bytes */
  offsets: 16,
} as const
export type BodyFaultCode = (typeof BodyFault)[keyof typeof BodyFault]

/** Which rule of a contract a value, a field or a row breaks. */
export const ContractRule = {
  /** another kind of value than the field's dtype */
  type: 0,
  /** a number with a fraction for an integer dtype */
  integer: 1,
  /** a number beyond the range of the dtype */
  range: 2,
  /** the row does not have a required field */
  missing: 3,
  /** null, or NaN in a column, for a field that is not nullable */
  null: 4,
  /** below min */
  minimum: 5,
  /** min or below it */
  exclusiveMinimum: 6,
  /** above max */
  maximum: 7,
  /** max or above it */
  exclusiveMaximum: 8,
  /** none of the accepted values */
  accepted: 9,
  /** fewer characters than minLength */
  minLength: 10,
  /** more characters than maxLength */
  maxLength: 11,
  /** a value that an earlier row of the request has */
  unique: 12,
  /** neither an array of the field's shape nor a flat one of as many values */
  shape: 13,
  /** a field that the contract does not have */
  extra: 14,
  /** a field that the row has twice */
  duplicate: 15,
  /** a text with the character U+0000, at which ONNX Runtime ends it */
  nul: 16,
  /** a text that is no UTF-8: half of a surrogate pair as an escape, or other bytes in a column */
  encoding: 17,
} as const
export type ContractRuleCode = (typeof ContractRule)[keyof typeof ContractRule]

/** What becomes of a value that breaks a rule. */
export const OnInvalid = {
  /** the request is refused */
  reject: 0,
  /** the row is flagged; the value is kept, or missing where the dtype cannot hold it */
  flag: 1,
  /** a number beyond a bound becomes that bound; all else is rejected */
  clamp: 2,
  /** the value becomes the field's impute value */
  impute: 3,
  /** the row is left out */
  drop: 4,
} as const
export type OnInvalidCode = (typeof OnInvalid)[keyof typeof OnInvalid]

/** Where a member of an answer by the names of a contract comes from. */
export const RowMember = {
  /** the row that was sent */
  echo: 0,
  /** an output of the pipeline */
  output: 1,
  /** the same text in every answer */
  text: 2,
} as const
export type RowMemberCode = (typeof RowMember)[keyof typeof RowMember]

/** What becomes of fields that a contract does not have. */
export const ExtraFields = {
  /** the request is refused */
  reject: 0,
  /** they are stepped over */
  ignore: 1,
  /** they are stepped over, counted and named once a request */
  log: 2,
} as const
export type ExtraFieldsCode = (typeof ExtraFields)[keyof typeof ExtraFields]

/** With what penstock-load exits when it cannot go on. */
export const LoadStatus = {
  /** the server is not there, or refuses the set-up */
  target: 1,
  /** the plan, or a file that it names, is at fault */
  plan: 2,
} as const
export type LoadStatusCode = (typeof LoadStatus)[keyof typeof LoadStatus]

/** Instructions of a transform program. `element` counts within a row. */
export const TransformOpcode = {
  /** elements to another dtype; texts to float64 or int64; what is missing or does not fit fails its row */
  cast: 1,
  /** NaN becomes numbers[element] */
  imputeFloats: 2,
  /** a missing value becomes table[0] or texts[0] */
  imputeValues: 3,
  /** (x - numbers[element]) / numbers[width + element] */
  normalise: 4,
  /** x * numbers[element] + numbers[width + element] */
  scale: 5,
  /** to numbers[element] .. numbers[width + element], of integers the same of integers */
  clip: 6,
  /** log(1 + x) */
  log1p: 7,
  /** 1 / (1 + exp(-x)) */
  sigmoid: 8,
  /** to multiples of 1 / numbers[0], or with integers[0] of numbers[0] */
  round: 9,
  /** 1 where x > numbers[0], else 0 */
  threshold: 10,
  /** the number of numbers[] at or below x, with integers[0] below x; NaN fails its row unless integers[1] */
  bins: 11,
  /** the index of x among the keys; integers[0] where it is none of them, integers[1] where it is missing; -1: none, -2: the row fails */
  lookup: 12,
  /** table[code] or texts[code]; of -1 a missing value */
  gather: 13,
  /** 1 where the code is table[element], else 0 */
  oneHot: 14,
  /** the elements of all inputs, one behind the other */
  concat: 15,
  /** elements from integers[0] on */
  slice: 16,
  /** axes permuted: integers are the dims, then the axis that comes at each place */
  transpose: 17,
  /** images: count, height, width, channels, height and width of the result, whether linear */
  resize: 18,
  /** a box of a row, table[0] or texts[0] where it lies outside: integers are the dims, where the box begins on each axis, the dims of the box */
  window: 19,
  /** exp(x - max) / sum over the row */
  softmax: 20,
  /** the element of the largest */
  argMax: 21,
  /** the largest and their elements */
  topK: 22,
  /** MurmurHash3 with seed integers[0], modulo integers[1] */
  hash: 23,
  /** the mean over integers[0] steps of a row, of those whose mask is not 0 */
  meanPool: 24,
  /** x / the Euclidean norm of the row */
  l2Normalise: 25,
} as const
export type TransformOpcodeCode = (typeof TransformOpcode)[keyof typeof TransformOpcode]

/** In place of the code of a category, in a transform program. */
export const CategoryCode = {
  /** it is no category */
  none: -1,
  /** the row fails */
  fails: -2,
} as const
export type CategoryCodeCode = (typeof CategoryCode)[keyof typeof CategoryCode]

/** Why a row fails in a transform program. */
export const RowErrorKind = {
  /** the value is missing where none may be */
  missing: 1,
  /** it is none of the categories */
  unknownCategory: 2,
  /** it does not fit the dtype */
  outOfRange: 3,
  /** the text is no number */
  notNumber: 4,
} as const
export type RowErrorKindCode = (typeof RowErrorKind)[keyof typeof RowErrorKind]

/** How a node of a tree compares an element x with its threshold t: true goes to its true branch. The codes are those of TreeEnsemble in ai.onnx.ml 5, which has no leaf among its nodes. */
export const TreeMode = {
  /** x <= t */
  lessOrEqual: 0,
  /** x < t */
  less: 1,
  /** x >= t */
  greaterOrEqual: 2,
  /** x > t */
  greater: 3,
  /** x == t */
  equal: 4,
  /** x != t */
  notEqual: 5,
  /** x is one of the node's members */
  member: 6,
  /** the tree ends here */
  leaf: 7,
} as const
export type TreeModeCode = (typeof TreeMode)[keyof typeof TreeMode]

/** What becomes of the leaves of all trees. The codes are those of TreeEnsemble in ai.onnx.ml 5. */
export const TreeAggregate = {
  /** their sum by the number of trees */
  average: 0,
  /** their sum */
  sum: 1,
  /** the least */
  min: 2,
  /** the greatest */
  max: 3,
} as const
export type TreeAggregateCode = (typeof TreeAggregate)[keyof typeof TreeAggregate]

/** What becomes of the scores of a row. The codes are those of TreeEnsemble in ai.onnx.ml 5. */
export const TreePostTransform = {
  /** they stay */
  none: 0,
  /** probabilities of classes */
  softmax: 1,
  /** a sigmoid of each */
  logistic: 2,
  /** softmax, where scores of 0 stay 0 */
  softmaxZero: 3,
  /** the inverse of the normal distribution */
  probit: 4,
} as const
export type TreePostTransformCode = (typeof TreePostTransform)[keyof typeof TreePostTransform]

/** What a tree ensemble answers. */
export const TreeKind = {
  /** a score a target */
  regressor: 0,
  /** a score a class, and a label */
  classifier: 1,
} as const
export type TreeKindCode = (typeof TreeKind)[keyof typeof TreeKind]

/** What an output of a model on the tree kernels is. */
export const TreeOutputSource = {
  /** the scores of a row */
  scores: 0,
  /** the label of a row */
  labels: 1,
} as const
export type TreeOutputSourceCode = (typeof TreeOutputSource)[keyof typeof TreeOutputSource]

/** A request's timing begins with these, in microseconds. */
export const TimingHeadSlot = {
  total: 0,
  send: 1,
  length: 2,
} as const

/** Then follow these of each model: the step's index, and microseconds. */
export const TimingStepSlot = {
  step: 0,
  queue: 1,
  assemble: 2,
  run: 3,
  scatter: 4,
  length: 5,
} as const

/** Milliseconds. An hour: whoever waits longer wants a job, not a request. */
export const DEADLINE_MS_MAX = 3600000

/** Requests of one isolate that are not answered yet at most, by option. */
export const REQUESTS_IN_FLIGHT_CEILING = 1048576

/** Rows of one batch at most, by option. */
export const BATCH_ROWS_CEILING = 65536

/** Pixels of one side of an image that is resized: positions stay exact in the weights' arithmetic. */
export const IMAGE_SIDE_MAX = 16777216

/** Milliseconds from which a run is long: shorter ones end before another worker could be started. Long runs leave the last free worker to other models. */
export const LONG_RUN_MS = 50

/** Runs of a model until it is taken for what they were: until then it may be long. What was measured on random rows does not count: how long a loop turns may lie in the rows. */
export const TRUSTED_RUNS = 64

/** Bytes of one segment of a log before the next one is begun: what becomes one Parquet file. */
export const LOG_SEGMENT_BYTES_MAX = 67108864

/** Milliseconds after its first row that a segment is ended, however small. */
export const LOG_SEGMENT_MS_MAX = 900000

/** Columns and what lies between them in a transform program. */
export const TRANSFORM_VALUES_MAX = 16384

/** Bytes of a row of one column of a transform program. */
export const TRANSFORM_ROW_BYTES_MAX = 268435456

/** Failures of rows that one run of a transform program lists; all are counted. */
export const TRANSFORM_ROW_ERRORS_MAX = 1024

/** Trees of an ensemble that the tree kernels run; ONNX Runtime runs larger ones. */
export const TREES_MAX = 65536

/** Nodes, weights and members of a tree ensemble that the tree kernels run: 2^24 of each. */
export const TREE_NODES_MAX = 16777216

/** Nodes from a root to a leaf in a tree that the tree kernels run: bounds the time of a row. */
export const TREE_DEPTH_MAX = 4096

/** Columns of the input of a tree ensemble that the tree kernels run. */
export const TREE_FEATURES_MAX = 16777216

/** Targets or classes of a tree ensemble that the tree kernels run. */
export const TREE_TARGETS_MAX = 4096

/** Counts changes of what the tree kernels compute, or of how, and of what is read into them: a model that was proven with another is compared with ONNX Runtime again. */
export const TREE_KERNELS_REVISION = 1

/** Dims of a tensor; ONNX Runtime's kernels end before that. */
export const RANK_MAX = 16

/** Nesting of a JSON body: deeper is no tensor, and parsers recurse. */
export const JSON_DEPTH_MAX = 32

/** Fields of a contract, as keys of one JSON object. */
export const CONTRACT_FIELDS_MAX = 4096

/** Bytes of a field's name as UTF-8. */
export const CONTRACT_NAME_BYTES_MAX = 1024

/** Values that one field has in a row: the product of its shape. */
export const CONTRACT_VALUES_MAX = 16777216

/** Accepted values of one field. */
export const CONTRACT_ACCEPTED_MAX = 65536

/** Problems of one request that are reported; the rest are counted. */
export const CONTRACT_ROW_PROBLEMS_MAX = 100

/** Bytes of a value's text in a problem, and of an extra field's name. */
export const CONTRACT_TEXT_BYTES_MAX = 64

/** Names of extra fields that are reported of one request; all are counted. */
export const CONTRACT_EXTRAS_MAX = 64

/** Characters of a tensor without elements as nested JSON arrays: its brackets take no memory of a model, so that a small request could ask for any number. */
export const EMPTY_NEST_CHARACTERS_MAX = 67108864

/** Checks of a pipeline: one bit each in the 64-bit failure mask of a row. */
export const CHECKS_MAX = 64

/** Instructions of a compiled check; bounds the work per row. */
export const CHECK_INSTRUCTIONS_MAX = 1024

/** Values that a compiled check holds at a time: the addon's stack, on the thread's own. */
export const CHECK_STACK_MAX = 64

/** Tensors that one check reads. */
export const CHECK_SOURCES_MAX = 64

/** Models and splits of a pipeline, over all steps: one bit each in the addon's masks. */
export const POSITIONS_MAX = 64

/** Bytes of a FlatBuffer: its offsets are of 32 bits, one of them signed. */
export const FRAME_BYTES_LIMIT = 2147483647

/** Bytes of the offset with which a FlatBuffer begins; our writers put the first vtable behind it. */
export const FLATBUFFER_ROOT_BYTES = 4

/** Characters of a tracestate, as JavaScript counts them: as many as the standard has everybody pass on. */
export const TRACE_STATE_CHARACTERS_MAX = 512

/** RFC 6455, 7.4.1: the code of a connection that ended without a close frame. Never sent. */
export const CLOSED_ABNORMALLY = 1006

/** Above the numbers of a connection's channels, which begin at 1: an array finds them. */
export const CHANNELS_MAX = 1024

/** Bytes of a request line. Filters of lists and columns of queries fit; what is longer belongs into a body. */
export const HTTP_REQUEST_LINE_BYTES_MAX = 16384

/** Bytes of a request's head, which a connection holds until it is whole: more than any proxy passes on. */
export const HTTP_HEAD_BYTES_MAX = 122880

/** Header lines of a request: as many as each of the socket libraries takes. */
export const HTTP_HEADERS_MAX = 98

/** Bytes of the largest HTTP body, a model file; routes have limits of their own below it. */
export const HTTP_BODY_BYTES_MAX = 2147483647

/** Chunks of one body: a table of 64 MiB sent line by line has fewer, a body of single bytes is cut short. */
export const HTTP_CHUNKS_MAX = 1048576

/** Bytes of chunk extensions in one body. Nobody reads them; they must not make a small body endless. */
export const HTTP_CHUNK_EXTENSION_BYTES_MAX = 16384

/** Bytes of the trailer lines behind a chunked body. Nobody reads them either. */
export const HTTP_TRAILER_BYTES_MAX = 16384

/** Frames of one WebSocket message: a message of 64 MiB in frames of 64 bytes; empty ones must not go on for ever. */
export const WEBSOCKET_FRAGMENTS_MAX = 1048576

/** Requests of one InferMany: four windows, and what is kept for a frame stays small. */
export const INFER_MANY_MAX = 4096

/** Connections of one load generator, each a file descriptor. */
export const BENCH_CONNECTIONS_MAX = 4096

/** Requests in flight per connection of a load generator; a server's window is smaller still. */
export const BENCH_IN_FLIGHT_MAX = 65536

/** Seconds of one phase of a load: a day. */
export const BENCH_SECONDS_MAX = 86400
