/**
 * What runs a model: a session of ONNX Runtime, called in one of two ways.
 *
 *     NativeRunner   by its C API inside the addon; the session is shared by all workers, and a run can be ended
 *     NodeRunner     by onnxruntime-node; a session of this worker's own
 *
 * Both give the same bits. The batch loop tells them apart (batch-runner.ts); whoever runs tensors of JavaScript need not.
 * This file must not import onnxruntime-node: a worker that needs it not starts sooner without.
 */
import { addon } from '../../../bindings/native.js'
import type { SessionHandle, WorkerHandle } from '../../../bindings/native.js'
import { dtypeInfo, dtypeOfCode, viewData } from '../../tensor/dtype.js'
import type { NumericDtype } from '../../tensor/tensor.js'
import type { JobTensor } from '../worker-messages.js'
import type { NodeRunner } from './node-runner.js'
import { servedDtype, type RunnerFields } from './runner-fields.js'

export type ModelRunner = NativeRunner | NodeRunner

/** The worker inside which native runs can be ended; null until it takes work. */
export interface RunningWorker {
  readonly index: number
  handle: WorkerHandle | null
}

export class NativeRunner {
  readonly way = 'native'
  readonly session: SessionHandle
  readonly fields: RunnerFields
  readonly #worker: RunningWorker

  /** @param id of a session that somebody else keeps open meanwhile. @throws Error when a field is of no served dtype. */
  constructor(id: number, worker: RunningWorker) {
    this.session = addon.adoptSession(id)
    this.#worker = worker
    const { inputs, outputs } = addon.sessionFields(this.session)
    this.fields = {
      inputNames: inputs.map(({ name }) => name),
      inputDtypes: inputs.map(({ name, dtype }) => servedDtype(name, dtypeOfCode(dtype))),
      outputNames: outputs.map(({ name }) => name),
      outputDtypes: outputs.map(({ name, dtype }) => servedDtype(name, dtypeOfCode(dtype))),
    }
  }

  /** Outputs in the model's order; the caller owns them. @throws Error with ONNX Runtime's reason. */
  async run(inputs: readonly JobTensor[]): Promise<JobTensor[]> {
    const { inputNames, outputNames } = this.fields
    const given = inputs.map(({ name, dtype, shape, data }) => {
      const input = inputNames.indexOf(name)
      if (input < 0) throw new Error(`Expected an input of the model but received ${name}`)
      return { input, dtype: dtypeInfo(dtype).code, dims: shape, data }
    })
    const results = addon.runTensors(this.#worker.handle, this.session, given)
    if (typeof results === 'string') throw new Error(results)
    return results.map(({ dtype: code, dims, data }, index) => {
      const name = outputNames[index] as string
      const dtype = servedDtype(name, dtypeOfCode(code))
      if (Array.isArray(data)) return { name, dtype, shape: dims, data }
      const length = dims.reduce((product, dim) => product * dim, 1)
      return { name, dtype, shape: dims, data: viewData(dtype as NumericDtype, data, 0, length) }
    })
  }

  async release(): Promise<void> {
    addon.closeSession(this.session)
  }
}
