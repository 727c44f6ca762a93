/**
 * Two projects: `unit` (beside the sources, no build needed) and `integration` (under test/, against the built package).
 * `npx vitest run --project unit` runs one of them.
 */
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    reporters: process.env['CI'] === undefined ? ['default'] : ['default', ['json', { outputFile: 'build/vitest.json' }]],
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,bindings,bench,tools}/**/*.{test,fuzz}.ts', 'tools/**/*.test.mjs'],
          testTimeout: 10_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'integration',
          include: ['test/**/*.test.ts'],
          // Heavier suites run by name from .ci/run.
          exclude: ['test/stress/**', 'test/leak/**', '**/node_modules/**'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
