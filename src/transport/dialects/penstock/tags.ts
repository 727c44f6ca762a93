/** Tags over HTTP: on pipelines and on versions of models. A tag is a segment of the address, percent-encoded. */
import { writeAnswer } from '../../../protocol/answers/mapping.js'
import { READ, WRITE } from '../../access/scopes.js'
import { jsonReply } from '../../http/replies.js'
import { parameter, versionParameter, type Route } from '../../http/route.js'

const answers = (description: string, schema: string): Route['document']['responses'] => ({
  200: { description, content: { 'application/json': schema } },
})

export const tagRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/tags',
    access: READ,
    document: { summary: 'Every tag in use, with who carries it', responses: answers('The tags', 'Tags') },
    handle: ({ context }) => jsonReply(writeAnswer('Tags', { tags: context.engine.tags.list() })),
  },
  {
    method: 'PUT',
    path: '/v1/pipelines/{pipeline}/tags/{tag}',
    access: WRITE,
    document: { summary: 'Tags a pipeline', responses: answers('The pipeline', 'Pipeline') },
    handle: async (call) =>
      jsonReply(
        writeAnswer('Pipeline', await call.context.engine.tags.addToPipeline(parameter(call, 0), [parameter(call, 1)])),
      ),
  },
  {
    method: 'DELETE',
    path: '/v1/pipelines/{pipeline}/tags/{tag}',
    access: WRITE,
    document: { summary: 'Takes a tag off a pipeline', responses: answers('The pipeline', 'Pipeline') },
    handle: async (call) =>
      jsonReply(
        writeAnswer(
          'Pipeline',
          await call.context.engine.tags.removeFromPipeline(parameter(call, 0), [parameter(call, 1)]),
        ),
      ),
  },
  {
    method: 'PUT',
    path: '/v1/models/{model}/versions/{version}/tags/{tag}',
    access: WRITE,
    document: { summary: 'Tags a version of a model', responses: answers('The model', 'Model') },
    handle: async (call) => {
      const [model, version, tag] = [parameter(call, 0), versionParameter(call, 1), parameter(call, 2)]
      return jsonReply(writeAnswer('Model', await call.context.engine.tags.addToModel(model, [tag], version)))
    },
  },
  {
    method: 'DELETE',
    path: '/v1/models/{model}/versions/{version}/tags/{tag}',
    access: WRITE,
    document: { summary: 'Takes a tag off a version of a model', responses: answers('The model', 'Model') },
    handle: async (call) => {
      const [model, version, tag] = [parameter(call, 0), versionParameter(call, 1), parameter(call, 2)]
      return jsonReply(writeAnswer('Model', await call.context.engine.tags.removeFromModel(model, [tag], version)))
    },
  },
]
