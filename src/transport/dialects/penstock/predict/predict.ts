/**
 * POST /predict/{pipeline} and /predict: rows by the names of the pipeline's contract in, answers by its names out. A value
 * that breaks a rule is 422 and not 400: the body is well-formed, its content is what the pipeline does not take.
 */
import { isPenstockError, PenstockError } from '../../../../base/errors.js'
import type { PredictResult, PredictRows } from '../../../../engine/api/api.js'
import { freeMemory } from '../../../../engine/memory/free-buffer.js'
import { INFER } from '../../../access/scopes.js'
import { answerHeaders, LOGGED_ID_HEADER, PROBLEMS_HEADER, repeatedHeaders } from '../../../header-options.js'
import { expectJsonAccepted, expectUnpacked, rowsBodyKind, type RowsBodyKind } from '../../../http/media-types.js'
import { nextRequestId } from '../../../http/dispatch.js'
import { errorReply, JSON_TYPE } from '../../../http/replies.js'
import { parameter, servedVersion, type Call, type HttpContext, type Route } from '../../../http/route.js'
import { PieceBody } from '../../../piece-body.js'
import type { HttpReply } from '../../../socket/seam.js'
import { optionHeaders, withHeaderOptions } from '../header-options.js'
import { heldBytes, predictionPieces } from './answer.js'
import { plainBodies } from './document.js'
import { readTableBody, type TableKind } from './table-body.js'

/** Problems of one request that the log lists. */
const loggedMax = 20

const document = (summary: string): Route['document'] => ({
  summary,
  headers: optionHeaders,
  answerHeaders: repeatedHeaders,
  request: { [JSON_TYPE]: 'PredictBody', ...Object.fromEntries(plainBodies.map((type) => [type, null])) },
  responses: {
    200: { description: 'The answer to each row', content: { [JSON_TYPE]: 'PredictAnswer' } },
    422: { description: 'ERR_CONTRACT: each rule that a row breaks, and where', content: { [JSON_TYPE]: 'Error' } },
  },
})

export const PREDICT_PATH = '/predict/{pipeline}'

export const predictRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: PREDICT_PATH,
    access: INFER,
    bodyBytesMax: (context) => context.bodyBytesMax,
    document: document("Answers rows by the names of the pipeline's contract"),
    handle: (call) => predict(call, parameter(call, 0)),
  },
  {
    method: 'POST',
    path: '/predict/{pipeline}/versions/{version}',
    access: INFER,
    bodyBytesMax: (context) => context.bodyBytesMax,
    document: document('The same by a version of the pipeline, whichever is deployed'),
    handle: async (call) => predict(call, await servedVersion(call)),
  },
  {
    method: 'POST',
    path: '/predict',
    access: INFER,
    pipelineOf: (_, context) => defaultPipeline(context),
    bodyBytesMax: (context) => context.bodyBytesMax,
    document: document('The same for the default pipeline, or the only one that names a contract'),
    handle: (call) => predict(call, defaultPipeline(call.context) ?? refuseChoice(call.context)),
  },
]

async function predict(call: Call, pipeline: string): Promise<HttpReply> {
  const { context, httpRequest, body } = call
  const header = (name: Parameters<typeof httpRequest.header>[0]): string => httpRequest.header(name)
  expectUnpacked(header('content-encoding'))
  expectJsonAccepted(header('accept'))
  const form = rowsBodyKind(header('content-type'))
  const options = withHeaderOptions({}, header)
  // A table is read before the engine hears of it: not for a pipeline that is not there.
  if (isTable(form)) context.engine.describePipeline(pipeline)
  const { charge, signal } = httpRequest
  const onHeld = (bytes: number): void => {
    const refusal = charge.tryAdd('bodies', bytes)
    if (refusal !== null) throw refusal
  }
  let made: Uint8Array | null = null
  const onRead = (): void => {
    httpRequest.recycleBody()
    if (made !== null) freeMemory(made)
    charge.release('bodies')
  }
  try {
    let rows: PredictRows
    if (isTable(form)) ({ table: rows, made } = await readTableBody({ kind: form, body, signal, onHeld }))
    else rows = { form, bytes: body }
    const request = { ...options, signal, onHeld, onRead }
    const result = await context.engine.predict(pipeline, rows, request)
    return answerReply(call, result, answerHeaders(options))
  } catch (error) {
    onRead()
    if (context.predict.errors !== 'terse' || !isPenstockError(error) || error.code !== 'ERR_CONTRACT') throw error
    return terseReply(call, error)
  }
}

function isTable(form: RowsBodyKind): form is TableKind {
  return form !== 'json' && form !== 'lines'
}

function answerReply(
  { context, httpRequest }: Call,
  result: PredictResult,
  echoed: readonly (readonly [string, string])[],
): HttpReply {
  const isTerse = context.predict.errors === 'terse'
  const { metadata, problems, problemCount } = result
  const requestId = metadata?.requestId ?? nextRequestId()
  if (isTerse && problemCount > 0) logProblems({ context, httpRequest }, requestId, problemCount, problems)
  const headers = [[LOGGED_ID_HEADER, requestId], ...echoed] as [string, string][]
  if (problemCount > 0) headers.push([PROBLEMS_HEADER, String(problemCount)])
  const body = PieceBody.from(predictionPieces(result, isTerse), heldBytes(result))
  return { status: 200, contentType: JSON_TYPE, headers, body }
}

/** A refusal that tells nothing of the contract: the log has the rest, under the id. */
function terseReply(call: Call, { errors = [], errorCount = errors.length }: PenstockError): HttpReply {
  const requestId = nextRequestId()
  logProblems(call, requestId, errorCount, errors)
  return errorReply(new PenstockError('ERR_CONTRACT', '', { errorCount }), requestId)
}

function logProblems(
  { context, httpRequest: { method, path } }: Pick<Call, 'context' | 'httpRequest'>,
  requestId: string,
  count: number,
  problems: readonly { readonly message: string }[],
): void {
  const told = problems.slice(0, loggedMax).map(({ message }) => message)
  context.logger.warn({ requestId, method, path, code: 'ERR_CONTRACT', count, problems: told }, 'rows break rules')
}

/** null: there is none, or no single one. */
function defaultPipeline({ engine, predict: { defaultPipeline: configured } }: HttpContext): string | null {
  if (configured !== null) return configured
  const [only, ...others] = engine.servedContracts()
  return only === undefined || others.length > 0 ? null : only.pipeline
}

function refuseChoice({ engine }: HttpContext): never {
  const names = engine.servedContracts().map(({ pipeline }) => pipeline)
  if (names.length === 0)
    throw new PenstockError(
      'ERR_CONTRACT_NOT_FOUND',
      'No deployed pipeline names a contract. Apply one with "contract": "name@version", or send tensors to /v1/pipelines/{pipeline}/infer',
    )
  const shown = names.slice(0, 20).map((name) => `/predict/${name}`)
  const wayOut = 'Ask for one, or start the server with --default-pipeline'
  throw new PenstockError(
    'ERR_ARGUMENT',
    `Expected the path to say which of the ${names.length} pipelines that name a contract is meant (${shown.join(', ')}${names.length > shown.length ? ' …' : ''}) but received /predict. ${wayOut}`,
  )
}
