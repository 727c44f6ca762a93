/**
 * Where the time of one request went: flat on the wire and across the addon (numbers, and the models they belong to), a
 * small object for callers. docs/reference/http.md says what each phase is.
 */
import { PenstockError } from '../base/errors.js'

/** Microseconds that the request spent at one model of one step. */
export interface StepTiming {
  /** 0-based, among the steps that run models. */
  readonly step: number
  /** Name and version: `ccfraud@2`. */
  readonly model: string
  readonly queueUs: number
  readonly assembleUs: number
  readonly runUs: number
  readonly scatterUs: number
}

export interface InferTiming {
  /** From admission until the answer was written. */
  readonly totalUs: number
  /** The end of that, from the end of the last step. */
  readonly sendUs: number
  /** In order of the steps; several of one step ran side by side. */
  readonly steps: readonly StepTiming[]
}

/** Values before the steps, and of each step. */
const HEAD_LENGTH = 2
const STEP_LENGTH = 5

/**
 * @param values total, send, then step, queue, assemble, run, scatter of each model.
 * @throws PenstockError ERR_FRAME when they are not that many.
 */
export function timingOf(values: ArrayLike<number>, models: readonly string[]): InferTiming {
  const expected = HEAD_LENGTH + STEP_LENGTH * models.length
  if (values.length !== expected) {
    throw new PenstockError(
      'ERR_FRAME',
      `Expected Results.timing to have ${expected} values, ${STEP_LENGTH} for each of timing_models, but received ${values.length}`,
    )
  }
  const at = (index: number): number => values[index] ?? 0
  const steps = models.map((model, index): StepTiming => {
    const start = HEAD_LENGTH + STEP_LENGTH * index
    return {
      step: at(start),
      model,
      queueUs: at(start + 1),
      assembleUs: at(start + 2),
      runUs: at(start + 3),
      scatterUs: at(start + 4),
    }
  })
  return { totalUs: at(0), sendUs: at(1), steps }
}

/** The reverse of timingOf. */
export function timingValues({ totalUs, sendUs, steps }: InferTiming): { values: number[]; models: string[] } {
  const values = [totalUs, sendUs]
  for (const { step, queueUs, assembleUs, runUs, scatterUs } of steps)
    values.push(step, queueUs, assembleUs, runUs, scatterUs)
  return { values, models: steps.map(({ model }) => model) }
}
