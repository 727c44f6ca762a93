/** The `remote` step as pure data: which server answers, by which protocol, from which columns to which. Types only. */
import type { Dtype } from '../tensor/tensor.js'
import type { TransformInput } from './transform-input.js'

/** Protocols by which a remote is asked. */
export const REMOTE_KINDS = ['oip', 'mlflow', 'sagemaker', 'http'] as const
export type RemoteKindName = (typeof REMOTE_KINDS)[number]

/** A text that the definition does not have: the server reads it from its environment when it deploys. */
export interface RemoteSecret {
  /** Name of the environment variable. */
  readonly env: string
  /** What stands before its value, e.g. `Bearer `. */
  readonly prefix?: string | undefined
}

/** A column that the remote's answer has. */
export interface RemoteOutput {
  readonly name: string
  readonly dtype: Dtype
  /** Dims of a row; absent: one value. */
  readonly shape?: readonly number[] | undefined
  /** Whether null and NaN are answers; absent: they fail the request. */
  readonly nullable?: boolean | undefined
  /** What the remote calls it; with `http` the JSON Pointer at which it lies. Absent: the same name. */
  readonly from?: string | undefined
}

interface RemoteCommon {
  readonly type: 'remote'
  /** What callers send, where the step is the first and no contract says it; absent: the remote's metadata have it. */
  readonly inputs?: readonly TransformInput[] | undefined
  /**
   * The columns that are sent, by name: what the remote calls each; with `http` the JSON Pointer at which it is put. Absent:
   * those of `inputs`, or of the remote's metadata, by their own names.
   */
  readonly send?: Readonly<Record<string, string>> | undefined
  /** Absent: the outputs of the remote's metadata. */
  readonly outputs?: readonly RemoteOutput[] | undefined
  /** true: columns that were sent stay beside the answer; those that were not stay anyway. */
  readonly keep?: boolean | undefined
  readonly headers?: Readonly<Record<string, string | RemoteSecret>> | undefined
  /** For one request, from its first call to the last retry, ms. */
  readonly timeoutMs?: number | undefined
  /** true: a call may be repeated though the remote may have run it. */
  readonly idempotent?: boolean | undefined
  /** Attempts beyond the first. */
  readonly retries?: number | undefined
  readonly backoffMs?: number | undefined
  /** Calls at a time, a connection each. */
  readonly concurrency?: number | undefined
  /** Rows of one call. */
  readonly maxRows?: number | undefined
  /** Bytes of a body, in either direction. */
  readonly bodyBytesMax?: number | undefined
  readonly breaker?: { readonly failures?: number | undefined; readonly openMs?: number | undefined } | undefined
}
/** Open Inference Protocol over HTTP. */
export interface RemoteOipStep extends RemoteCommon {
  readonly kind: 'oip'
  /** What stands before `/v2`. */
  readonly url: string
  readonly model: string
  readonly version?: string | undefined
  /** Tensors as bytes behind the JSON; absent: when the remote's metadata says that it can. */
  readonly binary?: boolean | undefined
}
/** MLflow's scoring protocol. */
export interface RemoteMlflowStep extends RemoteCommon {
  readonly kind: 'mlflow'
  /** What stands before `/invocations`. */
  readonly url: string
  readonly params?: Readonly<Record<string, unknown>> | undefined
}
/** An endpoint of SageMaker. */
export interface RemoteSageMakerStep extends RemoteCommon {
  readonly kind: 'sagemaker'
  /** Absent: SageMaker's own of the region. */
  readonly url?: string | undefined
  readonly endpoint: string
  readonly region: string
  /** The model of a multi-model endpoint. */
  readonly targetModel?: string | undefined
  readonly format?: 'csv' | 'instances' | 'dataframe_split' | undefined
  readonly credentials?:
    | {
        readonly accessKeyId: RemoteSecret
        readonly secretAccessKey: RemoteSecret
        readonly sessionToken?: RemoteSecret | undefined
      }
    | undefined
}
/** Any server that takes JSON and answers JSON. */
export interface RemoteHttpStep extends RemoteCommon {
  readonly kind: 'http'
  readonly url: string
  /** What is sent beside the columns. */
  readonly body?: Readonly<Record<string, unknown>> | undefined
}

export type RemoteStep = RemoteOipStep | RemoteMlflowStep | RemoteSageMakerStep | RemoteHttpStep
type WithoutType<S> = S extends RemoteStep ? Omit<S, 'type'> : never
/** A remote step as the builder takes it. */
export type RemoteOptions = WithoutType<RemoteStep>
