import { describe, expect, test } from 'vitest'
import { chainOf, pipelineSteps, type ImportedModel } from './ensemble.js'
import { readModelConfig, type TritonConfig } from './model-config.js'

type Maps = Readonly<Record<string, string>>
const entries = (name: string, map: Maps): string =>
  Object.entries(map)
    .map(([key, value]) => `${name} { key: "${key}" value: "${value}" }`)
    .join(' ')
const ensemble = (
  inputs: readonly string[],
  outputs: readonly string[],
  ...steps: readonly (readonly [model: string, inputs: Maps, outputs: Maps])[]
): TritonConfig =>
  readModelConfig(`name: "both"
${inputs.map((name) => `input { name: "${name}" }`).join('\n')}
${outputs.map((name) => `output { name: "${name}" }`).join('\n')}
ensemble_scheduling {
${steps.map(([model, ins, outs]) => `step { model_name: "${model}" ${entries('input_map', ins)} ${entries('output_map', outs)} }`).join('\n')}
}`)
const model = (reference: string, inputs = ['x'], outputs = ['y']): ImportedModel => ({ reference, inputs, outputs })
const stepsOf = (config: TritonConfig, ...models: readonly ImportedModel[]) =>
  pipelineSteps(config, chainOf(config), models)

describe('an ensemble', () => {
  test('is a pipeline: its steps in the order of their tensors, bound by name, answers under its own names', () => {
    const config = ensemble(['IN'], ['OUT'], ['b', { x: 'mid' }, { y: 'OUT' }], ['a', { x: 'IN' }, { y: 'mid' }])
    expect(chainOf(config).map((step) => step.model)).toEqual(['a', 'b'])
    expect(stepsOf(config, model('a'), model('b@2'))).toEqual([
      { type: 'model', model: 'a', tensorFields: ['IN'] },
      { type: 'model', model: 'b@2', tensorFields: ['y'] },
      { type: 'transform', ops: [{ op: 'rename', names: { y: 'OUT' } }] },
    ])
  })

  test('with the names of its models needs neither binding nor renaming', () => {
    const config = ensemble(['x'], ['z'], ['a', { x: 'x' }, { y: 'y' }], ['b', { y: 'y' }, { z: 'z' }])
    expect(stepsOf(config, model('a'), model('b', ['y'], ['z']))).toEqual([
      { type: 'model', model: 'a' },
      { type: 'model', model: 'b' },
    ])
  })

  test('binds several tensors in the order of the model', () => {
    const config = ensemble(['p', 'q'], ['y'], ['a', { right: 'q', left: 'p' }, { y: 'y' }])
    expect(stepsOf(config, model('a', ['left', 'right']))).toEqual([
      { type: 'model', model: 'a', tensorFields: ['p', 'q'] },
    ])
  })

  const first = ['a', { x: 'IN' }, { y: 'mid' }] as const
  test.each([
    ['no steps', ensemble(['IN'], ['OUT']), /at least one step/],
    ['steps side by side', ensemble(['IN'], ['mid'], first, ['b', { x: 'IN' }, { y: 'other' }]), /a beside b/],
    [
      'a later step that takes the request',
      ensemble(['IN'], ['OUT'], first, ['b', { x: 'mid', w: 'IN' }, { y: 'OUT' }]),
      /b, which takes IN/,
    ],
    [
      'a tensor that nothing gives',
      ensemble(['IN'], ['OUT'], ['a', { x: 'none' }, { y: 'OUT' }]),
      /a, which takes none/,
    ],
    [
      'a ring',
      ensemble(['IN'], ['t'], ['a', { x: 'u' }, { y: 't' }], ['b', { x: 't' }, { y: 'u' }]),
      /a, which takes u/,
    ],
    ['a step without inputs', ensemble(['IN'], ['OUT'], ['a', {}, { y: 'OUT' }]), /an input_map/],
    [
      'an output of an earlier step',
      ensemble(['IN'], ['mid'], first, ['b', { x: 'mid' }, { y: 'OUT' }]),
      /gives all outputs.*mid/,
    ],
  ])('with %s is refused', (_, config, message) => {
    expect(() => chainOf(config)).toThrow(
      expect.objectContaining({ code: 'ERR_PIPELINE_INVALID', message: expect.stringMatching(message) }),
    )
  })

  test.each([
    ['an input that the step leaves out', model('a', ['x', 'w']), /binds every input.*"w"/],
    ['an input that the model lacks', model('a', []), /names inputs of the model.*"x"/],
    ['an output that the model lacks', model('a', ['x'], ['z']), /names outputs of the model \(z\).*"y"/],
  ])('with %s is refused', (_, imported, message) => {
    const config = ensemble(['IN'], ['OUT'], ['a', { x: 'IN' }, { y: 'OUT' }])
    expect(() => stepsOf(config, imported)).toThrow(
      expect.objectContaining({ code: 'ERR_PIPELINE_INVALID', message: expect.stringMatching(message) }),
    )
  })
})
