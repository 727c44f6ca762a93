/**
 * A page that shows /openapi.json and tries its addresses out: Swagger UI, from this server alone. The page and its files
 * are the same on every server and need no key; what the server is, only the document says, and the page fetches that
 * with a key that its reader types in, where the server asks for one.
 */
import { PenstockError } from '../../../../base/errors.js'
import type { HttpReply } from '../../../socket/seam.js'
import { parameter, type Call, type Route } from '../../../http/route.js'
import { docsAssets, PAGE } from './assets.js'

/** Nothing but this server; images of the style sheet lie in it as data. No inline script or style, no eval, no frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const commonHeaders = [
  ['content-security-policy', POLICY],
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'no-referrer'],
  ['cross-origin-resource-policy', 'same-origin'],
  // Kept, and asked about again each time: another release has other bytes under the same addresses.
  ['cache-control', 'no-cache'],
] as const

const answers = (description: string, types: readonly string[]): Route['document']['responses'] => ({
  200: { description, content: Object.fromEntries(types.map((type) => [type, null])) },
  304: { description: 'The caller has it: if-none-match names its etag' },
  404: { description: 'ERR_ROUTE_NOT_FOUND: the page is off', content: { 'application/json': 'Error' } },
})

export const docsRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/docs',
    access: 'open',
    document: {
      summary: 'This description as a page on which its addresses can be tried out',
      responses: answers('The page', ['text/html']),
    },
    handle: (call) => serve(call, PAGE),
  },
  {
    method: 'GET',
    path: '/docs/{file}',
    access: 'open',
    document: {
      summary: 'A file of that page',
      responses: answers('The file', ['text/css', 'text/javascript', 'image/png']),
    },
    // Its links are relative to /docs.
    handle: (call) => serve(call, parameter(call, 0) === PAGE ? '' : parameter(call, 0)),
  },
]

/** @throws PenstockError ERR_ROUTE_NOT_FOUND */
async function serve({ context, httpRequest }: Call, name: string): Promise<HttpReply> {
  if (!context.servesDocs)
    throw new PenstockError(
      'ERR_ROUTE_NOT_FOUND',
      'The page of the API is off on this server. Start it without --docs off (or the option docs: false)',
    )
  const asset = (await docsAssets()).get(name)
  if (asset === undefined)
    throw new PenstockError(
      'ERR_ROUTE_NOT_FOUND',
      `Expected a file of the page at /docs but received ${httpRequest.path.slice(0, 200)}`,
    )
  const headers = [...commonHeaders, ['etag', asset.etag] as const]
  if (isKnown(httpRequest.header('if-none-match'), asset.etag)) return { status: 304, headers }
  return { status: 200, contentType: asset.contentType, headers, body: asset.bytes }
}

/** @param known If-None-Match: entity tags, weak ones included, or `*`. */
function isKnown(known: string, etag: string): boolean {
  return known.split(',').some((entry) => {
    const tag = entry.trim()
    return tag === '*' || tag.replace(/^W\//, '') === etag
  })
}
