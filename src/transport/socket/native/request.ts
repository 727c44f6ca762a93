/** The head of a request as an I/O thread gives it, in one text, as the seam's request. */
import type { RawRequest } from '../seam.js'

/** Lines before the headers: method, path, query, address. */
const headersAt = 4

export class NativeRequest implements RawRequest {
  readonly #lines: readonly string[]
  /** Parameter 0 of the route that took it. */
  parameter: string | undefined

  /** @param head `METHOD\npath\n?query\naddress\n`, then `name\nvalue\n` for each header, names in lower case. */
  constructor(head: string) {
    this.#lines = head.split('\n')
  }

  /** The caller's IP address. */
  get address(): string {
    return this.#lines[3] ?? ''
  }

  getCaseSensitiveMethod(): string {
    return this.#lines[0] ?? ''
  }

  getUrl(): string {
    return this.#lines[1] ?? ''
  }

  getQuery(): string | undefined {
    const query = this.#lines[2] ?? ''
    return query === '' ? undefined : query.slice(1)
  }

  getParameter(index: number): string | undefined {
    return index === 0 ? this.parameter : undefined
  }

  getHeader(name: string): string {
    const lines = this.#lines
    for (let index = headersAt; index + 1 < lines.length; index += 2) {
      if (lines[index] === name) return lines[index + 1] as string
    }
    return ''
  }

  forEach(callback: (name: string, value: string) => void): void {
    const lines = this.#lines
    for (let index = headersAt; index + 1 < lines.length; index += 2)
      callback(lines[index] as string, lines[index + 1] as string)
  }
}
