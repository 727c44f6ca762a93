/**
 * Penstock, embedded: what a program imports from `penstock`.
 *
 *   const engine = await Engine.open()
 *   await engine.addModel('wine', bytes, { alias: 'champion' })
 *   await pipeline('quality', engine).model('wine@champion').deploy()
 *   const { outputs } = await engine.infer('quality', { inputs: { features: new Float32Array(12) } })
 */

// The engine and what it says of itself.
export { Engine } from './engine/engine.js'
export type { CalibrationMode, EngineNotice, EngineOptions } from './engine/engine-options.js'
export type * from './engine/api/api.js'
export type * from './engine/api/logs.js'
export type { InferTiming, StepTiming } from './protocol/timing.js'
export type { EngineMetrics, Histogram, HistogramLayout, ModelMetrics, PipelineMetrics } from './engine/metrics.js'
export {
  formatThreadPlan,
  planThreads,
  readThreadFacts,
  threadOverridesOf,
  type ThreadFacts,
  type ThreadOverrides,
  type ThreadPlan,
} from './engine/calibration/thread-plan.js'
export type { WebSocketHooks, WebSocketPort } from './engine/requests/websocket-port.js'

// Pipelines.
export { pipeline, PipelineBuilder, type Deployer } from './steps/index.js'
export type * from './pipeline/definition.js'

// Scripts, and projects.
export type { Script, ScriptColumn, ScriptContext, ScriptTable } from './script/api.js'
export { applyProject, type ProjectEngine, type ProjectProblem, type ProjectResult } from './project/project.js'

// Contracts.
export * from './contract/index.js'

// Tensors.
export type { NumericDtype, Tensor, TensorData, TensorField } from './tensor/tensor.js'

// State on disk, and the log.
export { Home } from './registry/home.js'
export { datasetsOf, withDatasets } from './files/datasets/dataset-store.js'
export { LogStore, type LogStoreOptions } from './log/store/log-store.js'

// Errors.
export { isPenstockError, PenstockError, type ErrorClass, type ErrorCode, type FieldError } from './base/errors.js'
export { systemClock, type Clock } from './base/clock.js'

export type { TableSource, TableStore } from './lookup/table-store.js'

// Files through pipelines.
export {
  enginePipeline,
  inferFromFile,
  tablesIn,
  type BodyRequest,
  type BodySignature,
  type BodyTarget,
  type FileProgress,
  type InferFileOptions,
  type InferFileResult,
} from './files/index.js'

// Server and client.
export {
  PenstockServer,
  type ControlAction,
  type KeyVerifier,
  type ServedEngine,
  type ServerLimits,
  type ServerOptions,
  type TlsOptions,
  type VerifiedKey,
} from './server.js'
export type { Scope } from './base/access.js'
export {
  PenstockClient,
  PenstockControl,
  RemotePipeline,
  isContractError,
  type AnswerProblem,
  type ClientOptions,
  type ContractError,
  type ContractProblem,
  type ControlOptions,
  type ParallelInferOptions,
  type PredictCallOptions,
  type TableInferOptions,
} from './client/index.js'
