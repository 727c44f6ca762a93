/** JSON Schemas of rows and answers by the names of whatever contract; predict/document.ts has those of each deployed one. */
import { CHECKS_MEMBER, PROBLEMS_MEMBER } from '../../../../contract/contract.js'
import { listOf, record, reference, text, type Schema } from './json-schema.js'

/** What stands beside the fields of an answer. */
export const besideFields: Readonly<Record<string, Schema>> = {
  [PROBLEMS_MEMBER]: {
    ...listOf(reference('RowProblem')),
    description: 'What was found in the row; alone, without any field, it says why the row was dropped',
  },
  [CHECKS_MEMBER]: { ...listOf(text), description: 'The checks of the pipeline that the row failed' },
}

export const predictSchemas: Readonly<Record<string, Schema>> = {
  PredictBody: {
    description: 'A row by the names of the contract, or a list of rows',
    anyOf: [{ type: 'object' }, listOf({ type: 'object' })],
  },
  PredictAnswer: {
    description: 'The answer to the row, or a list with one to each, in their order',
    anyOf: [reference('Prediction'), listOf(reference('Prediction'))],
  },
  Prediction: { type: 'object', properties: besideFields },
  RowProblem: {
    description: 'With --errors terse it has action alone',
    ...record(
      {
        path: { ...text, description: 'Where in the body, as a JSON Pointer' },
        field: text,
        rule: text,
        action: { enum: ['flag', 'clamp', 'impute', 'drop'] },
        message: text,
        value: { type: ['string', 'number', 'boolean', 'null'], description: 'What was received, where it is short' },
      },
      ['path', 'field', 'rule', 'message', 'value'],
    ),
  },
}
