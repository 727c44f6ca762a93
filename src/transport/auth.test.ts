/** With keys, a key; without, this machine but not its browser's foreign pages. */
import { describe, expect, it } from 'vitest'
import { authorize, isLoopbackHost, type KeyVerifier } from './auth.js'

const keys: KeyVerifier = { count: 1, verify: (key) => (key === 'psk_good' ? { name: 'ops' } : undefined) }
const request = (headers: Record<string, string>) => ({ header: (name: string) => headers[name] ?? '' })
const attempt = (headers: Record<string, string>, policy: Parameters<typeof authorize>[1]) => () =>
  authorize(request(headers), policy)

describe('authorize', () => {
  it('wants a bearer key or a key subprotocol once keys exist', () => {
    const policy = { keys, isLoopback: true }
    expect(attempt({ authorization: 'Bearer psk_good' }, policy)).not.toThrow()
    expect(attempt({ authorization: 'bearer  psk_good' }, policy)).not.toThrow()
    expect(attempt({ 'sec-websocket-protocol': 'penstock.v1, penstock.key.psk_good' }, policy)).not.toThrow()
    expect(attempt({}, policy)).toThrow('Expected an API key but received none')
    expect(attempt({ authorization: 'Bearer psk_bad' }, policy)).toThrow(
      'Expected a valid API key but received another',
    )
    expect(attempt({ authorization: 'Basic psk_good' }, policy)).toThrow('received none')
  })

  it('never repeats a presented key in its sentence', () => {
    for (const headers of [
      { authorization: 'Bearer psk_secret' },
      { 'sec-websocket-protocol': 'penstock.key.psk_secret' },
    ]) {
      expect(attempt(headers, { keys, isLoopback: false })).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining('psk_secret') as string }) as Error,
      )
    }
  })

  it('without keys refuses foreign pages on loopback and nobody else', () => {
    const open = { keys: { ...keys, count: 0 }, isLoopback: true }
    for (const origin of [
      '',
      'http://localhost:3000',
      'http://127.0.0.1:8080',
      'http://[::1]:1',
      'http://app.localhost',
    ])
      expect(attempt({ origin }, open)).not.toThrow()
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
    ]) {
      expect(attempt({ origin }, open), origin).toThrow("Expected the page's origin to be on this machine")
    }
    expect(attempt({ origin: 'https://evil.example' }, { keys: null, isLoopback: false })).not.toThrow()
  })

  it('knows loopback hosts', () => {
    for (const host of ['127.0.0.1', '127.9.9.9', 'localhost', '::1', '[::1]'])
      expect(isLoopbackHost(host), host).toBe(true)
    for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.example.com', '1270.0.0.1', ''])
      expect(isLoopbackHost(host), host).toBe(false)
  })
})
