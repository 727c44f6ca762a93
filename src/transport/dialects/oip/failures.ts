/**
 * What Penstock's errors are called in the Open Inference Protocol: five kinds, with the HTTP statuses and gRPC codes that
 * Triton gives them, because that is what clients were written against. The words are chosen where the error is raised.
 */
import { PenstockError, type ErrorCode } from '../../../base/errors.js'

/** HTTP status; gRPC has a code for each, see grpc/status.ts. */
export type FailureStatus = 400 | 401 | 403 | 404 | 405 | 413 | 429 | 500 | 501 | 502 | 503 | 504

const byCode: Partial<Record<ErrorCode, FailureStatus>> = {
  ERR_MODEL_NOT_FOUND: 404,
  ERR_PIPELINE_NOT_FOUND: 404,
  ERR_ROUTE_NOT_FOUND: 404,
  ERR_ENTITY_NOT_FOUND: 404,
  ERR_METHOD: 405,
  ERR_UNAUTHORIZED: 401,
  ERR_FORBIDDEN: 403,
  ERR_RATE_LIMITED: 429,
  ERR_BODY_TOO_LARGE: 413,
  ERR_UNSUPPORTED: 501,
  ERR_QUEUE_FULL: 503,
  ERR_DEADLINE_EXCEEDED: 503,
  ERR_DRAINING: 503,
  ERR_NOT_READY: 503,
  ERR_WORKER_LOST: 503,
  ERR_REMOTE_FAILED: 502,
  ERR_REMOTE_UNAVAILABLE: 503,
  ERR_REMOTE_TIMEOUT: 504,
}

/** Everything that is neither missing, busy nor broken is the caller's to put right. */
export function failureStatus(error: PenstockError): FailureStatus {
  return byCode[error.code] ?? (error.httpStatus === 500 ? 500 : 400)
}

export const badRequest = (sentence: string): PenstockError => new PenstockError('ERR_ARGUMENT', sentence)
export const badShape = (sentence: string): PenstockError => new PenstockError('ERR_SHAPE', sentence)
export const notSupported = (sentence: string): PenstockError => new PenstockError('ERR_UNSUPPORTED', sentence)
