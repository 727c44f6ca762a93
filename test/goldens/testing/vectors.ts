/** Another engine's recorded models, requests and answers: kept outside the repository, so suites skip where they are absent. */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const folder = fileURLToPath(new URL('../../../../shared/vectors/', import.meta.url))
export const isPresent = existsSync(folder)

/** @param path below the folder of the vectors. */
export const file = (path: string): Buffer => readFileSync(`${folder}${path}`)
export const json = <T>(path: string): T => JSON.parse(file(path).toString('utf8')) as T

/** Name under which the suites add a model → its file. */
export const vectorModels: Readonly<Record<string, string>> = {
  ccfraud: 'ccfraud-single/model.onnx',
  'house-rf': 'houseprice-single-hotswap/rf.onnx',
  'house-gbr': 'houseprice-single-hotswap/gbr.onnx',
  'house-xgb': 'houseprice-single-hotswap/xgb.onnx',
  'multi-io': 'multi-io/model.onnx',
  'ccfraud-lstm': 'shadow-ccfraud/champion_ccfraud-lstm.onnx',
  'ccfraud-xgb': 'shadow-ccfraud/challenger_ccfraud-xgb.onnx',
  'ccfraud-rf': 'shadow-ccfraud/challenger_ccfraud-rf.onnx',
}
