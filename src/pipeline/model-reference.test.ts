import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  STAGES,
  aliasesOf,
  expectAlias,
  isReference,
  parseReference,
  pointedVersion,
  readReference,
  referenceText,
  selectVersion,
  withAlias,
  withoutAlias,
  type Pointers,
} from './model-reference.js'

const canonical = (text: string): string => referenceText(parseReference(text))

describe('a reference', () => {
  test.each([
    ['cc-fraud', 'cc-fraud'],
    ['a@champion', 'a@champion'],
    ['a@12', 'a@12'],
    ['a@1b', 'a@1b'],
    ['a@my_alias', 'a@my_alias'],
    ['a@LATEST', 'a'],
    ['a@production', 'a@Production'],
    ['models:/a/3', 'a@3'],
    ['models:/a/003', 'a@3'],
    ['models:/a/latest', 'a'],
    ['models:/a/Latest', 'a'],
    ['models:/a/Production', 'a@Production'],
    ['models:/a/sTaGiNg', 'a@Staging'],
    ['models:/a/archived', 'a@Archived'],
    ['models:/a@champion', 'a@champion'],
    ['models:/a@latest', 'a'],
  ])('%s is %s', (text, expected) => {
    expect(canonical(text)).toBe(expected)
    // What is stored reads as itself.
    expect(canonical(expected)).toBe(expected)
  })

  test.each([
    ['', /name@alias/],
    ['@', /name@alias/],
    ['a@', /name@alias/],
    ['@b', /name@alias/],
    ['a@b@c', /name@alias/],
    ['a.b', /name@alias/],
    ['a@0', /versions count from 1/],
    ['a@000', /versions count from 1/],
    ['a\n', /name@alias/],
    ['x'.repeat(129), /name@alias/],
    [`a@${'9'.repeat(30)}`, /versions count from 1/],
    ['models:a/3', /models:\/name\/3/],
    ['models:/', /models:\/name\/3/],
    ['models://a/3', /models:\/name\/3/],
    ['models:/a/', /models:\/name\/3/],
    ['models:/a/0', /versions count from 1/],
    ['models:/a/3/4', /models:\/name\/3/],
    ['models:/a@', /models:\/name@alias/],
    ['models:/a@3', /models:\/name@alias/],
    ['models:/a@b@c', /models:\/name@alias/],
    ['models:/a b/3', /models:\/name\/3/],
    ['models:/m-0123abcd', /id of a logged model.*models:\/m-0123abcd\/latest/],
    ['models:/a/champion', /none of the stages Staging, Production, Archived.*models:\/a@champion/],
    ['models:/a/Prodution', /Did you mean Production\?/],
  ])('%j is refused', (text, message) => {
    expect(isReference(text)).toBe(false)
    expect(() => parseReference(text)).toThrow(
      expect.objectContaining({ code: 'ERR_PIPELINE_INVALID', message: expect.stringMatching(message) }),
    )
    expect(() => parseReference(text, 'ERR_ARGUMENT')).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
  })

  test('any text is read or refused, and what is read has one form', () => {
    const part = fc.constantFrom('models:/', 'models:', '@', '/', 'a', 'latest', 'Production', '3', '0', ' ', '#', '_')
    fc.assert(
      fc.property(fc.array(part, { maxLength: 6 }), (parts) => {
        const read = readReference(parts.join(''))
        if ('name' in read) expect(canonical(referenceText(read))).toBe(referenceText(read))
        else expect(read.rule).toMatch(/name/)
      }),
    )
  })
})

describe('an alias', () => {
  test.each(['champion', 'my_alias', '1b', 'a-b', 'constructor'])('%s may be set', (alias) => {
    expect(expectAlias('alias', alias)).toBe(alias)
  })

  test.each(['latest', 'Latest', 'v7', 'V12', '3', 'a b', 'a@b', '', 'x'.repeat(256), 7, null])(
    '%j is refused',
    (alias) => {
      expect(() => expectAlias('alias', alias)).toThrow(expect.objectContaining({ code: 'ERR_ARGUMENT' }))
    },
  )
})

describe('stages', () => {
  const none: Pointers = { aliases: {} }

  test('Production holds one version, and what it replaces is in no stage, or archived', () => {
    const first = withAlias(none, 'Production', 1)
    expect(withAlias(first, 'Production', 2)).toEqual({ aliases: { Production: 2 }, archived: [] })
    expect(withAlias(first, 'Production', 2, true)).toEqual({ aliases: { Production: 2 }, archived: [1] })
    expect(withAlias(first, 'Production', 1, true)).toEqual({ aliases: { Production: 1 }, archived: [] })
  })

  test('Archived holds many and means the highest; without the alias there are none', () => {
    const both = withAlias(withAlias(none, 'Archived', 10), 'Archived', 9)
    expect(both).toEqual({ aliases: {}, archived: [9, 10] })
    const model = { ...both, versions: [{ version: 9 }, { version: 10 }, { version: 11 }] }
    expect(selectVersion(model, parseReference('models:/m/Archived').selector)).toBe(10)
    expect(aliasesOf(model, 9)).toEqual(['Archived'])
    expect(withoutAlias(both, 'Archived')).toEqual({ aliases: {}, archived: [] })
  })

  test('a version is in one stage at most, whatever is set, and other aliases stay', () => {
    const move = fc.tuple(fc.constantFrom(...STAGES, 'champion'), fc.integer({ min: 1, max: 4 }), fc.boolean())
    fc.assert(
      fc.property(fc.array(move, { maxLength: 12 }), (moves) => {
        let pointers = none
        for (const [alias, version, isArchiving] of moves) {
          const champion = pointedVersion(pointers, 'champion')
          pointers = withAlias(pointers, alias, version, isArchiving)
          expect(aliasesOf(pointers, version)).toContain(alias)
          if (alias !== 'champion') expect(pointedVersion(pointers, 'champion')).toBe(champion)
        }
        for (const version of [1, 2, 3, 4])
          expect(aliasesOf(pointers, version).filter((alias) => alias !== 'champion').length).toBeLessThanOrEqual(1)
      }),
    )
  })
})
