/**
 * What an MLflow server asks its callers for, from the variables that MLflow's own client reads: a user and a password, or
 * else a token. They are sent in one header and stand in no message: what the server says is cleared of them.
 */
import { sourceError } from './failures.js'

export interface MlflowCredentials {
  /** The value of the header; null: none is sent. */
  readonly authorization: string | null
  /** Which variables they are of, for messages. */
  readonly from: string
  /** The text without them. */
  hide(text: string): string
}

/**
 * @param environment MLFLOW_TRACKING_USERNAME, MLFLOW_TRACKING_PASSWORD, MLFLOW_TRACKING_TOKEN.
 * @throws PenstockError ERR_SOURCE: half of them, or a token that no header can hold.
 */
export function mlflowCredentials(environment: NodeJS.ProcessEnv): MlflowCredentials {
  const [user, password, token] = ['USERNAME', 'PASSWORD', 'TOKEN'].map(
    (name) => environment[`MLFLOW_TRACKING_${name}`] ?? '',
  ) as [string, string, string]
  if ((user === '') !== (password === '') && token === '')
    throw sourceError(
      `Expected MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD to be set together; ${user === '' ? 'the first' : 'the second'} is not`,
    )
  if (user !== '' && password !== '') {
    const encoded = Buffer.from(`${user}:${password}`).toString('base64')
    const from = 'MLFLOW_TRACKING_USERNAME with MLFLOW_TRACKING_PASSWORD'
    return { authorization: `Basic ${encoded}`, from, hide: hiding([encoded, password]) }
  }
  if (token === '') return { authorization: null, from: 'a caller without credentials', hide: (text) => text }
  // fetch would refuse the header with its value in the message.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw sourceError('Expected MLFLOW_TRACKING_TOKEN to be printable ASCII without spaces')
  return { authorization: `Bearer ${token}`, from: 'MLFLOW_TRACKING_TOKEN', hide: hiding([token]) }
}

function hiding(secrets: readonly string[]): (text: string) => string {
  return (text) => secrets.reduce((cleared, secret) => cleared.replaceAll(secret, '…'), text)
}
