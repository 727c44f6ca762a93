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
import { parameter, type Call, type Route } from '../../http/route.js'

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
export const inferRoutes: readonly Route[] = ['/v1/pipelines/{pipeline}/infer', recordedPath].map((path) => ({
  method: 'POST',
  path,
  access: INFER,
  bodyBytesMax: (context) => context.bodyBytesMax,
  document,
  handle: (call) => infer(call, path === recordedPath),
}))

function infer(call: Call, hasLists: boolean): Promise<HttpReply> {
  const { context, httpRequest, body } = call
  return answerInferBody({
    engine: context.engine,
    pipeline: parameter(call, 0),
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
