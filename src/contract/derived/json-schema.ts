/**
 * JSON Schema 2020-12 of one row and of one answer, for OpenAPI, forms and validators. A row that the schema takes is valid;
 * what the contract would clamp, impute, flag or drop is not. Where JSON Schema has no word for a rule (a pattern of RE2
 * alone, bounds beyond 2^53, unique values) it is left out, and the description says it.
 */
import type { FieldValue } from '../contract.js'
import { hasRequired, isTree, type MemberTree } from '../member-tree.js'
import { isWideInteger, type ResolvedContract, type ResolvedField } from '../resolve.js'
import { integerRange } from '../values/ranges.js'

export type JsonSchema = Readonly<Record<string, unknown>>

export const JSON_SCHEMA_DIALECT = 'https://json-schema.org/draft/2020-12/schema'

/** The schema of one row that callers send; without `$schema`, so that it can stand inside another. */
export function rowSchema(contract: ResolvedContract): JsonSchema {
  const { name, description, example } = contract.contract
  return {
    title: `${name} row`,
    ...(description === undefined ? {} : { description }),
    ...membersSchema(
      contract,
      contract.tree ?? { members: new Map(contract.inputs.map((field) => [field.name, field])) },
    ),
    ...(example === undefined ? {} : { examples: [example] }),
  }
}

/** An object of a row; one without required fields may be absent. */
function membersSchema(contract: ResolvedContract, tree: MemberTree<ResolvedField>): JsonSchema {
  const members = [...tree.members]
  return {
    type: 'object',
    properties: Object.fromEntries(
      members.map(([name, member]) => [name, isTree(member) ? membersSchema(contract, member) : fieldSchema(member)]),
    ),
    required: members.filter(([, member]) => hasRequired(member)).map(([name]) => name),
    additionalProperties: contract.extra !== 'reject',
  }
}

/** The schema of what is answered to one row. Members that are not of the contract may stand beside. */
export function answerSchema(contract: ResolvedContract): JsonSchema {
  return {
    title: `${contract.contract.name} answer`,
    ...objectSchema(contract.outputs, answerFieldSchema),
    required: contract.outputs.map((field) => field.name),
  }
}

function objectSchema(fields: readonly ResolvedField[], schemaOf: (field: ResolvedField) => JsonSchema): JsonSchema {
  return { type: 'object', properties: Object.fromEntries(fields.map((field) => [field.name, schemaOf(field)])) }
}

/** The schema of one field's value, null where it may be missing. */
export function fieldSchema(field: ResolvedField): JsonSchema {
  const unsaid: string[] = []
  const element = elementSchema(field, unsaid)
  if (field.isUnique) unsaid.push('no two rows of a request have the same value')
  const value = field.shape.reduceRight<JsonSchema>((items, dim, axis) => listSchema(field, items, dim, axis), element)
  return { ...describe(field, unsaid), ...orNull(value, acceptsNull(field)), ...defaultOf(field) }
}

function answerFieldSchema(field: ResolvedField): JsonSchema {
  const plain = field.kind === 'integer' ? { type: 'integer' } : elementSchema(field, [])
  const value = field.shape.reduceRight<JsonSchema>((items, dim, axis) => listSchema(field, items, dim, axis), plain)
  return { ...describe(field, []), ...orNull(value, field.isNullable) }
}

/** What is imputed takes the place of null. */
export function acceptsNull({ isNullable, impute }: ResolvedField): boolean {
  return isNullable || impute !== undefined
}

function defaultOf({ impute, isRequired }: ResolvedField): { default?: FieldValue } {
  return impute === undefined || isRequired ? {} : { default: impute }
}

function describe({ source, role }: ResolvedField, unsaid: readonly string[]): JsonSchema {
  const sentences = [source.description, ...unsaid.map((rule) => `Rule: ${rule}`)].filter((one) => one !== undefined)
  return {
    ...(sentences.length === 0 ? {} : { description: sentences.join('. ') }),
    ...(source.unit === undefined ? {} : { 'x-unit': source.unit }),
    ...(role === 'feature' ? {} : { 'x-role': role }),
    ...(source.class === undefined ? {} : { 'x-class': source.class }),
  }
}

function orNull(schema: JsonSchema, isNullable: boolean): JsonSchema {
  if (!isNullable) return schema
  const { type, enum: values } = schema
  if (typeof type !== 'string') return { anyOf: [schema, { type: 'null' }] }
  return {
    ...schema,
    type: [type, 'null'],
    ...(Array.isArray(values) ? { enum: [...(values as unknown[]), null] } : {}),
  }
}

