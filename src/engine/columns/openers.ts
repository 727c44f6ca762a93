/**
 * Stages of the kinds of steps that have them, opened with a deployment: tables, workers, sockets. A room of its own does what
 * a kind does; here it is found by its name.
 */
import {
  stageError,
  type ColumnStage,
  type OpenStage,
  type PlanChain,
  type StageContext,
} from '../../pipeline/columns/stage.js'
import type { Step } from '../../pipeline/definition.js'
import { openScripts } from '../../script/stage.js'
import type { EngineOptions } from '../api/options.js'

export type StageOpeners = Readonly<Partial<Record<Step['type'], OpenStage>>>

/** The kinds of stages, with what the pipelines of an engine share of each; closed with the engine. */
export interface StageKinds {
  readonly openers: StageOpeners
  close(): Promise<void>
}

/** The one list of them: a line for each kind of step that is a stage. */
export function openStageKinds({ allowScripts = false }: EngineOptions): StageKinds {
  return { openers: { script: openScripts(allowScripts) }, close: () => Promise.resolve() }
}

/**
 * Opens the stages of a chain, in their order; on an error none stays open.
 * @throws PenstockError of the first that cannot be opened, with its place.
 */
export async function openStages(
  chain: PlanChain | null,
  context: StageContext,
  openers: StageOpeners,
): Promise<ColumnStage[]> {
  const opened: ColumnStage[] = []
  for (const segment of chain?.segments ?? []) {
    if (segment.kind === 'transform') continue
    try {
      const open = openers[segment.type]
      if (open === undefined) throw new Error(`assertion: a ${segment.type} step has an opener`)
      opened.push(await open(segment, context))
    } catch (cause) {
      await closeStages(opened)
      throw stageError(cause, segment, context.pipeline)
    }
  }
  return opened
}

export async function closeStages(stages: readonly ColumnStage[]): Promise<void> {
  for (const stage of stages) await stage.close()
}
