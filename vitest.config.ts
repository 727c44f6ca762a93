/**
 * Six projects: `unit` (beside the sources, no build needed), `integration` (under test/, against the built package),
 * `node-sockets` and `native-sockets` (what a client can see of the sockets, once more over Node's own http and ws and over the addon's I/O threads), and two that `npm test` leaves out: `heavy` (minutes; .ci/run names its folders) and `interop` (installs foreign clients).
 */
import { existsSync } from 'node:fs'
import { defineConfig } from 'vitest/config'

/**
 * Tests of these projects measure time beside whatever else the machine does, so one that was held up gets a second
 * chance; vitest says so beside its name. Unit tests do not: what they claim is true at once or false.
 */
const heldUpRetries = 1
const heavy = ['test/{stress,faults,leak}/**/*.test.ts']
const interop = ['test/{interop,exporters}/**/*.test.ts']
const seenThroughSockets = [
  'src/transport/http/dispatch.test.ts',
  'test/conformance/*.test.ts',
  ...[
    ...['bad-input', 'byte-budget', 'connections', 'docs', 'http', 'http-fast-path', 'http-surface'].map(
      (name) => `http/${name}`,
    ),
    ...['clients/client', 'clients/client-drain', 'oip/v2', 'websocket/websocket', 'websocket/websocket-channels'],
  ].map(suite),
]

/** @throws Error when it is gone: a pattern that matches nothing would leave it out in silence. */
function suite(name: string): string {
  const path = `test/${name}.test.ts`
  if (!existsSync(new URL(path, import.meta.url))) throw new Error(`Expected a suite of sockets but found no ${path}`)
  return path
}

export default defineConfig({
  test: {
    pool: 'forks',
    // Integration tests wait for servers for a quarter of their time.
    maxWorkers: 3,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,bindings,bench,tools}/**/*.{test,fuzz}.ts'],
          exclude: ['**/node_modules/**', '**/.venv/**'],
          // Some compile TypeScript: seconds, and several times that where the machine is busy.
          testTimeout: 60_000,
          // They change nothing outside of themselves, and a process for each file cost as much as the tests.
          isolate: false,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          exclude: [...heavy, ...interop, '**/node_modules/**'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          retry: heldUpRetries,
        },
      },
      ...['node', 'native'].map((sockets) => ({
        extends: true as const,
        test: {
          name: `${sockets}-sockets`,
          include: seenThroughSockets,
          env: { PENSTOCK_SOCKETS: sockets },
          testTimeout: 30_000,
          hookTimeout: 60_000,
          retry: heldUpRetries,
        },
      })),
      {
        extends: true,
        test: { name: 'interop', include: interop, testTimeout: 600_000, retry: heldUpRetries },
      },
      {
        extends: true,
        test: {
          name: 'heavy',
          include: heavy,
          testTimeout: 600_000,
          hookTimeout: 60_000,
          fileParallelism: false,
          retry: heldUpRetries,
        },
      },
    ],
  },
})
