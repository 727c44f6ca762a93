/**
 * A pipeline, written fluently:
 *
 *   await pipeline('fraud', engine)
 *     .shadow('ccfraud@champion', ['ccfraud@challenger'])
 *     .check({ name: 'fraud', flag: 'out.dense_1[0] > 0.9' })
 *     .deploy()
 *
 * Steps are checked as they are written, and all together in `definition`: a change in two moves (replace a shadow's
 * multi-model, remove its audit) may pass through a state that would not deploy. What deploys is passed in, so the
 * same builder serves the embedded engine and a client.
 */
import { argumentError, expectName } from '../base/expect.js'
import {
  modelsOfStep,
  type CachePolicy,
  type LogPolicy,
  type LookupStep,
  type PipelineDefinition,
  type ScriptStepInput,
  type Step,
  type StepInput,
  type TokeniseStep,
  type TransformInput,
} from '../pipeline/definition.js'
import type { ModelReference } from '../pipeline/model-reference.js'
import type { RemoteOptions } from '../pipeline/remote-step.js'
import type { TransformOp } from '../transforms/program/definition.js'
import { parseCachePolicy } from './kinds/parse-cache.js'
import { parseLogPolicy } from './kinds/parse-log.js'
import { expectFlow, parseDefinition, parseStep } from './parse.js'

/** What `deploy` needs: the engine, or a client of one. R is what it answers. */
export interface Deployer<R = unknown> {
  applyPipeline(definition: PipelineDefinition, options: { deploy: true }): Promise<R>
}

interface RunOptions {
  /** The names, by position, under which the models' inputs are bound. */
  readonly tensorFields?: readonly string[] | undefined
}
export interface KeySplitOptions extends RunOptions {
  readonly default: ModelReference
  /** The member of the request's meta that decides. */
  readonly key: string
  /** Model by value of that member. */
  readonly options: Readonly<Record<string, ModelReference>>
  /** true: a request without the key is refused with ERR_META instead of taking the default. */
  readonly required?: boolean | undefined
}
export interface WeightedModel {
  /** Above 0; weights need not sum to anything. */
  readonly weight: number
  readonly model: ModelReference
}
export interface RandomSplitOptions extends RunOptions {
  /** The member of the request's meta that decides instead of chance: a text, an integer, or a number in [0,1]. */
  readonly hashKey?: string | undefined
  /** Seeds the hash of texts and integers: unsigned 64-bit integer in decimal; absent: 0. */
  readonly hashSeed?: string | undefined
  /** true: a request without `hashKey` is refused with ERR_META instead of drawn at random. */
  readonly required?: boolean | undefined
  /** Unsigned 64-bit integer in decimal; absent: another one at each deploy. */
  readonly seed?: string | undefined
}
/** How texts become tokens; docs/reference/steps.md has what stands for those that are absent. */
export type TokeniseOptions = Omit<TokeniseStep, 'type' | 'column' | 'tokenizer'>
/** Exactly one of `require` (false fails) and `flag` (true fails). */
export interface CheckOptions {
  readonly name: string
  readonly require?: string | undefined
  readonly flag?: string | undefined
}
export type LookupOptions = Omit<LookupStep, 'type'>
export interface ModelConfig {
  readonly model: ModelReference
  readonly tensorFields?: readonly string[]
}

/**
 * Begins a pipeline.
 * @param name letters, digits and hyphens.
 * @param deployer absent: `deploy` is refused, `definition` is not.
 * @throws PenstockError ERR_ARGUMENT when the name is none.
 */
export function pipeline<R = unknown>(name: string, deployer?: Deployer<R>): PipelineBuilder<R> {
  return new PipelineBuilder(name, deployer)
}

/** All methods but the last four return the builder. All throw PenstockError ERR_PIPELINE_INVALID for steps that are wrong. */
export class PipelineBuilder<R = unknown> {
  readonly name: string
  private list: Step[] = []
  private policy: LogPolicy | undefined
  private cachePolicy: CachePolicy | undefined
  private contractReference: string | undefined

  constructor(
    name: string,
    private readonly deployer?: Deployer<R>,
  ) {
    this.name = expectName('pipeline name', name)
  }

