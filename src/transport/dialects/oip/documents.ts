/**
 * What the server says of itself and of its models: server metadata, model metadata, model config. HTTP prints these
 * objects as they are, gRPC encodes the same ones.
 *
 * perf_analyzer takes shapes from the metadata and drops their first dim when the config's max_batch_size is above 0;
 * every name of the config must stand in the metadata.
 */
import type { PipelineDescription } from '../../../engine/api/api.js'
import type { ServedModel, V2Models } from './models.js'
import { signatureOf, type V2Field } from './signature.js'

export interface ServerMetadata {
  readonly name: string
  readonly version: string
  readonly extensions: readonly string[]
}

export interface TensorMetadata {
  readonly name: string
  readonly datatype: string
  readonly shape: readonly number[]
}

export interface ModelMetadata {
  readonly name: string
  readonly versions: readonly string[]
  readonly platform: string
  readonly inputs: readonly TensorMetadata[]
  readonly outputs: readonly TensorMetadata[]
}

export interface ConfigTensor {
  readonly name: string
  /** TYPE_FP32, TYPE_STRING … */
  readonly data_type: string
  /** Without the row axis. */
  readonly dims: readonly number[]
}

export interface ModelConfig {
  readonly name: string
  readonly platform: string
  readonly backend: string
  readonly max_batch_size: number
  readonly input: readonly ConfigTensor[]
  readonly output: readonly ConfigTensor[]
  /** There when requests share batches. */
  readonly dynamic_batching?: Readonly<Record<string, never>>
}

const platforms = { model: 'onnxruntime_onnx', pipeline: 'penstock_pipeline' } as const
const backends = { model: 'onnxruntime', pipeline: 'penstock' } as const

/** @param isMeasuring without measurements there are no statistics, and clients that see the word rely on them. */
export function serverMetadata(
  product: { readonly name: string; readonly version: string },
  isMeasuring: boolean,
  hasSharedMemory: boolean,
): ServerMetadata {
  const extensions = [
    'classification',
    'model_repository',
    'schedule_policy',
    'model_configuration',
    ...(hasSharedMemory ? ['system_shared_memory'] : []),
    'binary_tensor_data',
    'parameters',
    ...(isMeasuring ? ['statistics'] : []),
  ]
  return { name: product.name, version: product.version, extensions }
}

export function modelMetadata(served: ServedModel, description: PipelineDescription, models: V2Models): ModelMetadata {
  const { inputs, outputs } = signatureOf(description)
  return {
    name: served.name,
    versions: models.versionsOf(served),
    platform: platforms[served.kind],
    inputs: inputs.map(tensorMetadata),
    outputs: outputs.map(tensorMetadata),
  }
}

export function modelConfig(served: ServedModel, description: PipelineDescription): ModelConfig {
  const { inputs, outputs, rowsMax } = signatureOf(description)
  const tensor = (field: V2Field): ConfigTensor => configTensor(field, rowsMax > 0)
  return {
    name: served.name,
    platform: platforms[served.kind],
    backend: backends[served.kind],
    max_batch_size: rowsMax,
    input: inputs.map(tensor),
    output: outputs.map(tensor),
    ...(rowsMax > 0 ? { dynamic_batching: {} } : {}),
  }
}

function tensorMetadata({ name, datatype, shape }: V2Field): TensorMetadata {
  return { name, datatype, shape }
}

function configTensor({ name, datatype, shape }: V2Field, hasRows: boolean): ConfigTensor {
  return {
    name,
    data_type: datatype === 'BYTES' ? 'TYPE_STRING' : `TYPE_${datatype}`,
    dims: hasRows ? shape.slice(1) : shape,
  }
}
