/** Schemas out of tables: what is sent is required unless it is optional, null is allowed where a row says so. */
import { describe, expect, it } from 'vitest'
import { answerTables } from '../../../../protocol/answers/generated/tables.js'
import { answerSchemas } from './json-schema.js'
import { schemas } from './schemas.js'

const schemaOf = (name: string) =>
  answerSchemas()[name] as { required: string[]; properties: Record<string, Record<string, unknown>> }

describe('schemas of answers', () => {
  it('schemas: a version requires all but what its rows call optional, and has no inherited name', () => {
    const { required, properties } = schemaOf('ModelVersion')
    const optional = ['copied_outputs', 'batching_proof', 'runner', 'providers', 'device_id', 'uploaded', 'lineage']
    expect(Object.keys(properties).filter((key) => !required.includes(key))).toEqual(optional)
    expect(properties).not.toHaveProperty('name')
    // Fields that an earlier release leaves out are sent by this one.
    expect(required).toContain('tags')
  })

  it('schemas: tell words, lists, maps, choices, null and what a field is', () => {
    expect(schemaOf('Status').properties).toMatchObject({
      state: { enum: ['undeployed', 'starting', 'running', 'error'] },
      version: { anyOf: [{ type: 'integer', minimum: 0 }, { type: 'null' }] },
      failures: { type: 'object', additionalProperties: { type: 'integer', minimum: 0 } },
      models: { type: 'array', items: { $ref: '#/components/schemas/ModelStatus' } },
    })
    expect(schemaOf('Calibration').properties['row_us']?.['description']).toMatch(/, in microseconds$/)
    expect(schemaOf('Explanation').properties['result']?.['anyOf']).toEqual([
      { anyOf: ['OcclusionResult', 'PermutationResult'].map((name) => ({ $ref: `#/components/schemas/${name}` })) },
      { type: 'null' },
    ])
  })

  it('schemas: every table has one, no other schema has its name, and every reference leads to one', () => {
    for (const name of Object.keys(answerTables)) expect(schemas[name], name).toEqual(schemaOf(name))
    const references = [...JSON.stringify(schemas).matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name)
    expect(references.length).toBeGreaterThan(50)
    expect(references.filter((name) => schemas[name ?? ''] === undefined)).toEqual([])
  })
})