  model(model: ModelReference, options: RunOptions = {}): this {
    return this.append(modelInput(model, options))
  }

  multiModel(models: readonly ModelReference[], options: RunOptions = {}): this {
    return this.append(multiModelInput(models, options))
  }

  /** @param slice `start:`, `start:end` or `:end`, 0-based, the end excluded. */
  audit(slice: string): this {
    return this.append({ type: 'audit', slice })
  }

  select(index: number): this {
    return this.append({ type: 'select', index })
  }

  keySplit(options: KeySplitOptions): this {
    return this.append({ type: 'key-split', ...options })
  }

  randomSplit(options: readonly WeightedModel[], settings: RandomSplitOptions = {}): this {
    return this.append({ type: 'random-split', options, ...settings })
  }

  /** Adds three steps: multi-model, audit "1:", select 0. */
  shadow(champion: ModelReference, challengers: readonly ModelReference[], options: RunOptions = {}): this {
    return this.append({ type: 'shadow', champion, challengers, ...options })
  }

  check(options: CheckOptions): this {
    return this.append({ type: 'check', ...options })
  }

  /** @param inputs what callers send, where no contract says it; of the first transform before the models alone. */
  transform(ops: readonly TransformOp[], inputs?: readonly TransformInput[]): this {
    return this.append({ type: 'transform', ops, inputs })
  }

  /** Columns of a table, by the key of an entity; before the first model or behind the last. */
  lookup(options: LookupOptions): this {
    return this.append({ type: 'lookup', ...options })
  }

  /**
   * @param column of texts.
   * @param tokenizer `mini`, or `mini@1`: of the registry.
   */
  tokenise(column: string, tokenizer: string, options: TokeniseOptions = {}): this {
    return this.append({ type: 'tokenise', column, tokenizer, ...options })
  }

  /** A module that takes columns and answers columns; deploys where scripts are allowed. @param script with the module's text as `source`. */
  script(script: ScriptStepInput): this {
    return this.append({ type: 'script', ...script })
  }

  /** Another server answers. @param step as on the wire, without its type. */
  remote(step: RemoteOptions): this {
    return this.append({ type: 'remote', ...step })
  }

  /** What is logged of the pipeline; without this call: all of it, asynchronously. */
  log(policy: LogPolicy): this {
    this.policy = parseLogPolicy(policy)
    return this
  }

  /** Answers identical requests without a run; without this call: every request is run. */
  cache(policy: CachePolicy): this {
    this.cachePolicy = parseCachePolicy(policy, this.list)
    return this
  }

  /** The contract of the pipeline's rows and answers. @param reference `wine@2`, or `wine` for the newest at deploy. */
  contract(reference: string): this {
    this.contractReference = reference
    return this
  }

  replaceWithModel(index: number, model: ModelReference, options: RunOptions = {}): this {
    return this.replace(index, modelInput(model, options))
  }

  replaceWithMultiModel(index: number, models: readonly ModelReference[], options: RunOptions = {}): this {
    return this.replace(index, multiModelInput(models, options))
  }

  replaceWithAudit(index: number, slice: string): this {
    return this.replace(index, { type: 'audit', slice })
  }

  replaceWithSelect(index: number, selected: number): this {
    return this.replace(index, { type: 'select', index: selected })
  }

  replaceWithKeySplit(index: number, options: KeySplitOptions): this {
    return this.replace(index, { type: 'key-split', ...options })
  }

  replaceWithRandomSplit(index: number, options: readonly WeightedModel[], settings: RandomSplitOptions = {}): this {
    return this.replace(index, { type: 'random-split', options, ...settings })
  }

  /** Puts the three steps of a shadow in the place of one. */
  replaceWithShadow(
    index: number,
    champion: ModelReference,
    challengers: readonly ModelReference[],
    options: RunOptions = {},
  ): this {
    return this.replace(index, { type: 'shadow', champion, challengers, ...options })
  }

  replaceWithCheck(index: number, options: CheckOptions): this {
    return this.replace(index, { type: 'check', ...options })
  }

