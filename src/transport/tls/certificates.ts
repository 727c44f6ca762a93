/**
 * The certificate of a server, its private key, and the authorities whose clients it takes: read from PEM files and proven
 * before they are used, so that what is wrong is said by file and not by OpenSSL's numbers at the first handshake.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, type SecureContextOptions } from 'node:tls'
import { argumentError, expectString } from '../../base/expect.js'

export interface TlsOptions {
  /** PEM file: the server's certificate, then those of the authorities between it and the root, if there are any. */
  readonly certPath: string
  /** PEM file: its private key, not encrypted. */
  readonly keyPath: string
  /** PEM file of authorities: clients must present a certificate that one of them signed. Absent: clients need none. */
  readonly clientCaPath?: string | undefined
}

export interface Certificates {
  /** For `tls`: the material and the protocol versions. */
  readonly context: SecureContextOptions
  readonly isClientAsked: boolean
  /** `CN=…`, in one line. */
  readonly subject: string
  /** Milliseconds since 1970; the certificate holds before it. */
  readonly endsAtMs: number
}

/** @throws PenstockError ERR_ARGUMENT that names the option and the file: it is not there, is no PEM of its kind, or key and certificate do not belong together. */
export async function readCertificates(options: TlsOptions): Promise<Certificates> {
  const { certPath, keyPath, clientCaPath } = options
  const [cert, key, clientCa] = await Promise.all([
    readPem('tls.certPath', certPath),
    readPem('tls.keyPath', keyPath),
    clientCaPath === undefined ? null : readPem('tls.clientCaPath', clientCaPath),
  ])
  const certificate = proven(
    'tls.certPath',
    certPath,
    'a PEM file that begins with a certificate',
    () => new X509Certificate(cert),
  )
  const privateKey = proven('tls.keyPath', keyPath, 'a PEM file of a private key without a passphrase', () =>
    createPrivateKey(key),
  )
  if (!certificate.checkPrivateKey(privateKey))
    throw argumentError(
      'tls.keyPath',
      `the private key of the certificate in ${certPath}`,
      keyPath,
      'It is the key of another',
    )
  if (clientCa !== null)
    proven('tls.clientCaPath', clientCaPath, 'a PEM file of certificates', () => new X509Certificate(clientCa))
  const context: SecureContextOptions = {
    cert,
    key,
    minVersion: 'TLSv1.2',
    ...(clientCa === null ? {} : { ca: clientCa }),
  }
  // What the parts cannot show: a chain that is cut off, a key that this OpenSSL finds too short.
  proven('tls.certPath', certPath, 'a certificate that can be served', () => createSecureContext(context))
  return {
    context,
    isClientAsked: clientCa !== null,
    subject: certificate.subject.replaceAll('\n', ', '),
    endsAtMs: Date.parse(certificate.validTo),
  }
}

async function readPem(name: string, path: string): Promise<Buffer> {
  expectString(name, path)
  try {
    return await readFile(path)
  } catch (error) {
    throw argumentError(name, 'a PEM file that can be read', path, reasonOf(error))
  }
}

function proven<Value>(name: string, path: string | undefined, rule: string, make: () => Value): Value {
  try {
    return make()
  } catch (error) {
    throw argumentError(name, rule, path, reasonOf(error))
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
