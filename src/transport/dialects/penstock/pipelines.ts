/** Pipelines over HTTP: definitions, versions, deployment, status. */
import { expectBoolean, expectInteger, expectNoOtherKeys, expectOneOf, expectRecord } from '../../../base/expect.js'
import { CONTROL_BODY_BYTES_MAX } from '../../../base/limits/limits.js'
import type {
  Calibration,
  PipelineDescription,
  PipelineModel,
  PipelineRecord,
  PipelineStatus,
  PipelineVersion,
  RunThreads,
} from '../../../engine/api/api.js'
import { defaultLogPolicy } from '../../../pipeline/definition.js'
import { parseDefinition } from '../../../steps/index.js'
import { READ, SIGNATURE, WRITE } from '../../access/scopes.js'
import { readJson } from '../../../formats/json/json-reader.js'
import { expectJsonBody } from '../../http/media-types.js'
import { versionJson as modelVersionJson } from './models.js'
import { jsonReply, noContent } from '../../http/replies.js'
import { parameter, searchQuery, versionParameter, type Call, type Route } from '../../http/route.js'

const json = (description: string, schema: string): Route['document']['responses'] => ({
  200: { description, content: { 'application/json': schema } },
})

export const pipelineRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/pipelines',
    access: READ,
    document: { summary: 'All pipelines', query: [searchQuery], responses: json('The pipelines', 'Pipelines') },
    handle: ({ context: { engine }, query }) => {
      const term = query.get('search')
      const pipelines = term === null ? engine.listPipelines() : engine.tags.searchPipelines(term)
      return jsonReply({ pipelines: pipelines.map(pipelineJson) })
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}',
    access: READ,
    document: { summary: 'One pipeline with its versions', responses: json('The pipeline', 'Pipeline') },
    handle: (call) => jsonReply(pipelineJson(call.context.engine.getPipeline(parameter(call, 0)))),
  },
  {
    method: 'PUT',
    path: '/v1/pipelines/{pipeline}',
    access: WRITE,
    bodyBytesMax: CONTROL_BODY_BYTES_MAX,
    document: {
      summary: 'Stores a definition as the next version; a definition equal to the newest returns that version',
      query: [{ name: 'deploy', description: 'true: deploys it as well; false is the default' }],
      request: { 'application/json': 'Definition' },
      responses: { 201: { description: 'The version', content: { 'application/json': 'StoredVersion' } } },
    },
    handle: async (call) => {
      expectJsonBody(call.httpRequest.header('content-type'))
      const deploy = expectOneOf('deploy', call.query.get('deploy') ?? 'false', ['true', 'false']) === 'true'
      const name = parameter(call, 0)
      const definition = parseDefinition(name, readJson(call.body))
      const version = await call.context.engine.applyPipeline(definition, { deploy })
      const { deployedVersion } = call.context.engine.getPipeline(name)
      return jsonReply({ name, ...versionJson(version), deployed: deployedVersion === version.version }, 201)
    },
  },
  {
    method: 'DELETE',
    path: '/v1/pipelines/{pipeline}',
    access: WRITE,
    document: { summary: 'Removes a pipeline that is not deployed', responses: { 204: { description: 'Removed' } } },
    handle: async (call) => {
      await call.context.engine.removePipeline(parameter(call, 0))
      return noContent
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/versions',
    access: READ,
    document: { summary: 'The versions of a pipeline, oldest first', responses: json('The versions', 'Versions') },
    handle: (call) =>
      jsonReply({ versions: call.context.engine.getPipeline(parameter(call, 0)).versions.map(versionJson) }),
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/versions/{version}',
    access: READ,
    document: { summary: 'One version of a pipeline', responses: json('The version', 'NamedVersion') },
    handle: (call) => {
      const [name, version] = [parameter(call, 0), versionParameter(call, 1)]
      return jsonReply({ name, ...versionJson(call.context.engine.getPipelineVersion(name, version)) })
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/versions/{version}/models',
    access: READ,
    document: {
      summary: 'The models of a version in the order of its steps, and how each is fed',
      responses: json('The models', 'PipelineModels'),
    },
    handle: (call) => {
      const [name, version] = [parameter(call, 0), versionParameter(call, 1)]
      return jsonReply({ models: call.context.engine.pipelineModels(name, version).map(pipelineModelJson) })
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/description',
    access: SIGNATURE,
    document: {
      summary: 'What the deployed version takes and answers',
      responses: json('The deployed pipeline', 'Description'),
    },
    handle: (call) => jsonReply(descriptionJson(call.context.engine.describePipeline(parameter(call, 0)))),
  },
  {
    method: 'POST',
    path: '/v1/pipelines/{pipeline}/deploy',
    access: WRITE,
    bodyBytesMax: CONTROL_BODY_BYTES_MAX,
    document: {
      summary: 'Deploys the newest or the given version; requests under way finish on the version they began with',
      request: { 'application/json': 'DeployChoice' },
      isRequestOptional: true,
      responses: {
        ...json('The deployed pipeline', 'Description'),
        202: { description: 'Begun, with "wait": false', content: { 'application/json': 'Status' } },
      },
    },
    handle: async (call) => {
      const { engine } = call.context
      const name = parameter(call, 0)
      const { version, wait } = deployChoice(call)
      if (wait) return jsonReply(descriptionJson(await engine.deployPipeline(name, version)))
      engine.beginDeploy(name, version)
      return jsonReply(statusJson(engine.pipelineStatus(name)), 202)
    },
  },
  {
    method: 'POST',
    path: '/v1/pipelines/{pipeline}/undeploy',
    access: WRITE,
    document: { summary: 'Takes a pipeline out of service', responses: json('The pipeline', 'Pipeline') },
    handle: async (call) => {
      const name = parameter(call, 0)
      await call.context.engine.undeployPipeline(name)
      return jsonReply(pipelineJson(call.context.engine.getPipeline(name)))
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/status',
    access: READ,
    document: { summary: 'What a pipeline is doing', responses: json('The status', 'Status') },
    handle: (call) => jsonReply(statusJson(call.context.engine.pipelineStatus(parameter(call, 0)))),
  },
]

/** No body at all means the newest version, waited for. */
function deployChoice(call: Call): { version: number | undefined; wait: boolean } {
  if (call.body.length === 0) return { version: undefined, wait: true }
  expectJsonBody(call.httpRequest.header('content-type'))
  const body = expectRecord('the body', readJson(call.body))
  expectNoOtherKeys('the body', body, ['version', 'wait'])
  return {
    version: body['version'] === undefined ? undefined : expectInteger('version', body['version'], 1, 2 ** 31 - 1),
    wait: body['wait'] === undefined || expectBoolean('wait', body['wait']),
  }
}

function versionJson({ version, createdAt, definition }: PipelineVersion): Record<string, unknown> {
  const { steps, log } = definition
  return { version, created_at: createdAt, steps, ...(log === undefined ? {} : { log }) }
}

export function pipelineJson(record: PipelineRecord): unknown {
  const { name, deployedVersion, versions, tags, createdAt, updatedAt, explainConfigs } = record
  return {
    name,
    deployed_version: deployedVersion,
    tags,
    created_at: createdAt,
    updated_at: updatedAt,
    explain_configs: explainConfigs,
    versions: versions.map(versionJson),
  }
}

function pipelineModelJson({ step, reference, model, tensorFields }: PipelineModel): unknown {
  return {
    step,
    reference,
    ...(tensorFields === undefined ? {} : { tensor_fields: tensorFields }),
    model: model === null ? null : { name: model.name, ...modelVersionJson(model) },
  }
}

function descriptionJson(description: PipelineDescription): unknown {
  const {
    name,
    version,
    inputs,
    outputs,
    checks,
    routes,
    others,
    rowsMax,
    isNonBatching,
    isStringPath,
    models,
    steps,
    definition,
  } = description
  const { log = defaultLogPolicy } = definition
  const facts = { rows_max: rowsMax, whole: isNonBatching, plain: isStringPath }
  return { name, version, inputs, outputs, checks, routes, others, ...facts, models, steps, log }
}

function statusJson(status: PipelineStatus): unknown {
  return {
    name: status.name,
    state: status.state,
    failure: status.failure,
    deployed: status.deployed,
    version: status.version,
    versions: status.versions,
    in_flight: status.inFlight,
    request_count: status.requestCount,
    row_count: status.rowCount,
    failures: status.failures,
    background: status.background.map(({ model, shedRows, failedRows, failures, lastFailure }) => ({
      model,
      shed_rows: shedRows,
      failed_rows: failedRows,
      failures,
      last_failure: lastFailure,
    })),
    models: status.models.map((model) => ({
      name: model.name,
      version: model.version,
      pending_rows: model.pendingRows,
      ready: model.isReady,
      overdue_runs: model.overdueRuns.count,
      stuck_runs: model.overdueRuns.stuck,
      provider: model.provider,
      page_locked: model.isPageLocked,
      batching: batchingJson(model),
      run_plan: runPlanJson(model),
    })),
  }
}

function batchingJson({ batching, isUnbatched, batchingCounts }: PipelineStatus['models'][number]): unknown {
  return {
    mode: batching,
    unbatched: isUnbatched,
    row_checks: batchingCounts.rowChecks,
    row_check_differences: batchingCounts.rowDifferences,
    shared_run_failures: batchingCounts.sharedFailures,
  }
}

function runPlanJson({ runPlan, runPlanState, calibration }: PipelineStatus['models'][number]): unknown {
  return {
    state: runPlanState,
    instances: runPlan.instances,
    ...runThreadsJson(runPlan),
    run_rows_max: runPlan.runRowsMax,
    batch_rows_max: runPlan.batchRowsMax,
    alone: runPlan.alone === null ? null : runThreadsJson(runPlan.alone),
    calibration: calibration === null ? null : calibrationJson(calibration),
  }
}

function runThreadsJson({ intraOpThreads, spinning }: RunThreads): Record<string, unknown> {
  return { intra_op_threads: intraOpThreads, spinning }
}

function calibrationJson({ rowUs, batchUs, rowsPerS, measuredAt, conditions }: Calibration): unknown {
  return {
    row_us: rowUs,
    batch_us: batchUs,
    rows_per_s: rowsPerS,
    measured_at: measuredAt,
    conditions: {
      cpu: conditions.cpu,
      cores: conditions.cores,
      infer_workers: conditions.inferWorkers,
      intra_op_threads: conditions.intraOpThreads,
      runtime: conditions.runtime,
      latency_objective_ms: conditions.latencyObjectiveMs,
      batch_rows_max: conditions.batchRowsMax,
      algorithm: conditions.algorithm,
    },
  }
}
