/**
 * Finds the compiled file of a worker thread. A thread starts from JavaScript: built code finds its neighbour, and code
 * that runs from src/ (vitest compiles in memory, in the main thread only) uses what `npm run build` left in dist/.
 */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * @param name the module's name without extension, e.g. `inference-worker`.
 * @throws Error when the package has not been built.
 */
export function workerFile(name: string): string {
  const neighbour = fileURLToPath(new URL(`./${name}.js`, import.meta.url))
  if (existsSync(neighbour)) return neighbour
  const built = fileURLToPath(new URL(`../../dist/src/worker/${name}.js`, import.meta.url))
  if (existsSync(built)) return built
  throw new Error(`Expected ${built} to exist. Run \`npm run build\` first.`)
}
