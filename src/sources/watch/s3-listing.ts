/**
 * The answer to ListObjectsV2. Keys come percent-encoded (`encoding-type=url`), sizes are digits and ETags hex in quotes, so
 * that no text of it needs an XML parser: the members of `Contents` are cut out, and whatever is none of them is passed over.
 */
import { sourceError } from '../imports/failures.js'

export interface ListedObject {
  readonly key: string
  readonly sizeBytes: number
  /** With its quotes. */
  readonly etag: string
}

export interface Listing {
  readonly objects: readonly ListedObject[]
  /** '' for the last page. */
  readonly next: string
}

/** @throws PenstockError ERR_SOURCE: another answer. */
export function readListing(xml: string): Listing {
  if (!/<ListBucketResult[\s>]/.test(xml))
    throw sourceError('Expected a listing of S3, ListBucketResult, but the endpoint answers something else')
  const objects = xml.split('<Contents>').slice(1).map(readObject)
  const isCut = textOf(xml, 'IsTruncated') === 'true'
  const next = isCut ? unescaped(textOf(xml, 'NextContinuationToken')) : ''
  if (isCut && next === '') throw sourceError('The listing goes on, and the endpoint does not say where')
  return { objects, next }
}

function readObject(contents: string): ListedObject {
  const own = contents.slice(0, contents.indexOf('</Contents>'))
  const [key, size, etag] = [textOf(own, 'Key'), textOf(own, 'Size'), unescaped(textOf(own, 'ETag'))]
  const path = decoded(unescaped(key))
  if (path === null || !/^\d{1,15}$/.test(size) || !/^"?[\x21\x23-\x7e]{1,256}"?$/.test(etag))
    throw sourceError(`Expected an object with Key, Size and ETag in the listing but received ${own.slice(0, 200)}`)
  return { key: path, sizeBytes: Number(size), etag }
}

function textOf(xml: string, name: string): string {
  const start = xml.indexOf(`<${name}>`)
  const end = start < 0 ? -1 : xml.indexOf(`</${name}>`, start)
  return end < 0 ? '' : xml.slice(start + name.length + 2, end)
}

/** null: no percent-encoded UTF-8. Spaces may come as +. */
function decoded(text: string): string | null {
  try {
    return text === '' ? null : decodeURIComponent(text.replaceAll('+', '%20'))
  } catch {
    return null
  }
}

const entities: Readonly<Record<string, string>> = { quot: '"', amp: '&', lt: '<', gt: '>', apos: "'" }

function unescaped(text: string): string {
  return text.replace(/&(?:(quot|amp|lt|gt|apos)|#(\d{1,7})|#x([0-9a-fA-F]{1,6}));/g, (all, name, decimal, hex) => {
    if (name !== undefined) return entities[name as string] ?? all
    const code = decimal === undefined ? parseInt(hex as string, 16) : Number(decimal)
    return code <= 0x10ffff ? String.fromCodePoint(code) : all
  })
}
