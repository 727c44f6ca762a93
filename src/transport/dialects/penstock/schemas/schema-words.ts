/** The words that the JSON Schemas of this folder are written in. */
export type Schema = Readonly<Record<string, unknown>>

export const text = { type: 'string' } as const
export const count = { type: 'integer', minimum: 0 } as const
export const duration = { type: 'number', minimum: 0 } as const
export const flag = { type: 'boolean' } as const
export const name = { type: 'string', pattern: '^[A-Za-z0-9-]+$' } as const
export const modelName = { type: 'string', pattern: '^[A-Za-z0-9_-]+$' } as const

export const listOf = (items: Schema): Schema => ({ type: 'array', items })
export const mapOf = (values: Schema): Schema => ({ type: 'object', additionalProperties: values })
export const reference = (schema: string): Schema => ({ $ref: `#/components/schemas/${schema}` })

/** An object of exactly these members, of which those in `optional` may be absent. */
export const record = (properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  properties,
  required: Object.keys(properties).filter((key) => !optional.includes(key)),
  additionalProperties: false,
})
