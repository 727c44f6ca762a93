/** The worked example of docs/reference/wire-protocol.md, sent as it stands there to the real server. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Stage } from '../support/client-harness.js'

const page = readFileSync(fileURLToPath(new URL('../../docs/reference/wire-protocol.md', import.meta.url)), 'utf8')

/** The bytes of a fenced block `hex <name>`; src/protocol/wire-protocol.test.ts checks its form. */
function example(name: string): Buffer {
  const block = new RegExp(`\`\`\`hex ${name}\\n([^\`]*)\`\`\``).exec(page)?.[1] ?? ''
  return Buffer.from(
    block.replace(/^[0-9a-f]{4} {2}((?:[0-9a-f]{2} )*[0-9a-f]{2}).*$/gm, '$1').replace(/\s/g, ''),
    'hex',
  )
}

let stage: Stage
beforeAll(async () => {
  stage = await Stage.open({ 'add-one': 'add-one' })
})
afterAll(() => stage?.close())

describe('client, end to end: the wire', () => {
  it('wire: the documented bytes get the documented answer', async () => {
    const socket = new WebSocket(`${stage.url.replace('http', 'ws')}/v1/stream`, ['penstock.v1'])
    const frames: Buffer[] = []
    socket.on('message', (data: Buffer) => frames.push(data))
    await new Promise((resolve) => socket.once('open', resolve))
    socket.send(example('open'))
    await expect.poll(() => frames.length).toBe(2)
    // 50 ms may be short on a busy machine; the deadline is the one number that is changed.
    const infer = example('infer')
    infer.writeUInt32LE(30_000, 0x4c)
    socket.send(infer)
    await expect.poll(() => frames.length).toBe(3)
    expect(frames[2]?.toString('hex')).toBe(example('results').toString('hex'))
    socket.close()
  })
})
