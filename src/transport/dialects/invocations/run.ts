/** One invocation on the engine: what was read of its body in, a result with what answers print of it out. */
import { isPenstockError, PenstockError } from '../../../base/errors.js'
import type {
  CheckFailure,
  InferResult,
  Meta,
  PipelineDescription,
  PredictResult,
  RequestOptions,
} from '../../../engine/api/api.js'
import { freeMemory } from '../../../engine/memory/free-buffer.js'
import { answerHeaders, LOGGED_ID_HEADER, PROBLEMS_HEADER, withHeaderMeta } from '../../header-options.js'
import { tensorsBytes } from '../../held-bytes.js'
import { nextRequestId } from '../../http/dispatch.js'
import type { Call } from '../../http/route.js'
import type { BodyRead, Hold, RowsRead, TensorsRead } from './read.js'
import type { Target } from './target.js'

/** Rows that checks failed on, those of all checks together; absent: none. */
export const CHECK_FAILURES_HEADER = 'penstock-check-failures'
/** Problems of one request that the log lists. */
const loggedMax = 20

export type Ran = (
  | { readonly kind: 'tensors'; readonly result: InferResult; readonly isTable: boolean }
  | { readonly kind: 'rows'; readonly result: PredictResult }
) & {
  readonly description: PipelineDescription
  readonly checkFailures: readonly CheckFailure[]
  readonly headers: readonly (readonly [string, string])[]
}

/**
 * Reads the body by `read`, and runs what it returns, with the keys that it says beside its rows.
 * @throws PenstockError what `read` and the engine throw; with `--errors terse` a broken contract without its rules.
 */
export async function readAndRun(
  call: Call,
  target: Target,
  read: (hold: Hold) => Promise<{ readonly read: BodyRead; readonly meta?: Meta }>,
): Promise<Ran> {
  const { charge } = call.httpRequest
  const hold = (bytes: number): void => {
    const refusal = charge.tryAdd('bodies', bytes)
    if (refusal !== null) throw refusal
  }
  let body: BodyRead
  let meta: Meta | undefined
  try {
    ;({ read: body, meta } = await read(hold))
  } catch (error) {
    call.httpRequest.recycleBody()
    throw error
  }
  const options = withHeaderMeta({ meta }, (name) => call.httpRequest.header(name))
  return body.kind === 'rows'
    ? predictRows(call, target, body, options, hold)
    : inferTensors(call, target, body, options)
}

async function inferTensors(
  call: Call,
  { pipeline, description }: Target,
  { request, isTable, made }: TensorsRead,
  options: RequestOptions,
): Promise<Ran> {
  const { context, httpRequest } = call
  const { engine } = context
  const { charge, signal } = httpRequest
  const meta = { ...options.meta, ...request.meta }
  const refusal = charge.tryAdd('bodies', tensorsBytes(request.inputs, (made ?? call.body).buffer))
  if (refusal !== null) throw refusal
  const pending = charge.handOver(() => engine.infer(pipeline, { ...request, meta, signal }))
  // The rows are in their batches by now; strings are looked at again.
  if (!description.isStringPath) {
    httpRequest.recycleBody()
    if (made !== null) freeMemory(made)
  }
  const result = await pending
  const { metadata, checkFailures } = result
  const answered = metadata.pipelineVersion === description.version ? description : engine.describePipeline(pipeline)
  const headers = headersOf(metadata.requestId, { meta }, checkFailures, 0)
  return { kind: 'tensors', result, isTable, description: answered, checkFailures, headers }
}

async function predictRows(
  call: Call,
  { pipeline, description }: Target,
  { rows }: RowsRead,
  options: RequestOptions,
  onHeld: Hold,
): Promise<Ran> {
  const { context, httpRequest } = call
  const onRead = (): void => {
    httpRequest.recycleBody()
    httpRequest.charge.release('bodies')
  }
  try {
    const request = { ...options, signal: httpRequest.signal, onHeld, onRead }
    const result = await context.engine.predict(pipeline, rows, request)
    const { metadata, checkFailures, problemCount } = result
    const headers = headersOf(metadata?.requestId ?? nextRequestId(), options, checkFailures, problemCount)
    return { kind: 'rows', result, description, checkFailures, headers }
  } catch (error) {
    onRead()
    throw context.predict.errors === 'terse' ? terse(call, error) : error
  }
}

/** A refusal that tells nothing of the contract: the log has the rest. */
function terse({ context, httpRequest: { method, path } }: Call, error: unknown): unknown {
  if (!isPenstockError(error) || error.code !== 'ERR_CONTRACT') return error
  const { errors = [], errorCount = errors.length } = error
  const problems = errors.slice(0, loggedMax).map(({ message }) => message)
  context.logger.warn({ method, path, code: error.code, count: errorCount, problems }, 'rows break rules')
  return new PenstockError('ERR_CONTRACT', '', { errorCount })
}

function headersOf(
  requestId: string,
  options: RequestOptions,
  failures: readonly CheckFailure[],
  problemCount: number,
): Ran['headers'] {
  const failed = failures.reduce((sum, { rows }) => sum + rows.length, 0)
  return [
    [LOGGED_ID_HEADER, requestId],
    ...answerHeaders(options),
    ...(failed > 0 ? [[CHECK_FAILURES_HEADER, String(failed)] as const] : []),
    ...(problemCount > 0 ? [[PROBLEMS_HEADER, String(problemCount)] as const] : []),
  ]
}
