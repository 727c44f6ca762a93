/**
 * Explanations: configurations in the records of their pipelines, and jobs that run one after the other in the background.
 * A job runs on a deployment of its own, of the version that serves, with the models that are loaded: nothing of it is
 * logged or counted as the pipeline's, and a redeploy or a moved alias in the middle does not mix two pipelines in one
 * result. Jobs live in memory: their results are numbers of a moment, and end with the process. All that is kept is
 * bounded: EXPLAIN_JOBS_WAITING_MAX wait, and of the ended ones the EXPLAIN_JOBS_KEPT_MAX newest are remembered.
 */
import type { Clock } from '../../base/clock.js'
import { isPenstockError, PenstockError, toPenstockError } from '../../base/errors.js'
import { argumentError, expectName, expectNoOtherKeys, expectRecord, expectString } from '../../base/expect.js'
import { EXPLAIN_CONFIGS_MAX, EXPLAIN_JOBS_KEPT_MAX, EXPLAIN_JOBS_WAITING_MAX } from '../../base/limits/limits.js'
import { bindProblem, copyTensor, occlude, parseExplainConfig, permute, type Problem } from '../../explain/index.js'
import { encodeMetaBlock } from '../../protocol/meta.js'
import { rowsOf, tensorsOf } from '../requests/admission.js'
import type {
  EngineApi,
  ExplainConfig,
  ExplainJob,
  ExplainRequest,
  ExplainResult,
  ExplanationsApi,
  InferRequest,
  InferResult,
  Meta,
  PipelineDescription,
  PipelineStore,
} from '../api/api.js'
import type { Control } from '../control.js'
import type { Deployment } from '../deploy/deployment.js'
import type { Deployments, PipelineSlot } from '../deploy/deployments.js'
import { ExplainRunner } from './explain-runner.js'

export interface ExplanationsDependencies {
  readonly pipelines: PipelineStore
  readonly engine: Pick<EngineApi, 'getPipeline' | 'describePipeline'>
  /** For what serves, once more. */
  readonly deployments: Pick<Deployments, 'openDetached' | 'closeDetached'>
  /** Runs one change of the registry at a time. */
  readonly control: Pick<Control, 'inTurn'>
  readonly infer: (slot: PipelineSlot, deployment: Deployment, request: InferRequest) => Promise<InferResult>
  readonly clock: Clock
  /** Begins the ids of jobs, so that those of two engines differ. */
  readonly instance: string
  /** @throws PenstockError when the engine takes no new work. */
  readonly expectOpen: () => void
}

/** What changes of a job, and what it needs until it has ended. */
interface Job {
  facts: ExplainJob
  readonly description: PipelineDescription
  readonly meta: Meta | undefined
  /** null: it has ended, and its rows are let go. */
  problem: Problem | null
  readonly canceller: AbortController
  readonly ended: Promise<void>
  end(): void
}

const isEnded = ({ facts }: Job): boolean => facts.state !== 'waiting' && facts.state !== 'running'
const INLINE_NAME = 'inline'

export class Explanations implements ExplanationsApi {
  readonly #dependencies: ExplanationsDependencies
  /** In the order of their start. */
  readonly #jobs = new Map<string, Job>()
  #startedCount = 0
  #worker: Promise<void> | null = null

  constructor(dependencies: ExplanationsDependencies) {
    this.#dependencies = dependencies
  }

