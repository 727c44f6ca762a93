/**
 * Follows the files of a certificate. Whoever renews one replaces two files, by a rename or by moving a symbolic link as
 * Kubernetes does, and not at one moment: what does not belong together yet is looked at again, and the certificate of
 * before is served until it does. Files are looked at, not watched: notifications get lost on network and overlay mounts.
 */
import { stat } from 'node:fs/promises'
import type { Logger } from 'pino'
import { isPenstockError } from '../../base/errors.js'
import { CERTIFICATE_LOOK_MS, CERTIFICATE_WARNING_DAYS } from '../../base/limits/tls-limits.js'
import { readCertificates, type Certificates, type TlsOptions } from './certificates.js'

const dayMs = 86_400_000

export interface CertificateWatchOptions {
  readonly files: TlsOptions
  readonly onChange: (certificates: Certificates) => void
  readonly logger: Pick<Logger, 'info' | 'warn'>
  readonly nowMs: () => number
}

export class CertificateWatch {
  readonly #options: CertificateWatchOptions
  #present: Certificates
  /** The state of the files when they were read last, good or not. */
  #seen: string
  #timer: NodeJS.Timeout | undefined
  #isLooking = false
  #warnedAtMs = -Infinity

  private constructor(options: CertificateWatchOptions, present: Certificates, seen: string) {
    this.#options = options
    this.#present = present
    this.#seen = seen
  }

  /** Reads the files. @throws PenstockError ERR_ARGUMENT as readCertificates. */
  static async open(options: CertificateWatchOptions): Promise<CertificateWatch> {
    // First the state, then the files: a change in between is seen by the next look.
    const seen = await stateOf(options.files)
    return new CertificateWatch(options, await readCertificates(options.files), seen)
  }

  get present(): Certificates {
    return this.#present
  }

  start(): void {
    this.#warn()
    this.#timer = setInterval(() => void this.look(), CERTIFICATE_LOOK_MS)
    this.#timer.unref()
  }

  close(): void {
    clearInterval(this.#timer)
  }

  /** Looks now. Never rejects. */
  async look(): Promise<void> {
    if (this.#isLooking) return
    this.#isLooking = true
    try {
      const state = await stateOf(this.#options.files)
      if (state !== this.#seen) await this.#read(state)
      this.#warn()
    } finally {
      this.#isLooking = false
    }
  }

  async #read(state: string): Promise<void> {
    const { files, logger, onChange } = this.#options
    try {
      const certificates = await readCertificates(files)
      onChange(certificates)
      this.#present = certificates
      logger.info({ subject: certificates.subject, endsAt: isoOf(certificates) }, 'the certificate was renewed')
    } catch (error) {
      const reason = isPenstockError(error) || error instanceof Error ? error.message : String(error)
      logger.warn(`the certificate of before stays in use: ${reason}`)
    }
    this.#seen = state
  }

  #warn(): void {
    const { logger, nowMs } = this.#options
    const { endsAtMs, subject } = this.#present
    const now = nowMs()
    if (endsAtMs - now > CERTIFICATE_WARNING_DAYS * dayMs || now - this.#warnedAtMs < dayMs) return
    this.#warnedAtMs = now
    const what = endsAtMs <= now ? 'has ended: clients refuse it' : 'ends soon'
    logger.warn(
      { subject, endsAt: isoOf(this.#present) },
      `the certificate ${what}. Replace its files; they are read again by themselves`,
    )
  }
}

const isoOf = ({ endsAtMs }: Certificates): string => new Date(endsAtMs).toISOString()

/** What changes when a file does; '' for one that is not there. */
async function stateOf({ certPath, keyPath, clientCaPath }: TlsOptions): Promise<string> {
  const states = [certPath, keyPath, ...(clientCaPath === undefined ? [] : [clientCaPath])].map(async (path) => {
    const found = await stat(path, { bigint: true }).catch(() => null)
    return found === null ? '' : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs} ${found.ctimeNs}`
  })
  return (await Promise.all(states)).join('\n')
}
