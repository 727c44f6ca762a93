/** `engine.explanations` of a server. What is waited for is asked for again and again, at a slowing pace. */
import { expectName } from '../../base/expect.js'
import type { ExplainConfig, ExplainJob, ExplainRequest, ExplanationsApi } from '../../engine/api/api.js'
import { toTensor } from '../../tensor/convert.js'
import { writeNested } from '../../tensor/print.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { DescriptionAnswer, ExplanationAnswer } from './answers.js'
import { pipelinePath } from './paths.js'
import { explainJob } from './records.js'
import type { HttpCaller } from './http.js'
import type { Remote } from './remote.js'

/** Milliseconds between two looks at a job: the first, and the longest. */
const POLL_MS_MIN = 20
const POLL_MS_MAX = 1000

export class RemoteExplanations implements Remote<ExplanationsApi> {
  readonly #http: HttpCaller

  constructor(http: HttpCaller) {
    this.#http = http
  }

  async putConfig(pipeline: string, config: ExplainConfig): Promise<ExplainConfig> {
    return (await this.#http.call('PUT', configPath(pipeline, config.name), { json: config })) as ExplainConfig
  }

  async listConfigs(pipeline: string): Promise<ExplainConfig[]> {
    const answer = await this.#http.call('GET', `${pipelinePath(pipeline)}/explain-configs`)
    return (answer as { configs: ExplainConfig[] }).configs
  }

  async getConfig(pipeline: string, name: string): Promise<ExplainConfig> {
    return (await this.#http.call('GET', configPath(pipeline, name))) as ExplainConfig
  }

  async removeConfig(pipeline: string, name: string): Promise<void> {
    await this.#http.call('DELETE', configPath(pipeline, name))
  }

  async start(pipeline: string, request: ExplainRequest): Promise<ExplainJob> {
    const { inputs, ...others } = request
    const description = await this.#http.call('GET', `${pipelinePath(pipeline)}/description`)
    const rows = inputsText(description as DescriptionAnswer, inputs)
    const text = `${JSON.stringify(others).slice(0, -1)},"inputs":${rows}}`
    const answer = await this.#http.call('POST', `${pipelinePath(pipeline)}/explanations`, { text })
    return explainJob(answer as ExplanationAnswer)
  }

  async list(pipeline: string): Promise<ExplainJob[]> {
    const answer = await this.#http.call('GET', `${pipelinePath(pipeline)}/explanations`)
    return (answer as { explanations: readonly ExplanationAnswer[] }).explanations.map(explainJob)
  }

  async get(pipeline: string, id: string): Promise<ExplainJob> {
    return explainJob((await this.#http.call('GET', jobPath(pipeline, id))) as ExplanationAnswer)
  }

  async cancel(pipeline: string, id: string): Promise<ExplainJob> {
    return explainJob((await this.#http.call('DELETE', jobPath(pipeline, id))) as ExplanationAnswer)
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

function configPath(pipeline: string, name: string): string {
  return `${pipelinePath(pipeline)}/explain-configs/${expectName('name', name)}`
}

function jobPath(pipeline: string, id: string): string {
  return `${pipelinePath(pipeline)}/explanations/${encodeURIComponent(id)}`
}
