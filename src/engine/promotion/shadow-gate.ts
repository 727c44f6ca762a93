/**
 * Judges a version by live rows: it answers what callers send beside the version that serves, until so many rows are compared.
 *
 *     serving ─► candidate in its shadow (background) ── rows compared in the addon ─► enough | time is over | cancelled ─► serving
 *
 * No caller waits for a row of the candidate: its rows run in the background, where a full queue sheds them. What it answers is
 * compared where the two lie beside each other; nothing crosses to JavaScript but counts, which are read a few times a second.
 * Control path.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { addon } from '../../../bindings/native.js'
import { onAbort } from '../../base/abort.js'
import { PenstockError } from '../../base/errors.js'
import { SHADOW_LOOK_MS } from '../../base/limits/model-limits.js'
import { modelReferences } from '../../pipeline/definition.js'
import type { ModelVersion, PromotionProgress } from '../api/api.js'
import type { CancelSignal } from '../api/inference.js'
import type { Control } from '../control.js'
import type { Deployment } from '../deploy/deployment.js'
import type { Deployments, PipelineSlot } from '../deploy/deployments.js'
import { pipelineMetrics } from '../metrics.js'
import { comparedPairs, withShadow } from './shadow-plan.js'

/** Rows that both versions answered, those on which they agree, and those that the candidate failed. */
export interface ShadowRows {
  readonly comparedRows: number
  readonly sameRows: number
  readonly failedRows: number
}

export interface ShadowGateOptions {
  readonly alias: string
  readonly candidate: ModelVersion
  readonly champion: ModelVersion
  readonly rows: number
  readonly limitMs: number
  readonly prediction: string | undefined
  readonly signal: CancelSignal | undefined
  readonly onProgress: (progress: Omit<PromotionProgress, 'model' | 'version' | 'alias' | 'pipeline'>) => void
}

/** @throws PenstockError ERR_ABORTED; ERR_CONFLICT: the pipeline was deployed anew meanwhile; what a deploy throws. */
export async function compareLiveRows(
  slot: PipelineSlot,
  { control, deployments }: { readonly control: Control; readonly deployments: Deployments },
  options: ShadowGateOptions,
): Promise<ShadowRows> {
  const comparison = addon.createComparison()
  const shadow = await control.inTurn(() => beginShadow(slot, deployments, comparison, options))
  const failedBefore = failedRowsOf(slot, options)
  try {
    return await untilCompared(slot, shadow, options, () => {
      const { comparedRows, sameRows } = addon.comparisonCounts(comparison)
      return { comparedRows, sameRows, failedRows: failedRowsOf(slot, options) - failedBefore }
    })
  } finally {
    // Whatever serves by now stays, where it is another. A closed engine serves nothing.
    await control.inTurn(() => deployments.endShadow(slot, shadow)).catch(ignoreClosed)
  }
}

async function beginShadow(
  slot: PipelineSlot,
  deployments: Deployments,
  counts: ReturnType<typeof addon.createComparison>,
  { alias, candidate, champion, prediction }: ShadowGateOptions,
): Promise<Deployment> {
  const serving = slot.current
  if (serving === null)
    throw new PenstockError('ERR_PIPELINE_NOT_DEPLOYED', `Pipeline ${slot.name} is not deployed. Deploy it first`)
  const { definition } = serving.compiled
  const shadowed = withShadow(definition, alias, candidate, (reference) => serving.resolved.get(reference))
  return deployments.beginShadow(slot, {
    definition: shadowed,
    comparison: (compiled, contract) => {
      const tensors = comparedPairs(compiled, champion, candidate, contract, prediction)
      return { counts, tensors: tensors.map((pair) => ({ ...pair })) }
    },
    candidate: new Map(
      modelReferences(shadowed)
        .filter((reference) => reference === `${candidate.name}@${candidate.version}`)
        .map((reference) => [reference, candidate]),
    ),
  })
}

async function untilCompared(
  slot: PipelineSlot,
  shadow: Deployment,
  { rows, limitMs, signal, onProgress }: ShadowGateOptions,
  read: () => ShadowRows,
): Promise<ShadowRows> {
  const stopper = new AbortController()
  const detach = signal === undefined ? undefined : onAbort(signal, () => stopper.abort())
  const endUs = addon.nowUs() + limitMs * 1000
  try {
    for (;;) {
      const seen = read()
      const judgedRows = seen.comparedRows + seen.failedRows
      onProgress({ rowsWanted: rows, rows: judgedRows, sameRows: seen.sameRows })
      if (signal?.aborted === true)
        throw new PenstockError('ERR_ABORTED', 'The promotion was cancelled; the alias stays')
      if (slot.current !== shadow)
        throw new PenstockError(
          'ERR_CONFLICT',
          `Pipeline ${slot.name} was deployed anew, or undeployed, while live rows were compared. Promote again`,
        )
      const leftMs = (endUs - addon.nowUs()) / 1000
      if (judgedRows >= rows || leftMs <= 0) return seen
      await sleep(Math.min(SHADOW_LOOK_MS, leftMs), undefined, { ref: false, signal: stopper.signal }).catch(
        () => undefined,
      )
    }
  } finally {
    detach?.()
  }
}

/** Rows of the candidate that failed in the background of the pipeline, since it was first deployed. */
function failedRowsOf(slot: PipelineSlot, { candidate }: ShadowGateOptions): number {
  const label = (model: string): boolean => model === candidate.name || model.startsWith(`${candidate.name}@`)
  const { background } = pipelineMetrics(slot)
  return background.filter(({ model }) => label(model)).reduce((sum, { failedRows }) => sum + failedRows, 0)
}

function ignoreClosed(error: unknown): void {
  const code = error instanceof PenstockError ? error.code : ''
  if (code !== 'ERR_CLOSED' && code !== 'ERR_DRAINING') throw error
}
