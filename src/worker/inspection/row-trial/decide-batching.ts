/**
 * Decides whether requests share the batches of a model. Two proofs, and each may refuse:
 *
 *     first dims ─► the first runs ─► the graph ─┬─ rows mix ────────────────────────────► non-batching
 *                                                ├─ rows stay apart ─► tried for a second ──┬─ a difference ─► non-batching
 *                                                └─ not known ─► tried until it is enough ──┴─ none ─► rows share batches
 *
 * Non-batching: each request runs by itself, its tensors as they are, so that only its own rows may touch each other.
 */
import type { InferenceSession } from 'onnxruntime-node'
import { TRIAL_COMPARISONS, TRIAL_PROVEN_MS, TRIAL_UNPROVEN_MS } from '../../../base/limits/limits.js'
import type { BatchingCulprit, BatchingMode, BatchingProof } from '../../../engine/api/api.js'
import type { OnnxModel } from '../../../onnx/index.js'
import { analyzeRows, type RowAnalysis } from '../../../onnx/row-analysis/index.js'
import type { DeclaredField } from '../declared-fields.js'
import type { Trial } from '../trial-run.js'
import { tryRows } from './row-trial.js'

/** Revision of the proofs that this release makes and trusts. */
export const BATCHING_PROOF_REVISION = 1

export interface BatchingSubject {
  readonly session: InferenceSession
  readonly inputs: readonly DeclaredField[]
  readonly outputs: readonly DeclaredField[]
  readonly trial: Trial
  /** null: its graph cannot be read. */
  readonly model: OnnxModel | null
  readonly nowMs: () => number
}

/** Who wants the rows to share batches whatever is found, and when. */
export interface BatchingOverride {
  readonly operator: string
  readonly at: string
}

export interface BatchingDecision {
  readonly batching: BatchingMode
  readonly remark: string
  readonly proof: BatchingProof
  /** By output, the sizes of a row where the graph shows them; null: it does not. */
  readonly rowDims: readonly (readonly (number | null)[] | null)[] | null
  /** Why an override cannot be had; '' when it can. */
  readonly overrideFault: string
}

const ALONE = 'each request runs alone, tensors as they are.'

export async function decideBatching(subject: BatchingSubject): Promise<BatchingDecision> {
  const fixed = decideByShape(subject)
  if (fixed !== null) return fixed
  const { trial, session } = subject
  if (trial.refusal !== '')
    return nonBatching(`Not tried in batches, because ONNX Runtime refused the trial run (${trial.refusal})`, {})
  if (trial.slowMs > 0)
    return nonBatching(
      `Not tried in batches, because one row takes ${(trial.slowMs / 1000).toFixed(1)} s`,
      {},
      trial.shapeFault,
    )
  const analysis = analyse(subject)
  const { verdict, culprit } = analysis
  if (verdict === 'dependent') {
    const sentence =
      trial.shapeFault === '' ? culpritSentence(culprit) : `${trial.shapeFault} (${culpritSentence(culprit)})`
    return nonBatching(sentence, { culprit }, trial.shapeFault)
  }
  if (trial.shapeFault !== '') return nonBatching(trial.shapeFault, { culprit }, trial.shapeFault)
  const isProven = verdict === 'rows'
  // Rows without elements differ in nothing: no comparison of them can fail.
  if (!isProven && trial.inputs.every(({ dims }) => dims.includes(0)))
    return nonBatching(`${culpritSentence(culprit, false)}, and rows without elements cannot be tried`, { culprit })
  const budgetMs = isProven ? TRIAL_PROVEN_MS : TRIAL_UNPROVEN_MS
  const tried = await tryRows(session, trial.inputs, { isProven, budgetMs, nowMs: subject.nowMs })
  const facts = { culprit, ...tried }
  if (tried.difference !== '') return nonBatching(`Rows influence each other: ${tried.difference}`, facts)
  if (!isProven && tried.comparisons < TRIAL_COMPARISONS)
    return nonBatching(
      `${culpritSentence(culprit, false)}, and only ${tried.comparisons} of ${TRIAL_COMPARISONS} comparisons could be made in time`,
      facts,
    )
  return {
    batching: 'rows',
    remark: remarkOf(subject, culprit, tried.comparisons),
    proof: proofOf(isProven ? 'graph' : 'trial', facts),
    rowDims: isProven ? analysis.outputs.map(({ rowDims }) => rowDims) : null,
    overrideFault: '',
  }
}

