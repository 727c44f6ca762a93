/** Operations in a file: a list of them, or a transform step that has them as `ops`. */
import { readFileText, isRecord, parseJson } from '../shared/input-data.js'
import type { TransformOp } from '../../transforms/program/definition.js'

export interface OpsFile {
  readonly ops: TransformOp[]
  /** The file's text with other operations. */
  print(ops: readonly TransformOp[]): string
}

/** @throws UsageError, PenstockError ERR_ARGUMENT. */
export async function readOpsFile(path: string): Promise<OpsFile> {
  const { parseOps } = await import('../../transforms/program/definition.js')
  const json = parseJson(path, readFileText(path))
  const isStep = isRecord(json) && 'ops' in json
  return {
    ops: parseOps(isStep ? json['ops'] : json),
    print: (ops) => `${JSON.stringify(isStep ? { ...json, ops } : ops, null, 2)}\n`,
  }
}
