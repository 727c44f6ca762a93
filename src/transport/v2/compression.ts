/**
 * gzip and deflate (a zlib stream) of bodies both ways. What is unpacked is bounded while it is unpacked: a small body can
 * claim to be any length.
 */
import { promisify } from 'node:util'
import { deflate, gunzip, gzip, inflate } from 'node:zlib'
import { PenstockError } from '../../base/errors.js'
import { badRequest } from './failures.js'

const unpackers = { gzip: promisify(gunzip), deflate: promisify(inflate) } as const
const packers = { gzip: promisify(gzip), deflate: promisify(deflate) } as const
type Encoding = keyof typeof packers

/** Below this a packed answer saves less than it costs, for callers that would take either. */
const packedBytesMin = 1024
/** Fast: the answer is waited for. */
const level = 1

/** @throws PenstockError ERR_ARGUMENT: another encoding, or not what it claims; ERR_BODY_TOO_LARGE. */
export async function unpackBody(body: Buffer, contentEncoding: string, bytesMax: number): Promise<Buffer> {
  const encoding = contentEncoding.trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return body
  if (encoding !== 'gzip' && encoding !== 'deflate')
    throw badRequest(`Unsupported Content-Encoding: ${contentEncoding.slice(0, 100)}. Expected gzip or deflate`)
  try {
    return await unpackers[encoding](body, { maxOutputLength: bytesMax })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      throw new PenstockError(
        'ERR_BODY_TOO_LARGE',
        `Expected the body to be at most ${bytesMax} bytes when unpacked but received more`,
      )
    throw badRequest(`failed to decompress the request body as ${encoding}`)
  }
}

/** What the caller would like of the two; null: the body as it is. @param bodyBytes of the answer. */
export function wantedEncoding(acceptEncoding: string, bodyBytes: number): Encoding | null {
  if (acceptEncoding === '') return null
  const offers = acceptEncoding.split(',').map(parseOffer)
  const wanted = offers.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality)
  const found = wanted.find(({ name }) => name === 'gzip' || name === 'deflate')?.name as Encoding | undefined
  if (found === undefined) return null
  // One encoding alone is a wish; a list is what HTTP libraries send unasked.
  return offers.length === 1 || bodyBytes >= packedBytesMin ? found : null
}

export function packBody(body: Uint8Array, encoding: Encoding): Promise<Buffer> {
  return packers[encoding](body, { level })
}

function parseOffer(text: string): { name: string; quality: number } {
  const [name = '', ...parameters] = text.split(';')
  const given = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('q='))
  const quality = given === undefined ? 1 : Number(given.slice(2))
  return { name: name.trim().toLowerCase(), quality: Number.isFinite(quality) ? quality : 0 }
}
