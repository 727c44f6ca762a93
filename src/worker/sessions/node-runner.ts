/**
 * Sessions of onnxruntime-node: where the addon cannot call the library itself, or is not to; and for calibration,
 * preparation and inspection, which run what nobody serves yet.
 */
import { InferenceSession, type Tensor as OrtTensor } from 'onnxruntime-node'
import type { ExecutionProvider } from '../../base/providers.js'
import { dtypeOfOrt } from '../../tensor/dtype.js'
import type { Dtype } from '../../tensor/tensor.js'
import type { JobTensor, ModelSource } from '../worker-messages.js'
import { cudaRefused, expectCudaLibrary, isCudaRefusal, ProviderRefused } from './cuda.js'
import { dataOf, makeTensor } from './ort-tensor.js'
import { servedDtype, type RunnerFields } from './runner-fields.js'
import { runtimeReason } from './runtime-reason.js'
import { sessionOptions, type SessionForm, type SessionSettings } from './session-options.js'

export class NodeRunner {
  readonly way = 'onnxruntime-node'
  readonly session: InferenceSession
  readonly fields: RunnerFields

  /** @throws Error when a field is of no served dtype. */
  constructor(session: InferenceSession) {
    this.session = session
    this.fields = {
      inputNames: session.inputNames,
      inputDtypes: dtypesOf(session.inputMetadata),
      outputNames: session.outputNames,
      outputDtypes: dtypesOf(session.outputMetadata),
    }
  }

  /** Outputs in the model's order; the caller owns them. @throws Error with ONNX Runtime's reason. */
  async run(inputs: readonly JobTensor[]): Promise<JobTensor[]> {
    const feeds: Record<string, OrtTensor> = {}
    for (const input of inputs) feeds[input.name] = makeTensor(input.dtype, input.data, input.shape)
    const results = await this.session.run(feeds)
    return this.fields.outputNames.map((name, index) => {
      const result = results[name] as OrtTensor
      return { name, dtype: this.fields.outputDtypes[index] as Dtype, shape: [...result.dims], data: dataOf(result) }
    })
  }

  release(): Promise<void> {
    return this.session.release()
  }
}

/**
 * Opens a session of the model for a worker, or for calibration, which must measure what a worker will have.
 * @throws ProviderRefused when the last provider cannot be used, what ORT says when it refuses the model.
 */
export async function openSession(
  model: ModelSource,
  settings: SessionSettings,
): Promise<{ session: InferenceSession; provider: ExecutionProvider }> {
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

function dtypesOf(fields: readonly InferenceSession.ValueMetadata[]): Dtype[] {
  return fields.map((field) => servedDtype(field.name, field.isTensor ? dtypeOfOrt(field.type) : undefined))
}

function failWithoutSource(model: ModelSource): never {
  throw new Error(`Expected ${model.label} to come with a path or with its bytes`)
}
