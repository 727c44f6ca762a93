/**
 * Whether the members of a field go together: bounds that no value keeps, a clamp without bounds, an accepted value that
 * the pattern refuses. What cannot be enforced is refused here, at the desk of the author, instead of being ignored by a
 * server.
 */
import { type ContractField, type FieldRole, isOutputRole, splitDtype } from './contract.js'
import type { DocumentReader } from './document-reader.js'
import { compilePattern, isPattern } from './pattern.js'
import { type Bound, BOUND_RULES, resolveField, type ResolvedField, type ValueKind } from './resolve.js'
import { checkElement, keepsBound } from './values/element.js'
import { isInRange, rangeWords } from './values/ranges.js'
import { checkValue } from './values/value.js'

/** Notes what does not go together. @param reader of the field's document. */
export function checkField(reader: DocumentReader, field: ContractField): void {
  const resolved = resolveField(field)
  checkRole(reader, field, resolved)
  if (isOutputRole(resolved.role)) {
    for (const key of inputMembers) {
      if (field[key] !== undefined)
        reader.fail(key, 'absent from a field of answers', 'Rules are for what callers send')
    }
    return
  }
  for (const key of outputMembers) {
    if (field[key] !== undefined) reader.fail(key, 'absent from a field that callers send')
  }
  checkBounds(reader, resolved)
  checkPattern(reader, field, resolved)
  checkLengths(reader, field, resolved)
  if (resolved.isUnique) checkUnique(reader, resolved)
  // What follows asks whether values are valid, which has no answer while the rules are not.
  if (!reader.isClean) return
  checkValues(reader, field, resolved)
  checkAction(reader, field, resolved)
  checkImpute(reader, field, resolved)
}

const inputMembers = [
  ...BOUND_RULES,
  'values',
  'pattern',
  'minLength',
  'maxLength',
  'required',
  'unique',
  'onInvalid',
  'impute',
  'path',
] as const
const outputMembers = ['class', 'estimates', 'from'] as const

// ── roles ───────────────────────────────────────────────────────────────────────────────────────

interface RoleRule {
  readonly kinds: readonly ValueKind[]
  readonly isScalar: boolean
}

const tensorKinds: readonly ValueKind[] = ['float', 'integer', 'bool', 'string']
const allKinds: readonly ValueKind[] = [...tensorKinds, 'timestamp', 'date', 'uuid']
const roleRules: Readonly<Record<FieldRole, RoleRule>> = {
  feature: { kinds: tensorKinds, isScalar: false },
  entity: { kinds: ['integer', 'string', 'uuid'], isScalar: true },
  timestamp: { kinds: ['timestamp', 'date'], isScalar: true },
  passthrough: { kinds: allKinds, isScalar: false },
  target: { kinds: allKinds, isScalar: false },
  prediction: { kinds: tensorKinds, isScalar: false },
  probability: { kinds: ['float'], isScalar: true },
  modelVersion: { kinds: ['string'], isScalar: true },
}

function checkRole(reader: DocumentReader, field: ContractField, { role, kind, shape }: ResolvedField): void {
  const rule = roleRules[role]
  if (!rule.kinds.includes(kind)) {
    const words = rule.kinds === tensorKinds ? 'of a tensor' : `of the kind ${rule.kinds.join(' or ')}`
    const isCalendar = !tensorKinds.includes(kind)
    const wayOut = role === 'feature' && isCalendar ? 'No model takes it: make it passthrough, entity or timestamp' : ''
    reader.fail('dtype', `${words}, for the role ${role}`, wayOut)
  }
  if (shape.length > 0 && (rule.isScalar || !tensorKinds.includes(kind)))
    reader.fail('shape', `absent: ${tensorKinds.includes(kind) ? `the role ${role}` : kind} takes one value`)
  if (role === 'probability' && field.class === undefined)
    reader.fail('class', 'the class that it is the probability of')
  if (role !== 'probability' && isOutputRole(role) && field.class !== undefined)
    reader.fail('class', 'absent: only a probability has a class')
  if (role !== 'modelVersion') return
  for (const key of ['estimates', 'from'] as const) {
    if (field[key] !== undefined) reader.fail(key, 'absent: the server fills in the version of the model')
  }
}

// ── bounds ──────────────────────────────────────────────────────────────────────────────────────

function checkBounds(reader: DocumentReader, { kind, dtype, bounds }: ResolvedField): void {
  for (const { rule, value } of bounds) {
    if (kind !== 'integer' && kind !== 'float') reader.fail(rule, `absent: a ${kind} has no bounds`)
    else if (kind === 'integer' && typeof value === 'number' && !Number.isInteger(value))
      reader.fail(rule, 'an integer')
    else if (!isInRange(dtype, value)) reader.fail(rule, rangeWords(dtype))
  }
  if (!reader.isClean) return
  const lower = bounds.filter(({ rule }) => rule === 'min' || rule === 'exclusiveMin')
  const upper = bounds.filter(({ rule }) => rule === 'max' || rule === 'exclusiveMax')
  for (const [first, second] of [lower, upper]) {
    if (first !== undefined && second !== undefined) reader.fail(second.rule, `absent where there is ${first.rule}`)
  }
  const [low] = lower
  const [high] = upper
  if (low !== undefined && high !== undefined && !hasRoom(kind, low, high))
    reader.fail(low.rule, `such that a value keeps it and ${high.rule} ${high.value}`)
}

