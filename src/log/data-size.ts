/** Sizes as people write them: `100MB` is decimal, `10 MiB` binary. Pure. */
import { argumentError } from '../base/expect.js'

const decimal = 1000
const binary = 1024
const factors: Readonly<Record<string, number>> = {
  B: 1,
  KB: decimal,
  MB: decimal ** 2,
  GB: decimal ** 3,
  TB: decimal ** 4,
  KIB: binary,
  MIB: binary ** 2,
  GIB: binary ** 3,
  TIB: binary ** 4,
}

/** @returns bytes, 1 or more. @throws PenstockError ERR_ARGUMENT */
export function parseDataSize(name: string, value: unknown): number {
  const match = typeof value === 'string' ? /^\s*(\d+(?:\.\d+)?)\s*([KMGT]?i?B)\s*$/i.exec(value) : null
  const bytes = match === null ? 0 : Math.floor(Number(match[1]) * (factors[(match[2] ?? '').toUpperCase()] ?? 0))
  if (Number.isSafeInteger(bytes) && bytes >= 1) return bytes
  throw argumentError(name, 'a size such as "100MB", "10 MiB" or "1GiB"', value)
}
