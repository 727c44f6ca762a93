/**
 * Two clocks: what takes seconds is never on a thread that serves requests. Reading the log, Parquet and DuckDB live in
 * src/log/flow, whose modules only threads and processes of their own load: others may name such a file (`new URL`) and
 * its types, but not import it.
 */
import type { Finding, Rule } from './rules.js'
import { importsOf, resolveImport } from './source.js'

const flowFolder = 'src/log/flow/'
/** Which modules may load what. */
const owners: Readonly<Record<string, readonly string[]>> = {
  '@duckdb/node-api': [flowFolder],
  'parquet-wasm': [flowFolder, 'src/formats/parquet.ts'],
}

export const flowRule: Rule = {
  name: 'the flow clock keeps to its own threads',
  applies: (path) => /^src\/.*\.ts$/.test(path) && !/\.(test|fuzz|bench)\.ts$|\/testing\//.test(path),
  check: (path, text) => {
    const lines = text.split('\n')
    return importsOf(text).flatMap(({ line, specifier, isType }): Finding[] => {
      const owned = owners[specifier]
      if (owned !== undefined) {
        const isOwner = owned.some((owner) => path.startsWith(owner))
        return isOwner ? [] : [{ path, line, message: `${specifier} is loaded by ${owned.join(' and ')} alone` }]
      }
      if (!specifier.startsWith('.') || isType || path.startsWith(flowFolder)) return []
      const isAddress = lines[line - 1]?.includes('new URL(') === true
      if (isAddress || !resolveImport(path, specifier).startsWith(flowFolder)) return []
      return [
        {
          path,
          line,
          message: 'send a task to a flow thread (src/log/store/flow-pool.ts) instead of loading its code',
        },
      ]
    })
  },
  canary: {
    path: 'src/log/store/log-store.ts',
    bad: "import { readPage } from '../flow/read-page.js'",
    good: "import type { PageTask } from '../flow/read-page.js'\nconst file = new URL('../flow/flow-worker.js', import.meta.url)",
  },
}

/** Pairs that the canary does not show; tidy.test.ts checks them. */
export const flowExamples: readonly { readonly path: string; readonly line: string; readonly isRefused: boolean }[] = [
  { path: 'src/engine/engine.ts', line: "import { DuckDBInstance } from '@duckdb/node-api'", isRefused: true },
  { path: 'src/log/store/log-store.ts', line: "const parquet = await import('parquet-wasm')", isRefused: true },
  {
    path: 'src/transport/dialects/penstock/logs.ts',
    line: "const m = await import('../../../log/flow/sql/sql.js')",
    isRefused: true,
  },
  { path: 'src/log/flow/sql/sql.ts', line: "import { DuckDBInstance } from '@duckdb/node-api'", isRefused: false },
  { path: 'src/log/flow/compaction/compact.ts', line: "import { takeRows } from '../take.js'", isRefused: false },
]
