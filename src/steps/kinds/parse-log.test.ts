import { describe, expect, it } from 'vitest'
import { canonicalJson, definitionsEqual } from '../../pipeline/definition.js'
import { pipeline } from '../builder.js'
import { parseDefinition } from '../parse.js'

const steps = [{ type: 'model', model: 'm' }]
const parse = (log: unknown) => parseDefinition('p', { steps, log })

describe('log of a definition', () => {
  it.each([
    { durability: 'off' },
    { durability: 'async' },
    { durability: 'committed', onFailure: 'refuse' },
    { durability: 'sampled', sampleRate: 0.01 },
    { durability: 'sampled', sampleRate: 1, onFailure: 'answer', retention: { ageHours: 0.5, bytes: 1 } },
    { durability: 'async', retention: {} },
  ])('reads %j', (log) => {
    expect(parse(log)).toEqual({ name: 'p', steps, log })
  })

  it.each([
    ['async', /log to be an object/],
    [[], /log to be an object/],
    [{}, /log\.durability to be one of off, sampled, async, committed but received undefined/],
    [{ durability: 'sync' }, /log\.durability to be one of/],
    [{ durability: 'sampled' }, /log\.sampleRate to be a number above 0 and at most 1 but received undefined/],
    [{ durability: 'sampled', sampleRate: 0 }, /log\.sampleRate to be a number above 0/],
    [{ durability: 'sampled', sampleRate: NaN }, /log\.sampleRate to be a number above 0/],
    [{ durability: 'async', sampleRate: 0.5 }, /log\.sampleRate to be absent unless durability is sampled/],
    [{ durability: 'async', onFailure: 'drop' }, /log\.onFailure to be answer or refuse/],
    [{ durability: 'async', retention: { ageHours: 0 } }, /log\.retention\.ageHours to be a number above 0/],
    [{ durability: 'async', retention: { bytes: 1.5 } }, /log\.retention\.bytes to be an integer in 1\.\./],
    [
      { durability: 'async', retention: { days: 7 } },
      /log\.retention to be made of ageHours, bytes but received "days"/,
    ],
    [{ durabilty: 'async' }, /log to be made of .* but received "durabilty"\. Did you mean durability\?/],
  ])('refuses %j', (log, message) => {
    expect(() => parse(log)).toThrow(
      expect.objectContaining({ code: 'ERR_PIPELINE_INVALID', message: expect.stringMatching(message) as string }),
    )
  })

  it('is part of what makes two definitions different, whatever the order of its members', () => {
    const log = { durability: 'sampled', sampleRate: 0.5, onFailure: 'refuse' }
    const turned = { onFailure: 'refuse', sampleRate: 0.5, durability: 'sampled' }
    expect(definitionsEqual(parse(log), parse(turned))).toBe(true)
    expect(definitionsEqual(parse(log), parseDefinition('p', { steps }))).toBe(false)
    expect(canonicalJson(parse(log))).toBe(
      '{"log":{"durability":"sampled","onFailure":"refuse","sampleRate":0.5},"name":"p","steps":[{"model":"m","type":"model"}]}',
    )
  })

  it('is written by the builder, kept by clear and taken over by load', () => {
    const log = { durability: 'committed' } as const
    const builder = pipeline('p').model('m').log(log)
    expect(builder.definition()).toEqual({ name: 'p', steps, log })
    expect(builder.clear().model('m').definition().log).toEqual(log)
    expect(builder.load({ name: 'other', steps: steps as never }).definition().log).toBeUndefined()
    expect(() => pipeline('p').log({ durability: 'never' as never })).toThrow(/log\.durability/)
  })
})