function hasRoom(kind: ValueKind, low: Bound, high: Bound): boolean {
  if (kind !== 'integer') {
    const isInclusive = low.rule === 'min' && high.rule === 'max'
    return isInclusive ? low.value <= high.value : low.value < high.value
  }
  const least = BigInt(low.value) + (low.rule === 'min' ? 0n : 1n)
  return keepsBound(high, least)
}

// ── texts and lists ─────────────────────────────────────────────────────────────────────────────

function checkPattern(reader: DocumentReader, { pattern }: ContractField, { kind }: ResolvedField): void {
  if (pattern === undefined) return
  if (kind !== 'string') {
    reader.fail('pattern', `absent: a ${kind} is no text`)
    return
  }
  const compiled = compilePattern(pattern)
  if (!isPattern(compiled)) reader.fail('pattern', compiled.rule, compiled.wayOut)
}

function checkLengths(reader: DocumentReader, field: ContractField, { kind, shape }: ResolvedField): void {
  const isMeasured = shape.length === 0 ? kind === 'string' : shape[0] === null
  for (const key of ['minLength', 'maxLength'] as const) {
    if (field[key] === undefined || isMeasured) continue
    const reason = shape.length === 0 ? `a ${kind} has no length` : 'the shape says it; a free length is null'
    reader.fail(key, `absent: ${reason}`)
  }
  if (field.minLength !== undefined && field.maxLength !== undefined && field.minLength > field.maxLength)
    reader.fail('minLength', `at most maxLength, ${field.maxLength},`)
}

function checkUnique(reader: DocumentReader, { kind, shape }: ResolvedField): void {
  if (shape.length > 0) reader.fail('unique', 'absent: lists are not compared')
  else if (kind === 'float' || kind === 'bool') reader.fail('unique', `absent: a ${kind} is not made to be unique`)
}

// ── values ──────────────────────────────────────────────────────────────────────────────────────

function checkValues(reader: DocumentReader, field: ContractField, resolved: ResolvedField): void {
  const values = field.values ?? []
  if (field.values !== undefined && !['integer', 'float', 'string'].includes(resolved.kind))
    return void reader.fail('values', `absent: a ${resolved.kind} has no list of accepted values`)
  const seen = new Set<number | string>()
  values.forEach((value, index) => {
    const path = `${reader.path('values')}[${index}]`
    const { violation } = checkElement(resolved, value)
    if (violation !== undefined) reader.problems.add(path, violation.expected, value, violation.wayOut)
    else if (seen.has(value)) reader.problems.add(path, 'in the list once', value)
    seen.add(value)
  })
}

function checkAction(reader: DocumentReader, field: ContractField, { kind, bounds, onInvalid }: ResolvedField): void {
  if (onInvalid === 'impute' && field.impute === undefined)
    reader.fail('onInvalid', 'another action, or to stand beside an impute value', 'Add impute')
  if (onInvalid !== 'clamp') return
  if (bounds.length === 0)
    return void reader.fail('onInvalid', 'another action: clamp brings numbers within min and max', 'Add a bound')
  const isOpen = bounds.some(({ rule }) => rule === 'exclusiveMin' || rule === 'exclusiveMax')
  if (kind === 'float' && isOpen)
    reader.fail('onInvalid', 'another action: a float has no nearest value within an exclusive bound', 'Use min or max')
  if (field.values !== undefined) reader.fail('onInvalid', 'another action: a clamped value need not be one of values')
}

function checkImpute(reader: DocumentReader, field: ContractField, resolved: ResolvedField): void {
  const { isNullable } = splitDtype(field.dtype)
  const { role, impute, onInvalid } = resolved
  if (role === 'target' && field.required === true)
    reader.fail('required', 'absent: a target is known later, if at all')
  if (field.required === false && !isNullable && impute === undefined)
    reader.fail(
      'required',
      'true where nothing stands for a missing value',
      `Use the dtype ${field.dtype}?, or add impute`,
    )
  if (impute === undefined) return
  if (isNullable && onInvalid !== 'impute')
    reader.fail(
      'impute',
      'absent: a field whose dtype has a ? stays missing',
      'Leave out the ?, or add onInvalid: impute',
    )
  const { violation, place } = checkValue(resolved, impute, 'reject')
  if (violation === null) return
  const path = `${reader.path('impute')}${place.map((index) => `[${index}]`).join('')}`
  reader.problems.add(path, violation.expected, violation.value, violation.wayOut)
}
