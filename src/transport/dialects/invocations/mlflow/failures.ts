/** Penstock's errors as MLflow's clients read them: `{"error_code": …, "message": …}`, with the statuses of MLflow's own table. */
import type { PenstockError } from '../../../../base/errors.js'
import type { ErrorShape } from '../../../http/replies.js'

/** By status, as mlflow.exceptions has them the other way round. */
const codes: Readonly<Record<number, string>> = {
  400: 'BAD_REQUEST',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'RESOURCE_DOES_NOT_EXIST',
  409: 'RESOURCE_CONFLICT',
  429: 'REQUEST_LIMIT_EXCEEDED',
  499: 'CANCELLED',
  501: 'NOT_IMPLEMENTED',
  503: 'TEMPORARILY_UNAVAILABLE',
  504: 'DEADLINE_EXCEEDED',
}

/** Rows that break rules are a bad request there; bodies that are too large or of another type have statuses that MLflow has, too. */
export function failureStatus({ code, httpStatus }: Pick<PenstockError, 'code' | 'httpStatus'>): number {
  return code === 'ERR_CONTRACT' ? 400 : httpStatus
}

export const failureShape: ErrorShape = (error, { error: message, ...rest }) => {
  const status = failureStatus(error)
  const errorCode = codes[status] ?? (status < 500 ? 'BAD_REQUEST' : 'INTERNAL_ERROR')
  return { error_code: errorCode, message, ...rest }
}
