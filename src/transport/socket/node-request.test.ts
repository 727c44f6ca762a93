/** Requests of Node's http say what the other backend says of the same bytes. */
import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { NodeRequest } from './node-request.js'

describe('NodeRequest', () => {
  it('reads headers as UTF-8, one by one and all of them', () => {
    const asNodeHasIt = Buffer.from('über ✓ café').toString('latin1')
    const request = new NodeRequest({
      url: '/',
      headers: { 'x-request-id': asNodeHasIt, accept: 'text/csv' },
      rawHeaders: ['X-Request-Id', asNodeHasIt, 'Accept', 'text/csv'],
    } as unknown as IncomingMessage)
    expect(request.getHeader('x-request-id')).toBe('über ✓ café')
    expect(request.getHeader('accept')).toBe('text/csv')
    expect(request.getHeader('absent')).toBe('')
    const all = new Map<string, string>()
    request.forEach((name, value) => all.set(name, value))
    expect([...all]).toEqual([
      ['x-request-id', 'über ✓ café'],
      ['accept', 'text/csv'],
    ])
  })
})
