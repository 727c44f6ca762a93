/** With keys: a valid one with the scope. Without: this machine, but not its browser's foreign pages, whatever they call themselves. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../../base/clock.js'
import type { PenstockError } from '../../base/errors.js'
import { Access, type AccessDependencies } from './access.js'
import type { KeyVerifier, VerifiedKey } from './verifier.js'

type Mutable = { -readonly [K in keyof VerifiedKey]: VerifiedKey[K] }

const START_MS = Date.UTC(2026, 0, 1)
const head = (headers: Record<string, string>, address = '10.0.0.1') => ({
  header: (name: string) => headers[name] ?? '',
  address,
})
const bearer = (key: string, address?: string) => head({ authorization: `Bearer ${key}` }, address)

function verifierOf(keys: Record<string, Mutable>): KeyVerifier & { count: number } {
  return { count: Object.keys(keys).length, verify: (text) => (Object.hasOwn(keys, text) ? keys[text] : undefined) }
}

function open(keys: KeyVerifier | null, parts: Partial<AccessDependencies> = {}) {
  const clock = new ManualClock(START_MS)
  const lines: unknown[] = []
  const access = new Access({
    keys,
    isLoopback: true,
    names: [],
    clock,
    logger: { warn: (note: unknown) => void lines.push(note) } as never,
    makeLimit: () => ({ take: () => undefined, release: () => undefined, giveBack: () => undefined }),
    ...parts,
  })
  return { access, clock, lines }
}

function refusal(work: () => unknown): PenstockError {
  try {
    work()
  } catch (error) {
    return error as PenstockError
  }
  throw new Error('was not refused')
}

describe('access: keys', () => {
  it('takes a bearer key or a key subprotocol once keys exist, and nothing else', () => {
    const { access } = open(verifierOf({ psk_good: { name: 'ops' } }))
    for (const headers of [
      { authorization: 'Bearer psk_good' },
      { authorization: 'bearer  psk_good' },
      { 'sec-websocket-protocol': 'penstock.v1, penstock.key.psk_good' },
    ] as Record<string, string>[]) {
      expect(access.authorize(head(headers), ['infer']).actor).toBe('key:ops')
      expect(access.find(head(headers), ['infer'])?.actor).toBe('key:ops')
    }
    for (const [headers, words] of [
      [{}, 'Expected an API key but received none'],
      [{ authorization: 'Basic psk_good' }, 'received none'],
      [{ authorization: 'Bearer psk_bad' }, 'Expected a valid API key but received another'],
    ] as [Record<string, string>, string][]) {
      expect(access.find(head(headers), [])).toBeNull()
      const error = refusal(() => access.authorize(head(headers), []))
      expect([error.code, error.message]).toEqual(['ERR_UNAUTHORIZED', expect.stringContaining(words)])
    }
  })

  it('never repeats a presented key in its sentence', () => {
    const { access } = open(verifierOf({ psk_good: { name: 'ops' } }))
    for (const headers of [
      { authorization: 'Bearer psk_secret' },
      { 'sec-websocket-protocol': 'penstock.key.psk_secret' },
    ] as Record<string, string>[])
      expect(refusal(() => access.authorize(head(headers), [])).message).not.toContain('psk_secret')
  })

  it('wants one of the scopes, names what is missing and how to get it, and asks for none where any key will do', () => {
    const { access } = open(verifierOf({ psk_a: { name: 'a', scopes: ['infer', 'read'] } }))
    expect(access.authorize(bearer('psk_a'), ['read']).actor).toBe('key:a')
    expect(access.authorize(bearer('psk_a'), ['admin', 'infer']).actor).toBe('key:a')
    expect(access.authorize(bearer('psk_a'), []).actor).toBe('key:a')
    const error = refusal(() => access.authorize(bearer('psk_a'), ['write']))
    expect([error.code, error.httpStatus]).toEqual(['ERR_FORBIDDEN', 403])
    expect(error.message).toBe(
      'Expected an API key with the scope write but a has infer, read. Create another with: penstock keys create <name> --scope write',
    )
    expect(access.find(bearer('psk_a'), ['write'])).toBeNull()
  })

  it('binds a key to its pipelines, and to nothing that is about more', () => {
    const { access } = open(verifierOf({ psk_a: { name: 'a', pipelines: ['wine'] } }))
    const grant = access.authorize(bearer('psk_a'), ['infer'])
    expect(() => grant.expectPipeline('wine')).not.toThrow()
    expect(() => grant.expectPipeline('fraud')).toThrow(
      'Expected an API key of pipeline fraud but a is bound to wine. Create another with: penstock keys create <name> --pipeline',
    )
    expect(() => grant.expectPipeline(null)).toThrow('Expected an API key of all pipelines')
  })

  it('refuses a key at its expiry to the millisecond, and ends what is open of it', () => {
    const { access, clock } = open(verifierOf({ psk_a: { name: 'a', expiresAtMs: START_MS + 1000 } }))
    const ends: string[] = []
    access.authorize(bearer('psk_a'), ['infer']).hold((error) => ends.push(error.message))
    clock.advanceMs(999)
    access.look()
    expect([access.find(bearer('psk_a'), []) === null, ends]).toEqual([false, []])
    clock.advanceMs(1)
    expect(refusal(() => access.authorize(bearer('psk_a'), [])).message).toBe(
      'The API key a expired at 2026-01-01T00:00:01.000Z. Create another with: penstock keys create <name>',
    )
    access.look()
    access.look()
    expect(ends).toEqual([expect.stringContaining('expired')])
  })

  it('ends what is open of a revoked key once, and not what was let go or belongs to another', () => {
    const a: Mutable = { name: 'a' }
    const { access } = open(verifierOf({ psk_a: a, psk_b: { name: 'b' } }))
    const ends: string[] = []
    const grant = access.authorize(bearer('psk_a'), ['infer'])
    grant.hold(() => ends.push('one'))
    grant.hold(() => ends.push('gone'))()
    access.authorize(bearer('psk_b'), ['infer']).hold(() => ends.push('other'))
    access.look()
    expect(ends).toEqual([])
    Object.assign(a, { isRevoked: true })
    access.look()
    access.look()
    expect(ends).toEqual(['one'])
    expect(refusal(() => access.authorize(bearer('psk_a'), [])).message).toContain('The API key a was revoked')
  })

  it('ends a connection that was made while its key ended', async () => {
    const a: Mutable = { name: 'a' }
    const { access } = open(verifierOf({ psk_a: a }))
    const grant = access.authorize(bearer('psk_a'), ['infer'])
    Object.assign(a, { isRevoked: true })
    access.look()
    const reason = await new Promise<PenstockError>((resolve) => grant.hold(resolve))
    expect(reason.code).toBe('ERR_UNAUTHORIZED')
  })

  it('keeps one grant for a key, also for verifiers that make a new object each time, until it may do other things', () => {
    let scopes: VerifiedKey['scopes'] = ['infer']
    const { access } = open({ count: 1, verify: () => ({ name: 'a', ...(scopes && { scopes }) }) })
    const first = access.authorize(bearer('x'), [])
    const ends: string[] = []
    first.hold(() => ends.push('first'))
    expect(access.authorize(bearer('x'), [])).toBe(first)
    scopes = ['infer', 'read']
    expect(access.authorize(bearer('x'), [])).not.toBe(first)
    expect(ends).toEqual(['first'])
  })

  it('closes to everybody who is connected without a key when the first key is made', () => {
    const keys = verifierOf({ psk_a: { name: 'a' } })
    keys.count = 0
    const { access } = open(keys)
    const ends: string[] = []
    access.authorize(head({}), ['infer']).hold((error) => ends.push(error.code))
    access.look()
    expect(ends).toEqual([])
    keys.count = 1
    access.look()
    expect(ends).toEqual(['ERR_UNAUTHORIZED'])
    expect(() => access.authorize(head({}), [])).toThrow('received none')
  })
})

describe('access: wrong keys', () => {
  it('slows an address down after some, says for how long, and logs the address without the key', () => {
    const { access, clock, lines } = open(verifierOf({ psk_good: { name: 'ops' } }))
    const codes = Array.from({ length: 12 }, () => refusal(() => access.authorize(bearer('psk_bad'), [])).code)
    expect(codes).toEqual([
      ...Array.from({ length: 10 }, () => 'ERR_UNAUTHORIZED'),
      'ERR_RATE_LIMITED',
      'ERR_RATE_LIMITED',
    ])
    expect(refusal(() => access.authorize(bearer('psk_bad'), []))).toMatchObject({
      httpStatus: 429,
      retryAfterMs: 1000,
    })
    expect(lines).toEqual([{ address: '10.0.0.1', wrongKeys: 1 }])
    expect(JSON.stringify(lines)).not.toContain('psk_bad')
    clock.advanceMs(1000)
    expect(refusal(() => access.authorize(bearer('psk_bad'), [])).code).toBe('ERR_UNAUTHORIZED')
    expect(refusal(() => access.authorize(bearer('psk_bad'), [])).retryAfterMs).toBe(2000)
  })

  it('locks nobody out: neither another address nor the right key from the same one', () => {
    const { access } = open(verifierOf({ psk_good: { name: 'ops' } }))
    for (let count = 0; count < 1000; count++) refusal(() => access.authorize(bearer('psk_bad'), []))
    expect(access.authorize(bearer('psk_good', '10.0.0.2'), []).actor).toBe('key:ops')
    expect(refusal(() => access.authorize(bearer('psk_bad', '10.0.0.2'), [])).code).toBe('ERR_UNAUTHORIZED')
    expect(access.authorize(bearer('psk_good', '10.0.0.1'), []).actor).toBe('key:ops')
  })

  it('does not count what only looks', () => {
    const { access, lines } = open(verifierOf({ psk_good: { name: 'ops' } }))
    for (let count = 0; count < 100; count++) expect(access.find(bearer('psk_bad'), [])).toBeNull()
    expect(refusal(() => access.authorize(bearer('psk_bad'), [])).code).toBe('ERR_UNAUTHORIZED')
    expect(lines.length).toBe(1)
  })
})
