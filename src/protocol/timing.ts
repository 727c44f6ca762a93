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

/** In place of a step's number: it is a column stage, whose text in place of a model is its place and its type. */
const STAGE_STEP = -1

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
  const steps: StepTiming[] = []
  const stages: StageTiming[] = []
  models.forEach((model, index) => {
    const start = TimingHeadSlot.length + TimingStepSlot.length * index
    const step = at(start + TimingStepSlot.step)
    const runUs = at(start + TimingStepSlot.run)
    if (step < 0) {
      const [place = '', type = ''] = model.split(' ')
      stages.push({ step: place, type, runUs })
      return
    }
    steps.push({
      step,
      model,
      queueUs: at(start + TimingStepSlot.queue),
      assembleUs: at(start + TimingStepSlot.assemble),
      runUs,
      scatterUs: at(start + TimingStepSlot.scatter),
    })
  })
  const timing = { totalUs: at(TimingHeadSlot.total), sendUs: at(TimingHeadSlot.send), steps }
  return stages.length === 0 ? timing : { ...timing, stages }
}

/** The reverse of timingOf. */
export function timingValues({ totalUs, sendUs, steps, stages = [] }: InferTiming): {
  values: number[]
  models: string[]
} {
  const values = [totalUs, sendUs]
  for (const { step, queueUs, assembleUs, runUs, scatterUs } of steps)
    values.push(step, queueUs, assembleUs, runUs, scatterUs)
  for (const { runUs } of stages) values.push(STAGE_STEP, 0, 0, runUs, 0)
  const texts = stages.map(({ step, type }) => `${step} ${type}`)
  return { values, models: [...steps.map(({ model }) => model), ...texts] }
}
