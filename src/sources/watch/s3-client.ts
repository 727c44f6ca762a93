/**
 * The two calls that reading a bucket needs, of anything that speaks S3: list and get. Requests are signed by aws4fetch; the
 * SDK of the vendor would be 40 packages for the same two calls. The other side is not trusted: answers and time are bounded,
 * nothing is redirected, and what it says is cleared of the keys.
 *
 * Environment, by the names of the vendor's own tools: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN (none of
 * them: unsigned, for public buckets), AWS_REGION or AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL.
 */
import { AwsClient } from 'aws4fetch'
import { S3_LISTING_BYTES_MAX } from '../../base/limits/source-limits.js'
import { reasonOf, sourceError } from '../imports/failures.js'
import { readListing, type ListedObject, type Listing } from './s3-listing.js'

export interface S3Place {
  readonly bucket: string
  /** '' or with a `/` at its end. */
  readonly prefix: string
}

export type { ListedObject }

const DEFAULT_REGION = 'us-east-1'
const MESSAGE_CHARACTERS_MAX = 300

/** @throws PenstockError ERR_SOURCE: no `s3://bucket/prefix`. */
export function s3Place(uri: string): S3Place {
  const [, bucket, path = ''] = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(.*))?$/.exec(uri) ?? []
  if (bucket === undefined || /[\p{Cc}\\]|\/\/|^\//u.test(path))
    throw sourceError(`Expected a place of models as s3://bucket/prefix but received ${uri.slice(0, 200)}`)
  return { bucket, prefix: path === '' || path.endsWith('/') ? path : `${path}/` }
}

export class S3Client {
  readonly #place: S3Place
  readonly #signer: AwsClient | null
  readonly #region: string
  readonly #root: string
  readonly #secrets: readonly string[]

  /** @throws PenstockError ERR_SOURCE: half a key, an endpoint that is no address. */
  constructor(place: S3Place, environment: NodeJS.ProcessEnv) {
    const textOf = (name: string): string => environment[name] ?? ''
    const [accessKeyId, secretAccessKey, sessionToken] = [
      textOf('AWS_ACCESS_KEY_ID'),
      textOf('AWS_SECRET_ACCESS_KEY'),
      textOf('AWS_SESSION_TOKEN'),
    ]
    if ((accessKeyId === '') !== (secretAccessKey === ''))
      throw sourceError(
        `Expected AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY to be set together; ${accessKeyId === '' ? 'the first' : 'the second'} is not`,
      )
    this.#place = place
    this.#region = textOf('AWS_REGION') || textOf('AWS_DEFAULT_REGION') || DEFAULT_REGION
    this.#root = rootOf(place.bucket, textOf('AWS_ENDPOINT_URL_S3') || textOf('AWS_ENDPOINT_URL'), this.#region)
    this.#secrets = [secretAccessKey, sessionToken, accessKeyId].filter((secret) => secret !== '')
    const keys = { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) }
    this.#signer = accessKeyId === '' ? null : new AwsClient({ ...keys, service: 's3', region: this.#region })
  }

  /** One page. @param token of the page before; '' for the first. */
  async list(token: string, signal: AbortSignal): Promise<Listing> {
    const query = new URLSearchParams({ 'list-type': '2', 'encoding-type': 'url', prefix: this.#place.prefix })
    if (token !== '') query.set('continuation-token', token)
    const answer = await this.#call(`${this.#root}/?${query.toString().replaceAll('+', '%20')}`, {}, signal)
    return readListing(await this.#text(answer))
  }

  /** The bytes of an object whose ETag is still that one. @param bytesMax of it; more is refused. */
  async get(key: string, etag: string, bytesMax: number, signal: AbortSignal): Promise<Uint8Array> {
    const path = key.split('/').map(encodeURIComponent).join('/')
    const answer = await this.#call(`${this.#root}/${path}`, { 'if-match': etag }, signal)
    return this.#bytes(answer, bytesMax, key)
  }

  async #call(url: string, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Response> {
    const request = { headers, redirect: 'manual', signal } as const
    const answer = await (
      this.#signer === null ? fetch(url, request) : this.#signer.sign(url, request).then((signed) => fetch(signed))
    ).catch((cause: unknown) => {
      throw sourceError(`Cannot reach s3://${this.#place.bucket} at ${new URL(url).host}: ${reasonOf(cause)}`, {
        cause,
      })
    })
    if (answer.ok) return answer
    if (answer.status === 412)
      throw sourceError(`${new URL(url).pathname} changed after it was listed; it is read again`)
    throw sourceError(await this.#refusal(answer))
  }

  async #refusal(answer: Response): Promise<string> {
    const text = await this.#text(answer).catch(() => '')
    const [code = '', message = ''] = ['Code', 'Message'].map(
      (name) => new RegExp(`<${name}>([^<]{0,${MESSAGE_CHARACTERS_MAX}})`).exec(text)?.[1] ?? '',
    )
    const said = this.#hide([code, message.replace(/[.\s]+$/, '')].filter((each) => each !== '').join(': '))
    const sentence = `s3://${this.#place.bucket} answered ${answer.status}${said === '' ? '' : ` (${said})`}`
    const region = answer.headers.get('x-amz-bucket-region')
    if (region !== null && region !== this.#region && /^[a-z0-9-]{1,40}$/.test(region))
      return `${sentence}. The bucket is in ${region}: set AWS_REGION to it`
    if (answer.status !== 403 && answer.status !== 401) return sentence
    return this.#signer === null
      ? `${sentence}. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment`
      : `${sentence}. The key needs s3:ListBucket and s3:GetObject, and AWS_REGION has to be the bucket's`
  }

  async #text(answer: Response): Promise<string> {
    return Buffer.from(await this.#bytes(answer, S3_LISTING_BYTES_MAX, 'the listing')).toString('utf8')
  }

  async #bytes(answer: Response, bytesMax: number, what: string): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    let sizeBytes = 0
    try {
      for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
        sizeBytes += chunk.byteLength
        if (sizeBytes > bytesMax) throw sourceError(`${what} has more than ${bytesMax} bytes`)
        chunks.push(chunk)
      }
    } catch (error) {
      throw sourceError(`Cannot read ${what} from s3://${this.#place.bucket}: ${reasonOf(error)}`, { cause: error })
    }
    return Buffer.concat(chunks, sizeBytes)
  }

  #hide(text: string): string {
    return this.#secrets.reduce((cleared, secret) => cleared.replaceAll(secret, '…'), text)
  }
}

/** The bucket's address: in the path at an endpoint of one's own, in the host at the vendor's, as each wants it. */
function rootOf(bucket: string, endpoint: string, region: string): string {
  if (endpoint === '') {
    // A certificate for *.s3… covers no name with dots.
    const host = `s3.${region}.amazonaws.com`
    return bucket.includes('.') ? `https://${host}/${bucket}` : `https://${bucket}.${host}`
  }
  if (!/^https?:\/\/[^/]/.test(endpoint) || !URL.canParse(endpoint) || new URL(endpoint).username !== '')
    throw sourceError('Expected AWS_ENDPOINT_URL_S3 to be an address such as http://127.0.0.1:9000, without a user')
  return `${endpoint.replace(/\/+$/, '')}/${bucket}`
}
