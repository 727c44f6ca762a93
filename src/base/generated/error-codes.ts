// Generated from src/protocol/errors.json by tools/codegen: do not edit, run `npm run codegen`.
export type ErrorClass = 'argument' | 'state' | 'capacity' | 'deadline' | 'device'

export type ErrorCode =
  | 'ERR_ARGUMENT'
  | 'ERR_SHAPE'
  | 'ERR_DTYPE'
  | 'ERR_META'
  | 'ERR_TOO_MANY_ROWS'
  | 'ERR_FRAME'
  | 'ERR_CHANNEL_NOT_FOUND'
  | 'ERR_PIPELINE_NOT_DEPLOYED'
  | 'ERR_CHANNEL_STALE'
  | 'ERR_QUEUE_FULL'
  | 'ERR_CREDIT_EXCEEDED'
  | 'ERR_DEADLINE_EXCEEDED'
  | 'ERR_ABORTED'
  | 'ERR_RUN_FAILED'
  | 'ERR_WORKER_LOST'
  | 'ERR_DRAINING'
  | 'ERR_NOT_READY'
  | 'ERR_HANDLE'
  | 'ERR_MISSING_INPUT'
  | 'ERR_UNKNOWN_INPUT'
  | 'ERR_VALUE_RANGE'
  | 'ERR_BODY'
  | 'ERR_BODY_TOO_LARGE'
  | 'ERR_CONTENT_TYPE'
  | 'ERR_NOT_ACCEPTABLE'
  | 'ERR_MODEL_INVALID'
  | 'ERR_PIPELINE_INVALID'
  | 'ERR_CONTRACT'
  | 'ERR_CONTRACT_INVALID'
  | 'ERR_UNSUPPORTED'
  | 'ERR_SUBPROTOCOL'
  | 'ERR_UNAUTHORIZED'
  | 'ERR_FORBIDDEN'
  | 'ERR_RATE_LIMITED'
  | 'ERR_ROUTE_NOT_FOUND'
  | 'ERR_METHOD'
  | 'ERR_MODEL_NOT_FOUND'
  | 'ERR_PIPELINE_NOT_FOUND'
  | 'ERR_CONTRACT_NOT_FOUND'
  | 'ERR_DATASET_NOT_FOUND'
  | 'ERR_ENTITY_NOT_FOUND'
  | 'ERR_TOKENIZER_NOT_FOUND'
  | 'ERR_EXPLANATION_NOT_FOUND'
  | 'ERR_CONFLICT'
  | 'ERR_CLOSED'
  | 'ERR_HOME_LOCKED'
  | 'ERR_CONNECTION_LOST'
  | 'ERR_REMOTE_FAILED'
  | 'ERR_REMOTE_UNAVAILABLE'
  | 'ERR_REMOTE_TIMEOUT'
  | 'ERR_PROVIDER'
  | 'ERR_SOURCE'
  | 'ERR_QUERY_MEMORY'
  | 'ERR_QUERY_FAILED'
  | 'ERR_SCRIPT_FAILED'
  | 'ERR_SCRIPT_TIMEOUT'
  | 'ERR_STORAGE'
  | 'ERR_INTERNAL'

export interface ErrorRow {
  /** Who acts: argument, the caller fixes the call · state, the caller re-plans · capacity, waits · deadline, decides · device, the operator. */
  readonly class: ErrorClass
  /** HTTP status of the reply. */
  readonly http: number
  /** WebSocket close code, when the error ends the connection. */
  readonly close?: number
  readonly retryable: boolean
  /** Status number in the addon, when it can be raised there. */
  readonly native?: number
  readonly sentence: string
}

