/** `engine.explanations` of a server. What is waited for is asked for again and again, at a slowing pace. */
import { expectName } from '../../base/expect.js'
import type { ExplainConfig, ExplainJob, ExplainRequest, ExplanationsApi } from '../../engine/api/api.js'
import { toTensor } from '../../tensor/convert.js'
import { writeNested } from '../../tensor/print.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { DescriptionAnswer } from '../../protocol/answers/generated/answers.js'
import { readRecord } from '../../protocol/answers/mapping.js'
import type { ControlCalls } from './calls.js'
import type { Remote } from './remote.js'

/** Milliseconds between two looks at a job: the first, and the longest. */
const POLL_MS_MIN = 20
const POLL_MS_MAX = 1000

export class RemoteExplanations implements Remote<ExplanationsApi> {
  readonly #calls: ControlCalls

  constructor(calls: ControlCalls) {
    this.#calls = calls
  }

  async putConfig(pipeline: string, config: ExplainConfig): Promise<ExplainConfig> {
    const name = expectName('name', config.name)
    return (await this.#calls.putConfig(named(pipeline), name, config)) as ExplainConfig
  }

  async listConfigs(pipeline: string): Promise<ExplainConfig[]> {
    return readRecord('ExplainConfigs', await this.#calls.listConfigs(named(pipeline))).configs.slice()
  }

  async getConfig(pipeline: string, name: string): Promise<ExplainConfig> {
    return (await this.#calls.getConfig(named(pipeline), expectName('name', name))) as ExplainConfig
  }

  async removeConfig(pipeline: string, name: string): Promise<void> {
    await this.#calls.removeConfig(named(pipeline), expectName('name', name))
  }

  async start(pipeline: string, request: ExplainRequest): Promise<ExplainJob> {
    const { inputs, ...others } = request
    const rows = inputsText(await this.#calls.describePipeline(named(pipeline)), inputs)
    const text = `${JSON.stringify(others).slice(0, -1)},"inputs":${rows}}`
    return readRecord('Explanation', await this.#calls.startExplanation(pipeline, text))
  }

  async list(pipeline: string): Promise<ExplainJob[]> {
    const { explanations } = await this.#calls.listExplanations(named(pipeline))
    return explanations.map((answer) => readRecord('Explanation', answer))
  }

  async get(pipeline: string, id: string): Promise<ExplainJob> {
    return readRecord('Explanation', await this.#calls.getExplanation(named(pipeline), id))
  }

  async cancel(pipeline: string, id: string): Promise<ExplainJob> {
    return readRecord('Explanation', await this.#calls.cancelExplanation(named(pipeline), id))
  }

  async finished(pipeline: string, id: string): Promise<ExplainJob> {
    for (let delayMs = POLL_MS_MIN; ; delayMs = Math.min(POLL_MS_MAX, delayMs * 1.5)) {
      const job = await this.get(pipeline, id)
      if (job.endedAt !== null) return job
      await new Promise((resolve) => {
        setTimeout(resolve, delayMs)
      })
    }
  }
}

/** Whatever form of tensors a caller has, as JSON: nested by the pipeline's shapes, floats with all their digits. */
function inputsText({ inputs: fields, whole = false }: DescriptionAnswer, inputs: ExplainRequest['inputs']): string {
  const entries = Object.entries(inputs).map(([name, value]) => {
    const field = fields.find((candidate) => candidate.name === name)
    // The server has the words for an input that is none.
    const text = field === undefined ? 'null' : writeNested(toTensor(field as TensorField, value, whole))
    return `${JSON.stringify(name)}:${text}`
  })
  return `{${entries.join(',')}}`
}

function named(pipeline: string): string {
  return expectName('pipeline', pipeline)
}
