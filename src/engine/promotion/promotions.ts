/** Promotes a version: judges its answers beside what serves, and moves the alias if they are good enough. */
import { argumentError, expectInteger, expectArray, expectRecord, expectString } from '../../base/expect.js'
import { type MetricChoice, parseMetric } from '../../evaluation/metrics.js'
import { AGREEMENT, parseRequirement, type Requirement, REQUIREMENTS_MAX } from '../../evaluation/requirements.js'
import { modelReferences } from '../../pipeline/definition.js'
import { expectAlias, parseReference, pointedVersion } from '../../pipeline/model-reference.js'
import type { ModelStore, ModelVersion, Promotion, PromotionOptions } from '../api/api.js'
import type { Control } from '../control.js'
import type { Deployment } from '../deploy/deployment.js'
import type { Deployments, PipelineSlot } from '../deploy/deployments.js'
import { followsAlias, resolveReference } from '../models/model-references.js'
import { expectContract, type RunRequest } from '../predict/predict.js'
import type { RowsReader } from '../predict/rows-reader.js'
import { type Answers, answersTo, judgedFields, type JudgedFields } from './answers.js'
import { defaultMetric, type Demands, expectMetricFits, judge, type Judgement } from './judgement.js'

export interface PromotionsDependencies {
  readonly models: ModelStore
  readonly control: Control
  readonly deployments: Deployments
  readonly reader: RowsReader
  readonly runOn: (slot: PipelineSlot, deployment: Deployment) => RunRequest
}

const nothingJudged = { pipeline: null, baseline: null, rows: 0, judgedRows: 0, metrics: [], requirements: [] } as const

export class Promotions {
  readonly #dependencies: PromotionsDependencies

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
    const judged = await this.#judge(candidate, alias, options)
    const isPromoted = judged.requirements.every(({ isMet }) => isMet)
    if (isPromoted) await control.moveAliasFrom(name, alias, previous, version)
    return { model: name, version, alias, previous, isPromoted, ...judged }
  }

  async #judge(
    candidate: ModelVersion,
    alias: string,
    options: PromotionOptions,
  ): Promise<Omit<Promotion, 'model' | 'version' | 'alias' | 'previous' | 'isPromoted'>> {
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
    const serving = this.#follower(candidate.name, alias, options.pipeline)
    const fields = judgedFields(expectContract(serving).contract, options.prediction)
    const demands = demandsOf(fields, requirements, options)
    const baseline = this.#baseline(candidate.name, alias, demands, betterThan)
    const answer = (version: ModelVersion): Promise<Answers> => this.#answers(serving, alias, version, fields, options)
    const own = await answer(candidate)
    const judgement: Judgement = judge(fields, own, baseline === null ? null : await answer(baseline), demands)
    return { pipeline: serving.pipeline, baseline: baseline?.version ?? null, rows: own.rows.length, ...judgement }
  }

  /** The deployed pipeline in which the alias is what a version is judged as. @throws PenstockError ERR_ARGUMENT. */
  #follower(model: string, alias: string, name: string | undefined): Deployment {
    const followers = this.#dependencies.deployments.serving.filter(
      ({ compiled, contract }) => contract !== null && followsAlias(compiled.definition, model, alias),
    )
    const names = followers.map(({ pipeline }) => pipeline)
    const found = name === undefined ? followers[0] : followers.find(({ pipeline }) => pipeline === name)
    if (found !== undefined && (name !== undefined || followers.length === 1)) return found
    const rule = `a deployed pipeline with a contract that follows ${model}@${alias}: ${names.join(', ') || 'there is none'}`
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
