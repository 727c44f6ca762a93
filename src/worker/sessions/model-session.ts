/**
 * One loaded model of one worker: its ONNX Runtime sessions and what its fields are called and made of.
 *
 * A model has one session, or two. In the throughput session batches run side by side with few threads each; a batch
 * that has the runtime to itself may run on all cores in the latency session, because a session's threads are fixed at
 * its birth.
 *
 * Names and dtypes are read once at load, so that the batch loop indexes arrays and asks the session nothing.
 */
import { isDeepStrictEqual } from 'node:util'
import { InferenceSession, type Tensor as OrtTensor } from 'onnxruntime-node'
import type { ExecutionProvider } from '../../base/providers.js'
import { allocateData, dtypeOfOrt } from '../../tensor/dtype.js'
import type { Dtype, NumericDtype } from '../../tensor/tensor.js'
import { cudaRefused, expectCudaLibrary, isCudaRefusal, ProviderRefused } from './cuda.js'
import { dataOf, makeTensor, runtimeReason } from './ort-tensor.js'
import { TreeSession } from './tree-session.js'
import type { RunnableSession } from './runnable-session.js'
import { sessionOptions, type SessionForm, type SessionSettings } from './session-options.js'
import type { LoadableModel, ModelSource, JobTensor } from '../worker-messages.js'

export interface ModelSession {
  readonly label: string
  readonly isNonBatching: boolean
  /** What runs it: the first of its providers that could be used. */
  readonly provider: ExecutionProvider
  readonly settings: SessionSettings
  readonly session: RunnableSession
  readonly latencySettings: SessionSettings | null
  /** For batches that have the runtime to themselves; may be `session`. */
  readonly latencySession: RunnableSession
  readonly runInputBytesMax: number
  readonly hasRowChecks: boolean
  readonly isGraphProven: boolean
  readonly inputNames: readonly string[]
  readonly inputDtypes: readonly Dtype[]
  readonly outputNames: readonly string[]
  readonly outputDtypes: readonly Dtype[]
}

/**
 * Creates the sessions. The first run of a shape pays for ONNX Runtime's memory plan (`warmUp`).
 * @param previous the same model with other settings: sessions whose settings stay are taken over, the rest released.
 * @throws ProviderRefused when the last provider cannot be used, what ORT says when it refuses the model; `previous` is
 * then as it was.
 */
export async function openModelSession(model: LoadableModel, previous?: ModelSession): Promise<ModelSession> {
  const { settings, latencySettings } = model
  const kept = keptSession(previous?.settings, settings, previous?.session)
  const { session, provider } =
    kept === undefined || previous === undefined
      ? await openSession(model, settings)
      : { session: kept, provider: previous.provider }
  const latencySession =
    latencySettings === null
      ? session
      : (keptSession(previous?.latencySettings, latencySettings, previous?.latencySession) ??
        (await openSession(model, latencySettings)).session)
  for (const old of previous === undefined ? [] : sessionsOf(previous)) {
    if (old !== session && old !== latencySession) await old.release()
  }
  return {
    label: model.label,
    isNonBatching: model.isNonBatching,
    provider,
    settings,
    session,
    latencySettings,
    latencySession,
    runInputBytesMax: model.runInputBytesMax ?? Infinity,
    hasRowChecks: model.hasRowChecks,
    isGraphProven: model.isGraphProven,
    inputNames: session.inputNames,
    inputDtypes: dtypesOf(session.inputMetadata),
    outputNames: session.outputNames,
    outputDtypes: dtypesOf(session.outputMetadata),
  }
}

/** Runs zeros of the shapes that are about to come, in both sessions. A run that refuses them is nobody's failure. */
export async function warmUp({ warmUpRuns }: LoadableModel, model: ModelSession): Promise<void> {
  const { inputNames, inputDtypes } = model
  for (const run of warmUpRuns) {
    const feeds: Record<string, OrtTensor> = {}
    run.forEach((dims, index) => {
      const dtype = inputDtypes[index] as NumericDtype
      const data = allocateData(
        dtype,
        dims.reduce((product, dim) => product * dim, 1),
      )
      feeds[inputNames[index] as string] = makeTensor(dtype, data, dims)
    })
    for (const session of sessionsOf(model)) await session.run(feeds).catch(() => undefined)
  }
}

