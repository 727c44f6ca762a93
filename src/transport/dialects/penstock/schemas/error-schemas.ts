/**
 * JSON Schema of the one shape that every refusal has (replies.ts), with the mistakes of a body one by one. No table of
 * protocol/answers/: a refusal is no record with other names, its members depend on the error's class and its status.
 */
import { count, errorCode, listOf, record, text, type Schema } from './json-schema.js'

export const errorSchemas: Readonly<Record<string, Schema>> = {
  Error: record(
    {
      error: text,
      code: errorCode,
      retry_after_ms: { type: 'number', minimum: 0 },
      request_id: text,
      errors: {
        ...listOf(
          record(
            {
              path: { ...text, description: 'Where in the body, as a JSON Pointer' },
              field: text,
              code: errorCode,
              rule: { ...text, description: 'The rule that is broken' },
              message: text,
              value: {
                type: ['string', 'number', 'boolean', 'null'],
                description: 'What was received, where it is short',
              },
            },
            ['path', 'rule', 'value'],
          ),
        ),
        description:
          'The mistakes of a body one by one, in its order: those of an infer body, 20 at most; with ERR_CONTRACT those of its rows, 100 at most, each with path and rule',
      },
      error_count: { ...count, description: 'With ERR_CONTRACT: how many mistakes there are, listed or not' },
    },
    ['retry_after_ms', 'request_id', 'errors', 'error_count'],
  ),
}
