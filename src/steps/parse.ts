/**
 * Untrusted JSON → a pipeline's definition: every member checked, sugar expanded, members in one order. What it returns
 * is what is stored and compared; whether the models exist and fit is found out at deploy (compile.ts).
 */
import { argumentError, expectName } from '../base/expect.js'
import { matchContractReference } from '../contract/contract.js'
import { CHECKS_MAX, STEPS_MAX } from '../base/limits/limits.js'
import { isColumnStage, modelsOfStep, type PipelineDefinition, type Step } from '../pipeline/definition.js'
import { findKind, kindOf, STEP_TYPES } from './kinds.js'
import { parseCachePolicy } from './kinds/parse-cache.js'
import { parseLogPolicy } from './kinds/parse-log.js'
import { stepError, StepReader, suggest } from './step-reader.js'

const MEMBERS: readonly string[] = ['name', 'steps', 'contract', 'log', 'cache']

/**
 * Parses a definition.
 * @param name of the pipeline: letters, digits and hyphens.
 * @param json `{"steps": […]}`, with at most the same `name`, a `contract`, a `log` and a `cache` besides, or the array of steps itself.
 * @throws PenstockError ERR_ARGUMENT for the name, ERR_PIPELINE_INVALID naming the step and its member.
 * @example parseDefinition('fraud', { steps: [{ type: 'model', model: 'ccfraud@champion' }] })
 */
export function parseDefinition(name: string, json: unknown): PipelineDefinition {
  expectName('pipeline name', name)
  if (Array.isArray(json)) return { name, steps: parseSteps(json) }
  if (typeof json !== 'object' || json === null) {
    throw stepError('a pipeline', 'an object like {"steps": [{"type": "model", "model": "ccfraud"}]}', json)
  }
  const record = json as Readonly<Record<string, unknown>>
  for (const key of Object.keys(record)) {
    if (MEMBERS.includes(key)) continue
    throw stepError('a pipeline', `made of ${MEMBERS.join(', ')}`, key, suggest(key, MEMBERS))
  }
  if (record['name'] !== undefined && record['name'] !== name) {
    throw stepError('name', `${JSON.stringify(name)}, as in the address`, record['name'])
  }
  const steps = parseSteps(record['steps'])
  const contract = record['contract'] === undefined ? {} : { contract: parseContractMember(record['contract']) }
  const log = record['log'] === undefined ? {} : { log: parseLogPolicy(record['log']) }
  const cache = record['cache'] === undefined ? {} : { cache: parseCachePolicy(record['cache'], steps) }
  return { name, steps, ...contract, ...log, ...cache }
}

function parseContractMember(value: unknown): string {
  if (typeof value === 'string' && matchContractReference(value) !== null) return value
  const wayOut = 'Names are made of letters, digits and hyphens; versions count from 1'
  throw stepError('contract', 'a contract as name or name@version', value, wayOut)
}

/**
 * Parses the steps of a definition.
 * @throws PenstockError ERR_PIPELINE_INVALID.
 */
export function parseSteps(json: unknown): Step[] {
  if (!Array.isArray(json)) throw stepError('steps', 'an array', json)
  const steps = json.flatMap((step, i) => parseStep(`steps[${i}]`, step))
  expectFlow(steps)
  if (!steps.some(makesAnswer)) {
    throw stepError('steps', 'a list with at least one step that runs a model', `${steps.length} steps`)
  }
  return steps
}

function makesAnswer(step: Step): boolean {
  return modelsOfStep(step).length > 0 || isColumnStage(step)
}

/** Parses a single step: sugar gives several. @param where its place, for messages. */
export function parseStep(where: string, json: unknown): Step[] {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw stepError(where, 'an object like {"type": "model", "model": "ccfraud"}', json)
  }
  const reader = new StepReader(where, json as Record<string, unknown>)
  const type = reader.get('type')
  const kind = findKind(type)
  if (kind === undefined) {
    const wayOut = typeof type === 'string' ? suggest(type, STEP_TYPES) : ''
    throw argumentError(`${where}.type`, `one of ${STEP_TYPES.join(', ')}`, type, wayOut, 'ERR_PIPELINE_INVALID')
  }
  reader.expectKeys(kind.keys)
  return 'expand' in kind ? kind.expand(reader) : [kind.parse(reader)]
}

/**
 * Checks what the steps are to each other as far as no model is needed: the number of outputs at each, names of checks,
 * limits. Places are those of the expanded list.
 */
export function expectFlow(steps: readonly Step[]): void {
  if (steps.length > STEPS_MAX)
    throw stepError('steps', `an array of at most ${STEPS_MAX} steps`, `${steps.length} steps`)
  const names = new Set<string>()
  const hasModel = steps.some((step) => modelsOfStep(step).length > 0)
  let outputCount = 0
  steps.forEach((step, i) => {
    const where = `steps[${i}]`
    outputCount = kindOf(step).flow(step, where, outputCount)
    // Without a model its columns are the answer, which checks behind it may read.
    if (!hasModel && isColumnStage(step)) outputCount = 1
    if (step.type !== 'check') return
    if (names.has(step.name)) throw stepError(`${where}.name`, 'the name of no other check', step.name)
    names.add(step.name)
  })
  if (names.size > CHECKS_MAX)
    throw stepError('steps', `a list with at most ${CHECKS_MAX} checks`, `${names.size} checks`)
}
