/**
 * A plan in the making: the step kinds (src/steps) say what they do in the words of this class, in the order of the
 * definition, and `finish` reads off what needs the whole: liveness, checks, the answer.
 *
 * "Current" are the outputs that the next step sees, one node each. Liveness: a node is in the foreground when
 * the answer, a later stage or a check reads it. All others run in the background: those that are only audited, and
 * those that nobody reads at all (selected away), which keeps a challenger warm and its latency measured.
 */
import type { PenstockError } from '../base/errors.js'
import { POSITIONS_MAX } from '../base/limits/limits.js'
import { dtypeInfo } from '../tensor/dtype.js'
import { parseCheck } from './check-syntax.js'
import type { CheckStep, PipelineDefinition, Step, TransformInput, TransformStep } from './definition.js'
import type { ModelReference } from './model-reference.js'
import { finishChecks, type PendingCheck } from './plan-checks.js'
import { fieldOf, inputFieldOf, inputSource, invalid, isText, outputSource } from './plan-graph.js'
import type { Input, Output, Position } from './plan-graph.js'
import { alignInputs, expectFeedable, findInputBinding, formatModel, rowDimsOf, type FedInput } from './plan-inputs.js'
import { chainOfCallers, finishColumns } from './columns/bind-inputs.js'
import { callerField, type PendingColumnStep } from './columns/chain.js'
import type { CompileStage, StageColumn } from './columns/stage.js'
import { alignOutputs, auditsOf, nameOutputs } from './plan-outputs.js'
import { labelModels } from './plan.js'
import type { CompiledPlan, PlanInputBinding, PlanOption, PlanSplit, ResolvedModel, ResolveModel } from './plan.js'

/** A node to be: its models, one unless it is a split. */
interface PositionPlan {
  readonly models: readonly ResolvedModel[]
  readonly labels: readonly string[]
  readonly split: number
}

/** What a contract says of the columns that callers send. */
export interface ContractColumns {
  /** null: there is no contract. */
  readonly features: readonly StageColumn[] | null
  /** Those that are no features, for steps that take them by name. */
  readonly others: readonly StageColumn[]
}

export class PlanDraft {
  private readonly models: ResolvedModel[] = []
  private readonly stages: Position[][] = []
  private readonly splits: PlanSplit[] = []
  private readonly inputs: Input[] = []
  private readonly pendingChecks: PendingCheck[] = []
  private readonly before: PendingColumnStep[] = []
  private readonly behind: PendingColumnStep[] = []
  /** What checks read where no step runs a model; filled when all steps are known. */
  private readonly answerOfColumns = new Map<string, Output>()
  private routes: string[] = []
  private current: Position[] = []
  private isNonBatching = false

  constructor(
    private readonly definition: PipelineDefinition,
    private readonly resolve: ResolveModel,
    private readonly contract: ContractColumns | null = null,
  ) {}

  /** Runs each model on the same input, side by side. */
  runModels(where: string, references: readonly ModelReference[], tensorFields: readonly string[] | undefined): void {
    const models = references.map((reference) => this.use(where, reference))
    const labels = labelModels(references, models)
    this.addStage(
      where,
      models.map((model, i) => ({ models: [model], labels: [labels[i] as string], split: -1 })),
      tensorFields,
    )
  }

  /** Runs, for each row, the one model that the split chooses. */
  runSplit(
    where: string,
    references: readonly ModelReference[],
    split: PlanSplit,
    tensorFields: readonly string[] | undefined,
  ): void {
    const models = references.map((reference) => this.use(where, reference))
    const labels = labelModels(references, models)
    const index = this.splits.push(split) - 1
    this.addStage(where, [{ models, labels, split: index }], tensorFields)
    this.routes = labels
  }

  /** Keeps one of the current outputs. */
  select(where: string, index: number): void {
    const kept = this.current[index]
    if (kept === undefined) throw this.outOfRange(`${where}.index`, String(index))
    this.current = [kept]
  }

  /** Marks current outputs start..end (end excluded, null: all) to be logged. */
  audit(where: string, start: number, end: number | null): void {
    const marked = this.current.slice(start, end ?? undefined)
    if (marked.length === 0 || (end ?? 0) > this.current.length) {
      throw this.outOfRange(`${where}.slice`, `${start}:${end ?? ''}`)
    }
    for (const position of marked) position.isAudited = true
  }

  /** Adds a check on the current outputs and the request. */
  check(where: string, step: CheckStep): void {
    const expression = step.flag ?? step.require ?? ''
    const syntax = parseCheck(`${where}.${step.flag === undefined ? 'require' : 'flag'}`, expression)
    const outputs = this.stages.length === 0 ? this.answerOfColumns : nameOutputs(where, this.current)
    this.pendingChecks.push({ where, step, syntax, afterStage: Math.max(this.stages.length - 1, 0), outputs })
  }

  /** Operations on what callers send, or on what they get. */
  transform(where: string, step: TransformStep): void {
    this.addColumns({ where, step, compile: null, inputs: step.inputs })
  }

