/**
 * An ONNX file as the reader shows it: the graph's structure as plain objects, weights and attributes as views that are
 * decoded when somebody asks for them. What nobody needs (doc strings, quantisation notes) is left out.
 *
 * Whatever lazy part is asked for throws ERR_MODEL_INVALID when its bytes are malformed; the eager ones are checked.
 *
 * @source https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import type { Dtype, TensorData } from '../tensor/tensor.js'

export interface OnnxModel {
  readonly irVersion: number
  /** Version of each operator set, by domain; '' is ONNX's own (a file may write it as ai.onnx). */
  readonly opsets: ReadonlyMap<string, number>
  /** The tool that wrote the file, such as pytorch; '' when it does not say. */
  readonly producerName: string
  readonly producerVersion: string
  /** Entries of up to ONNX_TEXT_BYTES_MAX bytes. */
  readonly metadata: ReadonlyMap<string, string>
  readonly graph: OnnxGraph
  readonly functions: readonly OnnxFunction[]
  /** Graphs that only a trainer runs. */
  readonly trainingGraphs: readonly OnnxGraph[]
}

export interface OnnxGraph {
  readonly name: string
  readonly nodes: readonly OnnxNode[]
  readonly inputs: readonly OnnxValueInfo[]
  readonly outputs: readonly OnnxValueInfo[]
  /** Types of values inside the graph, as far as the file says. */
  readonly valueInfos: readonly OnnxValueInfo[]
  readonly initializers: readonly OnnxTensorInfo[]
  /** Each is named by its `values`. */
  readonly sparseInitializers: readonly OnnxSparseTensor[]
}

export interface OnnxFunction {
  readonly name: string
  readonly domain: string
  readonly overload: string
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Attributes without a default. */
  readonly attributeNames: readonly string[]
  /** Attributes with one. */
  readonly attributeDefaults: readonly OnnxAttribute[]
  readonly nodes: readonly OnnxNode[]
  readonly opsets: ReadonlyMap<string, number>
}

export interface OnnxNode {
  readonly name: string
  readonly opType: string
  /** '' for ONNX's own, also where the file writes ai.onnx. */
  readonly domain: string
  readonly overload: string
  /** '' where an optional one is left out. */
  readonly inputs: readonly string[]
  readonly outputs: readonly string[]
  /** Read from the file when first asked for. */
  readonly attributes: ReadonlyMap<string, OnnxAttribute>
}

export type OnnxAttributeType =
  | 'undefined'
  | 'float'
  | 'int'
  | 'string'
  | 'tensor'
  | 'graph'
  | 'floats'
  | 'ints'
  | 'strings'
  | 'tensors'
  | 'graphs'
  | 'sparseTensor'
  | 'sparseTensors'
  | 'type'
  | 'types'

/** Every getter but those of graphs decodes anew: keep what you use twice. Those of another type give 0, '' or nothing. */
export interface OnnxAttribute {
  readonly name: string
  readonly type: OnnxAttributeType
  /** In a function's body: the function's attribute that gives the value; else ''. */
  readonly reference: string
  readonly i: bigint
  readonly f: number
  /** As UTF-8; up to ONNX_TEXT_BYTES_MAX bytes. */
  readonly s: string
  readonly ints: BigInt64Array
  readonly floats: Float32Array
  readonly strings: readonly string[]
  readonly tensor: OnnxTensorInfo | undefined
  readonly tensors: readonly OnnxTensorInfo[]
  readonly sparseTensors: readonly OnnxSparseTensor[]
  readonly graph: OnnxGraph | undefined
  readonly graphs: readonly OnnxGraph[]
}

export interface OnnxTensorInfo {
  readonly name: string
  /** undefined: one that Penstock does not carry, such as complex64 or int4; see `elementType`. */
  readonly dtype: Dtype | undefined
  /** ONNX TensorProto.DataType. */
  readonly elementType: number
  readonly dims: readonly number[]
  /** Whether the data lies in another file, which `externalData` names. */
  readonly isExternal: boolean
  /** location, offset, length, checksum as the file writes them. */
  readonly externalData: ReadonlyMap<string, string>
  /**
   * The data; a copy.
   * @throws PenstockError ERR_MODEL_INVALID when it is external, of a dtype without a carrier, or not as long as `dims` say.
   */
  read(): TensorData
}

export interface OnnxSparseTensor {
  readonly values: OnnxTensorInfo
  readonly indices: OnnxTensorInfo
  readonly dims: readonly number[]
}

export interface OnnxValueInfo {
  readonly name: string
  /** undefined where the file does not say. */
  readonly type: OnnxType | undefined
}

export type OnnxType =
  | {
      readonly kind: 'tensor' | 'sparse'
      /** undefined: one that Penstock does not carry; see `elementType`. */
      readonly dtype: Dtype | undefined
      /** ONNX TensorProto.DataType; 0 where the file does not say. */
      readonly elementType: number
      /** Sizes, names of free dims, null for free dims without a name; null where the file gives no shape at all. */
      readonly dims: readonly (number | string | null)[] | null
      readonly denotation: string
    }
  | { readonly kind: 'sequence' | 'optional'; readonly element: OnnxType | undefined; readonly denotation: string }
  | {
      readonly kind: 'map'
      readonly key: Dtype | undefined
      readonly value: OnnxType | undefined
      readonly denotation: string
    }
  | { readonly kind: 'opaque'; readonly denotation: string }
