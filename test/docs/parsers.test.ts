/** The tables of docs/internals/parsers.md against those that the parsers answer by: every fault once, with its status or close code. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
const page = read('docs/internals/parsers.md')

/** name → number, as the page says it. */
function documented(section: string): ReadonlyMap<string, number> {
  const text = page.split(/^## /m).find((part) => part.startsWith(`${section}\n`)) ?? ''
  const rows = [...text.matchAll(/^\| `([a-z-]+)` \| (\d+) \|/gm)]
  return new Map(rows.map(([, name, status]) => [name ?? '', Number(status)]))
}

/** name → number, as the parser has it; 0 is no fault. */
function implemented(path: string, type: string): ReadonlyMap<string, number> {
  const rows = [...read(path).matchAll(new RegExp(`\\{${type}::k\\w+,\\s*"([a-z0-9-]+)",\\s*(\\d+)`, 'g'))]
  return new Map(
    rows.map(([, name, status]) => [name ?? '', Number(status)] as const).filter(([, status]) => status > 0),
  )
}

describe('the page of the parsers', () => {
  it.each([
    ['HTTP', 'native/net/http/fault.cpp', 'HttpFault'],
    ['WebSocket', 'native/net/websocket/frame_fault.cpp', 'WebSocketFault'],
  ])('%s: has every fault, in order, with what it is answered with', (section, path, type) => {
    const faults = implemented(path, type)
    expect(faults.size).toBeGreaterThan(10)
    expect([...documented(section)]).toEqual([...faults])
  })
})
