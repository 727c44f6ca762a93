/** docs/reference/wire-protocol.md against the code: its worked example byte by byte, its tables name by name. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { errorTable } from '../base/errors.js'
import { decodeMessage, encodeMessage, InferEncoder } from './codec.js'
import { wireBodies } from './generated/wire-tables.js'

const page = readFileSync(fileURLToPath(new URL('../../docs/reference/wire-protocol.md', import.meta.url)), 'utf8')

/** The bytes of a fenced block `hex <name>`: offset, two blanks, bytes, two blanks, remark. */
function example(name: string): Uint8Array {
  const block = new RegExp(`\`\`\`hex ${name}\\n([^\`]*)\`\`\``).exec(page)?.[1] ?? ''
  const bytes: number[] = []
  for (const line of block.trim().split('\n')) {
    const match = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} )*[0-9a-f]{2})(?: {2,}\S|$)/.exec(line)
    expect(match, line).not.toBeNull()
    expect(Number.parseInt(match?.[1] ?? '', 16), line).toBe(bytes.length)
    bytes.push(...(match?.[2] ?? '').split(' ').map((byte) => Number.parseInt(byte, 16)))
  }
  return Uint8Array.from(bytes)
}

describe('docs: the wire protocol', () => {
  it('docs: the example of Open is what the codec writes', () => {
    expect(example('open')).toEqual(encodeMessage({ kind: 'open', channel: 1, pipeline: 'add-one' }).slice())
  })

  it('docs: the example of Infer is what the client writes', () => {
    const frame = new InferEncoder(1).encode(7, 1, [Float32Array.of(1, 2, 3)], { deadlineMs: 50 })
    expect(example('infer')).toEqual(frame.slice())
  })

  it('docs: the example of Results says 2, 3, 4 for request 7', () => {
    const message = decodeMessage(example('results'))
    if (message.kind !== 'results') throw new Error(`decoded ${message.kind}`)
    expect([message.channel, Array.from(message.requests), message.rows]).toEqual([1, [7], null])
    expect(new Float32Array(message.data.slice().buffer)).toEqual(Float32Array.of(2, 3, 4))
  })

  it('docs: the table of messages has every member of the union', () => {
    const rows = [...page.matchAll(/^\| (\d+) \| `(\w+)` \| (?:client → server|server → client) \|/gm)]
    expect(Object.fromEntries(rows.map(([, id, name]) => [id, name]))).toEqual(wireBodies)
  })

  it('docs: every close code of errors.json stands with its error', () => {
    const closing = Object.entries(errorTable).filter(([, row]) => 'close' in row)
    expect(closing.length).toBeGreaterThan(2)
    for (const [code, row] of closing) expect(page).toContain(`| ${(row as { close: number }).close} | \`${code}\``)
  })

  it('docs: names no error that does not exist, and says rightly whether to retry', () => {
    for (const [code] of page.matchAll(/ERR_[A-Z_]+/g)) expect(Object.keys(errorTable)).toContain(code)
    for (const [, codes, retry] of page.matchAll(/^\| ((?:`ERR_[A-Z_]+`(?:, )?)+) \| (yes|no) \|/gm)) {
      for (const [, code] of (codes ?? '').matchAll(/`(ERR_[A-Z_]+)`/g)) {
        expect([code, errorTable[code as keyof typeof errorTable].retryable]).toEqual([code, retry === 'yes'])
      }
    }
  })
})
