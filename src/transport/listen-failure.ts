/** Why a port could not be bound: the socket library says no more than `false`; node:net, asked for the same address, says why. */
import { createServer, isIP } from 'node:net'
import { argumentError } from '../base/expect.js'
import { PenstockError } from '../base/errors.js'

/** @returns ERR_CONFLICT when another process listens there, ERR_ARGUMENT when the port or host is not to be had at all. */
export async function listenFailure(host: string, port: number): Promise<PenstockError> {
  const cause = await new Promise<NodeJS.ErrnoException | null>((resolve) => {
    const probe = createServer()
    probe.once('error', resolve)
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(null)))
  })
  if (cause === null || cause.code === 'EADDRINUSE') {
    return new PenstockError(
      'ERR_CONFLICT',
      `Expected port ${port} of ${host} to be free but another process listens there. Stop it, or choose another port`,
      { cause },
    )
  }
  if (cause.code === 'EACCES') {
    return new PenstockError(
      'ERR_ARGUMENT',
      `Expected port ${port} to be one that this user may bind. Choose one above 1023`,
      { cause },
    )
  }
  return argumentError(
    'host',
    'a name or address of this machine',
    host,
    `${isIP(host) === 0 ? 'The name was looked up. ' : ''}${cause.message}`,
  )
}
