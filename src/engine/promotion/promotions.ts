/** Promotes a version: judges its answers beside what serves, and moves the alias if they are good enough. */
import { onAbort } from '../../base/abort.js'
import { PenstockError } from '../../base/errors.js'
import { argumentError, expectInteger, expectArray, expectRecord, expectString } from '../../base/expect.js'
import { SHADOW_LIMIT_MS, SHADOW_LIMIT_MS_MAX, SHADOW_ROWS_MAX } from '../../base/limits/model-limits.js'
import { didYouMean } from '../../base/suggest.js'
import { type MetricChoice, parseMetric } from '../../evaluation/metrics.js'
import { AGREEMENT, parseRequirement, type Requirement, REQUIREMENTS_MAX } from '../../evaluation/requirements.js'
import { modelReferences } from '../../pipeline/definition.js'
import { expectAlias, parseReference, pointedVersion } from '../../pipeline/model-reference.js'
import type { ModelStore, ModelVersion, Promotion, PromotionOptions, PromotionProgress } from '../api/api.js'
import type { Control } from '../control.js'
import type { Deployment } from '../deploy/deployment.js'
import type { Deployments, PipelineSlot } from '../deploy/deployments.js'
import { followsAlias, resolveReference } from '../models/model-references.js'
import { expectContract, type RunRequest } from '../predict/predict.js'
import type { RowsReader } from '../predict/rows-reader.js'
import { type Answers, answersTo, judgedFields, type JudgedFields } from './answers.js'
import { defaultMetric, type Demands, expectMetricFits, judge, judgeLive, type Judgement } from './judgement.js'
import { compareLiveRows } from './shadow-gate.js'

export interface PromotionsDependencies {
  readonly models: ModelStore
  readonly control: Control
  readonly deployments: Deployments
  readonly reader: RowsReader
  readonly runOn: (slot: PipelineSlot, deployment: Deployment) => RunRequest
}

type Judged = Omit<Promotion, 'model' | 'version' | 'alias' | 'previous' | 'isPromoted'>

interface UnderWay {
  progress: PromotionProgress
  readonly stop: AbortController
}

const nothingJudged = { pipeline: null, baseline: null, rows: 0, judgedRows: 0, metrics: [], requirements: [] } as const

export class Promotions {
  readonly #dependencies: PromotionsDependencies
  /** Those that compare live rows, by pipeline. */
  readonly #underWay = new Map<string, UnderWay>()

  constructor(dependencies: PromotionsDependencies) {
    this.#dependencies = dependencies
  }