  replaceWithTransform(index: number, ops: readonly TransformOp[], inputs?: readonly TransformInput[]): this {
    return this.replace(index, { type: 'transform', ops, inputs })
  }

  replaceWithLookup(index: number, options: LookupOptions): this {
    return this.replace(index, { type: 'lookup', ...options })
  }

  replaceWithTokenise(index: number, column: string, tokenizer: string, options: TokeniseOptions = {}): this {
    return this.replace(index, { type: 'tokenise', column, tokenizer, ...options })
  }

  replaceWithScript(index: number, script: ScriptStepInput): this {
    return this.replace(index, { type: 'script', ...script })
  }

  replaceWithRemote(index: number, step: RemoteOptions): this {
    return this.replace(index, { type: 'remote', ...step })
  }

  /** Puts a step before the one at `index`, 0..number of steps. */
  insert(index: number, step: StepInput): this {
    this.expectIndex(index, this.list.length)
    this.list.splice(index, 0, ...parseStep(`steps[${index}]`, step))
    return this
  }

  removeStep(index: number): this {
    this.expectIndex(index, this.list.length - 1)
    this.list.splice(index, 1)
    return this
  }

  /** Removes all steps; contract, log and cache stay. */
  clear(): this {
    this.list = []
    return this
  }

  /** Takes steps, contract, log and cache of a definition, e.g. of the version that serves now or of another pipeline, in place of its own. */
  load(definition: PipelineDefinition): this {
    const { steps, contract, log, cache } = parseDefinition(definition.name, definition)
    this.list = steps.slice()
    this.contractReference = contract
    this.policy = log
    this.cachePolicy = cache
    return this
  }

  /** The steps so far; sugar expanded. A copy of the list. */
  steps(): Step[] {
    return this.list.slice()
  }

  /** The models in the order of the steps, with the names under which its inputs are bound. */
  modelConfigs(): ModelConfig[] {
    return this.list.flatMap((step) => {
      const tensorFields = 'tensorFields' in step ? step.tensorFields : undefined
      return modelsOfStep(step).map((model) => (tensorFields === undefined ? { model } : { model, tensorFields }))
    })
  }

  /** The pipeline as data, checked as far as no model is needed. */
  definition(): PipelineDefinition {
    const { list: steps, contractReference: contract, policy: log, cachePolicy: cache } = this
    return parseDefinition(this.name, { steps, contract, log, cache })
  }

  /**
   * Applies the definition and deploys it. A changed definition becomes a new version; a pipeline that serves is swapped
   * without losing a request.
   * @throws (rejects) PenstockError ERR_ARGUMENT without a deployer; what the deployer rejects with.
   */
  async deploy(): Promise<R> {
    if (this.deployer === undefined) {
      throw argumentError('deployer', 'given', this.deployer, 'Pass the engine or a client: pipeline(name, engine)')
    }
    return this.deployer.applyPipeline(this.definition(), { deploy: true })
  }

  private append(input: StepInput): this {
    const added = parseStep(`steps[${this.list.length}]`, input)
    const isSound = isFlowSound(this.list)
    const list = [...this.list, ...added]
    // A list that is in between two moves already is checked as a whole, by definition().
    if (isSound) expectFlow(list)
    this.list = list
    return this
  }

  private replace(index: number, input: StepInput): this {
    this.expectIndex(index, this.list.length - 1)
    this.list.splice(index, 1, ...parseStep(`steps[${index}]`, input))
    return this
  }

  private expectIndex(index: number, max: number): void {
    if (Number.isInteger(index) && index >= 0 && index <= max) return
    const rule = max < 0 ? 'of a step, and there is none' : `an integer in 0..${max}`
    throw argumentError('index', rule, index, '', 'ERR_PIPELINE_INVALID')
  }
}

function modelInput(model: ModelReference, { tensorFields }: RunOptions): StepInput {
  return { type: 'model', model, tensorFields }
}

function multiModelInput(models: readonly ModelReference[], { tensorFields }: RunOptions): StepInput {
  return { type: 'multi-model', models, tensorFields }
}

function isFlowSound(steps: readonly Step[]): boolean {
  try {
    expectFlow(steps)
    return true
  } catch {
    return false
  }
}