  // ── configurations ────────────────────────────────────────────────────────────────────────────
  async putConfig(pipeline: string, config: ExplainConfig): Promise<ExplainConfig> {
    const fields = expectRecord('the configuration', config)
    const parsed = parseExplainConfig(expectName('name', fields['name']), fields)
    return this.#dependencies.control.inTurn(async () => {
      const present = this.#dependencies.engine.getPipeline(pipeline).explainConfigs
      const others = present.filter(({ name }) => name !== parsed.name)
      if (others.length >= EXPLAIN_CONFIGS_MAX) {
        const text = `Pipeline ${pipeline} has ${EXPLAIN_CONFIGS_MAX} configurations already, which is its limit. Remove some first`
        throw new PenstockError('ERR_CONFLICT', text)
      }
      await this.#dependencies.pipelines.setExplainConfigs(pipeline, [...others, parsed])
      return parsed
    })
  }

  listConfigs(pipeline: string): ExplainConfig[] {
    return this.#dependencies.engine.getPipeline(pipeline).explainConfigs.slice()
  }

  getConfig(pipeline: string, name: string): ExplainConfig {
    const configs = this.listConfigs(pipeline)
    const found = configs.find((config) => config.name === name)
    if (found !== undefined) return found
    const known = configs.map((config) => config.name).join(', ') || 'none'
    throw notFound(`Pipeline ${pipeline} has no configuration ${name}; it has ${known}`)
  }

  removeConfig(pipeline: string, name: string): Promise<void> {
    return this.#dependencies.control.inTurn(async () => {
      this.getConfig(pipeline, name)
      const left = this.listConfigs(pipeline).filter((config) => config.name !== name)
      await this.#dependencies.pipelines.setExplainConfigs(pipeline, left)
    })
  }

  // ── jobs ──────────────────────────────────────────────────────────────────────────────────────
  start(pipeline: string, request: ExplainRequest): ExplainJob {
    this.#dependencies.expectOpen()
    const fields = expectRecord('the request', request)
    expectNoOtherKeys('the request', fields, ['config', 'inputs', 'targets', 'meta'])
    const description = this.#dependencies.engine.describePipeline(pipeline)
    const config = this.#configOf(pipeline, request.config)
    const problem = problemOf(description, config, request)
    if (request.meta !== undefined) encodeMetaBlock(request.meta, problem.rows)
    this.#expectRoom()
    const job = this.#add(description, problem, request.meta)
    this.#worker ??= this.#work()
    return job.facts
  }

  list(pipeline: string): ExplainJob[] {
    this.#dependencies.engine.getPipeline(pipeline)
    const jobs = [...this.#jobs.values()].map(({ facts }) => ({ ...facts, result: null }))
    return jobs.filter((facts) => facts.pipeline === pipeline)
  }

  get(pipeline: string, id: string): ExplainJob {
    return this.#jobOf(pipeline, id).facts
  }

  cancel(pipeline: string, id: string): ExplainJob {
    const job = this.#jobOf(pipeline, id)
    this.#end(job, { state: 'cancelled' })
    return job.facts
  }

  async finished(pipeline: string, id: string): Promise<ExplainJob> {
    const job = this.#jobOf(pipeline, id)
    await job.ended
    return job.facts
  }

  /** Cancels what has not ended; resolves when nothing runs any more. */
  async close(): Promise<void> {
    for (const job of this.#jobs.values()) this.#end(job, { state: 'cancelled' })
    await this.#worker
  }

  /** Runs what waits, one after the other, until nothing waits. */
  async #work(): Promise<void> {
    for (;;) {
      const job = [...this.#jobs.values()].find(({ facts }) => facts.state === 'waiting')
      if (job === undefined) break
      job.facts = { ...job.facts, state: 'running' }
      try {
        this.#end(job, { state: 'done', result: await this.#explain(job) })
      } catch (error) {
        const { code, message } = isPenstockError(error) ? error : toPenstockError(error)
        this.#end(job, { state: 'failed', failure: { code, message } })
      }
    }
    this.#worker = null
  }

  async #explain(job: Job): Promise<ExplainResult> {
    const problem = job.problem as Problem
    const { deployments, control, infer } = this.#dependencies
    const slot = await control.inTurn(() => {
      this.#expectServing(job.description)
      return deployments.openDetached(job.description.name)
    })
    const deployment = slot.current as Deployment
    const runner = new ExplainRunner({
      infer: (request) => {
        this.#dependencies.expectOpen()
        return infer(slot, deployment, request)
      },
      rowsMax: job.description.rowsMax,
      problem,
      meta: job.meta,
      signal: job.canceller.signal,
      onRows: (rows) => (job.facts = { ...job.facts, evaluated: job.facts.evaluated + rows }),
    })
    try {
      return await (problem.config.method === 'occlusion' ? occlude(problem, runner) : permute(problem, runner))
    } finally {
      deployments.closeDetached(slot)
    }
  }

  /** @throws PenstockError ERR_CONFLICT when another version or other models serve since the job was begun, or none. */
  #expectServing(begun: PipelineDescription): void {
    const { name, version } = begun
    const { deployedVersion } = this.#dependencies.engine.getPipeline(name)
    const present = deployedVersion === null ? null : this.#dependencies.engine.describePipeline(name)
    if (present?.version === version && modelsText(present) === modelsText(begun)) return
    const now = present === null ? 'nothing serves' : `version ${present.version} with ${modelsText(present)} serves`
    throw new PenstockError(
      'ERR_CONFLICT',
      `Of pipeline ${name} ${now} now, and what was to be explained is version ${version} with ${modelsText(begun)}. Begin another explanation`,
    )
  }

  #add(description: PipelineDescription, problem: Problem, meta: Meta | undefined): Job {
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => (end = resolve))
    const facts: ExplainJob = {
      id: `${this.#dependencies.instance}-x${++this.#startedCount}`,
      pipeline: description.name,
      pipelineVersion: description.version,
      config: problem.config,
      state: 'waiting',
      rows: problem.rows,
      evaluated: 0,
      evaluations: problem.evaluations,
      createdAt: this.#now(),
      endedAt: null,
      failure: null,
      result: null,
    }
    const job: Job = { facts, description, meta, problem, canceller: new AbortController(), ended, end }
    this.#jobs.set(facts.id, job)
    const old = [...this.#jobs.values()].filter(isEnded)
    for (const { facts: forgotten } of old.slice(0, Math.max(0, old.length - EXPLAIN_JOBS_KEPT_MAX)))
      this.#jobs.delete(forgotten.id)
    return job
  }

  /** The first end counts: a job that was cancelled stays so, whatever its last run says. */
  #end(job: Job, end: Pick<ExplainJob, 'state'> & Partial<Pick<ExplainJob, 'failure' | 'result'>>): void {
    if (isEnded(job)) return
    job.facts = { ...job.facts, ...end, endedAt: this.#now() }
    job.problem = null
    job.canceller.abort()
    job.end()
  }

  #expectRoom(): void {
    const waiting = [...this.#jobs.values()].filter(({ facts }) => facts.state === 'waiting').length
    if (waiting < EXPLAIN_JOBS_WAITING_MAX) return
    throw new PenstockError('ERR_QUEUE_FULL', `${EXPLAIN_JOBS_WAITING_MAX} explanations are waiting already`, {
      retryAfterMs: 1000,
    })
  }

  #configOf(pipeline: string, config: ExplainRequest['config']): ExplainConfig {
    if (typeof config === 'string') return this.getConfig(pipeline, config)
    const fields = expectRecord('config', config)
    const name = fields['name'] === undefined ? INLINE_NAME : expectName('config.name', fields['name'])
    return parseExplainConfig(name, fields)
  }

  #jobOf(pipeline: string, id: string): Job {
    const job = this.#jobs.get(expectString('id', id))
    if (job?.facts.pipeline === pipeline) return job
    this.#dependencies.engine.getPipeline(pipeline)
    throw notFound(`Pipeline ${pipeline} has no explanation ${id}. The ${EXPLAIN_JOBS_KEPT_MAX} newest are remembered`)
  }

  #now(): string {
    return new Date(this.#dependencies.clock.nowMs()).toISOString()
  }
}

/** Reads and copies the rows, and binds the configuration to them. */
function problemOf(description: PipelineDescription, config: ExplainConfig, request: ExplainRequest): Problem {
  const { inputs: fields, outputs, isNonBatching, name } = description
  if (isNonBatching) throw argumentError('the pipeline', 'one whose tensors have a row axis', name)
  const tensors = tensorsOf(fields, request.inputs, isNonBatching)
  rowsOf(fields, tensors, description.rowsMax)
  const inputs = Object.fromEntries(fields.map((field, index) => [field.name, tensors[index]]))
  const problem = bindProblem({
    config,
    inputFields: fields,
    outputFields: outputs,
    inputs: inputs as Problem['inputs'],
    targets: request.targets,
  })
  // After the sizes were checked: the caller's memory is lent only for the call.
  const copies = Object.entries(problem.inputs).map(([own, tensor]) => [own, copyTensor(tensor)])
  return { ...problem, inputs: Object.fromEntries(copies) as Problem['inputs'] }
}

function modelsText({ models }: PipelineDescription): string {
  return models.map(({ name, version }) => `${name}@${version}`).join(', ')
}

function notFound(sentence: string): PenstockError {
  return new PenstockError('ERR_EXPLANATION_NOT_FOUND', sentence)
}
