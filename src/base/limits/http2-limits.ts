/** What one HTTP/2 connection may make the server hold and do. Callers of gRPC meet them. */
const KIB = 1024
const MIB = 1024 * KIB

/** Calls that are open at a time: clients keep what is more to themselves until one ends. */
export const HTTP2_STREAMS_MAX = 1024
/** Bytes of the fields of one request, each with 32 more than its texts; and of the block before it is decoded. */
export const HTTP2_FIELD_BYTES_MAX = 64 * KIB
/** Fields of one request. */
export const HTTP2_FIELDS_MAX = 128
/** Frames that continue one header block: a block is bounded in bytes, empty frames are not. */
export const HTTP2_CONTINUATIONS_MAX = 16
/** Bytes that one stream may send before it is read; a stream that pauses holds as many. */
export const HTTP2_STREAM_WINDOW_BYTES = MIB
/** Bytes that all streams of a connection may send in one round trip. */
export const HTTP2_WINDOW_BYTES = 8 * MIB
/** Streams that the peer itself ended early, and frames that carry nothing: as many at once, */
export const HTTP2_NUISANCES_MAX = 1000
/** and as many a second for good. Beyond it the connection ends: cancelled calls cost the server, not the caller. */
export const HTTP2_NUISANCES_PER_S = 100
/** Bytes of answers to pings and settings that a peer leaves unread. */
export const HTTP2_UNREAD_CONTROL_BYTES_MAX = 256 * KIB
/** Milliseconds between looks for connections that are idle, deaf or silent. */
export const HTTP2_LOOK_MS = 500
/** Milliseconds for which a connection stays open after its GOAWAY when its peer does not close it. */
export const HTTP2_FAREWELL_MS = 1000