export const errorTable: Readonly<Record<ErrorCode, ErrorRow>> = {
  ERR_ARGUMENT: {
    class: 'argument',
    http: 400,
    retryable: false,
    native: 1,
    sentence: 'An argument is missing, of the wrong type or out of its range.',
  },
  ERR_SHAPE: {
    class: 'argument',
    http: 400,
    retryable: false,
    native: 2,
    sentence: "A tensor's rank, dims or number of bytes do not fit the signature.",
  },
  ERR_DTYPE: {
    class: 'argument',
    http: 400,
    retryable: false,
    native: 3,
    sentence: "A tensor's dtype is not the signature's and cannot be cast without loss.",
  },
  ERR_META: {
    class: 'argument',
    http: 400,
    retryable: false,
    native: 4,
    sentence: 'A routing key is present but is no number in [0,1], or not one value per row.',
  },
  ERR_TOO_MANY_ROWS: {
    class: 'argument',
    http: 413,
    retryable: false,
    native: 5,
    sentence: 'The request has more rows than the pipeline takes in one request.',
  },
  ERR_FRAME: {
    class: 'argument',
    http: 400,
    close: 4400,
    retryable: false,
    native: 6,
    sentence: 'A WebSocket frame is not a well-formed penstock.v1 message.',
  },
  ERR_CHANNEL_NOT_FOUND: {
    class: 'state',
    http: 404,
    retryable: false,
    native: 7,
    sentence: 'The channel was never opened on this connection, or is closed.',
  },
  ERR_PIPELINE_NOT_DEPLOYED: {
    class: 'state',
    http: 409,
    retryable: false,
    native: 8,
    sentence: 'The pipeline exists but is not deployed.',
  },
  ERR_CHANNEL_STALE: {
    class: 'state',
    http: 409,
    retryable: true,
    native: 9,
    sentence: "The pipeline's signature changed since the channel was opened; open it again.",
  },
  ERR_QUEUE_FULL: {
    class: 'capacity',
    http: 429,
    retryable: true,
    native: 10,
    sentence: "The model's queue is full; nothing was run.",
  },
  ERR_CREDIT_EXCEEDED: {
    class: 'capacity',
    http: 429,
    close: 4429,
    retryable: false,
    native: 11,
    sentence: 'The connection has more requests in flight than its window allows.',
  },
  ERR_DEADLINE_EXCEEDED: {
    class: 'deadline',
    http: 504,
    retryable: false,
    native: 12,
    sentence: "The deadline passed, or cannot be met at the queue's present rate.",
  },
  ERR_ABORTED: {
    class: 'deadline',
    http: 499,
    retryable: false,
    native: 13,
    sentence: 'The caller cancelled the request.',
  },
  ERR_RUN_FAILED: {
    class: 'device',
    http: 500,
    retryable: false,
    native: 14,
    sentence: 'ONNX Runtime refused to run this request.',
  },
  ERR_WORKER_LOST: {
    class: 'device',
    http: 503,
    retryable: true,
    native: 15,
    sentence: 'The inference worker ended while the request was running.',
  },
  ERR_DRAINING: {
    class: 'capacity',
    http: 503,
    retryable: true,
    native: 16,
    sentence: 'The server is shutting down and takes no new work.',
  },
  ERR_NOT_READY: {
    class: 'capacity',
    http: 503,
    retryable: true,
    sentence: 'The server is starting: its workers or stored pipelines are not loaded yet.',
  },
  ERR_HANDLE: {
    class: 'state',
    http: 500,
    retryable: false,
    native: 17,
    sentence: 'A native handle is closed, of another kind or of another isolate.',
  },
  ERR_MISSING_INPUT: {
    class: 'argument',
    http: 400,
    retryable: false,
    sentence: 'An input of the pipeline is missing from the request.',
  },
  ERR_UNKNOWN_INPUT: {
    class: 'argument',
    http: 400,
    retryable: false,
    sentence: 'The request names an input that the pipeline does not have.',
  },
  ERR_VALUE_RANGE: {
    class: 'argument',
    http: 400,
    retryable: false,
    sentence: "A number does not fit the input's dtype.",
  },
  ERR_BODY: {
    class: 'argument',
    http: 400,
    retryable: false,
    sentence: 'The body is empty or cannot be parsed as its content type.',
  },
  ERR_BODY_TOO_LARGE: {
    class: 'argument',
    http: 413,
    close: 1009,
    retryable: false,
    sentence: 'The body or frame is larger than the server accepts.',
  },
  ERR_CONTENT_TYPE: {
    class: 'argument',
    http: 415,
    retryable: false,
    sentence: 'The content type is not one that this endpoint reads.',
  },
  ERR_NOT_ACCEPTABLE: {
    class: 'argument',
    http: 406,
    retryable: false,
    sentence: 'The endpoint cannot answer in any of the accepted types.',
  },
  ERR_MODEL_INVALID: {
    class: 'argument',
    http: 400,
    retryable: false,
    sentence: 'The file is not a model that can be served.',
  },
  ERR_PIPELINE_INVALID: {
    class: 'argument',
    http: 400,
    retryable: false,
    sentence: "The pipeline's definition is not valid.",
  },
  ERR_CONTRACT: {
    class: 'argument',
    http: 422,
    retryable: false,
    sentence: "Rows break rules of the pipeline's contract; nothing was run.",
  },
  ERR_CONTRACT_INVALID: {
    class: 'argument',
    http: 400,
    retryable: false,
    sentence: 'The contract is not valid.',
  },
  ERR_UNSUPPORTED: {
    class: 'argument',
    http: 501,
    retryable: false,
    sentence: 'This server does not do what was asked.',
  },
  ERR_SUBPROTOCOL: {
    class: 'argument',
    http: 400,
    retryable: false,
    sentence: 'The WebSocket handshake did not offer penstock.v1.',
  },
  ERR_UNAUTHORIZED: {
    class: 'argument',
    http: 401,
    close: 4401,
    retryable: false,
    sentence: 'The API key is missing, unknown, expired or revoked.',
  },
  ERR_FORBIDDEN: {
    class: 'argument',
    http: 403,
    close: 4403,
    retryable: false,
    sentence: 'The API key does not allow this, or no key is asked for and the page or host is a foreign one.',
  },
  ERR_RATE_LIMITED: {
    class: 'capacity',
    http: 429,
    retryable: true,
    native: 19,
    sentence: 'The caller has made as many requests as it may, a second or at a time; nothing was run.',
  },
  ERR_ROUTE_NOT_FOUND: {
    class: 'state',
    http: 404,
    retryable: false,
    sentence: 'There is no such address.',
  },
  ERR_METHOD: {
    class: 'argument',
    http: 405,
    retryable: false,
    sentence: 'The address exists but does not take this method.',
  },
  ERR_MODEL_NOT_FOUND: {
    class: 'state',
    http: 404,
    retryable: false,
    sentence: 'There is no such model, version or alias.',
  },
  ERR_PIPELINE_NOT_FOUND: {
    class: 'state',
    http: 404,
    retryable: false,
    sentence: 'There is no such pipeline or version of it.',
  },
  ERR_CONTRACT_NOT_FOUND: {
    class: 'state',
    http: 404,
    retryable: false,
    sentence: 'There is no such contract or version of it.',
  },
  ERR_DATASET_NOT_FOUND: {
    class: 'state',
    http: 404,
    retryable: false,
    sentence: 'There is no such dataset or version of it.',
  },
  ERR_ENTITY_NOT_FOUND: {
    class: 'state',
    http: 404,
    retryable: false,
    sentence: 'The table of a lookup step has no row for a key of the request; nothing was run.',
  },
  ERR_TOKENIZER_NOT_FOUND: {
    class: 'state',
    http: 404,
    retryable: false,
    sentence: 'There is no such tokenizer or version of it.',
  },
  ERR_EXPLANATION_NOT_FOUND: {
    class: 'state',
    http: 404,
    retryable: false,
    sentence: 'There is no such explanation or configuration of one.',
  },
  ERR_CONFLICT: {
    class: 'state',
    http: 409,
    retryable: false,
    sentence: 'The change contradicts the present state.',
  },
  ERR_CLOSED: {
    class: 'state',
    http: 409,
    retryable: false,
    sentence: 'The engine or client is closed.',
  },
  ERR_HOME_LOCKED: {
    class: 'state',
    http: 409,
    retryable: false,
    sentence: 'Another server is using this PENSTOCK_HOME.',
  },
  ERR_CONNECTION_LOST: {
    class: 'device',
    http: 503,
    retryable: true,
    sentence: 'The connection to the server was lost before the answer came.',
  },
  ERR_REMOTE_FAILED: {
    class: 'device',
    http: 502,
    retryable: false,
    sentence: 'The server that answers a remote step failed, or gave an answer that does not fit the step.',
  },
  ERR_REMOTE_UNAVAILABLE: {
    class: 'device',
    http: 503,
    retryable: true,
    sentence: 'The server that answers a remote step cannot be reached, is busy, or is left alone after failures.',
  },
  ERR_REMOTE_TIMEOUT: {
    class: 'device',
    http: 504,
    retryable: false,
    sentence: "The server that answers a remote step did not answer within the step's time.",
  },
  ERR_PROVIDER: {
    class: 'device',
    http: 500,
    retryable: false,
    sentence: 'What the model is to run on cannot be used here.',
  },
  ERR_SOURCE: {
    class: 'device',
    http: 502,
    retryable: false,
    sentence: 'A place that models are taken from cannot be reached, or has something that cannot be taken.',
  },
  ERR_QUERY_MEMORY: {
    class: 'capacity',
    http: 413,
    retryable: false,
    sentence: 'The query, or its result, needs more memory than it may use.',
  },
  ERR_QUERY_FAILED: {
    class: 'device',
    http: 500,
    retryable: false,
    sentence: 'DuckDB, or the process that it ran in, failed.',
  },
  ERR_SCRIPT_FAILED: {
    class: 'device',
    http: 500,
    retryable: false,
    sentence: 'A script of the pipeline threw, ran out of its memory, or answered other columns than it declares.',
  },
  ERR_SCRIPT_TIMEOUT: {
    class: 'deadline',
    http: 504,
    retryable: false,
    sentence: 'A script of the pipeline took longer than its step allows, and was ended.',
  },
  ERR_STORAGE: {
    class: 'device',
    http: 500,
    retryable: false,
    native: 18,
    sentence: 'The state on disk could not be read or written.',
  },
  ERR_INTERNAL: {
    class: 'device',
    http: 500,
    retryable: false,
    sentence: 'The server failed; the log has the cause.',
  },
}