  async promote(name: string, version: number, options: PromotionOptions): Promise<Promotion> {
    const { models, control } = this.#dependencies
    const alias = expectAlias('to', expectRecord('options', options)['to'])
    const model = control.getModel(name)
    const candidate = resolveReference(
      models,
      `${name}@${expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER)}`,
    )
    const previous = pointedVersion(model, alias) ?? null
    const decide = async (judged: Judged): Promise<Promotion> => {
      const isPromoted = judged.requirements.every(({ isMet }) => isMet)
      if (isPromoted) await control.moveAliasFrom(name, alias, previous, version)
      return { model: name, version, alias, previous, isPromoted, ...judged }
    }
    if (expectShadow(options)) return this.#judgeLive(candidate, alias, options, decide)
    return decide(await this.#judge(candidate, alias, options))
  }

  /** The promotions of a model that compare live rows now, by alias. */
  underWay(model: string): PromotionProgress[] {
    this.#dependencies.control.getModel(model)
    const all = [...this.#underWay.values()].map(({ progress }) => progress)
    return all.filter((one) => one.model === model).sort((a, b) => (a.alias < b.alias ? -1 : 1))
  }

  /** Cancels them: their callers get ERR_ABORTED. @throws PenstockError ERR_MODEL_NOT_FOUND; ERR_CONFLICT: there is none. */
  cancel(model: string, alias: string): void {
    const canonical = expectAlias('alias', alias)
    const [...aliases] = this.underWay(model).map((one) => one.alias)
    if (!aliases.includes(canonical))
      throw new PenstockError(
        'ERR_CONFLICT',
        `No promotion of ${model} to ${alias} compares live rows now${didYouMean(alias, aliases)}`,
      )
    for (const { progress, stop } of this.#underWay.values())
      if (progress.model === model && progress.alias === canonical) stop.abort()
  }

  /** Keeps the candidate loaded from the first row until the alias has moved. */
  async #judgeLive(
    candidate: ModelVersion,
    alias: string,
    options: PromotionOptions,
    decide: (judged: Judged) => Promise<Promotion>,
  ): Promise<Promotion> {
    const { control, deployments, models } = this.#dependencies
    const requirements = expectRequirements(options.require)
    expectAgreementAlone(requirements)
    const { pipeline, compiled } = this.#follower(candidate.name, alias, options.pipeline, false)
    const champion = resolveReference(models, `${candidate.name}@${alias}`)
    if (champion.version === candidate.version)
      throw argumentError('version', `another version than ${candidate.name}@${alias} is`, candidate.version)
    if (this.#underWay.has(pipeline))
      throw new PenstockError(
        'ERR_CONFLICT',
        `Live rows of pipeline ${pipeline} are being compared for another promotion. Wait until it is decided, or cancel it`,
      )
    const rows = options.shadowRows as number
    const begun = {
      model: candidate.name,
      version: candidate.version,
      alias,
      pipeline,
      rowsWanted: rows,
      rows: 0,
      sameRows: 0,
    }
    const underWay: UnderWay = { progress: begun, stop: new AbortController() }
    const detach = options.signal === undefined ? undefined : onAbort(options.signal, () => underWay.stop.abort())
    this.#underWay.set(pipeline, underWay)
    let held: PipelineSlot | null = null
    try {
      if (options.signal?.aborted === true) underWay.stop.abort()
      held = await control.inTurn(() =>
        deployments.openDetached(pipeline, insteadOf(compiled.definition, candidate, alias)),
      )
      const slot = deployments.slotOf(pipeline) as PipelineSlot
      const seen = await compareLiveRows(slot, this.#dependencies, {
        alias,
        candidate,
        champion,
        rows,
        limitMs: options.shadowLimitMs ?? SHADOW_LIMIT_MS,
        prediction: options.prediction,
        signal: underWay.stop.signal,
        onProgress: (progress) => {
          underWay.progress = { ...underWay.progress, ...progress }
          options.onProgress?.(underWay.progress)
        },
      })
      return await decide({ pipeline, baseline: champion.version, ...judgeLive(seen, rows, requirements) })
    } finally {
      detach?.()
      this.#underWay.delete(pipeline)
      if (held !== null) deployments.closeDetached(held)
    }
  }

  async #judge(candidate: ModelVersion, alias: string, options: PromotionOptions): Promise<Judged> {
    const requirements = expectRequirements(options.require)
    const { rows, betterThan, by } = options
    if (rows === undefined) {
      const asked = (['require', 'betterThan', 'by'] as const).find((key) => options[key] !== undefined)
      if (asked !== undefined) throw argumentError('rows', `a list of rows, for ${asked} needs some`, rows)
      return nothingJudged
    }
    expectArray('rows', rows)
    if (by !== undefined && betterThan === undefined)
      throw argumentError('betterThan', 'an alias or version of the model, for by needs one', betterThan)
    const serving = this.#follower(candidate.name, alias, options.pipeline, true)
    const fields = judgedFields(expectContract(serving).contract, options.prediction)
    const demands = demandsOf(fields, requirements, options)
    const baseline = this.#baseline(candidate.name, alias, demands, betterThan)
    const answer = (version: ModelVersion): Promise<Answers> => this.#answers(serving, alias, version, fields, options)
    const own = await answer(candidate)
    const judgement: Judgement = judge(fields, own, baseline === null ? null : await answer(baseline), demands)
    return { pipeline: serving.pipeline, baseline: baseline?.version ?? null, rows: own.rows.length, ...judgement }
  }

  /** The deployed pipeline in which the alias is what a version is judged as. @throws PenstockError ERR_ARGUMENT. */
  #follower(model: string, alias: string, name: string | undefined, needsContract: boolean): Deployment {
    const followers = this.#dependencies.deployments.serving.filter(
      ({ compiled, contract, pipeline }) =>
        // Versions beside deployed ones follow what these decide.
        !pipeline.includes('.') &&
        (contract !== null || !needsContract) &&
        followsAlias(compiled.definition, model, alias),
    )
    const names = followers.map(({ pipeline }) => pipeline)
    const found = name === undefined ? followers[0] : followers.find(({ pipeline }) => pipeline === name)
    if (found !== undefined && (name !== undefined || followers.length === 1)) return found
    const rule = `a deployed pipeline ${needsContract ? 'with a contract ' : ''}that follows ${model}@${alias}: ${names.join(', ') || 'there is none'}`
    throw argumentError('pipeline', rule, name)
  }

  /** The version that the candidate is compared with; null: nothing asks for one. */
  #baseline(
    model: string,
    alias: string,
    { requirements, by }: Demands,
    betterThan: PromotionOptions['betterThan'],
  ): ModelVersion | null {
    const isAsked = by !== null || requirements.some(({ metric }) => metric === AGREEMENT)
    return isAsked ? resolveReference(this.#dependencies.models, `${model}@${betterThan ?? alias}`) : null
  }

  async #answers(
    { pipeline, compiled }: Deployment,
    alias: string,
    version: ModelVersion,
    fields: JudgedFields,
    { rows = [], signal }: PromotionOptions,
  ): Promise<Answers> {
    const { control, deployments, reader, runOn } = this.#dependencies
    const instead = insteadOf(compiled.definition, version, alias)
    const slot = await control.inTurn(() => deployments.openDetached(pipeline, instead))
    try {
      const deployment = slot.current as Deployment
      return await answersTo(rows, fields, { deployment, reader, run: runOn(slot, deployment), signal })
    } finally {
      deployments.closeDetached(slot)
    }
  }
}

