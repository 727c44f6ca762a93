/**
 * Where the time of one request went: flat on the wire and across the addon (numbers, and the models they belong to), a
 * small object for callers. docs/reference/http.md says what each phase is.
 */
import { TimingHeadSlot, TimingStepSlot } from '../base/generated/boundary.js'
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

/** Microseconds that the request spent in one column stage. */
export interface StageTiming {
  /** Its place in the definition: `steps[0]`. */
  readonly step: string
  /** `lookup`. */
  readonly type: string
  readonly runUs: number
}

export interface InferTiming {
  /** From admission until the answer was written. */
  readonly totalUs: number
  /** The end of that, from the end of the last step. */
  readonly sendUs: number
  /** In order of the steps; several of one step ran side by side. */
  readonly steps: readonly StepTiming[]
  /** In order; absent: the pipeline has none. */
  readonly stages?: readonly StageTiming[]
}

/**
 * @param values TimingHeadSlot, then TimingStepSlot of each model.
 * @throws PenstockError ERR_FRAME when they are not that many.
 */
export function timingOf(values: ArrayLike<number>, models: readonly string[]): InferTiming {
  const expected = TimingHeadSlot.length + TimingStepSlot.length * models.length
  if (values.length !== expected) {
    throw new PenstockError(
      'ERR_FRAME',
      `Expected Results.timing to have ${expected} values, ${TimingStepSlot.length} for each of timing_models, but received ${values.length}`,
    )
  }
  const at = (index: number): number => values[index] ?? 0
  const steps = models.map((model, index): StepTiming => {
    const start = TimingHeadSlot.length + TimingStepSlot.length * index
    return {
      step: at(start + TimingStepSlot.step),
      model,
      queueUs: at(start + TimingStepSlot.queue),
      assembleUs: at(start + TimingStepSlot.assemble),
      runUs: at(start + TimingStepSlot.run),
      scatterUs: at(start + TimingStepSlot.scatter),
    }
  })
  return { totalUs: at(TimingHeadSlot.total), sendUs: at(TimingHeadSlot.send), steps }
}

/** The reverse of timingOf. */
export function timingValues({ totalUs, sendUs, steps }: InferTiming): { values: number[]; models: string[] } {
  const values = [totalUs, sendUs]
  for (const { step, queueUs, assembleUs, runUs, scatterUs } of steps)
    values.push(step, queueUs, assembleUs, runUs, scatterUs)
  return { values, models: steps.map(({ model }) => model) }
}
