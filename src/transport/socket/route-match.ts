/** Paths of routes that a backend itself tells apart: those of BackendHandlers.posts. */

/** @returns the segment that `:name` of the route stands for, '' without one; null when the path is another. */
export function matcherOf(route: string): (path: string) => string | null {
  const [, before = route, after] = /^(.*\/):\w+(.*)$/.exec(route) ?? []
  if (after === undefined) return (path) => (path === route ? '' : null)
  return (path) => {
    if (!path.startsWith(before) || !path.endsWith(after) || path.length < before.length + after.length) return null
    const segment = path.slice(before.length, path.length - after.length)
    return segment.includes('/') ? null : segment
  }
}
