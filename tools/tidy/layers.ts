/**
 * Dependencies point down:
 *
 *   cli → loadtest → index → server, files → transport → metrics, sources, project → engine
 *     → worker, registry, log, lookup, script → steps → contract, remote
 *     → text → pipeline, formats → protocol, transforms, explain, evaluation, onnx → tensor → base
 *
 * A file may import its own layer's folder and what stands below. Four exceptions, each for a reason: registry, log and
 * worker implement interfaces that the engine declares (types of engine/api/ only); the client sees protocol, tensor
 * and base, so that it runs in a browser, and only the types of the engine's public API and of definitions, which its
 * control calls mirror and which are gone when it runs; bindings are for engine, worker and log, because handles of
 * native memory belong to few hands, and for transforms, whose kernels take no handle: memory is lent for one call and
 * nothing is kept.
 */
import type { Finding, Rule } from './rules.js'
import { importsOf, resolveImport } from './source.js'

const ranks: Readonly<Record<string, number>> = {
  base: 0,
  tensor: 1,
  protocol: 2,
  transforms: 2,
  explain: 2,
  evaluation: 2,
  onnx: 2,
  pipeline: 3,
  formats: 3,
  contract: 4,
  text: 4,
  remote: 4,
  steps: 5,
  worker: 6,
  registry: 6,
  log: 6,
  lookup: 6,
  script: 6,
  engine: 7,
  metrics: 8,
  project: 8,
  sources: 8,
  transport: 9,
  files: 10,
  server: 10,
  index: 11,
  loadtest: 12,
  cli: 13,
}
/** What the engine declares for others to implement. */
const declares = (path: string): boolean => path.startsWith('src/engine/api/')
const usesBindings = new Set(['engine', 'worker', 'log', 'transforms'])
/** Types of these cost a browser nothing: they are erased. */
const clientSeesTypesOf = (path: string): boolean => declares(path) || path === 'src/pipeline/definition.ts'
const clientSees = new Set(['client', 'protocol', 'tensor', 'base'])

/** `src/engine/engine.ts` → engine · `src/server.ts` → server · elsewhere undefined. */
function layerOf(path: string): string | undefined {
  return /^src\/([\w-]+)(?:\/|\.ts$)/.exec(path)?.[1]
}

function refusal(path: string, target: string, isType: boolean): string | undefined {
  const from = layerOf(path)
  if (from === undefined) return undefined
  if (target.startsWith('bindings/')) {
    return usesBindings.has(from)
      ? undefined
      : 'only engine, worker, log and transforms import bindings/: ask the engine for it'
  }
  const to = layerOf(target)
  if (to === undefined) return `src imports nothing outside src and bindings, but this is ${target}`
  if (from === to) return undefined
  if (from === 'client')
    return clientSees.has(to) || (isType && clientSeesTypesOf(target))
      ? undefined
      : `the client runs in browsers and sees ${[...clientSees].join(', ')} only, not ${to}`
  // The index gathers the public surface, the client included; a load generator is a client.
  if (to === 'client')
    return from === 'cli' || from === 'loadtest' || from === 'index' ? undefined : `${from} must not know the client`
  if (isType && declares(target)) return undefined
  const fromRank = ranks[from]
  const toRank = ranks[to]
  if (fromRank === undefined || toRank === undefined)
    return `give ${fromRank === undefined ? from : to} a place in tools/tidy/layers.ts`
  if (toRank < fromRank) return undefined
  return `${from} must not import ${to}: dependencies point down; let the caller pass it in, or declare an interface in ${from}`
}

export const layerRule: Rule = {
  name: 'dependencies point down',
  applies: (path) => path.startsWith('src/') && path.endsWith('.ts') && !/\.(test|fuzz|bench)\.ts$/.test(path),
  check: (path, text) =>
    importsOf(text).flatMap(({ line, specifier, isType }): Finding[] => {
      if (!specifier.startsWith('.')) return []
      const message = refusal(path, resolveImport(path, specifier), isType)
      return message === undefined ? [] : [{ path, line, message }]
    }),
  canary: {
    path: 'src/pipeline/plan.ts',
    bad: "import { Engine } from '../engine/engine.js'",
    good: "import type { EngineApi } from '../engine/api/api.js'\nimport { PenstockError } from '../base/errors.js'",
  },
}

/** Pairs that the canary of the rule does not show; tidy.test.ts checks them. */
export const layerExamples: readonly { readonly path: string; readonly line: string; readonly isRefused: boolean }[] = [
  {
    path: 'src/transport/dialects/penstock/infer.ts',
    line: "import { addon } from '../../../../bindings/native.js'",
    isRefused: true,
  },
  { path: 'src/engine/engine.ts', line: "import { addon } from '../../bindings/native.js'", isRefused: false },
  { path: 'src/client/client.ts', line: "import { plan } from '../pipeline/plan.js'", isRefused: true },
  { path: 'src/client/client.ts', line: "import { encode } from '../protocol/codec.js'", isRefused: false },
  { path: 'src/registry/models.ts', line: "import { reader } from '../log/reader.js'", isRefused: true },
  { path: 'src/registry/models.ts', line: "import { engine } from '../engine/api/api.js'", isRefused: true },
  {
    path: 'src/client/control/control.ts',
    line: "import type { EngineApi } from '../../engine/api/api.js'",
    isRefused: false,
  },
  { path: 'src/client/control/control.ts', line: "import { x } from '../../engine/api/api.js'", isRefused: true },
  {
    path: 'src/client/control/control.ts',
    line: "import type { Plan } from '../../pipeline/plan.js'",
    isRefused: true,
  },
  { path: 'src/base/errors.ts', line: "export { a } from '../protocol/codec.js'", isRefused: true },
  {
    path: 'src/engine/engine.ts',
    line: "const path = new URL('../transport/socket/uws.js', import.meta.url)",
    isRefused: true,
  },
  { path: 'src/engine/engine.ts', line: "const m = await import('../cli/main.js')", isRefused: true },
  { path: 'src/novel/thing.ts', line: "import { a } from '../base/errors.js'", isRefused: true },
  { path: 'src/cli/serve/serve.ts', line: "import { server } from '../../server.js'", isRefused: false },
]
