/**
 * The example of a contract through its pipeline, before a deploy: what binds may still not run (an operator that fails, an
 * answer that is none of the contract's dtypes), and who finds out must be the one who deploys, not the first caller.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../base/clock.js'
import { PenstockError, toPenstockError } from '../../base/errors.js'
import { EXAMPLE_LIMIT_MS } from '../../base/limits/contract-limits.js'
import type { Deployment } from '../deploy/deployment.js'
import { predictExample, type RunRequest } from './predict.js'
import type { RowsReader } from './rows-reader.js'

/**
 * Answers the example, within EXAMPLE_LIMIT_MS. A server that is full for now is asked again until then.
 * @throws PenstockError ERR_PIPELINE_INVALID saying what went wrong; what is no fault of the pipeline as it is.
 */
export async function answerExample(
  deployment: Deployment,
  reader: RowsReader,
  clock: Clock,
  run: RunRequest,
): Promise<void> {
  const nowMs = (): number => clock.monotonicUs() / 1000
  const endMs = nowMs() + EXAMPLE_LIMIT_MS
  for (;;) {
    const deadlineMs = Math.max(1, Math.ceil(endMs - nowMs()))
    try {
      return await predictExample(deployment, reader, { deadlineMs }, run)
    } catch (thrown) {
      const error = toPenstockError(thrown)
      const retryAfterMs = error.retryAfterMs ?? 100
      if (!error.retryable || nowMs() + retryAfterMs > endMs) throw refusal(deployment, error)
      await sleep(retryAfterMs, undefined, { ref: false })
    }
  }
}

const notOfThePipeline: ReadonlySet<string> = new Set(['ERR_CLOSED', 'ERR_ABORTED', 'ERR_DRAINING', 'ERR_INTERNAL'])

function refusal({ contract, pipeline }: Deployment, error: PenstockError): PenstockError {
  if (error.retryable || notOfThePipeline.has(error.code)) return error
  const subject = `the example of ${contract?.reference ?? 'the contract'}`
  const text =
    error.code === 'ERR_DEADLINE_EXCEEDED'
      ? `Expected ${subject} to be answered by ${pipeline} within ${EXAMPLE_LIMIT_MS / 1000} s but it was not`
      : `Expected ${subject} to be answered by ${pipeline} but it was refused (${error.code}): ${error.message}`
  return new PenstockError('ERR_PIPELINE_INVALID', text, { cause: error })
}
