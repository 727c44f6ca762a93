/** Contracts that several tests share. */

/** A field of every kind, and every rule that a field may have. */
export const everyField = [
  { name: 'id', dtype: 'uuid', role: 'entity', unique: true },
  { name: 'at', dtype: 'timestamp', role: 'timestamp' },
  { name: 'day', dtype: 'date?', role: 'passthrough', required: false },
  { name: 'age', dtype: 'int32', min: 0, max: 120, unit: 'years' },
  { name: 'small', dtype: 'uint8', exclusiveMin: 3, exclusiveMax: 9 },
  { name: 'wide', dtype: 'int64', min: '-9007199254740999', max: 5 },
  { name: 'wider', dtype: 'uint64', values: [1, '18446744073709551615'] },
  { name: 'share', dtype: 'float32?', exclusiveMin: 0, max: 1, required: false },
  { name: 'weight', dtype: 'float64' },
  { name: 'half', dtype: 'float16', impute: 0.5, required: false },
  { name: 'level', dtype: 'float32', values: [0.5, 1, 2] },
  { name: 'member', dtype: 'bool' },
  { name: 'colour', dtype: 'string', values: ['red', 'white'], description: 'Of the wine */' },
  { name: 'code', dtype: 'string', pattern: '^[A-Z]{2}[0-9]{3}$' },
  { name: 'note "it"', dtype: 'string?', minLength: 2, maxLength: 20 },
  { name: 'place', dtype: 'float32', shape: [3], min: -1, max: 1 },
  { name: 'tokens', dtype: 'int64', shape: [null], minLength: 1, maxLength: 5, min: 0 },
  { name: 'grid', dtype: 'int8?', shape: [2, 2] },
  { name: 'truth', dtype: 'int64', role: 'target' },
] as const

/** The fields of its answers. */
export const everyAnswer = [
  { name: 'prediction', dtype: 'float32', role: 'prediction', from: { output: 'y' } },
  { name: 'label', dtype: 'string?', role: 'prediction' },
  { name: 'p red', dtype: 'float32', role: 'probability', class: 'red', from: { output: 'scores', column: 0 } },
  { name: 'model', dtype: 'string', role: 'modelVersion' },
] as const
