/**
 * Five projects: `unit` (beside the sources, no build needed), `integration` (under test/, against the built package),
 * `node-sockets` (what a client can see of the sockets, once more over Node's own http and ws), and two that `npm test` leaves out: `heavy` (minutes; .ci/run names its folders) and `interop` (installs foreign clients).
 */
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
    'http/{bad-input,byte-budget,connections,docs,http,http-quick,http-surface}',
    'clients/{client,client-drain}',
    'oip/v2',
    'websocket/{websocket,websocket-channels}',
  ].map((suites) => `test/${suites}.test.ts`),
]

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,bindings,bench,tools}/**/*.{test,fuzz}.ts'],
          exclude: ['**/node_modules/**', '**/.venv/**'],
          testTimeout: 10_000,
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
      {
        extends: true,
        test: {
          name: 'node-sockets',
          include: seenThroughSockets,
          env: { PENSTOCK_SOCKETS: 'node' },
          testTimeout: 30_000,
          hookTimeout: 60_000,
          retry: heldUpRetries,
        },
      },
      {
        extends: true,
        test: { name: 'interop', include: interop, testTimeout: 600_000, fileParallelism: false, retry: heldUpRetries },
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
