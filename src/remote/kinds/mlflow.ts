/**
 * MLflow's scoring protocol, which Databricks' and Azure's MLflow endpoints speak, too: a table in the split orientation
 * to `/invocations`, params beside it.
 */
import type { RemoteMlflowStep } from '../../pipeline/remote-step.js'
import { readAnswer } from '../columns/answer-json.js'
import { columnsOfAnswer } from './named-answers.js'
import type { RemoteKind, SentColumn } from './kind.js'
import { splitTable } from './tables.js'

export function mlflowKind(step: RemoteMlflowStep, url: URL, sent: readonly SentColumn[]): RemoteKind {
  const params = step.params === undefined ? '' : `,"params":${JSON.stringify(step.params)}`
  return {
    url: below(url, '/invocations'),
    request: (columns, range) => ({
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: Buffer.from(`{"dataframe_split":${splitTable(sent, columns, range)}${params}}`),
    }),
    answer: ({ body }, outputs, rows) => columnsOfAnswer(readAnswer(body), outputs, rows),
  }
}

/** An address below another one, whatever slash that ends with; its query stays. */
export function below(url: URL, path: string): URL {
  const target = new URL(url)
  target.pathname = url.pathname.replace(/\/$/, '') + path
  return target
}
