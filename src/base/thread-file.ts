/**
 * Finds the compiled file of a worker thread. A thread starts from JavaScript: built code finds its neighbour, and code
 * that runs from src/ (vitest compiles in memory, in the main thread only) uses what `npm run build` left in dist/.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * @param neighbour `new URL('./x-worker.js', import.meta.url)`.
 * @throws Error when the package has not been built.
 */
export function threadFile(neighbour: URL): string {
  const path = fileURLToPath(neighbour)
  if (existsSync(path)) return path
  const at = path.lastIndexOf('/src/')
  const built = `${path.slice(0, at)}/dist${path.slice(at)}`
  if (existsSync(built)) return built
  throw new Error(`Expected ${built} to exist. Run \`npm run build\` first.`)
}
