/**
 * POST /v1/pipelines/{p}/infer and its alias POST /pipelines/{p}: body to request, engine, answer in the form that was
 * asked for (infer-body.ts). The caller's disconnect cancels the request.
 */
import { INFER } from '../../access/scopes.js'
import type { HttpReply } from '../../socket/seam.js'
import { answerInferBody } from './infer-body.js'
import {
  ARROW_FILE_TYPE,
  ARROW_STREAM_TYPE,
  CSV_TYPE,
  LINES_TYPE,
  NPY_TYPE,
  PARQUET_TYPE,
  PENSTOCK_TYPE,
} from '../../http/media-types.js'
import { JSON_TYPE } from '../../http/replies.js'
import { repeatedHeaders } from '../../header-options.js'
import { optionHeaders } from './header-options.js'
import { readResultQuery, resultQueryDocument } from './result-query.js'
import { parameter, servedVersion, type Call, type Route } from '../../http/route.js'

const bytes = {
  [LINES_TYPE]: null,
  [CSV_TYPE]: null,
  [ARROW_FILE_TYPE]: null,
  [ARROW_STREAM_TYPE]: null,
  [PARQUET_TYPE]: null,
  [NPY_TYPE]: null,
  [PENSTOCK_TYPE]: null,
}

const document: Route['document'] = {
  summary: 'Runs a deployed pipeline on the rows of the body',
  query: resultQueryDocument,
  headers: optionHeaders,
  answerHeaders: repeatedHeaders,
  request: { [JSON_TYPE]: 'InferBody', ...bytes },
  responses: {
    200: {
      description: 'The answer, in the form of the request unless accept asks for another',
      content: { [JSON_TYPE]: 'InferAnswer', ...bytes },
    },
  },
}

/** The second as Wallaroo's servers have it, whose clients expect lists of one where an output is [n, 1]. */
const recordedPath = '/pipelines/{pipeline}'
const route = (path: string, handle: Route['handle'], summary = document.summary): Route => ({
  method: 'POST',
  path,
  access: INFER,
  bodyBytesMax: (context) => context.bodyBytesMax,
  document: { ...document, summary },
  handle,
})
export const inferRoutes: readonly Route[] = [
  route('/v1/pipelines/{pipeline}/infer', (call) => infer(call, parameter(call, 0), false)),
  route(recordedPath, (call) => infer(call, parameter(call, 0), true)),
  route(
    '/v1/pipelines/{pipeline}/versions/{version}/infer',
    async (call) => infer(call, await servedVersion(call), false),
    'Runs a version of a deployed pipeline, whichever is deployed, on the rows of the body',
  ),
]

function infer(call: Call, pipeline: string, hasLists: boolean): Promise<HttpReply> {
  const { context, httpRequest, body } = call
  return answerInferBody({
    engine: context.engine,
    pipeline,
    body,
    header: (name) => httpRequest.header(name),
    query: readResultQuery(call.query),
    signal: httpRequest.signal,
    timeMs: context.clock.nowMs(),
    partition: context.partition,
    hasLists,
    charge: httpRequest.charge,
    recycleBody: () => httpRequest.recycleBody(),
  })
}
