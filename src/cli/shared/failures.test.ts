import { CommanderError } from 'commander'
import { describe, expect, it } from 'vitest'
import { PenstockError } from '../../base/errors.js'
import { endingOf, RefusedError, UnreachableError, UsageError } from './failures.js'

describe('failures', () => {
  it('endingOf: gives each kind of failure its exit code and sentence', () => {
    const cases = [
      [
        new RefusedError('ERR_MODEL_NOT_FOUND', 'There is no model x.'),
        1,
        'penstock: There is no model x. (ERR_MODEL_NOT_FOUND)',
      ],
      [new PenstockError('ERR_HOME_LOCKED', 'In use.'), 1, 'penstock: In use. (ERR_HOME_LOCKED)'],
      [new UsageError('Expected --data.'), 2, 'penstock: Expected --data.'],
      [new UnreachableError('Cannot reach.'), 3, 'penstock: Cannot reach.'],
      [new CommanderError(1, 'commander.unknownOption', 'shown already'), 2, ''],
      [new CommanderError(0, 'commander.helpDisplayed', 'shown already'), 0, ''],
    ] as const
    for (const [error, exitCode, text] of cases) expect(endingOf(error, false)).toEqual({ exitCode, text })
  })

  it('endingOf: is JSON with the code for scripts', () => {
    const { text } = endingOf(new RefusedError('ERR_CONFLICT', 'No.'), true)
    expect(JSON.parse(text)).toEqual({ error: 'No.', code: 'ERR_CONFLICT' })
  })

  it('endingOf: shows the stack of a bug', () => {
    const { exitCode, text } = endingOf(new TypeError('x is undefined'), false)
    expect(exitCode).toBe(1)
    expect(text).toMatch(/TypeError: x is undefined\n\s+at /)
  })
})
