/**
 * POST /v1/pipelines/{p}/infer and its alias POST /pipelines/{p}: body to request, engine, answer in the form that was
 * asked for. The caller's disconnect cancels the request.
 */
import { argumentError, expectOneOf } from '../../base/expect.js'
import { DEADLINE_MS_MAX } from '../../base/limits.js'
import { PenstockError } from '../../base/errors.js'
import type { InferRequest, PipelineDescription } from '../../engine/api.js'
import { decodeMessage, type InferMessage } from '../../protocol/codec.js'
import { TensorLayout } from '../../protocol/tensor-layout.js'
import type { Tensor } from '../../tensor/tensor.js'
import type { HttpReply } from '../uws.js'
import { writeColumns, writeMessage, writeRecords, type RecordsContext } from './infer-answer.js'
import { parseInferBody } from './infer-request.js'
import { answerForm, inferBodyKind, PENSTOCK_TYPE, RECORDS_TYPE, type AnswerForm } from './media-types.js'
import { JSON_TYPE } from './replies.js'
import { parameter, type Call, type Route } from './route.js'

const document: Route['document'] = {
  summary: 'Runs a deployed pipeline on the rows of the body',
  request: { [JSON_TYPE]: 'InferBody', [PENSTOCK_TYPE]: null },
  responses: {
    200: {
      description: 'The answer, in the form of the request unless accept asks for another',
      content: { [JSON_TYPE]: 'InferAnswer', [PENSTOCK_TYPE]: null },
    },
  },
}

export const inferRoutes: readonly Route[] = ['/v1/pipelines/{pipeline}/infer', '/pipelines/{pipeline}'].map(
  (path) => ({
    method: 'POST',
    path,
    bodyBytesMax: (context) => context.bodyBytesMax,
    document,
    handle: infer,
  }),
)

/** What the three kinds of body have in common once they are read. */
interface Parsed {
  readonly request: Omit<InferRequest, 'inputs' | 'signal'> & { readonly inputs: Readonly<Record<string, Tensor>> }
  readonly form: AnswerForm
  readonly echoes: readonly string[] | null
  /** Of an Infer message, to be repeated in Results. */
  readonly channel: number
  readonly id: number
}

async function infer(call: Call): Promise<HttpReply> {
  const { context, exchange } = call
  const timeMs = context.clock.nowMs()
  const name = parameter(call, 0)
  const description = context.engine.describePipeline(name)
  const parsed = parseBody(call, description)
  const form = answerForm(exchange.header('accept'), parsed.form)
  const request = withHeaders(parsed.request, call)
  const pending = context.engine.infer(name, { ...request, signal: exchange.signal })
  // The rows are in their batches when infer returns its promise; only strings and records are looked at again.
  if (!description.isPlain && form !== 'records') exchange.recycleBody()
  const result = await pending
  // Another version may have been deployed in between; its checks and routes are the ones that answered.
  const answered =
    result.metadata.pipelineVersion === description.version ? description : context.engine.describePipeline(name)
  if (form === 'columns') return { status: 200, contentType: JSON_TYPE, body: writeColumns(result, answered) }
  if (form === 'penstock')
    return { status: 200, contentType: PENSTOCK_TYPE, body: writeMessage(result, answered, parsed.channel, parsed.id) }
  const inputs: RecordsContext['inputs'] =
    parsed.echoes === null ? { tensors: parsed.request.inputs } : { echoes: parsed.echoes }
  return {
    status: 200,
    contentType: RECORDS_TYPE,
    body: writeRecords(result, answered, { inputs, timeMs, partition: context.partition }),
  }
}

function parseBody(call: Call, description: PipelineDescription): Parsed {
  const kind = inferBodyKind(call.exchange.header('content-type'))
  if (kind === 'penstock') return parseMessage(call.body, description)
  const parsed = parseInferBody(call.body, description)
  if (kind === 'records' && parsed.form === 'columns') {
    throw new PenstockError(
      'ERR_BODY',
      `Expected an array of records, for content-type is ${RECORDS_TYPE}, but received an object. Send columns as ${JSON_TYPE}`,
    )
  }
  return {
    request: parsed.request,
    form: parsed.form,
    echoes: parsed.form === 'records' ? parsed.echoes : null,
    channel: 0,
    id: 0,
  }
}

function parseMessage(body: Buffer, description: PipelineDescription): Parsed {
  if (body.length === 0)
    throw new PenstockError('ERR_BODY', 'Expected one penstock.v1 message with an Infer body but received nothing')
  const message = decodeMessage(body)
  if (message.kind !== 'infer')
    throw new PenstockError('ERR_FRAME', `Expected a message with an Infer body but received ${message.kind}`)
  const { meta, deadlineMs, priority, timing = false } = message
  const inputs = namedTensors(message, description, true)
  const request = {
    inputs,
    priority,
    timing,
    ...(meta === null ? {} : { meta }),
    ...(deadlineMs === 0 ? {} : { deadlineMs }),
  }
  return { request, form: 'penstock', echoes: null, channel: message.channel, id: message.request }
}

/**
 * Inputs of an Infer message by name.
 * @param isKept true: the message's bytes stay until the tensors are done with, so that large ones need no copy.
 * @throws PenstockError ERR_SHAPE when its bytes do not add up to the signature.
 */
export function namedTensors(
  message: InferMessage,
  description: Pick<PipelineDescription, 'inputs' | 'isWhole'>,
  isKept = false,
): Record<string, Tensor> {
  const layout = new TensorLayout(description.inputs, description.isWhole)
  const tensors = layout.unpack(message.rows, message.data, message.dims, message.texts, isKept)
  const inputs = Object.create(null) as Record<string, Tensor>
  for (const [index, { name }] of description.inputs.entries()) {
    const tensor = tensors[index]
    if (tensor !== undefined) inputs[name] = tensor
  }
  return inputs
}

/**
 * Deadline, priority and the wish for a timing may come as headers, for forms whose body has no place for them; what the
 * body says of deadline and priority wins.
 */
function withHeaders<Request extends Parsed['request']>(request: Request, call: Call): Request {
  const deadline = call.exchange.header('penstock-deadline-ms')
  const priority = call.exchange.header('penstock-priority')
  const timing = call.exchange.header('penstock-timing')
  if (deadline === '' && priority === '' && timing === '') return request
  const deadlineMs = deadline === '' ? undefined : expectDeadline(deadline)
  const chosen = priority === '' ? undefined : expectOneOf('penstock-priority', priority, ['interactive', 'background'])
  const hasTiming = timing === '' ? request.timing : expectOneOf('penstock-timing', timing, ['0', '1']) === '1'
  return {
    ...request,
    deadlineMs: request.deadlineMs ?? deadlineMs,
    priority: request.priority ?? chosen,
    timing: hasTiming,
  }
}

function expectDeadline(text: string): number {
  const value = Number(text)
  if (/^\d{1,7}$/.test(text) && value >= 1 && value <= DEADLINE_MS_MAX) return value
  throw argumentError('penstock-deadline-ms', `an integer in 1..${DEADLINE_MS_MAX}`, text)
}
