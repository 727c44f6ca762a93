/** Content types of invocations: their name, and parameters that are read or refused, never passed over. */
import { PenstockError } from '../../../base/errors.js'
import { describeValue } from '../../../base/expect.js'

export interface BodyType {
  /** In lower case. */
  readonly name: string
  readonly parameters: ReadonlyMap<string, string>
}

/**
 * Takes a header apart.
 * @param known the parameters that the caller reads, beside `charset`.
 * @throws PenstockError ERR_CONTENT_TYPE: another charset than UTF-8, or a parameter that nobody reads.
 */
export function readBodyType(contentType: string, known: readonly string[] = []): BodyType {
  const [name = '', ...rest] = contentType.split(';')
  const parameters = new Map<string, string>()
  for (const part of rest) {
    const [key = '', value = ''] = part.split('=', 2).map((text) => text.trim().toLowerCase())
    if (key === '') continue
    const bare = value.replaceAll('"', '')
    if (key === 'charset') expectUtf8(bare)
    else if (known.includes(key)) parameters.set(key, bare)
    else throw refused(`to have ${['charset', ...known].join(' and ')} as its only parameter`, key)
  }
  return { name: name.trim().toLowerCase(), parameters }
}

function expectUtf8(charset: string): void {
  if (!['utf-8', 'utf8', 'us-ascii'].includes(charset)) throw refused('to say charset=utf-8, or no charset,', charset)
}

function refused(rule: string, received: string): PenstockError {
  return new PenstockError('ERR_CONTENT_TYPE', `Expected content-type ${rule} but received ${describeValue(received)}`)
}

/** @throws PenstockError ERR_CONTENT_TYPE, always. */
export function refuseType(contentType: string, types: readonly string[]): never {
  const names = types.join(', ').replace(/, ([^,]*)$/, ' or $1')
  throw refused(`to be ${names}`, contentType === '' ? 'none' : contentType)
}
