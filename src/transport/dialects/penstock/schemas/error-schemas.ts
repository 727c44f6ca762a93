/**
 * JSON Schema of the one shape that every refusal has (replies.ts), with the mistakes of a body one by one. No table of
 * protocol/answers/: a refusal is no record with other names, its members depend on the error's class and its status.
 */
import { errorCode, listOf, record, text, type Schema } from './json-schema.js'

export const errorSchemas: Readonly<Record<string, Schema>> = {
  Error: record(
    {
      error: text,
      code: errorCode,
      retry_after_ms: { type: 'number', minimum: 0 },
      request_id: text,
      errors: {
        ...listOf(record({ field: text, code: errorCode, message: text })),
        description: 'The mistakes of an infer body, one for each field, in the order of the body; 20 at most',
      },
    },
    ['retry_after_ms', 'request_id', 'errors'],
  ),
}
