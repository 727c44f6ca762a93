/**
 * What callers hear when a remote fails their request: which step, which address (without user and query), what it said,
 * a bounded part of it, without any secret that the step knows.
 */
import { PenstockError, type ErrorCode } from '../base/errors.js'
import { REMOTE_EXCERPT_CHARACTERS_MAX, REMOTE_TEXT_CHARACTERS_MAX } from '../base/limits/remote-limits.js'
import type { RemoteAnswer } from './connection.js'
import type { Secrets } from './secrets.js'

export interface FailureOptions {
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** The words of one step. */
export class RemoteFailures {
  /** e.g. `http://127.0.0.1:8081/v2/models/wine/infer`; the place of the step is put before it where it runs. */
  readonly #subject: string
  readonly #secrets: Secrets

  constructor(url: URL, secrets: Secrets) {
    this.#subject = shown(url)
    this.#secrets = secrets
  }

  /** @param predicate the sentence's rest: `answered 500`. */
  failure(code: ErrorCode, predicate: string, options: FailureOptions = {}): PenstockError {
    return new PenstockError(code, this.#secrets.redact(`${this.#subject} ${predicate}`), options)
  }

  /** An answer whose status is no success. */
  status(answer: RemoteAnswer): PenstockError {
    const { status } = answer
    const said = excerptOf(answer, (text) => this.#secrets.redact(text))
    const words = said === '' ? `answered ${status}` : `answered ${status}: ${said}`
    if (status === 429 || status === 503)
      return this.failure('ERR_REMOTE_UNAVAILABLE', words, { retryAfterMs: retryAfterMs(answer) ?? undefined })
    if (status >= 300 && status < 400) {
      const target = answer.header('location').slice(0, REMOTE_EXCERPT_CHARACTERS_MAX)
      return this.failure(
        'ERR_REMOTE_FAILED',
        `answered ${status}, a redirect to ${JSON.stringify(target)}. Redirects are not followed: name the address itself as url`,
      )
    }
    return this.failure('ERR_REMOTE_FAILED', words)
  }

  /** An answer that is not what the step expects. */
  unfit(why: string, cause?: unknown): PenstockError {
    return this.failure('ERR_REMOTE_FAILED', `gave an answer that does not fit: ${why}`, { cause })
  }
}

/** Without user, password, query and fragment, in which secrets may stand. */
export function shown(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}`
}

/**
 * The beginning of a body as one line of text; '' when it is none.
 * @param redact takes secrets out, before the cut: half of one is one, too.
 */
export function excerptOf({ body }: Pick<RemoteAnswer, 'body'>, redact: (text: string) => string): string {
  const text = body.toString('utf8', 0, REMOTE_EXCERPT_CHARACTERS_MAX * 4 + REMOTE_TEXT_CHARACTERS_MAX)
  const line = redact(text)
    .replaceAll(/[\s\p{Cc}]+/gu, ' ')
    .trim()
  return line.length > REMOTE_EXCERPT_CHARACTERS_MAX ? `${line.slice(0, REMOTE_EXCERPT_CHARACTERS_MAX)}…` : line
}

/** Milliseconds of a Retry-After in seconds; null: there is none, or it is a date, which clocks disagree about. */
export function retryAfterMs(answer: Pick<RemoteAnswer, 'header'>): number | null {
  const text = answer.header('retry-after')
  return /^\d{1,7}$/.test(text) ? Number(text) * 1000 : null
}
