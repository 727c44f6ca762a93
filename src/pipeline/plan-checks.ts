/**
 * The checks of a plan in the making. They are kept until all steps are known, because what a check reads runs in the
 * foreground, and which node `in.*` is read from must not depend on the order of the checks.
 */
import type { PenstockError } from '../base/errors.js'
import { bindCheck, compileCheck, type BoundCheck } from './check-program.js'
import { formatTensorName, type CheckSide, type CheckSyntax } from './check-syntax.js'
import type { CheckStep } from './definition.js'
import { foregroundSource, invalid, isText, outputSource, type Input, type Output } from './plan-graph.js'
import type { PlanCheck } from './plan.js'

export interface PendingCheck {
  readonly where: string
  readonly step: CheckStep
  readonly syntax: CheckSyntax
  readonly afterStage: number
  /** The outputs at the place of the check, by the names that an answer there would have. */
  readonly outputs: ReadonlyMap<string, Output>
}

/** What a source is until it is known which nodes run in the foreground. */
type CheckSource = { readonly side: 'in'; readonly input: Input } | { readonly side: 'out'; readonly output: Output }

/**
 * Binds and compiles all checks, and moves what they read to the foreground.
 * @throws PenstockError ERR_PIPELINE_INVALID.
 */
export function finishChecks(checks: readonly PendingCheck[], inputs: readonly Input[]): PlanCheck[] {
  const bound = checks.map((check) => bind(check, inputs))
  for (const { sources } of bound) {
    for (const source of sources) if (source.side === 'out') source.output.position.isNeeded = true
  }
  return checks.map(({ step, afterStage }, i) => {
    const { node, sources } = bound[i] as BoundCheck<CheckSource>
    const failsWhen = step.flag !== undefined
    return {
      name: step.name,
      expression: step.flag ?? step.require ?? '',
      failsWhen,
      afterStage,
      ...compileCheck(node, failsWhen),
      sources: sources.map((source) =>
        source.side === 'out' ? outputSource(source.output) : foregroundSource(source.input),
      ),
      node,
    }
  })
}

function bind({ where, step, syntax, outputs }: PendingCheck, inputs: readonly Input[]): BoundCheck<CheckSource> {
  return bindCheck<CheckSource>(`check ${step.name} (${where})`, syntax, (side, name) => {
    const input = side === 'in' ? inputs.find((candidate) => candidate.name === name) : undefined
    if (input !== undefined) return { source: { side: 'in', input }, rowDims: input.rowDims, isText: isText(input) }
    const output = side === 'out' ? outputs.get(name) : undefined
    if (output !== undefined)
      return { source: { side: 'out', output }, rowDims: output.rowDims, isText: isText(output) }
    const known = side === 'in' ? inputs.map((candidate) => candidate.name) : [...outputs.keys()]
    throw noTensor(`check ${step.name} (${where})`, side, name, known)
  })
}

function noTensor(check: string, side: CheckSide, name: string, known: readonly string[]): PenstockError {
  const list = known.map((candidate) => formatTensorName(side, candidate)).join(', ')
  return invalid(
    `Expected ${check} to be about tensors that exist but ${formatTensorName(side, name)} does not. ` +
      (list === '' ? 'Before the first model there is only in.*' : `There is ${list}`),
  )
}
