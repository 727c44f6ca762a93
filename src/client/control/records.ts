/**
 * From the server's JSON answers (snake_case, docs/reference/http.md) to the records of the engine's API. Written out
 * member by member: keys of maps (aliases, failures, routing keys of steps) are users' own and must stay as they are.
 */
import type {
  Calibration,
  ExplainJob,
  ModelRecord,
  ModelVersion,
  PipelineDescription,
  PipelineModel,
  PipelineRecord,
  PipelineState,
  PipelineStatus,
  PipelineVersion,
  RunPlan,
  RunPlanState,
} from '../../engine/api/api.js'
import type { PipelineDefinition } from '../../pipeline/definition.js'
import type { TensorField } from '../../tensor/tensor.js'
import type {
  DescriptionAnswer,
  ExplanationAnswer,
  FieldAnswer,
  ModelAnswer,
  PipelineAnswer,
  PipelineModelAnswer,
  PipelineVersionAnswer,
  RunPlanAnswer,
  StatusAnswer,
  VersionAnswer,
} from './answers.js'

/** What a calibration has shown, without the plan that was made of it: that one is `runPlan`. */
export type RemoteCalibration = Pick<Calibration, 'rowUs' | 'batchUs' | 'rowsPerS' | 'measuredAt'>
export type RemoteModelStatus = Omit<PipelineStatus['models'][number], 'calibration'> & {
  readonly calibration: RemoteCalibration | null
}
export type RemoteStatus = Omit<PipelineStatus, 'models'> & { readonly models: readonly RemoteModelStatus[] }

export function modelRecord({ name, aliases, versions }: ModelAnswer): ModelRecord {
  return { name, aliases, versions: versions.map((version) => modelVersion(name, version)) }
}

export function modelVersion(name: string, answer: VersionAnswer): ModelVersion {
  const { version, sha256, tags = [], inputs = [], outputs = [], batching, remark = '', providers, device_id } = answer
  const { uploaded, copied_outputs: copiedOutputs, batching_proof: batchingProof } = answer
  return {
    name,
    version,
    sha256,
    sizeBytes: answer.size_bytes,
    createdAt: answer.created_at,
    signature: {
      inputs: fields(inputs),
      outputs: fields(outputs),
      batching: (batching ?? 'rows') as ModelVersion['signature']['batching'],
      remark,
      ...(copiedOutputs === undefined ? {} : { copiedOutputs }),
      ...(batchingProof === undefined ? {} : { batchingProof }),
    },
    tags,
    ...(providers === undefined ? {} : { providers: providers as NonNullable<ModelVersion['providers']> }),
    ...(device_id === undefined ? {} : { deviceId: device_id }),
    ...(uploaded === undefined
      ? {}
      : { uploaded: { sha256: uploaded.sha256, sizeBytes: uploaded.size_bytes, changes: uploaded.changes } }),
  }
}

export function pipelineRecord(answer: PipelineAnswer): PipelineRecord {
  const createdAt = answer.created_at ?? answer.versions[0]?.created_at ?? ''
  return {
    name: answer.name,
    deployedVersion: answer.deployed_version,
    tags: answer.tags ?? [],
    createdAt,
    updatedAt: answer.updated_at ?? createdAt,
    explainConfigs: (answer.explain_configs ?? []) as PipelineRecord['explainConfigs'],
    versions: answer.versions.map((version) => pipelineVersion(answer.name, version)),
  }
}

/** Whatever else a version has (name and deployed state of an answer to PUT) is no part of its definition. */
export function pipelineVersion(
  name: string,
  answer: PipelineVersionAnswer & { readonly name?: string; readonly deployed?: boolean },
): PipelineVersion {
  const { version, created_at: createdAt, name: _name, deployed: _deployed, ...definition } = answer
  return { version, createdAt, definition: { name, ...definition } as unknown as PipelineDefinition }
}

export function pipelineModel(answer: PipelineModelAnswer): PipelineModel {
  const { step, reference, model, tensor_fields: tensorFields } = answer
  return {
    step,
    reference,
    model: model === null ? null : modelVersion(model.name, model),
    ...(tensorFields === undefined ? {} : { tensorFields }),
  }
}