/** Every reference of the definition that means the alias, to the version. */
function insteadOf(
  definition: Deployment['compiled']['definition'],
  version: ModelVersion,
  alias: string,
): ReadonlyMap<string, ModelVersion> {
  const references = modelReferences(definition).filter((reference) => {
    const { name, selector } = parseReference(reference)
    return name === version.name && selector.kind === 'alias' && selector.alias === alias
  })
  return new Map(references.map((reference) => [reference, version]))
}

function expectRequirements(require: unknown): Requirement[] {
  if (require === undefined) return []
  const list = expectArray('require', require)
  if (list.length > REQUIREMENTS_MAX)
    throw argumentError('require', `at most ${REQUIREMENTS_MAX} requirements`, list.length)
  return list.map((text, index) => parseRequirement(`require[${index}]`, text))
}

/** @returns whether live rows are asked for. @throws PenstockError ERR_ARGUMENT. */
function expectShadow(options: PromotionOptions): boolean {
  const { shadowRows, shadowLimitMs } = options
  if (shadowRows === undefined) {
    if (shadowLimitMs !== undefined)
      throw argumentError('shadowRows', `an integer in 1..${SHADOW_ROWS_MAX}, for shadowLimitMs needs it`, shadowRows)
    return false
  }
  expectInteger('shadowRows', shadowRows, 1, SHADOW_ROWS_MAX)
  if (shadowLimitMs !== undefined) expectInteger('shadowLimitMs', shadowLimitMs, 1, SHADOW_LIMIT_MS_MAX)
  const other = (['rows', 'betterThan', 'by'] as const).find((key) => options[key] !== undefined)
  if (other !== undefined)
    throw argumentError(other, 'absent, for live rows have no truth: promote by shadowRows, or by rows', '(given)')
  return true
}

/** @throws PenstockError ERR_ARGUMENT. */
function expectAgreementAlone(requirements: readonly Requirement[]): void {
  requirements.forEach(({ metric, text }, index) => {
    if (metric !== AGREEMENT)
      throw argumentError(`require[${index}]`, `${AGREEMENT} and its bound, for live rows have no truth`, text)
  })
}

function demandsOf(
  fields: JudgedFields,
  requirements: readonly Requirement[],
  { betterThan, by }: PromotionOptions,
): Demands {
  requirements.forEach(({ metric }, index) => {
    if (metric !== AGREEMENT) expectMetricFits(`require[${index}]`, metric, fields)
  })
  if (betterThan === undefined) return { requirements, by: null, baseline: '' }
  const first = requirements.find(({ metric }) => metric !== AGREEMENT)?.metric as MetricChoice | undefined
  const metric = by === undefined ? (first ?? defaultMetric(fields)) : parseMetric('by', expectString('by', by))
  expectMetricFits('by', metric, fields)
  return { requirements, by: metric, baseline: String(betterThan) }
}
