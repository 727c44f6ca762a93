/**
 * `transform`: operations on named columns, with what was fitted in them. Before the first step that runs a model they make
 * its inputs out of what callers send; behind the last they make answers out of its outputs.
 */
import type { TransformStep } from '../../pipeline/definition.js'
import { isFitted, parseOps } from '../../transforms/program/definition.js'
import type { StepKind } from '../step.js'
import { readInputs } from './column-inputs.js'

export const transformKind: StepKind<TransformStep> = {
  type: 'transform',
  keys: ['ops', 'inputs'],
  parse: (reader) => {
    const ops = parseOps(reader.get('ops'), { where: `${reader.where}.ops`, code: 'ERR_PIPELINE_INVALID' })
    const unfitted = ops.findIndex((op) => !isFitted(op))
    if (unfitted >= 0) {
      const wayOut = '`penstock transform fit --ops ops.json --table rows.csv` prints them fitted'
      throw reader.error(`ops[${unfitted}]`, 'fitted', ops[unfitted]?.op, wayOut)
    }
    return { type: 'transform', ops, ...(reader.has('inputs') ? { inputs: readInputs(reader) } : {}) }
  },
  flow: (_, __, outputCount) => outputCount,
  plan: (step, where, draft) => draft.transform(where, step),
  describe: ({ ops }) => `transform ${ops.map(({ op }) => op).join(', ')}`,
}