export function description(answer: DescriptionAnswer, definition: PipelineDefinition): PipelineDescription {
  return {
    name: answer.name,
    version: answer.version,
    definition,
    steps: answer.steps as PipelineDescription['steps'],
    inputs: fields(answer.inputs),
    outputs: fields(answer.outputs),
    checks: answer.checks,
    routes: answer.routes,
    others: (answer.others ?? []).map(({ label, outputs }) => ({ label, outputs: fields(outputs) })),
    isNonBatching: answer.whole ?? false,
    isStringPath: answer.plain ?? false,
    rowsMax: answer.rows_max,
    models: answer.models,
  }
}

export function pipelineStatus(answer: StatusAnswer): RemoteStatus {
  return {
    name: answer.name,
    state: (answer.state ?? (answer.deployed ? 'running' : 'undeployed')) as PipelineState,
    failure: (answer.failure ?? null) as PipelineStatus['failure'],
    deployed: answer.deployed,
    version: answer.version,
    versions: answer.versions,
    inFlight: answer.in_flight,
    requestCount: answer.request_count,
    rowCount: answer.row_count,
    failures: answer.failures,
    background: (answer.background ?? []).map((losses) => ({
      model: losses.model,
      shedRows: losses.shed_rows,
      failedRows: losses.failed_rows,
      failures: losses.failures,
      lastFailure: losses.last_failure,
    })),
    models: answer.models.map(modelStatus),
  }
}

export function explainJob(answer: ExplanationAnswer): ExplainJob {
  const { id, pipeline, config, state, rows, evaluated, evaluations, failure, result = null } = answer
  return {
    id,
    pipeline,
    pipelineVersion: answer.pipeline_version,
    config: config as ExplainJob['config'],
    state: state as ExplainJob['state'],
    rows,
    evaluated,
    evaluations,
    createdAt: answer.created_at,
    endedAt: answer.ended_at,
    failure: failure as ExplainJob['failure'],
    result: result as ExplainJob['result'],
  }
}

function modelStatus(answer: StatusAnswer['models'][number]): RemoteModelStatus {
  const { run_plan: plan } = answer
  return {
    name: answer.name,
    version: answer.version,
    pendingRows: answer.pending_rows,
    isReady: answer.ready,
    overdueRuns: { count: answer.overdue_runs ?? 0, stuck: answer.stuck_runs ?? 0 },
    provider: (answer.provider ?? 'cpu') as RemoteModelStatus['provider'],
    isPageLocked: answer.page_locked ?? false,
    batching: (answer.batching?.mode ?? 'rows') as RemoteModelStatus['batching'],
    isUnbatched: answer.batching?.unbatched ?? false,
    batchingCounts: {
      rowChecks: answer.batching?.row_checks ?? 0,
      rowDifferences: answer.batching?.row_check_differences ?? 0,
      sharedFailures: answer.batching?.shared_run_failures ?? 0,
    },
    runPlan: plan === undefined ? unknownPlan : runPlan(plan),
    runPlanState: (plan?.state ?? 'default') as RunPlanState,
    calibration: plan?.calibration == null ? null : calibration(plan.calibration),
  }
}

/** The plan where a server of an earlier release does not say it. */
const unknownPlan: RunPlan = {
  instances: 1,
  intraOpThreads: 1,
  spinning: false,
  runRowsMax: 1,
  batchRowsMax: 1,
  alone: null,
}

function runPlan(answer: RunPlanAnswer): RunPlan {
  const { alone } = answer
  return {
    instances: answer.instances,
    intraOpThreads: answer.intra_op_threads,
    spinning: answer.spinning,
    runRowsMax: answer.run_rows_max,
    batchRowsMax: answer.batch_rows_max,
    alone: alone === null ? null : { intraOpThreads: alone.intra_op_threads, spinning: alone.spinning },
  }
}

function calibration(answer: NonNullable<RunPlanAnswer['calibration']>): RemoteCalibration {
  return {
    rowUs: answer.row_us,
    batchUs: answer.batch_us,
    rowsPerS: answer.rows_per_s,
    measuredAt: answer.measured_at,
  }
}

export function fields(answers: readonly FieldAnswer[]): TensorField[] {
  return answers as readonly TensorField[] as TensorField[]
}
