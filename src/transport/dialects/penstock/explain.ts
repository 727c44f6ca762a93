/** Explanations over HTTP: stored configurations, and jobs that are started, looked at and cancelled. */
import { argumentError, expectRecord } from '../../../base/expect.js'
import { CONTROL_BODY_BYTES_MAX, EXPLAIN_BODY_BYTES_MAX } from '../../../base/limits/limits.js'
import type { ExplainConfig, ExplainJob, ExplainRequest } from '../../../engine/api/api.js'
import { INFER, READ, WRITE } from '../../access/scopes.js'
import { readJson } from '../../../formats/json/json-reader.js'
import { expectJsonBody } from '../../http/media-types.js'
import { jsonReply, noContent } from '../../http/replies.js'
import { parameter, type Call, type Route } from '../../http/route.js'

const answers = (description: string, schema: string, status = 200): Route['document']['responses'] => ({
  [status]: { description, content: { 'application/json': schema } },
})

export const explainRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/explain-configs',
    access: READ,
    document: {
      summary: 'The configurations of explanations of a pipeline',
      responses: answers('The configurations', 'ExplainConfigs'),
    },
    handle: (call) => jsonReply({ configs: call.context.engine.explanations.listConfigs(parameter(call, 0)) }),
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/explain-configs/{config}',
    access: READ,
    document: { summary: 'One of them', responses: answers('The configuration', 'ExplainConfig') },
    handle: (call) => jsonReply(call.context.engine.explanations.getConfig(parameter(call, 0), parameter(call, 1))),
  },
  {
    method: 'PUT',
    path: '/v1/pipelines/{pipeline}/explain-configs/{config}',
    access: WRITE,
    bodyBytesMax: CONTROL_BODY_BYTES_MAX,
    document: {
      summary: 'Stores a configuration, in place of one of the same name',
      request: { 'application/json': 'ExplainConfig' },
      responses: answers('The configuration', 'ExplainConfig'),
    },
    handle: async (call) => {
      const name = parameter(call, 1)
      const config = { name, ...bodyOf(call) } as unknown as ExplainConfig
      const { explanations } = call.context.engine
      return jsonReply(await explanations.putConfig(parameter(call, 0), expectSameName(config, name)))
    },
  },
  {
    method: 'DELETE',
    path: '/v1/pipelines/{pipeline}/explain-configs/{config}',
    access: WRITE,
    document: { summary: 'Removes a configuration', responses: { 204: { description: 'Removed' } } },
    handle: async (call) => {
      await call.context.engine.explanations.removeConfig(parameter(call, 0), parameter(call, 1))
      return noContent
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/explanations',
    access: READ,
    document: {
      summary: 'The explanations of a pipeline that are remembered, oldest first, without results',
      responses: answers('The explanations', 'Explanations'),
    },
    handle: (call) => {
      const jobs = call.context.engine.explanations.list(parameter(call, 0))
      return jsonReply({ explanations: jobs.map(factsJson) })
    },
  },
  {
    method: 'POST',
    path: '/v1/pipelines/{pipeline}/explanations',
    access: INFER,
    bodyBytesMax: EXPLAIN_BODY_BYTES_MAX,
    document: {
      summary: 'Begins to explain the rows of the body, in the background, with the version that serves',
      request: { 'application/json': 'ExplainBody' },
      responses: answers('Begun', 'Explanation', 202),
    },
    handle: (call) => {
      // The engine reads it as it reads whatever a caller hands in.
      const request = bodyOf(call) as unknown as ExplainRequest
      return jsonReply(jobJson(call.context.engine.explanations.start(parameter(call, 0), request)), 202)
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/explanations/{explanation}',
    access: READ,
    document: { summary: 'How it goes, and its result', responses: answers('The explanation', 'Explanation') },
    handle: (call) => jsonReply(jobJson(call.context.engine.explanations.get(parameter(call, 0), parameter(call, 1)))),
  },
  {
    method: 'DELETE',
    path: '/v1/pipelines/{pipeline}/explanations/{explanation}',
    access: WRITE,
    document: { summary: 'Ends it if it has not ended', responses: answers('The explanation', 'Explanation') },
    handle: (call) =>
      jsonReply(jobJson(call.context.engine.explanations.cancel(parameter(call, 0), parameter(call, 1)))),
  },
]

function bodyOf(call: Call): Record<string, unknown> {
  expectJsonBody(call.httpRequest.header('content-type'))
  return expectRecord('the body', readJson(call.body))
}

function expectSameName(config: ExplainConfig, name: string): ExplainConfig {
  if (config.name === name) return config
  throw argumentError('name', `${JSON.stringify(name)}, as in the address`, config.name)
}

function factsJson(job: ExplainJob): Record<string, unknown> {
  const { id, pipeline, config, state, rows, evaluated, evaluations, failure } = job
  return {
    id,
    pipeline,
    pipeline_version: job.pipelineVersion,
    config,
    state,
    rows,
    evaluated,
    evaluations,
    created_at: job.createdAt,
    ended_at: job.endedAt,
    failure,
  }
}

function jobJson(job: ExplainJob): unknown {
  return { ...factsJson(job), result: job.result }
}
