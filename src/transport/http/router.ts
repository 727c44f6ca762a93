/**
 * Finds the route of a request, or says what the caller may have meant: 404 with the nearest address, 405 with `Allow`.
 *
 * Routes are a flat table; a path is split once and compared by segment. Some twenty routes need no tree.
 */
import { PenstockError } from '../../base/errors.js'
import { closest } from '../../base/suggest.js'

export interface Pattern {
  readonly method: string
  /** Segments, `{name}` for a parameter: `/v1/models/{model}`. */
  readonly path: string
}

export type Found<Route> =
  | { readonly kind: 'route'; readonly route: Route; readonly parameters: readonly string[] }
  | { readonly kind: 'refused'; readonly error: PenstockError; readonly allow: string | null }

interface Compiled<Route> {
  readonly route: Route
  readonly segments: readonly string[]
}

export class Router<Route extends Pattern> {
  readonly #byLength = new Map<number, Compiled<Route>[]>()

  constructor(readonly routes: readonly Route[]) {
    for (const route of routes) {
      const segments = route.path.split('/')
      const same = this.#byLength.get(segments.length) ?? []
      same.push({ route, segments })
      this.#byLength.set(segments.length, same)
    }
  }

  /** @param path percent-encoded, without the query. HEAD finds what GET does. */
  find(method: string, path: string): Found<Route> {
    const segments = path.split('/')
    const wanted = method === 'HEAD' ? 'GET' : method
    const allowed: string[] = []
    for (const compiled of this.#byLength.get(segments.length) ?? []) {
      if (!matches(compiled.segments, segments)) continue
      if (compiled.route.method !== wanted) {
        allowed.push(compiled.route.method)
        continue
      }
      const parameters = segments.filter((_, index) => isParameter(compiled.segments[index])).map(decode)
      const bad = parameters.findIndex((parameter) => parameter === null)
      if (bad >= 0)
        return refused(
          new PenstockError('ERR_ARGUMENT', `Expected the path to be percent-encoded UTF-8 but received ${path}`),
          null,
        )
      return { kind: 'route', route: compiled.route, parameters: parameters as string[] }
    }
    if (allowed.length === 0) return refused(this.#notFound(path, segments), null)
    const allow = allowed.flatMap((name) => (name === 'GET' ? ['GET', 'HEAD'] : [name])).join(', ')
    return refused(
      new PenstockError(
        'ERR_METHOD',
        `Expected the method of ${path} to be ${allow.replaceAll(', ', ' or ')} but received ${method}`,
      ),
      allow,
    )
  }

  #notFound(path: string, segments: readonly string[]): PenstockError {
    const candidates = [...this.#byLength.values()]
      .flat()
      .map(({ segments: own }) =>
        own.map((segment, index) => (isParameter(segment) ? (segments[index] ?? segment) : segment)).join('/'),
      )
    const nearest = closest(
      path,
      [...new Set(candidates)].filter((candidate) => candidate !== path),
    )
    const wayOut = nearest === null ? 'GET / lists the addresses' : `Did you mean ${nearest}?`
    const shown = path.length > 200 ? `${path.slice(0, 200)}…` : path
    return new PenstockError(
      'ERR_ROUTE_NOT_FOUND',
      `Expected an address of this server but received ${shown}. ${wayOut}`,
    )
  }
}

function matches(pattern: readonly string[], segments: readonly string[]): boolean {
  for (let index = 0; index < pattern.length; index++) {
    const expected = pattern[index]
    const received = segments[index]
    if (expected === received) continue
    if (!isParameter(expected) || received === '') return false
  }
  return true
}

function isParameter(segment: string | undefined): boolean {
  return segment !== undefined && segment.startsWith('{')
}

function decode(segment: string): string | null {
  try {
    return decodeURIComponent(segment)
  } catch {
    return null
  }
}

function refused(error: PenstockError, allow: string | null): Found<never> {
  return { kind: 'refused', error, allow }
}
