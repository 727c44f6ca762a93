/**
 * The version that each place last wanted under each alias, kept over restarts: an alias that an operator moved back by hand
 * stays there until the place says something new. One small file in the home; losing it makes the places' word count again.
 */
import { readFile } from 'node:fs/promises'
import { isRecord } from '../../base/expect.js'
import { errorCodeOf, nodeDisk, replaceFile } from '../../registry/files/durable-file.js'

export class AppliedAliases {
  readonly #path: string | null
  readonly #versions: Map<string, number>

  private constructor(path: string | null, versions: Map<string, number>) {
    this.#path = path
    this.#versions = versions
  }

  /** @param path of the file; null: in memory only. */
  static async open(path: string | null): Promise<AppliedAliases> {
    if (path === null) return new AppliedAliases(null, new Map())
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (errorCodeOf(error) === 'ENOENT') return ''
      throw error
    })
    return new AppliedAliases(path, versionsOf(text))
  }

  get(place: string, model: string, alias: string): number | undefined {
    return this.#versions.get(keyOf(place, model, alias))
  }

  /** Durable when the promise settles. @throws PenstockError ERR_STORAGE. */
  async set(place: string, model: string, alias: string, version: number): Promise<void> {
    const key = keyOf(place, model, alias)
    if (this.#versions.get(key) === version) return
    this.#versions.set(key, version)
    if (this.#path === null) return
    const applied = [...this.#versions].map(([known, wanted]) => [...(JSON.parse(known) as string[]), wanted])
    await replaceFile(nodeDisk, this.#path, `${JSON.stringify({ format: 1, applied })}\n`)
  }
}

function keyOf(place: string, model: string, alias: string): string {
  return JSON.stringify([place, model, alias])
}

/** A damaged file is an empty one. */
function versionsOf(text: string): Map<string, number> {
  const versions = new Map<string, number>()
  let file: unknown = null
  try {
    file = JSON.parse(text)
  } catch {
    return versions
  }
  const applied = isRecord(file) ? file['applied'] : null
  for (const entry of Array.isArray(applied) ? (applied as unknown[]) : []) {
    if (!Array.isArray(entry) || entry.length !== 4) continue
    const [place, model, alias, version] = entry as unknown[]
    if ([place, model, alias].every((text) => typeof text === 'string') && Number.isSafeInteger(version))
      versions.set(JSON.stringify([place, model, alias]), version as number)
  }
  return versions
}
