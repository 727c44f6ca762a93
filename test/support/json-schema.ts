/**
 * Checks a value against the part of JSON Schema that our OpenAPI document uses. An unknown keyword throws: a schema that
 * is not checked would make the tests claim more than they prove.
 */
type Schema = Readonly<Record<string, unknown>>

const annotations: ReadonlySet<string> = new Set(['title', 'description', 'format', 'examples', 'default'])

/** @returns what does not fit, with its path; null when all does. */
export function mismatch(
  value: unknown,
  schema: Schema,
  definitions: Readonly<Record<string, Schema>>,
  path = '$',
): string | null {
  for (const [keyword, rule] of Object.entries(schema)) {
    if (annotations.has(keyword) || keyword.startsWith('x-')) continue
    const check = checks[keyword]
    if (check === undefined) throw new Error(`keyword ${keyword} is not supported`)
    const found = check(value, rule as never, { schema, definitions, path })
    if (found !== null) return found
  }
  return null
}

interface Context {
  readonly schema: Schema
  readonly definitions: Readonly<Record<string, Schema>>
  readonly path: string
}
type Check = (value: unknown, rule: never, context: Context) => string | null

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const fails = (isFit: boolean, { path }: Context, rule: unknown, value: unknown): string | null =>
  isFit ? null : `${path} is ${JSON.stringify(value)?.slice(0, 80)} and not ${JSON.stringify(rule)?.slice(0, 80)}`

function isOfType(value: unknown, type: string): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') return isObject(value)
  return type === 'integer' ? Number.isInteger(value) : typeof value === type
}

const checks: Readonly<Record<string, Check>> = {
  $ref: (value, rule: string, { definitions, path }) => {
    const schema = definitions[rule.replace('#/components/schemas/', '')]
    if (schema === undefined) throw new Error(`no schema ${rule}`)
    return mismatch(value, schema, definitions, path)
  },
  type: (value, rule: string | string[], context) =>
    fails(
      [rule].flat().some((type) => isOfType(value, type)),
      context,
      rule,
      value,
    ),
  const: (value, rule: unknown, context) => fails(value === rule, context, rule, value),
  enum: (value, rule: unknown[], context) => fails(rule.includes(value), context, rule, value),
  // What is of another type is the keyword `type`'s to refuse.
  pattern: (value, rule: string, context) =>
    fails(typeof value !== 'string' || new RegExp(rule, 'u').test(value), context, rule, value),
  minLength: (value, rule: number, context) =>
    fails(typeof value !== 'string' || [...value].length >= rule, context, rule, value),
  maxLength: (value, rule: number, context) =>
    fails(typeof value !== 'string' || [...value].length <= rule, context, rule, value),
  minimum: (value, rule: number, context) => fails(typeof value !== 'number' || value >= rule, context, rule, value),
  maximum: (value, rule: number, context) => fails(typeof value !== 'number' || value <= rule, context, rule, value),
  exclusiveMinimum: (value, rule: number, context) =>
    fails(typeof value !== 'number' || value > rule, context, rule, value),
  exclusiveMaximum: (value, rule: number, context) =>
    fails(typeof value !== 'number' || value < rule, context, rule, value),
  minItems: (value, rule: number, context) =>
    fails(!Array.isArray(value) || value.length >= rule, context, rule, value),
  maxItems: (value, rule: number, context) =>
    fails(!Array.isArray(value) || value.length <= rule, context, rule, value),
  items: (value, rule: Schema, { definitions, path }) =>
    Array.isArray(value)
      ? firstOf(value.map((item, index) => mismatch(item, rule, definitions, `${path}[${index}]`)))
      : null,
  required: (value, rule: string[], context) =>
    fails(
      isObject(value) && rule.every((key) => key in value),
      context,
      rule,
      isObject(value) ? Object.keys(value) : value,
    ),
  properties: (value, rule: Record<string, Schema>, { definitions, path }) =>
    isObject(value)
      ? firstOf(
          Object.entries(rule).map(([key, schema]) =>
            key in value ? mismatch(value[key], schema, definitions, `${path}.${key}`) : null,
          ),
        )
      : null,
  additionalProperties: (value, rule: Schema | boolean, context) => {
    if (!isObject(value) || rule === true) return null
    const others = Object.keys(value).filter((key) => !Object.keys(context.schema['properties'] ?? {}).includes(key))
    if (rule === false) return fails(others.length === 0, context, 'without other keys', others)
    return firstOf(others.map((key) => mismatch(value[key], rule, context.definitions, `${context.path}.${key}`)))
  },
  anyOf: (value, rule: Schema[], { definitions, path }) => {
    const found = rule.map((schema) => mismatch(value, schema, definitions, path))
    return found.includes(null) ? null : found.join(' | ')
  },
}

function firstOf(found: readonly (string | null)[]): string | null {
  return found.find((text) => text !== null) ?? null
}
