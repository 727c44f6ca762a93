/** The four addresses of MLflow's scoring server, for the one pipeline that the server is about. */
import { PenstockError } from '../../../../base/errors.js'
import { INFER } from '../../../access/scopes.js'
import { metaHeaders, repeatedHeaders } from '../../../header-options.js'
import { CSV_TYPE, expectJsonAccepted, expectUnpacked, PARQUET_TYPE } from '../../../http/media-types.js'
import { JSON_TYPE, textReply } from '../../../http/replies.js'
import type { Call, HttpContext, Route } from '../../../http/route.js'
import type { HttpReply } from '../../../socket/seam.js'
import { readAndRun } from '../run.js'
import { expectPipelineMeant, isMeantServing, pipelineMeant, targetOf } from '../target.js'
import { mlflowReply } from './answer.js'
import { readBody } from './body.js'
import { failureShape, failureStatus } from './failures.js'

const failures = { failureStatus, failureShape }
const failed = { default: { description: 'An error', content: { [JSON_TYPE]: 'MlflowError' } } }

const health = ['/ping', '/health'].map((path): Route => ({
  method: 'GET',
  path,
  access: 'open',
  ...failures,
  document: {
    summary: 'Whether the pipeline that invocations mean serves',
    responses: { 200: { description: 'It does', content: { [JSON_TYPE]: null } }, ...failed },
  },
  handle: ({ context }) => {
    expectServing(context)
    return textReply('\n', JSON_TYPE)
  },
}))

export const mlflowRoutes: readonly Route[] = [
  ...health,
  {
    method: 'GET',
    path: '/version',
    access: 'open',
    ...failures,
    document: {
      summary: 'The version of this server',
      responses: { 200: { description: 'The version alone', content: { 'text/plain': null } } },
    },
    handle: ({ context }) => textReply(context.product.version, 'text/plain'),
  },
  {
    method: 'POST',
    path: '/invocations',
    access: INFER,
    ...failures,
    pipelineOf: (_, context) => pipelineMeant(context),
    bodyBytesMax: (context) => context.bodyBytesMax,
    document: {
      summary: 'Answers a table or tensors as MLflow does',
      headers: metaHeaders,
      answerHeaders: repeatedHeaders,
      request: { [JSON_TYPE]: 'MlflowBody', [CSV_TYPE]: null, [PARQUET_TYPE]: null },
      responses: { 200: { description: 'The predictions', content: { [JSON_TYPE]: 'MlflowAnswer' } }, ...failed },
    },
    handle: invoke,
  },
]

async function invoke(call: Call): Promise<HttpReply> {
  const { context, httpRequest, body } = call
  expectUnpacked(httpRequest.header('content-encoding'))
  expectJsonAccepted(httpRequest.header('accept'))
  const target = targetOf(context, expectPipelineMeant(context))
  return mlflowReply(
    await readAndRun(call, target, (hold) => readBody(httpRequest.header('content-type'), body, target, hold)),
  )
}

/** @throws PenstockError ERR_DRAINING, ERR_NOT_READY; ERR_PIPELINE_NOT_FOUND, as MLflow's 404 without a model. */
function expectServing(context: HttpContext): void {
  if (context.isDraining()) throw new PenstockError('ERR_DRAINING')
  if (!context.engine.isReady) throw new PenstockError('ERR_NOT_READY')
  if (!isMeantServing(context)) throw new PenstockError('ERR_PIPELINE_NOT_FOUND', 'No single pipeline is deployed')
}
