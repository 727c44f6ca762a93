/**
 * One loaded model of one worker: the ONNX Runtime session and what its fields are called and made of.
 *
 * Names and dtypes are read once at load, so that the batch loop indexes arrays and asks the session nothing.
 */
import { InferenceSession, type Tensor as OrtTensor } from 'onnxruntime-node'
import type { ExecutionProvider } from '../base/providers.js'
import { dtypeOfOrt } from '../tensor/dtype.js'
import type { Dtype } from '../tensor/tensor.js'
import { cudaRefused, expectCudaLibrary, isCudaRefusal, ProviderRefused } from './cuda.js'
import { dataOf, makeTensor, runtimeReason } from './ort-tensor.js'
import { sessionOptions, type SessionForm, type SessionSettings } from './session-options.js'
import type { LoadableModel, PlainTensor } from './worker-messages.js'

export interface ModelSession {
  readonly label: string
  readonly isWhole: boolean
  /** What runs it: the first of its providers that could be used. */
  readonly provider: ExecutionProvider
  readonly session: InferenceSession
  readonly inputNames: readonly string[]
  readonly inputDtypes: readonly Dtype[]
  readonly outputNames: readonly string[]
  readonly outputDtypes: readonly Dtype[]
}

/** Creates the session and warms nothing: the first batch pays for ONNX Runtime's memory plan. @throws what ORT says. */
export async function openModelSession(model: LoadableModel): Promise<ModelSession> {
  const { session, provider } = await sessionOnFirstProvider(model)
  return {
    label: model.label,
    isWhole: model.isWhole,
    provider,
    session,
    inputNames: session.inputNames,
    inputDtypes: dtypesOf(session.inputMetadata),
    outputNames: session.outputNames,
    outputDtypes: dtypesOf(session.outputMetadata),
  }
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

/** Runs tensors that live in JavaScript: the plain path. Results come in the model's order; the caller owns them. */
export async function runTensors(model: ModelSession, inputs: readonly PlainTensor[]): Promise<PlainTensor[]> {
  const feeds: Record<string, OrtTensor> = {}
  for (const input of inputs) feeds[input.name] = makeTensor(input.dtype, input.data, input.shape)
  const results = await model.session.run(feeds)
  return model.outputNames.map((name, index) => {
    const result = results[name] as OrtTensor
    return { name, dtype: model.outputDtypes[index] as Dtype, shape: [...result.dims], data: dataOf(result) }
  })
}

/** @throws ProviderRefused when the last provider cannot be used, what ORT says when it refuses the model. */
async function sessionOnFirstProvider(
  model: LoadableModel,
): Promise<{ session: InferenceSession; provider: ExecutionProvider }> {
  const { executionProviders } = model.settings
  for (const [index, provider] of executionProviders.entries()) {
    try {
      return { session: await sessionOn(provider, model), provider }
    } catch (error) {
      if (!(error instanceof ProviderRefused) || index === executionProviders.length - 1) throw error
    }
  }
  throw new Error(`Expected ${model.label} to name a provider`)
}

async function sessionOn(provider: ExecutionProvider, model: LoadableModel): Promise<InferenceSession> {
  const settings = { ...model.settings, executionProviders: [provider] }
  if (provider === 'cpu') return sessionOnCpu({ ...model, settings })
  expectCudaLibrary()
  try {
    return await createSession(model.path ?? model.bytes ?? failWithoutSource(model), settings)
  } catch (error) {
    const reason = runtimeReason(error)
    throw isCudaRefusal(reason) ? cudaRefused(`ONNX Runtime refuses it (${reason})`) : error
  }
}

/** From the prepared files where there are any; a worker that starts again later may find them removed meanwhile. */
async function sessionOnCpu(model: LoadableModel): Promise<InferenceSession> {
  if (model.preparedPath !== null) {
    try {
      return await createSession(model.preparedPath, model.settings, { isPrepared: true })
    } catch {
      // The blob gives the same answers and its own reason, should it not load either.
    }
  }
  return createSession(model.path ?? model.bytes ?? failWithoutSource(model), model.settings)
}

function dtypesOf(fields: readonly InferenceSession.ValueMetadata[]): Dtype[] {
  return fields.map((field) => {
    const dtype = field.isTensor ? dtypeOfOrt(field.type) : undefined
    // The inspection refuses such models at upload; a file changed on disk may still come this far.
    if (dtype === undefined) throw new Error(`Expected ${field.name} to be a tensor of a served dtype`)
    return dtype
  })
}

function failWithoutSource(model: LoadableModel): never {
  throw new Error(`Expected ${model.label} to come with a path or with its bytes`)
}
