/**
 * A deployed pipeline whose rows by names the addon takes from the bytes of a body to the text of the answer: what goes
 * where, compiled once a deployment. Such a pipeline runs natively, has no checks and no split that says whose answer a row
 * is, its features always fit its inputs or the operations in front of them, and answers have what the model gave (or the
 * operations behind it made), what scalars of the row they repeat, and the model's name. Every other one is predict.ts's; so
 * are rows in which something is found, whoever the pipeline is.
 */
import { addon } from '../../../bindings/native.js'
import type { RowMemberSpec, RowsFormHandle } from '../../../bindings/native.js'
import { RowMember } from '../../base/generated/boundary.js'
import { answerFields } from '../../contract/answer-fields.js'
import type { ResolvedField } from '../../contract/resolve.js'
import type { CompiledPlan } from '../../pipeline/plan.js'
import { dtypeInfo, isDtype } from '../../tensor/dtype.js'
import type { DeployedContract } from '../contracts.js'
import type { Deployment } from '../deploy/deployment.js'
import { onlyModelText } from './answer-columns.js'
import { compileRows, type FieldForm } from './native-rows.js'

/** @returns null: predict.ts reads its rows. */
export function rowsFormOf(deployment: Deployment): RowsFormHandle | null {
  const { contract: bound, description, compiled, plan } = deployment
  if (bound === null || deployment.needsJavaScript || description.isNonBatching || compiled.checks.length > 0)
    return null
  const rows = compileRows(bound.contract)
  const features = placesOf(compiled, bound)
  if (rows === null || features === null) return null
  const members = answerFields(bound.contract).map((field, at) => memberOf(deployment, bound, rows.forms, field, at))
  const { logKeys } = deployment.compiled
  const keys = logKeys.flatMap((name) => {
    const field = bound.contract.inputs.findIndex((input) => input.name === name)
    return deployment.log === null || field < 0 ? [] : [{ field, name }]
  })
  // Calendar values are printed as texts in JavaScript; members that are no field are read there.
  if (keys.some(({ field }) => rows.forms[field]?.isPlain !== true)) return null
  const isWhole = features.every(({ field }) => rows.forms[field]?.isPlain === true)
  if (!isWhole || members.includes(null)) return null
  try {
    return addon.makeRowsForm(rows.handle, plan, {
      features,
      members: members as RowMemberSpec[],
      isNarrowed: rows.forms.map(({ isNarrowed }) => isNarrowed),
      keys,
    })
  } catch (error) {
    // Inputs that no feature fills, casts that may fail, free dims: known by the plan.
    if (error instanceof RangeError) return null
    throw error
  }
}

interface FeaturePlace {
  readonly field: number
  readonly input: number
  readonly start: number
}

/** Where the features go: to the plan's inputs, or to the columns of what makes these. @returns null: one is no field. */
function placesOf({ inputTransform }: CompiledPlan, { contract, binding }: DeployedContract): FeaturePlace[] | null {
  if (inputTransform === null)
    return binding.features?.map(({ field, input, columns }) => ({ field, input, start: columns?.start ?? 0 })) ?? null
  const places = inputTransform.program.inputs.map(({ name }, input) => {
    return { field: contract.inputs.findIndex((field) => field.name === name), input, start: 0 }
  })
  return places.some(({ field }) => field < 0) ? null : places
}

/** @returns null: its value depends on what only predict.ts knows. */
function memberOf(
  deployment: Deployment,
  { contract, binding }: DeployedContract,
  forms: readonly FieldForm[],
  field: ResolvedField,
  at: number,
): RowMemberSpec | null {
  const head = `${at === 0 ? '' : ','}${JSON.stringify(field.name)}:`
  const member = { head, field: 0, source: 0, column: -1, isScalar: true, dtype: 1, text: '' }
  const input = contract.inputs.indexOf(field)
  if (input >= 0) {
    const form = forms[input]
    if (form?.isPlain !== true || field.shape.length > 0 || field.dtype === 'float16') return null
    return { ...member, kind: RowMember.echo, field: input }
  }
  const place = binding.outputs.find((output) => contract.outputs[output.field] === field)
  if (place === undefined || !isDtype(field.dtype)) return null
  const { output, column } = place
  if (output === null) {
    const text = onlyModelText(deployment)
    return text === '' ? null : { ...member, kind: RowMember.text, text: JSON.stringify(text) }
  }
  const isScalar = column !== null || field.shape.length === 0
  const { outputTransform } = deployment.compiled
  // Columns know the width of a row alone.
  if (!isScalar && outputTransform !== null && outputTransform.outputs[output]?.shape.length !== 1) return null
  const { code: dtype } = dtypeInfo(field.dtype)
  return { ...member, kind: RowMember.output, source: output, column: column ?? -1, isScalar, dtype }
}
