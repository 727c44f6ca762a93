/**
 * The files of the page at /docs, read from the package once, with the first request for one. Swagger UI's are copied into
 * the package when it is built (tools/setup/swagger-ui.mjs), which holds them to the hashes of swagger-ui.json.
 */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { packagePath } from '../../../../base/package-root.js'

export const PAGE = 'index.html'

/** What is served; what else lies beside it (licences) only has to be there. */
const contentTypes: Readonly<Record<string, string>> = {
  [PAGE]: 'text/html; charset=utf-8',
  'page.css': 'text/css; charset=utf-8',
  'page.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
}

export interface Asset {
  readonly contentType: string
  readonly bytes: Buffer
  /** Strong: of the bytes. */
  readonly etag: string
}

let read: Promise<ReadonlyMap<string, Asset>> | null = null

/** By file name, 2 MB together. Rejects with Node's error where the package lacks a file: it was not built as a whole. */
export function docsAssets(): Promise<ReadonlyMap<string, Asset>> {
  read ??= readAssets().catch((error: unknown) => {
    // Whoever completes the package need not start the server again.
    read = null
    throw error
  })
  return read
}

async function readAssets(): Promise<ReadonlyMap<string, Asset>> {
  const entries = await Promise.all(
    Object.entries(contentTypes).map(async ([name, contentType]): Promise<[string, Asset]> => {
      const bytes = await readFile(packagePath('dist', 'swagger-ui', name))
      const etag = `"${createHash('sha256').update(bytes).digest('base64url')}"`
      return [name, { contentType, bytes, etag }]
    }),
  )
  return new Map(entries)
}
