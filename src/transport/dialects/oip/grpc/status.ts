/**
 * What errors are called in gRPC: the HTTP statuses of the protocol have one code each, and a cancelled or late call has
 * its own. The message is the error's; what only the operator may know is not in it.
 */
import type { PenstockError } from '../../../../base/errors.js'
import { STATUS, pushback, type CallFailure } from '../../../grpc/status.js'
import { failureStatus, type FailureStatus } from '../failures.js'

const codes: Readonly<Record<FailureStatus, number>> = {
  400: STATUS.INVALID_ARGUMENT,
  401: STATUS.UNAUTHENTICATED,
  403: STATUS.PERMISSION_DENIED,
  404: STATUS.NOT_FOUND,
  405: STATUS.UNIMPLEMENTED,
  413: STATUS.RESOURCE_EXHAUSTED,
  429: STATUS.RESOURCE_EXHAUSTED,
  500: STATUS.INTERNAL,
  501: STATUS.UNIMPLEMENTED,
  // Nothing that a client should repeat by itself, as it does what is unavailable.
  502: STATUS.INTERNAL,
  503: STATUS.UNAVAILABLE,
  504: STATUS.DEADLINE_EXCEEDED,
}

export function grpcFailure(error: PenstockError): CallFailure {
  const code = error.code === 'ERR_ABORTED' ? STATUS.CANCELLED : codes[failureStatus(error)]
  const failure = { code, details: error.message }
  // Where retries are configured, clients wait for so long.
  return error.code === 'ERR_RATE_LIMITED' ? { ...failure, metadata: pushback(error.retryAfterMs ?? 0) } : failure
}
