/**
 * What the parameters of a request mean: priority and timeout are the scheduler's, the form of the answer is its writer's,
 * and what the protocol has no name for is a routing key. A name whose meaning would be lost here is refused: a client
 * that asks for a sequence expects state, and would take the answer without it for the right one.
 */
import type { PenstockError } from '../../../base/errors.js'
import { DEADLINE_MS_MAX } from '../../../base/limits/limits.js'
import type { RequestOptions } from '../../../engine/api/api.js'
import { noOptions } from '../../../engine/requests/request-options.js'
import { REQUEST_ID_KEY } from '../../../pipeline/definition.js'
import { withHeaderMeta } from '../../header-options.js'
import type { ReadHeader } from '../../request-headers.js'
import type { Parameter, Parameters, V2Request } from './call.js'
import { badRequest } from './failures.js'
import { requestContent } from './inputs/content-type.js'

/** Said to the transport: the form of the answer, and the headers that a gateway passed on. */
const reserved: ReadonlySet<string> = new Set(['binary_data_output', 'headers', 'triton_enable_empty_final_response'])
const sequenceNames: ReadonlySet<string> = new Set(['sequence_id', 'sequence_start', 'sequence_end'])
const reservedPrefix = 'triton_'

/**
 * The options of a request: its id, which is logged with its rows, its parameters, and what the headers say beside them.
 * @throws PenstockError ERR_ARGUMENT, ERR_META.
 */
export function optionsOf(
  { id, parameters }: Pick<V2Request, 'id' | 'parameters'>,
  header: ReadHeader,
): RequestOptions {
  const options = parameters.size === 0 ? noOptions : readParameters(parameters)
  const isNamed = id === '' || options.meta?.[REQUEST_ID_KEY] !== undefined
  return withHeaderMeta(isNamed ? options : { ...options, meta: { ...options.meta, [REQUEST_ID_KEY]: id } }, header)
}

function readParameters(parameters: Parameters): RequestOptions {
  let priority: 0 | 1 = 0
  let timeoutUs = 0
  let meta: Record<string, string | number> | null = null
  for (const [name, value] of parameters) {
    // 0 is the default and 1 the highest; all that is lower yields to them.
    if (name === 'priority') priority = expectCount(name, value) > 1 ? 1 : 0
    else if (name === 'timeout') timeoutUs = expectCount(name, value)
    else if (reserved.has(name)) continue
    else if (name === 'content_type') requestContent(parameters)
    else if (sequenceNames.has(name)) expectNoSequence(name, value)
    else if (name.startsWith(reservedPrefix)) throw reservedName()
    else {
      meta ??= Object.create(null) as Record<string, string | number>
      meta[name] = routingValue(value)
    }
  }
  return {
    ...(priority === 0 ? {} : { priority: 'background' }),
    // The protocol counts microseconds: the deadline may have a fraction.
    ...(timeoutUs === 0 ? {} : { deadlineMs: Math.min(timeoutUs / 1000, DEADLINE_MS_MAX) }),
    ...(meta === null ? {} : { meta }),
  }
}

/** Whether outputs that the request does not list come as bytes. */
export function wantsBinary(parameters: Parameters): boolean {
  const value = parameters.get('binary_data_output')
  if (value === undefined) return false
  if (typeof value === 'boolean') return value
  throw badRequest(`Expected the parameter binary_data_output to be true or false but received ${String(value)}`)
}

/** 0, '' and false are how clients say that there is none. */
function expectNoSequence(name: string, value: Parameter): void {
  if (value === 0 || value === '' || value === false) return
  throw badRequest(
    `Expected the parameter ${name} to be absent but received ${String(value).slice(0, 100)}: ` +
      'models here keep no state from one request to the next. Send the whole sequence in one request',
  )
}

function expectCount(name: string, value: Parameter): number {
  const count = typeof value === 'bigint' ? Number(value) : value
  if (typeof count === 'number' && Number.isInteger(count) && count >= 0) return count
  throw badRequest(`Expected the parameter ${name} to be an unsigned integer but received ${String(value)}`)
}

/** Keys are compared with texts and numbers; beyond 2^53 only as text. */
function routingValue(value: Parameter): string | number {
  if (typeof value === 'boolean') return String(value)
  if (typeof value !== 'bigint') return value
  return value >= -(2n ** 53n) && value <= 2n ** 53n ? Number(value) : value.toString()
}

function reservedName(): PenstockError {
  return badRequest(
    "parameter keys starting with 'triton_' are reserved. Only the following keys starting with 'triton_' are allowed: triton_enable_empty_final_response",
  )
}
