/** Files through pipelines. The Arrow library is loaded by the first file, not by whoever imports this. */
import type { InferFileOptions, InferFileResult } from './infer-file.js'
import type { BodyTarget } from './target.js'

export { enginePipeline } from './engine-target.js'
export type { FileProgress, InferFileOptions, InferFileResult } from './infer-file.js'
export { tablesIn } from './tables/table-folder.js'
export type { BodyRequest, BodySignature, BodyTarget } from './target.js'

/**
 * Runs every row of a .json, .ndjson, .csv, .arrow, .parquet or .npy file of any size.
 * @param target a RemotePipeline of penstock/client, or enginePipeline(engine, name).
 * @throws PenstockError ERR_ARGUMENT, ERR_BODY (the file), ERR_STORAGE, and what the pipeline answers. No output is left then.
 * @example await inferFromFile(enginePipeline(engine, 'fraud'), 'rows.parquet', { output: 'answers.csv' })
 */
export async function inferFromFile(
  target: BodyTarget,
  path: string,
  options: InferFileOptions = {},
): Promise<InferFileResult> {
  const { inferFile } = await import('./infer-file.js')
  return inferFile(target, path, options)
}
