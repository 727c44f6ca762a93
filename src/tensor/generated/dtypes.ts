// Generated from src/tensor/dtypes.json by tools/codegen: do not edit, run `npm run codegen`.
export const dtypeTable = {
  float32: { name: 'float32', code: 1, bytes: 4, oip: 'FP32' },
  uint8: { name: 'uint8', code: 2, bytes: 1, oip: 'UINT8' },
  int8: { name: 'int8', code: 3, bytes: 1, oip: 'INT8' },
  uint16: { name: 'uint16', code: 4, bytes: 2, oip: 'UINT16' },
  int16: { name: 'int16', code: 5, bytes: 2, oip: 'INT16' },
  int32: { name: 'int32', code: 6, bytes: 4, oip: 'INT32' },
  int64: { name: 'int64', code: 7, bytes: 8, oip: 'INT64' },
  string: { name: 'string', code: 8, bytes: 0, oip: 'BYTES' },
  bool: { name: 'bool', code: 9, bytes: 1, oip: 'BOOL' },
  float16: { name: 'float16', code: 10, bytes: 2, oip: 'FP16' },
  float64: { name: 'float64', code: 11, bytes: 8, oip: 'FP64' },
  uint32: { name: 'uint32', code: 12, bytes: 4, oip: 'UINT32' },
  uint64: { name: 'uint64', code: 13, bytes: 8, oip: 'UINT64' },
  bfloat16: { name: 'bfloat16', code: 16, bytes: 2, oip: 'BF16' },
} as const

/** Name by ONNX TensorProto.DataType code. */
export const dtypeNameByCode: Readonly<Partial<Record<number, keyof typeof dtypeTable>>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  4: 'uint16',
  5: 'int16',
  6: 'int32',
  7: 'int64',
  8: 'string',
  9: 'bool',
  10: 'float16',
  11: 'float64',
  12: 'uint32',
  13: 'uint64',
  16: 'bfloat16',
}

/** Name by Open Inference Protocol datatype. */
export const dtypeNameByOip: Readonly<Partial<Record<string, keyof typeof dtypeTable>>> = {
  FP32: 'float32',
  UINT8: 'uint8',
  INT8: 'int8',
  UINT16: 'uint16',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  BYTES: 'string',
  BOOL: 'bool',
  FP16: 'float16',
  FP64: 'float64',
  UINT32: 'uint32',
  UINT64: 'uint64',
  BF16: 'bfloat16',
}
