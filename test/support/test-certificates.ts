/** Certificates for tests: an authority, and what it signs for this machine and for clients. Made anew by each run. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { generate } from 'selfsigned'

export interface TestPair {
  readonly cert: string
  readonly key: string
}

const named = (name: string) => [{ name: 'commonName', value: name }]

export async function makeAuthority(name: string): Promise<TestPair> {
  const made = await generate(named(name), {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  })
  return { cert: made.cert, key: made.private }
}

/** For 127.0.0.1 and localhost, and for clients. @param notAfterDate its end; absent: in a year. */
export async function makePair(name: string, authority: TestPair, notAfterDate?: Date): Promise<TestPair> {
  const made = await generate(named(name), {
    keyType: 'ec',
    algorithm: 'sha256',
    ca: authority,
    ...(notAfterDate === undefined ? {} : { notAfterDate, notBeforeDate: new Date(notAfterDate.getTime() - 864e5) }),
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'keyUsage', digitalSignature: true, keyEncipherment: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      {
        name: 'subjectAltName',
        altNames: [
          { type: 2, value: 'localhost' },
          { type: 7, ip: '127.0.0.1' },
        ],
      },
    ],
  })
  return { cert: made.cert, key: made.private }
}

/** Writes a pair where a server finds it. */
export async function writePair(directory: string, { cert, key }: TestPair) {
  const files = { certPath: join(directory, 'cert.pem'), keyPath: join(directory, 'key.pem') }
  await Promise.all([writeFile(files.certPath, cert), writeFile(files.keyPath, key)])
  return files
}
