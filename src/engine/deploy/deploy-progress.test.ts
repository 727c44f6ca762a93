import { describe, expect, it } from 'vitest'
import { PenstockError } from '../../base/errors.js'
import { DeployProgress } from './deploy-progress.js'

describe('deploy progress', () => {
  it('reports what is under way, and why the last deploy failed until one succeeds', async () => {
    const progress = new DeployProgress()
    expect(progress.stateOf('p', false)).toBe('undeployed')
    let fail: (error: Error) => void = () => undefined
    const first = progress.track('p', 2, () => new Promise((_, reject) => (fail = reject)))
    expect([progress.stateOf('p', false), progress.stateOf('q', false)]).toEqual(['starting', 'undeployed'])
    fail(new PenstockError('ERR_MODEL_NOT_FOUND', 'There is no model x'))
    await expect(first).rejects.toMatchObject({ code: 'ERR_MODEL_NOT_FOUND' })
    expect(progress.stateOf('p', false)).toBe('error')
    expect(progress.failureOf('p')).toEqual({ version: 2, code: 'ERR_MODEL_NOT_FOUND', message: 'There is no model x' })
    // A failed redeploy does not take away what serves.
    expect(progress.stateOf('p', true)).toBe('running')
    await progress.track('p', 1, async () => undefined)
    expect([progress.stateOf('p', true), progress.failureOf('p')]).toEqual(['running', null])
  })

  it('keeps starting until the last of several deploys has ended', async () => {
    const progress = new DeployProgress()
    const ends: (() => void)[] = []
    const deploys = [1, 2].map((version) =>
      progress.track('p', version, () => new Promise<void>((resolve) => ends.push(resolve))),
    )
    ends[0]?.()
    await deploys[0]
    expect(progress.stateOf('p', true)).toBe('starting')
    ends[1]?.()
    await deploys[1]
    expect(progress.stateOf('p', true)).toBe('running')
  })
})
