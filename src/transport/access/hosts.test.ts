/** Which names a server without keys answers for, on loopback and beyond. */
import { describe, expect, it } from 'vitest'
import { expectAllowedHosts, HostRules, isLoopbackHost, type HostOptions } from './hosts.js'

const attempt = (headers: Record<string, string>, options: Partial<HostOptions> = {}) => {
  const rules = new HostRules({ isLoopback: true, names: [], ...options })
  const head = { header: (name: string) => headers[name] ?? '', address: '' }
  const isOwn = rules.isOwn(head)
  let words = ''
  try {
    rules.expect(head)
  } catch (error) {
    words = (error as Error).message
  }
  expect(isOwn, 'isOwn and expect agree').toBe(words === '')
  return words
}

describe('hosts', () => {
  it('knows loopback hosts', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1', '[::1]', 'a.localhost'])
      expect(isLoopbackHost(host), host).toBe(true)
    for (const host of [
      '0.0.0.0',
      '::',
      '10.0.0.1',
      '127.0.0.1.example.com',
      '1270.0.0.1',
      '',
      'localhost.example.com',
    ])
      expect(isLoopbackHost(host), host).toBe(false)
  })

  it('on loopback answers for loopback names and allowed ones alone, with any port and in any case', () => {
    for (const host of [
      '',
      'localhost',
      'LOCALHOST:8080',
      'localhost.:80',
      '127.0.0.1:8080',
      '127.1.2.3',
      '[::1]:8080',
      'app.localhost:3000',
    ])
      expect(attempt({ host }), host).toBe('')
    for (const host of [
      'evil.example',
      'evil.example:8080',
      'localhost.evil.example',
      '127.0.0.1.evil.example',
      '10.0.0.5:8080',
      'penstock',
      '[::2]',
      'localhost, evil.example',
      'localhost:8080:8080',
      '[::1',
    ]) {
      expect(attempt({ host }), host).toMatch(
        /^Expected the host to be one of localhost, 127.0.0.1, \[::1\].*--allow-host/,
      )
    }
    const names = expectAllowedHosts(['Models.Example.com', '*.internal.example'])
    for (const host of ['models.example.com', 'a.internal.example:443', 'a.b.internal.example'])
      expect(attempt({ host }, { names }), host).toBe('')
    for (const host of ['example.com', 'a.models.example.com', 'internal.example', 'xinternal.example'])
      expect(attempt({ host }, { names }), host).toContain('models.example.com, *.internal.example')
    expect(attempt({ host: 'anything.example' }, { names: ['*'] })).toBe('')
  })

  it('beyond loopback answers for addresses and names that nobody can own in public, too', () => {
    const options = { isLoopback: false, names: ['0.0.0.0'] }
    for (const host of [
      'localhost',
      '10.0.0.5:8080',
      '[fd00::5]:8080',
      '203.0.113.9',
      'penstock:8080',
      'penstock.models.svc',
      'penstock-0.penstock.models.svc.cluster.local:8080',
      'box.local',
      'box.home.arpa',
    ])
      expect(attempt({ host }, options), host).toBe('')
    for (const host of ['evil.example', 'evil.com:8080', 'local.evil.com', '10.0.0.5.nip.io'])
      expect(attempt({ host }, options), host).toContain('--allow-host')
  })

  it('refuses pages of other origins, and what the browser calls cross-site', () => {
    const own = 'localhost:8080'
    for (const origin of [
      '',
      'http://localhost:3000',
      'http://127.0.0.1:8080',
      'http://[::1]:1',
      'http://app.localhost',
    ])
      expect(attempt({ host: own, origin }), origin).toBe('')
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
    ])
      expect(attempt({ host: own, origin }), origin).toContain("Expected the page's origin to be on this machine")
    expect(attempt({ host: own, 'sec-fetch-site': 'cross-site' })).toContain('a page of another site')
    for (const site of ['same-origin', 'same-site', 'none'])
      expect(attempt({ host: own, 'sec-fetch-site': site })).toBe('')
    const beyond = { isLoopback: false, names: [] }
    expect(attempt({ host: '10.0.0.5', origin: 'https://evil.example' }, beyond)).toContain('evil.example')
    expect(attempt({ host: '10.0.0.5', origin: 'http://10.0.0.5' }, beyond)).toBe('')
  })

  it('remembers the host that it accepted last, and no refused one', () => {
    const rules = new HostRules({ isLoopback: true, names: [] })
    const isOwn = (host: string) => rules.isOwn({ header: (name) => (name === 'host' ? host : ''), address: '' })
    expect(['localhost', 'evil.example', 'evil.example', 'localhost', ''].map(isOwn)).toEqual([
      true,
      false,
      false,
      true,
      true,
    ])
  })

  it('allowed hosts are names, and no addresses of pages', () => {
    expect(expectAllowedHosts(['a', 'A.b.', '*', '*.c', '10.0.0.1', '::1'])).toEqual([
      'a',
      'a.b',
      '*',
      '*.c',
      '10.0.0.1',
      '[::1]',
    ])
    for (const name of ['http://a', 'a:80', 'a/b', '', 'a*', '*.*', 'a b'])
      expect(() => expectAllowedHosts([name]), name).toThrow('each of allowedHosts')
  })
})
