/** Parts of remote steps that need no server. */
import { describe, expect, it } from 'vitest'
import { ManualClock } from '../base/clock.js'
import { Breaker, type BreakerEntry } from './breaker.js'
import { readAnswer } from './columns/answer-json.js'
import { excerptOf, RemoteFailures } from './failures.js'
import { RemoteHosts } from './hosts.js'
import { readPointer } from './kinds/http.js'
import { isSecretHeader, Secrets } from './secrets.js'
import { Slots } from './slots.js'

describe('hosts', () => {
  const accepts = (entries: readonly string[], url: string): boolean => new RemoteHosts(entries).accepts(new URL(url))

  it.each([
    [[], 'http://127.0.0.1:8080/', false],
    [['127.0.0.1'], 'http://127.0.0.1/', true],
    [['127.0.0.1'], 'http://127.0.0.1:8080/', false],
    [['127.0.0.1:8080'], 'http://127.0.0.1:8080/x', true],
    [['127.0.0.1:*'], 'http://127.0.0.1:8080/x', true],
    [['localhost:80'], 'http://LOCALHOST/', true],
    [['localhost:443'], 'https://localhost/', true],
    [['localhost:443'], 'http://localhost/', false],
    [['*.example.org'], 'https://a.b.example.org/', true],
    [['*.example.org'], 'https://example.org/', false],
    [['*.example.org'], 'https://badexample.org/', false],
    [['[::1]:8080'], 'http://[::1]:8080/', true],
    [['::1'], 'http://[::1]/', true],
    // Other spellings of an address are the address: URLs are read first.
    [['10.0.0.1'], 'http://0x0a.0.0.1/', true],
    [['example.org'], 'http://169.254.169.254/', false],
    [['example.org'], 'http://example.org./', true],
  ] as const)('%j: %s is %s', (entries, url, isAccepted) => {
    expect(accepts(entries, url)).toBe(isAccepted)
  })

  it.each(['*', 'http://a', 'a/b', 'a:0', 'a:70000', '', 'a b', '[zz]'])('refuse the entry %s', (entry) => {
    expect(() => new RemoteHosts([entry])).toThrow(/each of remoteHosts/)
  })

  it('name the way out', () => {
    expect(() => new RemoteHosts().expect('steps[0].url', new URL('http://10.0.0.1:9/x'))).toThrow(
      /Expected steps\[0\]\.url to be on a host that this server may call but received 10\.0\.0\.1:9\..*--remote-hosts 10\.0\.0\.1:9/,
    )
  })
})

describe('breaker', () => {
  const clock = new ManualClock()
  const breaker = new Breaker({ failures: 3, openMs: 1000 }, clock)
  const enter = (): BreakerEntry => {
    const entry = breaker.enter()
    if (entry === null) throw new Error('expected the breaker to let the call in')
    return entry
  }

  it('opens after failures in a row, tries once, and closes with the first success', () => {
    breaker.fail(enter())
    breaker.fail(enter())
    enter()
    breaker.succeed()
    breaker.fail(enter())
    breaker.fail(enter())
    const late = enter()
    expect(breaker.state).toBe('closed')
    breaker.fail(enter())
    expect([breaker.state, breaker.enter(), breaker.waitMs, breaker.openedCount]).toEqual(['open', null, 1000, 1])
    clock.advanceMs(999)
    expect([breaker.state, breaker.enter()]).toEqual(['open', null])
    clock.advanceMs(1)
    expect(breaker.state).toBe('half-open')
    const trial = enter()
    // One at a time; and a failure from before it opened does not end the trial.
    expect(breaker.enter()).toBeNull()
    breaker.fail(late)
    expect(breaker.enter()).toBeNull()
    breaker.fail(trial)
    expect([breaker.state, breaker.waitMs, breaker.openedCount]).toEqual(['open', 1000, 2])
    clock.advanceMs(1000)
    breaker.forget(enter())
    enter()
    breaker.succeed()
    expect([breaker.state, breaker.enter()]).toEqual(['closed', { isTrial: false }])
  })
})

