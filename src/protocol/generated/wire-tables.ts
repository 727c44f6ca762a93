// Made by tools/codegen/flatbuffers.mjs from penstock.fbs; do not edit.

export type WireKind = 'scalar' | 'string' | 'table' | 'union-type' | 'union' | 'scalars' | 'strings' | 'tables'

/** `slot`: index in the vtable. `bytes`: of the scalar, of one element of a vector, or of the offset. */
export interface WireField {
  readonly name: string
  readonly slot: number
  readonly kind: WireKind
  readonly type: string
  readonly bytes: number
  readonly isRequired: boolean
}

export const wireTables = {
  Field: [
    { name: 'name', slot: 0, kind: 'string', type: 'string', bytes: 4, isRequired: true },
    { name: 'dtype', slot: 1, kind: 'scalar', type: 'ubyte', bytes: 1, isRequired: false },
    { name: 'shape', slot: 2, kind: 'scalars', type: 'int', bytes: 4, isRequired: false },
    { name: 'default_value', slot: 3, kind: 'string', type: 'string', bytes: 4, isRequired: false },
  ],
  Meta: [
    { name: 'key', slot: 0, kind: 'string', type: 'string', bytes: 4, isRequired: true },
    { name: 'number', slot: 1, kind: 'scalar', type: 'double', bytes: 8, isRequired: false },
    { name: 'text', slot: 2, kind: 'string', type: 'string', bytes: 4, isRequired: false },
    { name: 'numbers', slot: 3, kind: 'scalars', type: 'double', bytes: 8, isRequired: false },
    { name: 'texts', slot: 4, kind: 'strings', type: 'string', bytes: 4, isRequired: false },
  ],
  MetaBlock: [
    { name: 'entries', slot: 0, kind: 'tables', type: 'Meta', bytes: 4, isRequired: false },
  ],
  Authenticate: [
    { name: 'key', slot: 0, kind: 'string', type: 'string', bytes: 4, isRequired: true },
  ],
  Open: [
    { name: 'channel', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'pipeline', slot: 1, kind: 'string', type: 'string', bytes: 4, isRequired: true },
  ],
  Infer: [
    { name: 'channel', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'request', slot: 1, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'rows', slot: 2, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'data', slot: 3, kind: 'scalars', type: 'ubyte', bytes: 1, isRequired: false },
    { name: 'dims', slot: 4, kind: 'scalars', type: 'uint', bytes: 4, isRequired: false },
    { name: 'meta', slot: 5, kind: 'tables', type: 'Meta', bytes: 4, isRequired: false },
    { name: 'deadline_ms', slot: 6, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'priority', slot: 7, kind: 'scalar', type: 'ubyte', bytes: 1, isRequired: false },
    { name: 'texts', slot: 8, kind: 'strings', type: 'string', bytes: 4, isRequired: false },
    { name: 'timing', slot: 9, kind: 'scalar', type: 'bool', bytes: 1, isRequired: false },
    { name: 'request_id', slot: 10, kind: 'scalar', type: 'bool', bytes: 1, isRequired: false },
  ],
  InferMany: [
    { name: 'channel', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'requests', slot: 1, kind: 'scalars', type: 'uint', bytes: 4, isRequired: false },
    { name: 'rows', slot: 2, kind: 'scalars', type: 'uint', bytes: 4, isRequired: false },
    { name: 'data', slot: 3, kind: 'scalars', type: 'ubyte', bytes: 1, isRequired: false },
    { name: 'deadlines_ms', slot: 4, kind: 'scalars', type: 'uint', bytes: 4, isRequired: false },
    { name: 'priorities', slot: 5, kind: 'scalars', type: 'ubyte', bytes: 1, isRequired: false },
    { name: 'request_ids', slot: 6, kind: 'scalars', type: 'ubyte', bytes: 1, isRequired: false },
  ],
  Cancel: [
    { name: 'channel', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'request', slot: 1, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
  ],
  Close: [
    { name: 'channel', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
  ],
  Opened: [
    { name: 'channel', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'pipeline', slot: 1, kind: 'string', type: 'string', bytes: 4, isRequired: false },
    { name: 'version', slot: 2, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'inputs', slot: 3, kind: 'tables', type: 'Field', bytes: 4, isRequired: false },
    { name: 'outputs', slot: 4, kind: 'tables', type: 'Field', bytes: 4, isRequired: false },
    { name: 'checks', slot: 5, kind: 'strings', type: 'string', bytes: 4, isRequired: false },
    { name: 'routes', slot: 6, kind: 'strings', type: 'string', bytes: 4, isRequired: false },
    { name: 'is_non_batching', slot: 7, kind: 'scalar', type: 'bool', bytes: 1, isRequired: false },
    { name: 'rows_max', slot: 8, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'instance', slot: 9, kind: 'string', type: 'string', bytes: 4, isRequired: false },
    { name: 'infer_many', slot: 10, kind: 'scalar', type: 'bool', bytes: 1, isRequired: false },
  ],
  Results: [
    { name: 'channel', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'requests', slot: 1, kind: 'scalars', type: 'uint', bytes: 4, isRequired: false },
    { name: 'rows', slot: 2, kind: 'scalars', type: 'uint', bytes: 4, isRequired: false },
    { name: 'data', slot: 3, kind: 'scalars', type: 'ubyte', bytes: 1, isRequired: false },
    { name: 'dims', slot: 4, kind: 'scalars', type: 'uint', bytes: 4, isRequired: false },
    { name: 'check_failures', slot: 5, kind: 'scalars', type: 'ulong', bytes: 8, isRequired: false },
    { name: 'routes', slot: 6, kind: 'scalars', type: 'ushort', bytes: 2, isRequired: false },
    { name: 'texts', slot: 7, kind: 'strings', type: 'string', bytes: 4, isRequired: false },
    { name: 'timing', slot: 8, kind: 'scalars', type: 'double', bytes: 8, isRequired: false },
    { name: 'timing_models', slot: 9, kind: 'strings', type: 'string', bytes: 4, isRequired: false },
    { name: 'request_numbers', slot: 10, kind: 'scalars', type: 'ulong', bytes: 8, isRequired: false },
    { name: 'traceparents', slot: 11, kind: 'strings', type: 'string', bytes: 4, isRequired: false },
    { name: 'caches', slot: 12, kind: 'scalars', type: 'ubyte', bytes: 1, isRequired: false },
  ],
  Failure: [
    { name: 'channel', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'request', slot: 1, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'code', slot: 2, kind: 'string', type: 'string', bytes: 4, isRequired: false },
    { name: 'message', slot: 3, kind: 'string', type: 'string', bytes: 4, isRequired: false },
    { name: 'retry_after_ms', slot: 4, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'is_channel', slot: 5, kind: 'scalar', type: 'bool', bytes: 1, isRequired: false },
  ],
  Hello: [
    { name: 'window_requests', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'server', slot: 1, kind: 'string', type: 'string', bytes: 4, isRequired: false },
    { name: 'frame_bytes_max', slot: 2, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
    { name: 'infer_many_max', slot: 3, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
  ],
  Credit: [
    { name: 'window_requests', slot: 0, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
  ],
  Goaway: [
    { name: 'reason', slot: 0, kind: 'string', type: 'string', bytes: 4, isRequired: false },
    { name: 'grace_ms', slot: 1, kind: 'scalar', type: 'uint', bytes: 4, isRequired: false },
  ],
  Message: [
    { name: 'body_type', slot: 0, kind: 'union-type', type: 'ubyte', bytes: 1, isRequired: false },
    { name: 'body', slot: 1, kind: 'union', type: 'Body', bytes: 4, isRequired: true },
  ],
} as const satisfies Record<string, readonly WireField[]>

export type WireTableName = keyof typeof wireTables

/** Members of the union by their id. */
export const wireBodies: Readonly<Record<number, WireTableName>> = {
  1: 'Open',
  2: 'Infer',
  3: 'Cancel',
  4: 'Close',
  6: 'Authenticate',
  7: 'InferMany',
  16: 'Opened',
  17: 'Results',
  18: 'Failure',
  19: 'Hello',
  20: 'Credit',
  21: 'Goaway',
}

export const wireRoot = 'Message' satisfies WireTableName