function listSchema(field: ResolvedField, items: JsonSchema, dim: number | null, axis: number): JsonSchema {
  if (dim !== null) return { type: 'array', items, minItems: dim, maxItems: dim }
  const { minLength, maxLength } = axis === 0 ? field : { minLength: 0, maxLength: Infinity }
  return {
    type: 'array',
    items,
    ...(minLength > 0 ? { minItems: minLength } : {}),
    ...(maxLength < Infinity ? { maxItems: maxLength } : {}),
  }
}

function elementSchema(field: ResolvedField, unsaid: string[]): JsonSchema {
  switch (field.kind) {
    case 'integer':
      return integerSchema(field, unsaid)
    case 'float':
      return { type: 'number', ...numberRules(field, unsaid) }
    case 'bool':
      return { type: 'boolean' }
    case 'string':
      return textSchema(field, unsaid)
    case 'timestamp':
      return { anyOf: [{ type: 'string', format: 'date-time' }, { type: 'integer' }] }
    case 'date':
      return { type: 'string', format: 'date' }
    case 'uuid':
      return { type: 'string', format: 'uuid' }
  }
}

/** Beyond 2^53 an integer is a text of its digits: a number there would be rounded by many readers. */
function integerSchema(field: ResolvedField, unsaid: string[]): JsonSchema {
  const { min, max } = integerRange(field.dtype)
  const isWide = isWideInteger(field.dtype)
  const range = isWide ? (min === 0n ? { minimum: 0 } : {}) : { minimum: Number(min), maximum: Number(max) }
  const rules = numberRules(field, unsaid)
  const hasBound = (rule: 'minimum' | 'maximum'): boolean => rule in rules || `exclusive${capital(rule)}` in rules
  const open = Object.fromEntries(
    Object.entries(range).filter(([rule]) => !hasBound(rule as 'minimum' | 'maximum') && !('enum' in rules)),
  )
  const number = { type: 'integer', ...open, ...rules }
  if (!isWide) return number
  const digits = [...(field.values ?? [])].filter((value) => typeof value === 'bigint').map(String)
  const text = field.values === null ? { pattern: '^-?[1-9][0-9]{15,19}$' } : { enum: digits }
  const canBeWide = field.values === null ? canExceed(field) : digits.length > 0
  return canBeWide ? { anyOf: [number, { type: 'string', ...text }] } : number
}

/** Whether the bounds leave room beyond 2^53. */
function canExceed({ bounds }: ResolvedField): boolean {
  const isLow = bounds.some(
    ({ rule, value }) => rule.toLowerCase().includes('min') && value >= -Number.MAX_SAFE_INTEGER,
  )
  const isHigh = bounds.some(
    ({ rule, value }) => rule.toLowerCase().includes('max') && value <= Number.MAX_SAFE_INTEGER,
  )
  return !(isLow && isHigh)
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

const boundKeywords = {
  min: 'minimum',
  max: 'maximum',
  exclusiveMin: 'exclusiveMinimum',
  exclusiveMax: 'exclusiveMaximum',
} as const

function numberRules({ bounds, values }: ResolvedField, unsaid: string[]): JsonSchema {
  const rules: Record<string, unknown> = {}
  for (const { rule, value } of bounds) {
    if (typeof value === 'number') rules[boundKeywords[rule]] = value
    else unsaid.push(`${boundKeywords[rule]} ${value}`)
  }
  if (values !== null) rules['enum'] = [...values].filter((value) => typeof value === 'number')
  return rules
}

function textSchema({ values, pattern, minLength, maxLength, shape }: ResolvedField, unsaid: string[]): JsonSchema {
  const isScalar = shape.length === 0
  const shared = pattern === null ? null : sharedPattern(pattern.text)
  if (pattern !== null && shared === null) unsaid.push(`matches ${pattern.text} (RE2)`)
  return {
    type: 'string',
    ...(values === null ? {} : { enum: [...values] }),
    ...(shared === null ? {} : { pattern: shared }),
    // JSON Schema counts code points, too.
    ...(isScalar && minLength > 0 ? { minLength } : {}),
    ...(isScalar && maxLength < Infinity ? { maxLength } : {}),
  }
}

/** Syntax that RE2 has and ECMAScript has not, or means otherwise. */
const ownSyntax = /\\[AzQECa]|\\x\{|\\[pP][A-Za-z]|\[\[:|\(\?[a-zA-Z-]+[:)]|\(\?P/

/** The pattern where JavaScript's expressions say the same, which JSON Schema's are; else null. */
function sharedPattern(text: string): string | null {
  if (ownSyntax.test(text)) return null
  try {
    new RegExp(text, 'u')
    return text
  } catch {
    return null
  }
}
