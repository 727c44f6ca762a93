/**
 * Messages that came packed, a few at a time: each makes much of little.
 */
import { gunzip, inflate, type InputType, type ZlibOptions } from 'node:zlib'
import { isPenstockError } from '../../base/errors.js'
import { WorkGate } from '../work-gate.js'
import { STATUS, pushback, type CallFailure } from './status.js'

/** One for the process. */
const gate = new WorkGate()
type Unpacker = (
  bytes: InputType,
  options: ZlibOptions,
  callback: (error: Error | null, result: Buffer) => void,
) => void
const unpackers: Readonly<Record<string, Unpacker>> = { gzip: gunzip, deflate: inflate }

/** What a server of these unpackers accepts, for `grpc-accept-encoding`. */
export const packings = ['identity', ...Object.keys(unpackers)]

export class UnpackFailure extends Error {
  constructor(readonly failure: CallFailure) {
    super(failure.details)
  }
}

/** @param isGone asked when its turn comes. @throws UnpackFailure */
export async function unpack(
  bytes: Buffer,
  encoding: string,
  bytesMax: number,
  isGone: () => boolean,
): Promise<Buffer> {
  const unpacker = unpackers[encoding]
  if (unpacker === undefined) throw new UnpackFailure({ code: STATUS.INTERNAL, details: packedWithoutName(encoding) })
  try {
    return await gate.run(() => run(unpacker, bytes, bytesMax), isGone)
  } catch (error) {
    if (isPenstockError(error)) {
      const { message: details, retryAfterMs } = error
      throw new UnpackFailure({ code: STATUS.RESOURCE_EXHAUSTED, details, metadata: pushback(retryAfterMs) })
    }
    const reason = error instanceof Error ? error.message : String(error)
    const isTooLarge = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw new UnpackFailure(
      isTooLarge
        ? {
            code: STATUS.RESOURCE_EXHAUSTED,
            details: `Expected a message of at most ${bytesMax} bytes but received more, packed`,
          }
        : {
            code: STATUS.INTERNAL,
            details: `Expected a message packed with ${encoding} but received one that is not: ${reason}`,
          },
    )
  }
}

function run(unpacker: Unpacker, bytes: Buffer, bytesMax: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    unpacker(bytes, { maxOutputLength: bytesMax }, (error, result) => {
      if (error === null) resolve(result)
      else reject(error)
    })
  })
}

const packedWithoutName = (encoding: string): string =>
  `Expected a packed message to name its packing in grpc-encoding but received '${encoding.slice(0, 100)}'`
