import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { isPenstockError } from '../../base/errors.js'
import { readMultipart } from './multipart.js'

const type = 'multipart/form-data; boundary=BB'
const body = (...lines: readonly string[]): Buffer => Buffer.from(lines.join('\r\n'))
const head = (name: string, file = ''): string =>
  `Content-Disposition: form-data; name="${name}"${file === '' ? '' : `; filename="${file}"`}`
const refusal = (bytes: Buffer, contentType = type): string => {
  try {
    readMultipart(bytes, contentType)
  } catch (error) {
    return (error as Error).message
  }
  return 'no refusal'
}

describe('multipart/form-data', () => {
  it('reads what fetch writes, whatever the bytes and names', async () => {
    const data = Buffer.from([0, 13, 10, 45, 45, 66, 255])
    const form = new FormData()
    form.append('model', new Blob([data]), 'a "b"\n.onnx')
    form.append('data', new Blob([]), 'wéights/100%.bin')
    const request = new Request('http://x', { method: 'POST', body: form })
    const parts = readMultipart(Buffer.from(await request.arrayBuffer()), request.headers.get('content-type') ?? '')
    expect(parts.map(({ name, fileName, bytes }) => [name, fileName, bytes.length])).toEqual([
      ['model', 'a "b"\n.onnx', 7],
      ['data', 'wéights/100%.bin', 0],
    ])
    expect(Buffer.compare(parts[0]?.bytes as Buffer, data)).toBe(0)
  })

  it('reads preambles, quoted boundaries, bare names and names in UTF-8 as other clients write them', () => {
    const parts = readMultipart(
      body(
        'preamble',
        '--BB \t',
        "content-disposition: form-data; name=data; filename=plain; filename*=utf-8''w%C3%A9.bin",
        '',
        'x\r\n',
        '--BB--',
        'after',
      ),
      'multipart/form-data; charset=utf-8; boundary="BB"',
    )
    expect(parts.map(({ name, fileName, bytes }) => [name, fileName, bytes.toString()])).toEqual([
      ['data', 'wé.bin', 'x\r\n'],
    ])
  })

  it('refuses what two readers could take for different parts', () => {
    expect(refusal(body('--BB', head('a'), '', 'x', '--BBC--'))).toContain('a line end after each boundary')
    expect(refusal(body('--BB', head('a'), '', 'x', '--BB', head('a'), '', 'y', '--BB--'))).toContain('twice')
    expect(refusal(body('--BB', head('a'), 'Content-Transfer-Encoding: base64', '', 'eA==', '--BB--'))).toContain(
      'base64',
    )
    expect(refusal(body('--BB', head('a'), '', 'x'))).toContain('ends before it')
    expect(refusal(body('--BB', 'no head', '', 'x', '--BB--'))).toContain('content-disposition')
    expect(refusal(body('--BB', head('a'), 'x: '.padEnd(20_000, 'y'), '', 'x', '--BB--'))).toContain('a blank line')
    expect(refusal(Buffer.from(''), 'multipart/form-data')).toContain('name its boundary')
    const many = Array.from({ length: 4097 }, (_, index) => `--BB\r\n${head(String(index))}\r\n\r\nx`).join('\r\n')
    expect(refusal(body(many, '--BB--'))).toContain('at most 4096 parts')
  })

  it('gives parts or a documented code for whatever bytes', () => {
    const sound = body('--BB', head('model', 'a'), '', 'xyz', '--BB', head('data', 'b'), '', '', '--BB--')
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }), fc.nat(), (changes, cut) => {
        const bytes = Buffer.from(sound.subarray(0, cut % (sound.length + 1)))
        for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value
        try {
          for (const part of readMultipart(bytes, type)) expect(part.bytes.length).toBeLessThanOrEqual(bytes.length)
        } catch (error) {
          expect(isPenstockError(error) && error.code).toBe('ERR_BODY')
        }
      }),
      { seed: 20261129, numRuns: 5000 },
    )
  })
})
