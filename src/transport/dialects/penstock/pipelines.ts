/** Pipelines over HTTP: definitions, versions, deployment, status. */
import { expectBoolean, expectInteger, expectNoOtherKeys, expectOneOf, expectRecord } from '../../../base/expect.js'
import { CONTROL_BODY_BYTES_MAX } from '../../../base/limits/limits.js'
import type { PipelineDescription } from '../../../engine/api/api.js'
import { defaultLogPolicy } from '../../../pipeline/definition.js'
import { writeAnswer } from '../../../protocol/answers/mapping.js'
import { parseDefinition } from '../../../steps/index.js'
import { READ, SIGNATURE, WRITE } from '../../access/scopes.js'
import { readJson } from '../../../formats/json/json-reader.js'
import { expectJsonBody } from '../../http/media-types.js'
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
      return jsonReply(writeAnswer('Pipelines', { pipelines }))
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}',
    access: READ,
    document: { summary: 'One pipeline with its versions', responses: json('The pipeline', 'Pipeline') },
    handle: (call) => jsonReply(writeAnswer('Pipeline', call.context.engine.getPipeline(parameter(call, 0)))),
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
      const deployed = call.context.engine.getPipeline(name).deployedVersion === version.version
      return jsonReply(writeAnswer('StoredVersion', version, { deployed }), 201)
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
    handle: (call) => jsonReply(writeAnswer('Versions', call.context.engine.getPipeline(parameter(call, 0)))),
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/versions/{version}',
    access: READ,
    document: { summary: 'One version of a pipeline', responses: json('The version', 'NamedVersion') },
    handle: (call) => {
      const [name, version] = [parameter(call, 0), versionParameter(call, 1)]
      return jsonReply(writeAnswer('NamedVersion', call.context.engine.getPipelineVersion(name, version)))
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/versions/{version}/models',
    access: READ,
    document: {
      summary: 'The models of a version in the order of its steps, and how their inputs are bound',
      responses: json('The models', 'PipelineModels'),
    },
    handle: (call) => {
      const [name, version] = [parameter(call, 0), versionParameter(call, 1)]
      return jsonReply(writeAnswer('PipelineModels', { models: call.context.engine.pipelineModels(name, version) }))
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
      return jsonReply(writeAnswer('Status', engine.pipelineStatus(name)), 202)
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
      return jsonReply(writeAnswer('Pipeline', call.context.engine.getPipeline(name)))
    },
  },
  {
    method: 'GET',
    path: '/v1/pipelines/{pipeline}/status',
    access: READ,
    document: { summary: 'What a pipeline is doing', responses: json('The status', 'Status') },
    handle: (call) => jsonReply(writeAnswer('Status', call.context.engine.pipelineStatus(parameter(call, 0)))),
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

/** With the policies of its log and cache; the former where its definition leaves that to the default. */
function descriptionJson(description: PipelineDescription): unknown {
  const { log = defaultLogPolicy, cache } = description.definition
  return writeAnswer('Description', description, { log, cache })
}
