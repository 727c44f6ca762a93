/**
 * gzip and deflate (a zlib stream) of bodies both ways. What is unpacked is bounded while it is unpacked: a small body can
 * claim to be any length.
 */
import { promisify } from 'node:util'
import { createGunzip, createInflate, deflate, gzip } from 'node:zlib'
import { isPenstockError, PenstockError } from '../../../../base/errors.js'
import type { Body } from '../../../body.js'
import { WorkGate } from '../../../work-gate.js'
import { badRequest } from '../failures.js'

const unpackers = { gzip: createGunzip, deflate: createInflate } as const
const packers = { gzip: promisify(gzip), deflate: promisify(deflate) } as const
type Encoding = keyof typeof packers

/** One for the process: what is unpacked grows, and each body holds one of a few threads. */
const gate = new WorkGate()
/** Bytes that are unpacked before they are counted. */
const chunkBytes = 256 * 1024
/** Below this a packed answer saves less than it costs, for callers that would take either. */
const packedBytesMin = 1024
/** Fast: the answer is waited for. */
const level = 1

/** The request whose body is unpacked. */
export interface CompressedRequest {
  readonly isAborted: boolean
  openBody(bytesMax: number): Body
  replaceBody(body: Body): void
}

/**
 * Unpacks a body as far as it may grow, and gives back the packed one.
 * @throws PenstockError ERR_ARGUMENT: another encoding, or not what it claims; ERR_BODY_TOO_LARGE, ERR_QUEUE_FULL.
 */
export async function unpackBody(
  body: Buffer,
  contentEncoding: string,
  bytesMax: number,
  httpRequest: CompressedRequest,
): Promise<Buffer> {
  const encoding = contentEncoding.trim().toLowerCase()
  if (encoding === '' || encoding === 'identity') return body
  if (encoding !== 'gzip' && encoding !== 'deflate')
    throw badRequest(`Unsupported Content-Encoding: ${contentEncoding.slice(0, 100)}. Expected gzip or deflate`)
  const unpacked = httpRequest.openBody(bytesMax)
  try {
    await gate.run(
      () => unpackInto(unpacked, body, encoding),
      () => httpRequest.isAborted,
    )
  } catch (error) {
    unpacked.recycle()
    if (!isPenstockError(error)) throw badRequest(`failed to decompress the request body as ${encoding}`)
    if (error.code !== 'ERR_BODY_TOO_LARGE') throw error
    throw new PenstockError(
      'ERR_BODY_TOO_LARGE',
      `Expected the body to be at most ${bytesMax} bytes when unpacked but received more`,
    )
  }
  httpRequest.replaceBody(unpacked)
  return unpacked.bytes
}

async function unpackInto(unpacked: Body, body: Buffer, encoding: Encoding): Promise<void> {
  // The length that gzip has at its end is a claim, believed as a content-length is.
  const claimedBytes = encoding === 'gzip' && body.length >= 4 ? body.readUInt32LE(body.length - 4) : 0
  const stream = unpackers[encoding]({ chunkSize: chunkBytes })
  stream.end(body)
  for await (const chunk of stream) {
    const refusal = unpacked.append(chunk as Buffer, claimedBytes)
    if (refusal !== null) throw refusal
  }
}

/** What the caller would like of the two; null: the body as it is. @param bodyBytes of the answer. */
export function wantedEncoding(acceptEncoding: string, bodyBytes: number): Encoding | null {
  if (acceptEncoding === '') return null
  const offers = acceptEncoding.split(',').map(parseOffer)
  const wanted = offers.filter(({ quality }) => quality > 0).sort((a, b) => b.quality - a.quality)
  const found = wanted.find(({ name }) => name === 'gzip' || name === 'deflate')?.name as Encoding | undefined
  if (found === undefined) return null
  // A single encoding is a wish; a list is what HTTP libraries send unasked.
  return offers.length === 1 || bodyBytes >= packedBytesMin ? found : null
}

export function packBody(body: Uint8Array, encoding: Encoding): Promise<Buffer> {
  return gate.run(() => packers[encoding](body, { level }))
}

function parseOffer(text: string): { name: string; quality: number } {
  const [name = '', ...parameters] = text.split(';')
  const given = parameters.map((parameter) => parameter.trim()).find((parameter) => parameter.startsWith('q='))
  const quality = given === undefined ? 1 : Number(given.slice(2))
  return { name: name.trim().toLowerCase(), quality: Number.isFinite(quality) ? quality : 0 }
}
