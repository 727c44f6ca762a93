/** The addresses of a SageMaker container: one model, and the contract of multi-model endpoints. */
import { PenstockError } from '../../../../base/errors.js'
import { expectNoOtherKeys, expectRecord, expectString } from '../../../../base/expect.js'
import { CONTROL_BODY_BYTES_MAX } from '../../../../base/limits/limits.js'
import { readJson } from '../../../../formats/json/json-reader.js'
import { ADMIN, INFER, READ, WRITE } from '../../../access/scopes.js'
import { metaHeaders, repeatedHeaders } from '../../../header-options.js'
import { expectJsonBody, expectUnpacked } from '../../../http/media-types.js'
import { jsonReply } from '../../../http/replies.js'
import { parameter, type Call, type HttpContext, type Route } from '../../../http/route.js'
import type { HttpReply } from '../../../socket/seam.js'
import { readAndRun } from '../run.js'
import { expectPipelineMeant, isMeantServing, pipelineMeant, targetOf } from '../target.js'
import { expectForm, sageMakerReply } from './answer.js'
import { ATTRIBUTES_HEADER, repeatedAttributes } from './attributes.js'
import { readBody } from './body.js'
import { answerForm, bodyForm, contentTypes } from './forms.js'
import type { SageMakerModels } from './models.js'

/** What these addresses need of a server beside what all share. */
export interface SageMakerContext extends HttpContext {
  /** null: the server is no SageMaker container. */
  readonly sageMaker: SageMakerModels | null
}
type SageMakerRoute = Route<SageMakerContext>

const types = Object.fromEntries(Object.values(contentTypes).map((type) => [type, null]))
const attributes = {
  name: ATTRIBUTES_HEADER,
  description: 'A text of the caller, at most 1024 characters of visible US-ASCII, which the answer repeats',
} as const
const invocation: Pick<SageMakerRoute, 'method' | 'access' | 'bodyBytesMax'> = {
  method: 'POST',
  access: INFER,
  bodyBytesMax: (context) => context.bodyBytesMax,
}
const invocationDocument = (summary: string): Route['document'] => ({
  summary,
  headers: [attributes, ...metaHeaders],
  answerHeaders: [attributes, ...repeatedHeaders],
  request: types,
  responses: {
    200: { description: 'The answer, in the form of the body unless accept asks for another', content: types },
  },
})
const oneModel: Route['document']['responses'] = {
  200: { description: 'The model', content: { 'application/json': 'SageMakerModel' } },
}

export const sageMakerRoutes: readonly SageMakerRoute[] = [
  {
    method: 'GET',
    path: '/ping',
    access: 'open',
    document: {
      summary: 'Whether requests should be sent here',
      responses: { 200: { description: 'They should' }, 503: { description: 'Starting, draining, or nothing to ask' } },
    },
    handle: ({ context }) => {
      if (context.isDraining()) throw new PenstockError('ERR_DRAINING')
      const hasModels = modelsOf(context).root !== null || isMeantServing(context)
      if (!context.engine.isReady || !hasModels) throw new PenstockError('ERR_NOT_READY')
      return { status: 200 }
    },
  },
  {
    ...invocation,
    path: '/invocations',
    pipelineOf: (_, context) => pipelineMeant(context),
    document: invocationDocument('Runs the pipeline that the server is about'),
    handle: (call) => invoke(call, expectPipelineMeant(call.context)),
  },
  {
    method: 'POST',
    path: '/models',
    // It reads the machine's disk.
    access: ADMIN,
    bodyBytesMax: CONTROL_BODY_BYTES_MAX,
    // No memory, too many models, a full disk: the service unloads something and asks again.
    failureStatus: ({ code, httpStatus }) => (code === 'ERR_QUEUE_FULL' || code === 'ERR_STORAGE' ? 507 : httpStatus),
    document: {
      summary: 'Loads a model from below the directory that the server allows',
      request: { 'application/json': 'SageMakerLoad' },
      responses: {
        ...oneModel,
        409: { description: 'It is loaded already', content: { 'application/json': 'Error' } },
        507: { description: 'No room: unload another', content: { 'application/json': 'Error' } },
      },
    },
    handle: async (call) => {
      expectJsonBody(call.httpRequest.header('content-type'))
      const body = expectRecord('the body', readJson(call.body))
      expectNoOtherKeys('the body', body, ['model_name', 'url'])
      const name = expectString('model_name', body['model_name'])
      return jsonReply(await modelsOf(call.context).load(name, expectString('url', body['url'])))
    },
  },
  {
    method: 'GET',
    path: '/models',
    access: READ,
    document: {
      summary: 'The loaded models, in pages',
      query: [{ name: 'next_page_token', description: 'nextPageToken of the page before' }],
      responses: { 200: { description: 'A page', content: { 'application/json': 'SageMakerModels' } } },
    },
    handle: ({ context, query }) => jsonReply(modelsOf(context).list(query.get('next_page_token'))),
  },
  {
    method: 'GET',
    path: '/models/{model}',
    access: READ,
    document: { summary: 'A loaded model', responses: oneModel },
    handle: (call) => jsonReply(modelsOf(call.context).get(parameter(call, 0))),
  },
  {
    method: 'DELETE',
    path: '/models/{model}',
    access: WRITE,
    document: { summary: 'Unloads a model', responses: { 200: { description: 'It is unloaded' } } },
    handle: async (call) => {
      await modelsOf(call.context).unload(parameter(call, 0))
      return { status: 200 }
    },
  },
  {
    ...invocation,
    path: '/models/{model}/invoke',
    document: invocationDocument('Runs a loaded model'),
    handle: (call) => invoke(call, modelsOf(call.context).pipelineOf(parameter(call, 0))),
  },
]

function modelsOf({ sageMaker }: SageMakerContext): SageMakerModels {
  if (sageMaker !== null) return sageMaker
  throw new PenstockError(
    'ERR_UNSUPPORTED',
    'This server is no SageMaker container. Start it with --invocations sagemaker',
  )
}

async function invoke(call: Call<SageMakerContext>, pipeline: string): Promise<HttpReply> {
  const { context, httpRequest, body } = call
  const header = (name: Parameters<typeof httpRequest.header>[0]): string => httpRequest.header(name)
  expectUnpacked(header('content-encoding'))
  const repeated = repeatedAttributes(header)
  const sent = bodyForm(header('content-type'))
  const wanted = answerForm(header('accept'), sent.form)
  const target = targetOf(context, pipeline)
  expectForm(wanted, target)
  const ran = await readAndRun(call, target, async (hold) => ({ read: await readBody(sent, body, target, hold) }))
  const reply = await sageMakerReply(ran, wanted)
  return { ...reply, headers: [...(reply.headers ?? []), ...repeated] }
}