/**
 * Opens a session of the model, or what stands in its place, for a worker, or for calibration, which must measure what a worker will have.
 * @throws ProviderRefused when the last provider cannot be used, what ORT says when it refuses the model.
 */
export async function openSession(
  model: ModelSource,
  settings: SessionSettings,
): Promise<{ session: RunnableSession; provider: ExecutionProvider }> {
  if (model.trees !== null) return { session: await TreeSession.open(model, model.trees), provider: 'cpu' }
  const { executionProviders } = settings
  for (const [index, provider] of executionProviders.entries()) {
    try {
      const session = await sessionOn(provider, model, { ...settings, executionProviders: [provider] })
      return { session, provider }
    } catch (error) {
      if (!(error instanceof ProviderRefused) || index === executionProviders.length - 1) throw error
    }
  }
  throw new Error(`Expected ${model.label} to name a provider`)
}

export async function releaseModelSession(model: ModelSession): Promise<void> {
  for (const session of sessionsOf(model)) await session.release()
}

/** @param source a path, or the file's bytes, which ONNX Runtime copies. */
export function createSession(
  source: string | Uint8Array,
  settings: SessionSettings,
  form?: SessionForm,
): Promise<InferenceSession> {
  const options = sessionOptions(settings, form)
  return typeof source === 'string'
    ? InferenceSession.create(source, options)
    : InferenceSession.create(source, options)
}

/** Runs tensors that live in JavaScript: the string path. Results come in the model's order; the caller owns them. */
export async function runTensors(model: ModelSession, inputs: readonly JobTensor[]): Promise<JobTensor[]> {
  const feeds: Record<string, OrtTensor> = {}
  for (const input of inputs) feeds[input.name] = makeTensor(input.dtype, input.data, input.shape)
  const results = await model.session.run(feeds)
  return model.outputNames.map((name, index) => {
    const result = results[name] as OrtTensor
    return { name, dtype: model.outputDtypes[index] as Dtype, shape: [...result.dims], data: dataOf(result) }
  })
}

async function sessionOn(
  provider: ExecutionProvider,
  model: ModelSource,
  settings: SessionSettings,
): Promise<InferenceSession> {
  if (provider === 'cpu') return sessionOnCpu(model, settings)
  expectCudaLibrary()
  try {
    return await createSession(model.path ?? model.bytes ?? failWithoutSource(model), settings)
  } catch (error) {
    const reason = runtimeReason(error)
    throw isCudaRefusal(reason) ? cudaRefused(`ONNX Runtime refuses it (${reason})`) : error
  }
}

/** From the prepared files where there are any; a worker that starts again later may find them removed meanwhile. */
async function sessionOnCpu(model: ModelSource, settings: SessionSettings): Promise<InferenceSession> {
  if (model.preparedPath !== null) {
    try {
      return await createSession(model.preparedPath, settings, { isPrepared: true })
    } catch {
      // The blob gives the same answers and its own reason, should it not load either.
    }
  }
  return createSession(model.path ?? model.bytes ?? failWithoutSource(model), settings)
}

function dtypesOf(fields: RunnableSession['inputMetadata']): Dtype[] {
  return fields.map((field) => {
    const dtype = field.isTensor ? dtypeOfOrt(field.type) : undefined
    // The inspection refuses such models at upload; a file changed on disk may still come this far.
    if (dtype === undefined) throw new Error(`Expected ${field.name} to be a tensor of a served dtype`)
    return dtype
  })
}

function sessionsOf(model: ModelSession): Set<RunnableSession> {
  return new Set([model.session, model.latencySession])
}

/** The session of before, when it was made with these settings. */
function keptSession(
  before: SessionSettings | null | undefined,
  now: SessionSettings,
  session: RunnableSession | undefined,
): RunnableSession | undefined {
  return before != null && isDeepStrictEqual(before, now) ? session : undefined
}

function failWithoutSource(model: ModelSource): never {
  throw new Error(`Expected ${model.label} to come with a path or with its bytes`)
}
