/**
 * `penstock/client`: for Node 20 and later and for browsers. Imports nothing of the engine and nothing of Node.
 * PenstockError stands here too, so that a browser needs no other import.
 */
export { PenstockClient } from './client.js'
export { Channel } from './connection/channel.js'
export { PenstockControl } from './control/control.js'
export type { RemoteLogPage, RemoteSqlResult } from './control/logs.js'
export type { RemoteCalibration, RemoteModelStatus, RemoteStatus } from './control/records.js'
export {
  RemotePipeline,
  type ParallelInferOptions,
  type PredictCallOptions,
  type RecordRow,
  type TableInferOptions,
} from './control/remote-pipeline.js'
export { isContractError, type AnswerProblem, type ContractError, type ContractProblem } from './control/predictions.js'
export type { ControlOptions, SizedStream } from './control/http.js'
export { isPenstockError, PenstockError, type ErrorCode, type FieldError } from '../base/errors.js'
export type { ClientEvents, ClientListener } from './connection/events.js'
export type { ClientInferOptions, ClientInputs, ClientResult } from './connection/inference.js'
export type { InputRow } from '../tensor/row-inputs.js'
export type { ClientEnvironment, ClientOptions, ReconnectOptions } from './connection/options.js'
export type { SocketFactory, SocketLike } from './socket/socket.js'
export type { Meta, MetaValue } from '../protocol/meta.js'
export type { CheckFailure, InferTiming, Priority, StepTiming } from '../protocol/codec.js'
export type { Dtype, Tensor, TensorData, TensorField } from '../tensor/tensor.js'
