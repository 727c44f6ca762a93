/**
 * One loaded model of one worker: what runs it, and what its fields are called and made of.
 *
 * A model has one session, or two. In the throughput session batches run side by side with few threads each; a batch
 * that has the runtime to itself may run on all cores in the latency session, because a session's threads are fixed at
 * its birth.
 *
 * Names and dtypes are read once at load, so that the batch loop indexes arrays and asks the session nothing.
 */
import { isDeepStrictEqual } from 'node:util'
import type { ExecutionProvider } from '../../base/providers.js'
import { allocateData } from '../../tensor/dtype.js'
import type { NumericDtype } from '../../tensor/tensor.js'
import type { LoadableModel, SharedSessionIds } from '../worker-messages.js'
import { NativeRunner, type ModelRunner, type RunningWorker } from './model-runner.js'
import type { RunnerFields } from './runner-fields.js'
import type { SessionSettings } from './session-options.js'

export interface ModelSession extends RunnerFields {
  readonly label: string
  readonly isNonBatching: boolean
  /** What runs it: the first of its providers that could be used. */
  readonly provider: ExecutionProvider
  readonly settings: SessionSettings
  readonly runner: ModelRunner
  readonly latencySettings: SessionSettings | null
  /** For batches that have the runtime to themselves; may be `runner`. */
  readonly latencyRunner: ModelRunner
  readonly runInputBytesMax: number
  readonly hasRowChecks: boolean
  readonly isGraphProven: boolean
}

/**
 * Opens what runs the model. The first run of a shape pays for ONNX Runtime's memory plan (`warmUp`).
 * @param previous the same model with other settings: sessions whose settings stay are taken over, the rest released.
 * @throws ProviderRefused when the last provider cannot be used, what ORT says when it refuses the model; `previous` is
 * then as it was.
 */
export async function openModelSession(
  model: LoadableModel,
  worker: RunningWorker,
  previous?: ModelSession,
): Promise<ModelSession> {
  const { settings, latencySettings } = model
  const runners =
    model.shared === null ? await openOwn(model, previous) : adoptShared(model.shared, worker, latencySettings !== null)
  const { runner, latencyRunner, provider } = runners
  for (const old of previous === undefined ? [] : runnersOf(previous)) {
    if (old !== runner && old !== latencyRunner) await old.release()
  }
  return {
    label: model.label,
    isNonBatching: model.isNonBatching,
    provider,
    settings,
    runner,
    latencySettings,
    latencyRunner,
    runInputBytesMax: model.runInputBytesMax ?? Infinity,
    hasRowChecks: model.hasRowChecks,
    isGraphProven: model.isGraphProven,
    ...runner.fields,
  }
}

type Runners = Pick<ModelSession, 'runner' | 'latencyRunner' | 'provider'>

/** Sessions that the pool holds for all its workers. */
function adoptShared(shared: SharedSessionIds, worker: RunningWorker, hasLatency: boolean): Runners {
  const { provider, sessionIds, latencySessionId } = shared
  const runner = new NativeRunner(sessionIds[worker.index % sessionIds.length] as number, worker)
  const latencyRunner = hasLatency && latencySessionId !== null ? new NativeRunner(latencySessionId, worker) : runner
  return { provider, runner, latencyRunner }
}

/** Sessions of this worker alone, by onnxruntime-node. */
async function openOwn(model: LoadableModel, previous?: ModelSession): Promise<Runners> {
  const { NodeRunner, openSession } = await import('./node-runner.js')
  const { settings, latencySettings } = model
  const kept = keptRunner(previous?.settings, settings, previous?.runner)
  let runner = kept
  let provider = previous?.provider
  if (runner === undefined || provider === undefined) {
    const opened = await openSession(model, settings)
    runner = new NodeRunner(opened.session)
    provider = opened.provider
  }
  const latencyRunner =
    latencySettings === null
      ? runner
      : (keptRunner(previous?.latencySettings, latencySettings, previous?.latencyRunner) ??
        new NodeRunner((await openSession(model, latencySettings)).session))
  return { provider, runner, latencyRunner }
}

/** Runs zeros of the shapes that are about to come, in both sessions. A run that refuses them is nobody's failure. */
export async function warmUp({ warmUpRuns, shared }: LoadableModel, model: ModelSession): Promise<void> {
  // Shared ones were warm before any worker saw them.
  if (shared !== null) return
  const { inputNames, inputDtypes } = model
  for (const run of warmUpRuns) {
    const inputs = run.map((dims, index) => {
      const dtype = inputDtypes[index] as NumericDtype
      const elements = dims.reduce((product, dim) => product * dim, 1)
      return { name: inputNames[index] as string, dtype, shape: dims, data: allocateData(dtype, elements) }
    })
    for (const runner of runnersOf(model)) await runner.run(inputs).catch(() => undefined)
  }
}

export async function releaseModelSession(model: ModelSession): Promise<void> {
  for (const runner of runnersOf(model)) await runner.release()
}

function runnersOf(model: ModelSession): Set<ModelRunner> {
  return new Set([model.runner, model.latencyRunner])
}

/** The runner of before, when it was made with these settings. */
function keptRunner(
  before: SessionSettings | null | undefined,
  now: SessionSettings,
  runner: ModelRunner | undefined,
): ModelRunner | undefined {
  return before != null && isDeepStrictEqual(before, now) ? runner : undefined
}