  /**
   * Something else that takes columns and leaves columns, there.
   * @param compile is called when the columns in front of the step are known.
   * @param inputs what callers send, as the step says it; of the first before the models alone.
   * @param alone what callers send where neither it nor a contract says so.
   */
  stage(
    where: string,
    step: Step,
    compile: CompileStage,
    inputs?: readonly TransformInput[],
    alone?: readonly TransformInput[],
  ): void {
    this.addColumns({ where, step, compile, inputs, alone })
  }

  private addColumns(pending: PendingColumnStep): void {
    const { where, step, inputs } = pending
    const list = this.stages.length === 0 ? this.before : this.behind
    if (inputs !== undefined && (list !== this.before || list.length > 0))
      throw invalid(
        `Expected ${where} to have no inputs: only the first ${step.type} before the models says what callers send`,
      )
    list.push(pending)
  }

  /** @throws PenstockError ERR_PIPELINE_INVALID for what only the whole shows. */
  finish(): CompiledPlan {
    const { before, behind, isNonBatching } = this
    const { features = null, others = [] } = this.contract ?? {}
    if (this.stages.length === 0) return this.finishColumnsOnly({ features, others })
    const answer = nameOutputs('the answer', this.current)
    for (const { position } of answer.values()) position.isNeeded = true
    const checks = finishChecks(this.pendingChecks, this.inputs)
    const inputFields = this.inputs.map((input) => inputFieldOf(input, this.isNonBatching))
    const outputFields = [...answer].map(([name, output]) => fieldOf(name, output, this.isNonBatching))
    this.expectCacheable()
    const columns = finishColumns({ before, behind, features, others, isNonBatching, inputFields, outputFields })
    return {
      definition: this.definition,
      logKeys: [],
      models: this.models,
      inputs: this.inputs.map(({ dtype, rowDims }) => ({
        dtype: dtypeInfo(dtype).code,
        dims: rowDims.map((dim) => dim ?? -1),
      })),
      isNonBatching: this.isNonBatching,
      splits: this.splits,
      stages: this.stages.map((positions) => ({
        positions: positions.map(({ options, split, isNeeded }) => ({ options, split, isBackground: !isNeeded })),
      })),
      checks,
      answer: [...answer.values()].map(outputSource),
      routeSplit: this.splits.length - 1,
      isStringPath: this.models.some(({ signature }) => [...signature.inputs, ...signature.outputs].some(isText)),
      inputFields,
      outputFields,
      ...columns,
      inputSources: this.inputs.map((input) => inputSource(input)),
      audited: auditsOf(
        this.stages.flat().filter((position) => position.isAudited && !this.current.includes(position)),
        this.isNonBatching,
      ),
      routes: this.routes,
    }
  }

  /** No step runs a model: what the last one leaves is the answer. */
  private finishColumnsOnly(contract: ContractColumns): CompiledPlan {
    if (!this.before.some(({ compile }) => compile !== null))
      throw invalid('Expected steps to have at least one that runs a model but it has none')
    if (this.definition.cache !== undefined)
      throw invalid(
        'Expected a pipeline with a cache to have a model, whose answers it keeps, but it has none. Leave the cache out',
      )
    const inputChain = chainOfCallers(this.before, contract)
    const where = this.before.at(-1)?.where ?? ''
    if (inputChain.outputs.length === 0) throw invalid(`Expected ${where} to leave a column, for it makes the answer`)
    const outputFields = inputChain.outputs.map(callerField)
    const [place] = this.before
    const position: Position = {
      stage: 0,
      index: 0,
      label: place?.where ?? '',
      options: [],
      split: -1,
      outputs: [],
      isNeeded: true,
      isAudited: false,
    }
    inputChain.outputs.forEach(({ name, dtype, shape }, i) => {
      this.answerOfColumns.set(name, { name, dtype, rowDims: shape, model: where, position, slots: [i] })
    })
    return {
      definition: this.definition,
      logKeys: [],
      models: [],
      inputs: [],
      isNonBatching: false,
      splits: [],
      stages: [],
      checks: finishChecks(this.pendingChecks, []),
      answer: [...this.answerOfColumns.values()].map(outputSource),
      routeSplit: -1,
      isStringPath: true,
      inputFields: [],
      outputFields,
      callerInputs: inputChain.inputs.map(callerField),
      callerOutputs: outputFields,
      inputChain,
      inputColumns: inputChain.outputs.map(({ name, shape }) => ({ name, rowDims: shape })),
      outputChain: null,
      carriedColumns: [],
      inputTransform: null,
      outputTransform: null,
      inputSources: [],
      audited: [],
      routes: [],
    }
  }

  /** The addon keeps the answers, and never sees texts. */
  private expectCacheable(): void {
    if (this.definition.cache === undefined) return
    for (const model of this.models) {
      const text = [...model.signature.inputs, ...model.signature.outputs].find(isText)
      if (text === undefined) continue
      throw invalid(
        `Expected the models of a pipeline with a cache to take and give numbers but ${text.name} of ${formatModel(model)} is a string. ` +
          'Encode the texts in a transform step before the model, or leave the cache out',
      )
    }
  }

  // ── models ────────────────────────────────────────────────────────────────────────────────────

