/** Models over HTTP: upload, aliases, removal. Names of the wire are snake_case, as in the log and the metrics. */
import { expectBoolean, expectInteger, expectNoOtherKeys, expectOneOf, expectRecord } from '../../../../base/expect.js'
import { CONTROL_BODY_BYTES_MAX, MODEL_BYTES_MAX } from '../../../../base/limits/limits.js'
import { readLineage } from '../../../../base/lineage.js'
import { expectDeviceId, expectProviders } from '../../../../base/providers.js'
import { PenstockError } from '../../../../base/errors.js'
import type { AddModelOptions, Placement } from '../../../../engine/api/api.js'
import { aliasesOf } from '../../../../pipeline/model-reference.js'
import { writeAnswer } from '../../../../protocol/answers/mapping.js'
import { READ, WRITE } from '../../../access/scopes.js'
import { readJson } from '../../../../formats/json/json-reader.js'
import { expectJsonBody } from '../../../http/media-types.js'
import { isMultipart, readMultipart } from '../../../http/multipart.js'
import { jsonReply, noContent } from '../../../http/replies.js'
import { parameter, searchQuery, versionParameter, type Call, type Route } from '../../../http/route.js'

const model = (description: string): Route['document']['responses'] => ({
  200: { description, content: { 'application/json': 'Model' } },
})

export const modelRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/models',
    access: READ,
    document: {
      summary: 'All models',
      query: [searchQuery],
      responses: { 200: { description: 'The models', content: { 'application/json': 'Models' } } },
    },
    handle: ({ context: { engine }, query }) => {
      const term = query.get('search')
      const models = term === null ? engine.listModels() : engine.tags.searchModels(term)
      return jsonReply(writeAnswer('Models', { models }))
    },
  },
  {
    method: 'GET',
    path: '/v1/model-versions',
    access: READ,
    document: {
      summary: 'The version that a reference means now',
      query: [
        {
          name: 'reference',
          description:
            '`wine`, `wine@3`, `wine@champion`, `wine@Production`, or as in MLflow `models:/wine/3`, `models:/wine/latest`, `models:/wine/Production`, `models:/wine@champion`',
        },
      ],
      responses: { 200: { description: 'The version', content: { 'application/json': 'UploadedVersion' } } },
    },
    handle: ({ context: { engine }, query }) => {
      const [reference, ...more] = query.getAll('reference')
      if (reference === undefined || more.length > 0)
        throw new PenstockError(
          'ERR_ARGUMENT',
          `Expected one reference but received ${more.length === 0 ? 'none' : more.length + 1}. Ask for ?reference=wine@champion`,
        )
      const version = engine.resolveModel(reference)
      const aliases = aliasesOf(engine.getModel(version.name), version.version)
      return jsonReply(writeAnswer('UploadedVersion', version, { aliases }))
    },
  },
  {
    method: 'GET',
    path: '/v1/models/{model}',
    access: READ,
    document: { summary: 'One model with its versions and aliases', responses: model('The model') },
    handle: (call) => jsonReply(writeAnswer('Model', call.context.engine.getModel(parameter(call, 0)))),
  },
  {
    method: 'DELETE',
    path: '/v1/models/{model}',
    access: WRITE,
    document: {
      summary: 'Removes a model that no deployed pipeline uses',
      responses: { 204: { description: 'Removed' } },
    },
    handle: async (call) => {
      await call.context.engine.removeModel(parameter(call, 0))
      return noContent
    },
  },
  {
    method: 'PUT',
    path: '/v1/models/{model}/versions',
    access: WRITE,
    bodyBytesMax: MODEL_BYTES_MAX,
    isUpload: true,
    document: {
      summary: 'Uploads an .onnx file as the next version; the bytes of the newest version again return that version',
      query: [
        { name: 'alias', description: 'An alias that is moved to this version' },
        { name: 'tag', description: 'A tag of this version', isRepeated: true },
        {
          name: 'provider',
          description: 'What it runs on, `cpu` or `cuda`; repeated: in order of preference',
          isRepeated: true,
        },
        {
          name: 'batching',
          description: '`rows`: rows share batches whatever the inspection finds; the name of the key is journalled',
        },
        { name: 'device', description: 'The number of the GPU, for `cuda`; 0 unless given' },
      ],
      request: { 'application/octet-stream': null, 'multipart/form-data': 'ModelFiles' },
      responses: { 201: { description: 'The version', content: { 'application/json': 'UploadedVersion' } } },
    },
    handle: async (call) => {
      if (call.body.length === 0)
        throw new PenstockError(
          'ERR_BODY',
          'Expected the bytes of an .onnx file but received an empty body. With curl: --data-binary @model.onnx',
        )
      const wanted = call.query.getAll('alias')
      if (wanted.length > 1)
        throw new PenstockError(
          'ERR_ARGUMENT',
          `Expected at most one alias but received ${wanted.length}. Set the others with PUT /v1/models/{model}/aliases/{alias}`,
        )
      const [alias] = wanted
      const name = parameter(call, 0)
      const { model, externalData } = modelFilesOf(call.body, call.httpRequest.header('content-type'))
      const version = await call.context.engine.addModel(name, model, {
        externalData,
        ...(alias === undefined ? {} : { alias }),
        tags: call.query.getAll('tag'),
        ...placementOf(call.query),
        ...batchingOf(call),
      })
      const aliases = aliasesOf(call.context.engine.getModel(name), version.version)
      return jsonReply(writeAnswer('UploadedVersion', version, { aliases }), 201)
    },
  },
  {
    method: 'DELETE',
    path: '/v1/models/{model}/versions/{version}',
    access: WRITE,
    document: {
      summary: 'Removes a version that no alias points to and no deployed pipeline uses',
      responses: model('What is left of the model'),
    },
    handle: async (call) =>
      jsonReply(
        writeAnswer(
          'Model',
          await call.context.engine.removeModelVersion(parameter(call, 0), versionParameter(call, 1)),
        ),
      ),
  },
  {
    method: 'PUT',
    path: '/v1/models/{model}/versions/{version}/lineage',
    access: WRITE,
    bodyBytesMax: CONTROL_BODY_BYTES_MAX,
    document: {
      summary: 'Says where a version comes from, in place of what was said before; `{}` takes that away',
      request: { 'application/json': 'Lineage' },
      responses: model('The model'),
    },
    handle: async (call) => {
      expectJsonBody(call.httpRequest.header('content-type'))
      const lineage = readLineage('the body', readJson(call.body))
      return jsonReply(
        writeAnswer(
          'Model',
          await call.context.engine.setLineage(parameter(call, 0), versionParameter(call, 1), lineage),
        ),
      )
    },
  },
  {
    method: 'PUT',
    path: '/v1/models/{model}/aliases/{alias}',
    access: WRITE,
    bodyBytesMax: CONTROL_BODY_BYTES_MAX,
    document: {
      summary:
        'Points an alias at a version; pipelines that follow the alias swap without losing a request. `Staging`, `Production` and `Archived` are stages: the version leaves the one that it was in',
      request: { 'application/json': 'AliasTarget' },
      responses: model('The model'),
    },
    handle: async (call) => {
      expectJsonBody(call.httpRequest.header('content-type'))
      const body = expectRecord('the body', readJson(call.body))
      expectNoOtherKeys('the body', body, ['version', 'archive_existing'])
      const version = expectInteger('version', body['version'], 1, 2 ** 31 - 1)
      const archiving = body['archive_existing']
      const options = archiving === undefined ? {} : { archiveExisting: expectBoolean('archive_existing', archiving) }
      const { engine } = call.context
      return jsonReply(
        writeAnswer('Model', await engine.setAlias(parameter(call, 0), parameter(call, 1), version, options)),
      )
    },
  },
  {
    method: 'DELETE',
    path: '/v1/models/{model}/aliases/{alias}',
    access: WRITE,
    document: { summary: 'Removes an alias that no deployed pipeline follows', responses: model('The model') },
    handle: async (call) =>
      jsonReply(writeAnswer('Model', await call.context.engine.removeAlias(parameter(call, 0), parameter(call, 1)))),
  },
]

