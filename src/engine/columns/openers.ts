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
import { systemClock } from '../../base/clock.js'
import { LOOKUP_BYTES } from '../../base/limits/limits.js'
import { systemRandom } from '../../base/random.js'
import { LookupTables } from '../../lookup/lookup-tables.js'
import type { PipelineDefinition, Step, TokeniseStep } from '../../pipeline/definition.js'
import { RemoteHosts } from '../../remote/hosts.js'
import { Remotes, type RemoteStatus } from '../../remote/remotes.js'
import { openScripts } from '../../script/stage.js'
import type { TokenizerStore } from '../api/api.js'
import type { EngineOptions } from '../api/options.js'
import { TokenizerThreads } from '../tokenizers.js'

export type StageOpeners = Readonly<Partial<Record<Step['type'], OpenStage>>>

/** The kinds of stages, with what the pipelines of an engine share of each; closed with the engine. */
export interface StageKinds {
  readonly stageOpeners: StageOpeners
  readonly lookups: LookupTables
  /** Steps that wait for what others say of themselves, completed before a plan is made of them. */
  prepare(definition: PipelineDefinition): Promise<PipelineDefinition>
  /** The remote steps that are deployed. @param pipeline absent: those of all. */
  remotes(pipeline?: string): readonly (RemoteStatus & { readonly pipeline: string })[]
  close(): Promise<void>
}

/** Where stages find what they are made of, besides the options. */
export interface StageSources {
  readonly tokenizers: TokenizerStore
}

/** The one list of them: a line for each kind of step that is a stage. */
export function openStageKinds(options: EngineOptions, { tokenizers }: StageSources): StageKinds {
  const { tables = null, tableBytesMax, allowScripts = false, onNotice } = options
  const { clock = systemClock, random = systemRandom, remoteHosts = [] } = options
  const lookups = new LookupTables({
    store: tables,
    bytesMax: tableBytesMax ?? LOOKUP_BYTES,
    onNotice: (notice) => onNotice?.(notice),
  })
  const threads = new TokenizerThreads(tokenizers)
  const remotes = new Remotes({ hosts: new RemoteHosts(remoteHosts), environment: process.env, clock, random })
  return {
    stageOpeners: {
      lookup: lookups.open,
      tokenise: (segment) => threads.open(segment.step as TokeniseStep),
      script: openScripts(allowScripts),
      remote: (segment, context) => Promise.resolve(remotes.open(segment, context)),
    },
    lookups,
    prepare: (definition) => remotes.prepare(definition),
    remotes: (pipeline) => remotes.list(pipeline),
    close: async () => {
      lookups.close()
      await threads.close()
    },
  }
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
