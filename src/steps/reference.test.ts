/** Keeps docs/reference/steps.md true where a machine can tell: its examples parse, its names and limits are the code's. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  CHECK_EXPRESSION_CHARACTERS_MAX,
  CHECK_INSTRUCTIONS_MAX,
  CHECK_SOURCES_MAX,
  CHECKS_MAX,
  OPTIONS_MAX,
  POSITIONS_MAX,
} from '../base/limits/limits.js'
import { STEP_TYPES } from './kinds.js'
import { parseDefinition } from './parse.js'
import { PipelineBuilder } from './builder.js'

const text = readFileSync(new URL('../../docs/reference/steps.md', import.meta.url), 'utf8')
const examples = [...text.matchAll(/^```json\n([^]*?)^```$/gm)].map(
  (match) => JSON.parse(match[1] as string) as unknown,
)

describe('docs/reference/steps.md', () => {
  it('has only examples that parse, and one of every kind of step', () => {
    const types = new Set<unknown>()
    for (const example of examples) {
      const isDefinition = typeof example === 'object' && example !== null && 'steps' in example
      const steps = isDefinition ? (example.steps as unknown[]) : Array.isArray(example) ? example : [example]
      expect(() => parseDefinition('p', steps), JSON.stringify(example)).not.toThrow()
      for (const step of steps) types.add((step as { type: unknown }).type)
    }
    expect([...types].sort()).toEqual([...STEP_TYPES].sort())
  })

  it('states the limits that the code has', () => {
    expect(text).toContain(`1 to ${POSITIONS_MAX} models`)
    expect(text).toContain(`1 to ${OPTIONS_MAX} options`)
    expect(text).toContain(`1 to ${OPTIONS_MAX - 1} options`)
    expect(text).toContain(`at most ${CHECKS_MAX} checks`)
    expect(text.replaceAll('\n', ' ')).toContain(
      `at most ${CHECK_EXPRESSION_CHARACTERS_MAX} characters and ${CHECK_INSTRUCTIONS_MAX - 2} operations, and reads at most ${CHECK_SOURCES_MAX} tensors`,
    )
  })

  it('names the methods that the builder has', () => {
    const section = text.slice(text.indexOf('## From TypeScript'))
    const methods = Object.getOwnPropertyNames(PipelineBuilder.prototype)
    for (const method of 'model multiModel audit select keySplit randomSplit shadow check replaceWithModel insert removeStep clear load steps modelConfigs definition deploy'.split(
      ' ',
    )) {
      expect(section).toContain(method)
      expect(methods).toContain(method)
    }
  })
})