/** The same with what an operator wants. @returns a decision with an `overrideFault` when rows cannot share batches at all. */
export function overridden(decision: BatchingDecision, override: BatchingOverride): BatchingDecision {
  if (decision.overrideFault !== '') return decision
  const found =
    decision.batching === 'rows'
      ? 'The inspection found nothing against it.'
      : `The inspection says: ${decision.remark}`
  return {
    ...decision,
    batching: 'rows',
    remark: `Rows share batches because ${override.operator} said so. ${found}`,
    proof: { ...decision.proof, basis: 'override', override },
  }
}

function decideByShape({ inputs, outputs, trial }: BatchingSubject): BatchingDecision | null {
  const pinned = inputs.find((field) => typeof field.dims[0] !== 'string')
  if (pinned === undefined) return null
  const fault = 'the first dim of its inputs is not free'
  if (inputs.every((field) => field.dims[0] === 1)) {
    const isRow =
      trial.runs.length > 0
        ? (trial.runs[0] as Trial['runs'][number]).every((output) => output.dims[0] === 1)
        : outputs.every((field) => field.dims[0] === 1)
    if (!isRow)
      return nonBatching('The first dim of the inputs is fixed at 1 but the outputs do not have one row', {}, fault)
    const remark = 'The first dim is fixed at 1: rows run one by one. Export with a free first dim to share batches.'
    return { ...nonBatching('', {}, fault), batching: 'row', remark }
  }
  const sentence =
    pinned.dims.length === 0
      ? `Input ${pinned.name} is a scalar, without rows`
      : `The first dim of input ${pinned.name} is fixed at ${pinned.dims[0] as number}`
  return nonBatching(sentence, {}, fault)
}

function analyse({ model, trial, session }: BatchingSubject): RowAnalysis {
  if (model === null) return unread('its graph cannot be read')
  const analysis = analyzeRows(model, trial.inputs)
  if (analysis.verdict !== 'rows') return analysis
  // A reading that the runs do not bear out is none.
  const isBorneOut = analysis.outputs.every(({ name, rowDims }) => {
    const position = session.outputNames.indexOf(name)
    const dims = trial.runs[0]?.[position]?.dims
    return (
      dims?.length === (rowDims as readonly unknown[]).length + 1 &&
      isFitting(rowDims as readonly (number | null)[], dims)
    )
  })
  return isBorneOut ? analysis : unread('its outputs have other shapes than its graph says')
}

function isFitting(rowDims: readonly (number | null)[], dims: readonly number[]): boolean {
  return rowDims.every((dim, axis) => dim === null || dim === dims[axis + 1])
}

function unread(reason: string): RowAnalysis {
  return { verdict: 'unproven', culprit: { node: '', operator: '', reason }, outputs: [] }
}

function nonBatching(
  sentence: string,
  facts: Partial<Pick<BatchingProof, 'culprit' | 'comparisons' | 'difference' | 'untried'>>,
  overrideFault = '',
): BatchingDecision {
  return {
    batching: 'whole',
    remark: `${sentence}: ${ALONE}`,
    proof: proofOf('none', facts),
    rowDims: null,
    overrideFault,
  }
}

function proofOf(
  basis: BatchingProof['basis'],
  { culprit = null, comparisons = 0, difference = '', untried = [] }: Partial<BatchingProof>,
): BatchingProof {
  return { revision: BATCHING_PROOF_REVISION, basis, culprit, comparisons, difference, untried }
}

function remarkOf({ inputs, outputs }: BatchingSubject, culprit: BatchingCulprit | null, comparisons: number): string {
  const sentences: string[] = []
  if (culprit !== null)
    sentences.push(
      `${culpritSentence(culprit, false)}. Rows share batches because ${comparisons} comparisons showed no difference.`,
    )
  if ([...inputs, ...outputs].some((field) => field.dtype === 'string'))
    sentences.push('String tensors take the string path: requests do not share batches.')
  return sentences.join(' ')
}

function culpritSentence(culprit: BatchingCulprit | null, isKnown = true): string {
  if (culprit === null) return 'Rows are not independent'
  const { node, operator, reason } = culprit
  const name = node === '' ? '' : ` (node ${node})`
  if (operator === '') return capitalised(reason)
  return isKnown
    ? `Operator ${operator}${name} makes rows depend on each other: ${reason}`
    : `Whether operator ${operator}${name} keeps rows apart is not known: ${reason}`
}

function capitalised(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1)
}