/**
 * The .onnx file and, from a multipart body, its data files: a part `model`, and one `data` for each file that the model
 * names, with that name as its filename (or as the part's own name).
 */
function modelFilesOf(body: Buffer, contentType: string): { model: Uint8Array; externalData: Map<string, Uint8Array> } {
  const externalData = new Map<string, Uint8Array>()
  if (!isMultipart(contentType)) return { model: body, externalData }
  const parts = readMultipart(body, contentType)
  const model = parts.find(({ name }) => name === 'model')
  if (model === undefined)
    throw new PenstockError(
      'ERR_BODY',
      `Expected a part called model with the .onnx file but received ${parts.map(({ name }) => name).join(', ') || 'none'}. With curl: -F model=@net.onnx -F data=@net.onnx.data`,
    )
  for (const part of parts) {
    if (part === model) continue
    externalData.set(part.name === 'data' && part.fileName !== '' ? part.fileName : part.name, part.bytes)
  }
  return { model: model.bytes, externalData }
}

/** Whose word it is: the key's name, or the server's own user where no keys are in use. */
function batchingOf({ query, keyName }: Call): Pick<AddModelOptions, 'batching' | 'operator'> {
  const batching = query.get('batching')
  if (batching === null) return {}
  const operator = keyName === null ? {} : { operator: keyName }
  return { batching: expectOneOf('batching', batching, ['rows']), ...operator }
}

/** Both `provider=cuda&provider=cpu` and `provider=cuda,cpu`. */
function placementOf(query: URLSearchParams): Placement {
  const named = query.getAll('provider').flatMap((value) => value.split(','))
  const device = query.get('device')
  return {
    ...(named.length === 0 ? {} : { providers: expectProviders('provider', named) }),
    ...(device === null
      ? {}
      : { deviceId: expectDeviceId('device', /^\d{1,3}$/.test(device) ? Number(device) : device) }),
  }
}
