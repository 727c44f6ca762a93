/**
 * A script's module out of its text. Node 20 runs no TypeScript, so that types are taken off here, on every Node by the same
 * library: it puts blanks in their place, and lines and columns of stack traces stay the author's. The module is imported
 * from a data: URL, which keeps it from files beside the server: it imports Node's own modules and nothing else.
 */
import { PenstockError } from '../base/errors.js'
import type { Script } from './api.js'

export interface LoadedScript {
  readonly run: Script
  /** Without types. */
  readonly javascript: string
}

/**
 * @param file the name that stack traces use.
 * @param javascript the source without types, where a thread before has taken them off.
 * @throws PenstockError ERR_PIPELINE_INVALID naming the line.
 */
export async function loadModule(
  file: string,
  source: string,
  javascript: string | null = null,
): Promise<LoadedScript> {
  const code = javascript ?? (isTypeScript(file) ? await withoutTypes(file, source) : source)
  let loaded: { readonly default?: unknown }
  try {
    loaded = (await import(dataUrl(code, file))) as { default?: unknown }
  } catch (error) {
    // A SyntaxError of an import has no place in its stack.
    if (error instanceof SyntaxError && placeIn(error, file) === null) await withoutTypes(file, source)
    throw new PenstockError('ERR_PIPELINE_INVALID', `Expected ${file} to load, but ${thrown(error, file)}`, {
      cause: error,
    })
  }
  if (typeof loaded.default === 'function') return { run: loaded.default as Script, javascript: code }
  const exported = Object.keys(loaded).join(', ') || 'nothing'
  const wayOut = 'Write `export default function ({ rows, columns }) { … }`'
  throw new PenstockError(
    'ERR_PIPELINE_INVALID',
    `Expected ${file} to export a function as default, but it exports ${exported}. ${wayOut}`,
  )
}

export function isTypeScript(file: string): boolean {
  return /\.m?ts$/.test(file)
}

/** `TypeError: x is undefined (score.ts:12:9)`, with the innermost place in the script. */
export function thrown(error: unknown, file: string): string {
  if (!(error instanceof Error)) return `it threw ${String(error)}`
  // A module specifier that cannot be resolved is reported with the whole module.
  const message = error.message.replaceAll(/"?data:text\/javascript;base64,[\w+/=]*"?/g, file)
  const place = placeIn(error, file)
  const text = `${error.name}: ${message}${place === null ? '' : ` (${place})`}`
  if (!('code' in error) || error.code !== 'ERR_UNSUPPORTED_RESOLVE_REQUEST') return `it threw ${text}`
  return `it threw ${text}. A script is one file and imports Node's own modules only: bundle what it needs`
}

function placeIn(error: Error, file: string): string | null {
  const escaped = file.replaceAll('.', '\\.')
  return new RegExp(`${escaped}:\\d+(?::\\d+)?`).exec(error.stack ?? '')?.[0] ?? null
}

function dataUrl(code: string, file: string): string {
  return `data:text/javascript;base64,${Buffer.from(`${code}\n//# sourceURL=${file}`).toString('base64')}`
}

async function withoutTypes(file: string, source: string): Promise<string> {
  const { default: swc } = await import('@swc/wasm-typescript')
  try {
    return swc.transformSync(source, { mode: 'strip-only', module: true, filename: file }).code
  } catch (error) {
    const { message = '', startLine = 0, startColumn = 0, code = '' } = error as Partial<SwcError>
    const wayOut =
      code === 'UnsupportedSyntax' ? '. Types are taken off and nothing is compiled: write it as JavaScript' : ''
    throw new PenstockError(
      'ERR_PIPELINE_INVALID',
      `Expected ${file} to load, but at line ${startLine}:${startColumn + 1}: ${message}${wayOut}`,
      { cause: error },
    )
  }
}

/** What the library throws, which is no Error. */
interface SwcError {
  readonly code: string
  readonly message: string
  readonly startLine: number
  readonly startColumn: number
}
