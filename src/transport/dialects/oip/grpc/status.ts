/**
 * What errors are called in gRPC: the HTTP statuses of the protocol have one code each, and a cancelled or late call has
 * its own. The message is the error's; what only the operator may know is not in it.
 */
import { Metadata, status, type StatusObject } from '@grpc/grpc-js'
import type { PenstockError } from '../../../../base/errors.js'
import { failureStatus, type FailureStatus } from '../failures.js'

const codes: Readonly<Record<FailureStatus, status>> = {
  400: status.INVALID_ARGUMENT,
  401: status.UNAUTHENTICATED,
  403: status.PERMISSION_DENIED,
  404: status.NOT_FOUND,
  405: status.UNIMPLEMENTED,
  413: status.RESOURCE_EXHAUSTED,
  429: status.RESOURCE_EXHAUSTED,
  500: status.INTERNAL,
  501: status.UNIMPLEMENTED,
  // Nothing that a client should repeat by itself, as it does what is unavailable.
  502: status.INTERNAL,
  503: status.UNAVAILABLE,
  504: status.DEADLINE_EXCEEDED,
}

export function grpcFailure(
  error: PenstockError,
): Pick<StatusObject, 'code' | 'details'> & { name: string; message: string; metadata?: Metadata } {
  const code = error.code === 'ERR_ABORTED' ? status.CANCELLED : codes[failureStatus(error)]
  const failure = { code, details: error.message, name: error.code, message: error.message }
  if (error.code !== 'ERR_RATE_LIMITED') return failure
  // Where retries are configured, clients wait for so long: gRFC A6.
  const metadata = new Metadata()
  metadata.set('grpc-retry-pushback-ms', String(error.retryAfterMs ?? 0))
  return { ...failure, metadata }
}
