/**
 * The remote steps of one engine: opened with deployments, listed for status and metrics while they serve. A pipeline that
 * is deployed anew has two versions of a step for a while; the newest is listed.
 */
import { stageError, type ColumnStage, type StageContext, type StageSegment } from '../pipeline/columns/stage.js'
import type { PipelineDefinition } from '../pipeline/definition.js'
import type { RemoteKindName, RemoteStep } from '../pipeline/remote-step.js'
import type { BreakerState } from './breaker.js'
import { openRemote, prepareRemotes, type RemoteDependencies } from './open.js'
import type { RemoteStage } from './stage.js'

/** A remote step of a deployed pipeline; counts are since it was deployed. */
export interface RemoteStatus {
  /** Its place in the definition: `steps[0]`. */
  readonly step: string
  readonly kind: RemoteKindName
  /** The address that is called, without query. */
  readonly url: string
  readonly breaker: BreakerState
  /** How often the breaker has opened. */
  readonly openedCount: number
  readonly inFlight: number
  readonly waiting: number
  readonly calls: number
  readonly retries: number
  readonly failures: number
}

interface OpenStep {
  readonly pipeline: string
  readonly where: string
  readonly kind: RemoteKindName
  readonly stage: RemoteStage
}

export class Remotes {
  readonly #dependencies: RemoteDependencies
  /** In the order in which they were opened. */
  readonly #open = new Set<OpenStep>()

  constructor(dependencies: RemoteDependencies) {
    this.#dependencies = dependencies
  }

  /** @throws PenstockError as openRemote. */
  open(segment: StageSegment, context: StageContext): ColumnStage {
    const stage = openRemote(segment, context, this.#dependencies)
    const { kind } = segment.step as RemoteStep
    const step = { pipeline: context.pipeline, where: segment.where, kind, stage }
    this.#open.add(step)
    return {
      run: (columns, rows, call) => stage.run(columns, rows, call),
      close: async () => {
        this.#open.delete(step)
        await stage.close()
      },
    }
  }

  /** The definition with what its remotes' metadata say. @throws PenstockError as prepareRemotes, with the step's place. */
  prepare(definition: PipelineDefinition): Promise<PipelineDefinition> {
    return prepareRemotes(definition, this.#dependencies, (error, where) =>
      stageError(error, { where, type: 'remote' }, definition.name),
    )
  }

  /** @param pipeline absent: the steps of all. */
  list(pipeline?: string): (RemoteStatus & { readonly pipeline: string })[] {
    const newest = new Map<string, OpenStep>()
    for (const step of this.#open)
      if (pipeline === undefined || step.pipeline === pipeline) newest.set(`${step.pipeline} ${step.where}`, step)
    return [...newest.values()].map(({ pipeline: name, where, kind, stage }) => ({
      pipeline: name,
      step: where,
      kind,
      url: stage.url,
      ...stage.counts,
    }))
  }
}
