/**
 * The first runs of an uploaded model: 1, 2 and 3 rows of seeded random data. They show what shapes its outputs really
 * have, and what sizes of free dims it accepts; whether its rows touch each other is row-trial's to find out.
 *
 * Free inner dims get one size for every dim of the same symbol; 8 first, then sizes that image and 1-d models accept.
 */
import type { InferenceSession } from 'onnxruntime-node'
import { TRIAL_ELEMENTS_MAX, TRIAL_SLOW_MS } from '../../base/limits/limits.js'
import { seededRandom } from '../../base/random.js'
import type { DeclaredField } from './declared-fields.js'
import { runtimeReason } from '../sessions/runtime-reason.js'
import type { Answer } from './row-trial/compare.js'
import { drawRows, type TrialInput, type TrialRow } from './row-trial/draw.js'
import { answersOf, feedsOf } from './row-trial/run-rows.js'
import { sampleData } from '../sessions/sample-inputs.js'

export type ObservedOutput = Answer

export interface Trial {
  /** Outputs of the runs that succeeded: of 1 row first, then 2 and 3 where the first dim is free. [] when none did. */
  readonly runs: readonly (readonly ObservedOutput[])[]
  /** Why ONNX Runtime refused, or ''. */
  readonly refusal: string
  /** Milliseconds that one row took, where that is too long to try more; 0: it is not. */
  readonly slowMs: number
  /** How the outputs' shapes do not follow the rows, or ''. */
  readonly shapeFault: string
  /** What the model ran; [] when it ran nothing. */
  readonly inputs: readonly TrialInput[]
  /** The rows of the runs, in order. */
  readonly rows: readonly TrialRow[]
}

const TRIAL_ROWS = 3
const innerSizes = [8, 1, 32, 224]

/** Runs the trial; never throws for what the model does. */
export async function runTrial(
  session: InferenceSession,
  fields: readonly DeclaredField[],
  nowMs: () => number,
): Promise<Trial> {
  let refusal = 'no trial data of a reasonable size exists'
  for (const innerSize of hasFreeInnerDim(fields) ? innerSizes : [1]) {
    const inputs = trialInputs(fields, innerSize)
    if (inputs === null) continue
    try {
      return await runRows(session, inputs, fields.every(isFree) ? TRIAL_ROWS : 1, nowMs)
    } catch (error) {
      refusal = runtimeReason(error)
    }
  }
  return { runs: [], refusal, slowMs: 0, shapeFault: '', inputs: [], rows: [] }
}

async function runRows(
  session: InferenceSession,
  inputs: readonly TrialInput[],
  rowsMax: number,
  nowMs: () => number,
): Promise<Trial> {
  const rows = drawRows(inputs, rowsMax, 'plain', seededRandom(20_240_817))
  const runs: (readonly ObservedOutput[])[] = []
  let slowMs = 0
  for (let count = 1; count <= rowsMax && slowMs === 0; count++) {
    const startMs = nowMs()
    runs.push(answersOf(session, await session.run(feedsOf(inputs, rows.slice(0, count)))))
    const tookMs = nowMs() - startMs
    if (tookMs > TRIAL_SLOW_MS) slowMs = tookMs / count
  }
  const shapeFault = rowsMax === 1 ? '' : shapeFaultOf(session, runs)
  return { runs, refusal: '', slowMs, shapeFault, inputs, rows: rows.slice(0, runs.length) }
}

function shapeFaultOf(session: InferenceSession, runs: Trial['runs']): string {
  for (const [index, outputs] of runs.entries()) {
    const rowCount = index + 1
    for (const [position, { dims, data }] of outputs.entries()) {
      const name = session.outputNames[position] as string
      if (dims[0] !== rowCount)
        return `Output ${name} has shape [${dims.join(', ')}] for ${rowCount} input row${rowCount === 1 ? '' : 's'}, so its rows are not the input's`
      if (data.length !== (runs[0]?.[position] as ObservedOutput).data.length * rowCount)
        return `Output ${name} changes its shape with the rows that share a batch`
    }
  }
  return ''
}

function isFree({ dims }: DeclaredField): boolean {
  return typeof dims[0] === 'string'
}

function hasFreeInnerDim(fields: readonly DeclaredField[]): boolean {
  return fields.some(({ dims }) => dims.some((dim, axis) => axis > 0 && typeof dim === 'string'))
}

/** A free first dim is one row; null when a row would be too large. */
function trialInputs(fields: readonly DeclaredField[], innerSize: number): TrialInput[] | null {
  const inputs: TrialInput[] = []
  for (const field of fields) {
    const columns = field.hint?.columnsMin ?? 0
    const dims = field.dims.map((dim, axis) => {
      if (typeof dim === 'number' || axis === 0) return typeof dim === 'number' ? dim : 1
      return columns > 0 && axis === field.dims.length - 1 ? columns : innerSize
    })
    const elements = dims.reduce((product, dim) => product * dim, 1)
    if (elements > TRIAL_ELEMENTS_MAX) return null
    const sample: TrialInput['sample'] = (random) => sampleData(field.dtype, elements, random, field.hint, dims.at(-1))
    inputs.push({ name: field.name, dtype: field.dtype, dims, sample, families: ['plain'] })
  }
  return inputs
}