  private use(where: string, reference: ModelReference): ResolvedModel {
    const model = this.resolve(reference)
    const known = this.models.find(({ name, version }) => name === model.name && version === model.version)
    if (known !== undefined) return known
    const { inputs, outputs, batching } = model.signature
    for (const [kind, fields] of [
      ['input', inputs],
      ['output', outputs],
    ] as const) {
      if (fields.length === 0)
        throw invalid(`Expected ${formatModel(model)} in ${where} to have an ${kind} but it has none`)
    }
    this.expectSameBatching(where, model)
    const scalar = batching === 'whole' ? undefined : [...inputs, ...outputs].find(({ shape }) => shape.length === 0)
    if (scalar !== undefined) {
      throw invalid(
        `Expected ${scalar.name} of ${formatModel(model)} in ${where} to have a row axis but it has no dims`,
      )
    }
    this.models.push(model)
    return model
  }

  private expectSameBatching(where: string, model: ResolvedModel): void {
    const [first] = this.models
    const isNonBatching = model.signature.batching === 'whole'
    if (first === undefined) this.isNonBatching = isNonBatching
    if (first === undefined || isNonBatching === this.isNonBatching) return
    const [whole, other] = isNonBatching ? [model, first] : [first, model]
    const { remark = '' } = whole.signature
    throw invalid(
      `Expected the models of a pipeline to batch alike but ${formatModel(whole)} takes whole requests` +
        `${remark === '' ? '' : ` (${remark})`} and ${formatModel(other)} takes rows (${where}). Use two pipelines`,
    )
  }

  // ── stages ────────────────────────────────────────────────────────────────────────────────────

  private addStage(where: string, plans: readonly PositionPlan[], tensorFields: readonly string[] | undefined): void {
    const positionCount = this.stages.reduce((count, positions) => count + positions.length, plans.length)
    if (positionCount > POSITIONS_MAX) {
      throw invalid(
        `Expected a pipeline to run at most ${POSITIONS_MAX} models or splits but ${where} makes it ${positionCount}`,
      )
    }
    const [behind] = this.behind
    if (behind !== undefined) {
      const wayOut = 'Put it before the first model or behind the last, or make two pipelines of it'
      throw invalid(
        `Expected ${behind.where}, a ${behind.step.type}, not to stand between models but ${where} runs one. ${wayOut}`,
      )
    }
    const before = this.current.flatMap(({ outputs }) => outputs)
    this.current = plans.map((plan, index) => this.addPosition(where, plan, index, before, tensorFields))
    this.stages.push(this.current)
  }

  private addPosition(
    where: string,
    { models, labels, split }: PositionPlan,
    index: number,
    before: readonly Output[],
    tensorFields: readonly string[] | undefined,
  ): Position {
    const stage = this.stages.length
    const options = models.map((model, i) => ({
      model: this.models.indexOf(model),
      label: labels[i] as string,
      inputBindings: new Array<PlanInputBinding>(model.signature.inputs.length),
    }))
    const label = labels.join('|')
    const position: Position = { stage, index, label, options, split, outputs: [], isNeeded: false, isAudited: false }
    const inputs = alignInputs(where, models, tensorFields)
    for (const input of inputs) {
      if (stage === 0) this.bindingFromRequest(where, position, input)
      else this.bindingFromOutput(where, position, input, findInputBinding(where, before, input, inputs.length === 1))
    }
    position.outputs.push(...alignOutputs(where, position, models, this.isNonBatching))
    return position
  }

  private bindingFromRequest(where: string, position: Position, input: FedInput): void {
    const [first] = input.byOption
    if (first === undefined) return
    let index = this.inputs.findIndex(({ name }) => name === input.name)
    if (index < 0) {
      const { field, model } = first
      const rowDims = rowDimsOf(field, this.isNonBatching)
      index =
        this.inputs.push({
          name: input.name,
          dtype: field.dtype,
          rowDims,
          default: field.default,
          model,
          readers: [],
        }) - 1
    }
    const request = this.inputs[index] as Input
    if (input.byOption.some(({ field }) => JSON.stringify(field.default) !== JSON.stringify(request.default)))
      request.default = undefined
    request.rowDims = expectFeedable(where, request, input, this.isNonBatching)
    request.readers.push({ position, slots: input.byOption.map(({ slot }) => slot) })
    this.setInputBindings(position, input, { requestInput: index, source: null })
  }

  private bindingFromOutput(where: string, position: Position, input: FedInput, output: Output): void {
    expectFeedable(where, output, input, this.isNonBatching)
    output.position.isNeeded = true
    this.setInputBindings(position, input, { requestInput: -1, source: outputSource(output) })
  }

  private setInputBindings(position: Position, input: FedInput, binding: PlanInputBinding): void {
    input.byOption.forEach(({ slot }, option) => {
      const { inputBindings } = position.options[option] as PlanOption
      inputBindings[slot] = binding
    })
  }

  private outOfRange(where: string, received: string): PenstockError {
    const count = this.current.length
    const rule = count === 0 ? 'behind a step that runs a model' : `within the ${count} current outputs`
    return invalid(`Expected ${where} to be ${rule} but received ${received}`)
  }
}
