/** What the fields of a loaded model are called and made of. */
import type { Dtype } from '../../tensor/tensor.js'

export interface RunnerFields {
  readonly inputNames: readonly string[]
  readonly inputDtypes: readonly Dtype[]
  readonly outputNames: readonly string[]
  readonly outputDtypes: readonly Dtype[]
}

/** The inspection refuses models with others at upload; a file changed on disk may still come this far. */
export function servedDtype(name: string, dtype: Dtype | undefined): Dtype {
  if (dtype === undefined) throw new Error(`Expected ${name} to be a tensor of a served dtype`)
  return dtype
}