describe('slots', () => {
  it('run so many, let so many wait in order, refuse the rest, and let waiting ones go', async () => {
    const slots = new Slots(1, 2)
    const { signal } = new AbortController()
    const gone = new AbortController()
    const order: number[] = []
    let release = (): void => undefined
    const first = slots.run(signal, () => new Promise<void>((resolve) => (release = resolve)))
    const leaving = slots.run(gone.signal, () => Promise.resolve(order.push(2)))
    const third = slots.run(signal, () => Promise.resolve(order.push(3)))
    await expect(slots.run(signal, () => Promise.resolve())).rejects.toMatchObject({ code: 'ERR_QUEUE_FULL' })
    gone.abort(new Error('gone'))
    await expect(leaving).rejects.toThrow('gone')
    const fourth = slots.run(signal, () => Promise.resolve(order.push(4)))
    release()
    await Promise.all([first, third, fourth])
    expect([order, slots.runningCount, slots.waitingCount]).toEqual([[3, 4], 0, 0])
  })
})

describe('secrets', () => {
  const secrets = new Secrets({ TOKEN: 's3cr3t-value', LINES: 'a\r\nx: y', EMPTY: '' })

  it('come from the environment, and never stand in a sentence', () => {
    expect(secrets.resolve('h', { env: 'TOKEN', prefix: 'Bearer ' })).toBe('Bearer s3cr3t-value')
    const failures = new RemoteFailures(new URL('http://user:pw@host/x?token=abc'), secrets)
    expect(failures.failure('ERR_REMOTE_FAILED', 'said s3cr3t-value').message).toBe('http://host/x said ***')
  })

  it.each([
    ['NONE', /NONE is not set/],
    ['EMPTY', /EMPTY is not set/],
    ['toString', /toString is not set/],
    ['LINES', /^Expected LINES, which h names, to be one line/],
  ])('%s is refused', (env, message) => {
    expect(() => secrets.resolve('h', { env })).toThrow(message)
  })

  it.each([
    ['Authorization', true],
    ['x-api-key', true],
    ['X-Auth', true],
    ['Cookie', true],
    ['x-tenant', false],
    ['accept', false],
  ])('%s: %s', (name, isSecret) => {
    expect(isSecretHeader(name)).toBe(isSecret)
  })
})

describe('answers', () => {
  it('may have the NaN of Python, which is null, and exact integers; a NaN in a text is a word', () => {
    expect(readAnswer(Buffer.from('{"a": [NaN, 1.5, 9007199254740993], "b": "NaN \\" NaN"}'))).toEqual({
      a: [null, 1.5, 9007199254740993n],
      b: 'NaN " NaN',
    })
  })

  it.each(['', '{"a": Infinity}', '{"a": 1', '<html>'])('%s is no JSON', (text) => {
    expect(() => readAnswer(Buffer.from(text))).toThrow(/it is no JSON/)
  })

  it('are cut to one short line in sentences', () => {
    const asIs = (text: string): string => text
    expect(excerptOf({ body: Buffer.from('a\n\n\u0007b  c') }, asIs)).toBe('a b c')
    expect(excerptOf({ body: Buffer.alloc(5000, 'x') }, asIs)).toBe(`${'x'.repeat(300)}…`)
    // A secret across the cut goes as a whole.
    const secrets = new Secrets({ T: 'abcdefgh' })
    secrets.resolve('h', { env: 'T' })
    const body = Buffer.from(`${'x'.repeat(296)}abcdefgh`)
    expect(excerptOf({ body }, (text) => secrets.redact(text))).toBe(`${'x'.repeat(296)}***`)
  })
})

describe('pointers', () => {
  it.each([
    ['/a/*/b', ['a', '*', 'b']],
    ['/a~1b/~0', ['a/b', '~']],
    ['a', null],
    ['', null],
    ['/a/*/*', null],
    ['/a~2', null],
  ] as const)('%s', (text, segments) => {
    expect(readPointer(text)).toEqual(segments)
  })
})
