/**
 * The house rules that neither the compiler nor the linter knows. Each rule reads one file and returns what is wrong,
 * with the replacement in the sentence: a refusal that does not say what to do instead costs a question.
 *
 * A rule is data: which files, what to look for, what to say, and a canary, a snippet that it must refuse. tidy.test.ts
 * runs every canary, because a gate whose pattern matches nothing looks exactly like a clean tree.
 */
import { flowRule } from './flow.js'
import { layerRule } from './layers.js'
import { withoutComments } from './source.js'

export interface Finding {
  readonly path: string
  /** 1-based; 0 when the whole file is meant. */
  readonly line: number
  readonly message: string
}

export interface Rule {
  readonly name: string
  /** Decides by the path from the project root, with forward slashes. */
  readonly applies: (path: string) => boolean
  readonly check: (path: string, text: string) => readonly Finding[]
  /** A file that the rule must refuse, and one much like it that it must not. */
  readonly canary: { readonly path: string; readonly bad: string; readonly good: string }
}

interface PatternRule {
  readonly name: string
  readonly applies: (path: string) => boolean
  readonly pattern: RegExp
  readonly message: string
  readonly bad: string
  readonly good: string
  readonly canaryPath: string
  /** Look into comments and prose, too. */
  readonly isTextual?: boolean
}

/** Beyond 400 a file is asked whether it is one concept (CONTRIBUTING.md); beyond this it is none. */
export const fileLinesMax = 600
const nativeColumnsMax = 120

const isTest = (path: string): boolean => /\.(test|fuzz|bench)\.(ts|mjs)$|^test\/|\/testing\//.test(path)
const isGenerated = (path: string): boolean => path.includes('/generated/') || /_(codes|opcodes|slots)\.hpp$/.test(path)
const isProduct = (path: string): boolean =>
  /^(src|bindings)\/.*\.ts$/.test(path) && !isTest(path) && !isGenerated(path)
const isNative = (path: string): boolean => /^native\/.*\.(cpp|hpp)$/.test(path)
const isSource = (path: string): boolean => /\.(ts|mjs|js|cpp|hpp)$/.test(path) && !isGenerated(path)
const isText = (path: string): boolean =>
  /\.(ts|mjs|js|cpp|hpp|py|sh|md|json|ya?ml|txt|fbs|gyp|cmake)$|(^|\/)(CMakeLists\.txt|run|\.npmrc)$/.test(path)
const isTidyItself = (path: string): boolean => path.startsWith('tools/tidy/')

const patternRules: readonly PatternRule[] = [
  {
    name: 'randomness is passed in',
    applies: (path) => isProduct(path) && path !== 'src/base/random.ts',
    pattern: /\bMath\.random\b/,
    message: 'Math.random cannot be replayed: take a RandomSource (base/random.ts) as an argument',
    canaryPath: 'src/steps/split.ts',
    bad: 'const u = Math.random()',
    good: 'const u = random.next()',
  },
  {
    name: 'time is passed in',
    applies: (path) => isProduct(path) && path !== 'src/base/clock.ts' && !path.startsWith('src/cli/'),
    pattern: /\bDate\.now\b|\bnew Date\(\)|\bperformance\.now\b|\bprocess\.hrtime\b/,
    message: 'take a Clock (base/clock.ts) as an argument instead of asking the machine for the time',
    canaryPath: 'src/engine/requests/admission.ts',
    bad: 'const now = Date.now()',
    good: 'const now = clock.nowMs() // not Date.now()',
  },
  {
    name: 'only the CLI prints',
    applies: (path) => isProduct(path) && !path.startsWith('src/cli/'),
    pattern: /\bconsole\.\w+\(/,
    message: 'use the logger that was passed in; only src/cli, bench and tools print',
    canaryPath: 'src/engine/engine.ts',
    bad: 'console.log(plan)',
    good: 'logger.info(plan)',
  },
  {
    name: 'only the CLI ends the process',
    // In a worker it ends the thread alone, which nothing else does from inside.
    applies: (path) =>
      isProduct(path) && !path.startsWith('src/cli/') && path !== 'src/worker/inference/inference-worker.ts',
    pattern: /\bprocess\.(exit|abort)\b/,
    message: 'throw, or reject: only src/cli ends the process',
    canaryPath: 'src/server.ts',
    bad: 'process.exit(1)',
    good: 'throw new PenstockError(code)',
  },
  {
    name: 'one file knows uWebSockets.js',
    applies: (path) => isProduct(path) && path !== 'src/transport/socket/uws.ts',
    pattern: /from ['"]uWebSockets\.js['"]|\(['"]uWebSockets\.js['"]\)/,
    message: 'take the types of src/transport/socket/seam.ts, which both backends implement',
    canaryPath: 'src/transport/http/router.ts',
    bad: "const uws = require('uWebSockets.js')",
    good: "import type { RawResponse } from '../socket/seam.js'",
  },
  {
    name: 'uWebSockets.js is loaded when a server is made',
    applies: (path) => path === 'src/transport/socket/uws.ts',
    pattern: /^import (?!type )[^'"]*['"]uWebSockets\.js['"]|^const .*\(['"]uWebSockets\.js['"]\)/,
    message: 'import its types only: an embedded engine opens no socket and must start where the library does not load',
    canaryPath: 'src/transport/socket/uws.ts',
    bad: "import uws from 'uWebSockets.js'",
    good: "import type { TemplatedApp } from 'uWebSockets.js'",
  },
  {
    name: 'one file loads the addon',
    applies: (path) => (isProduct(path) || path.startsWith('bench/')) && path !== 'bindings/native.ts',
    pattern: /penstock\.node\b|\bprocess\.dlopen\b/,
    message: 'import { addon } from bindings/native.js, which says what to do when it is not built',
    canaryPath: 'src/engine/engine.ts',
    bad: "const addon = require('../../build/Release/penstock.node')",
    good: "import { addon } from '../../bindings/native.js'",
  },
  {
    name: 'one header includes napi.h',
    applies: (path) => isNative(path) && path !== 'native/addon/napi_setup.hpp',
    pattern: /#\s*include\s*[<"]napi\.h[>"]/,
    message: 'include "addon/napi_setup.hpp", which sets the version and the exception mode first',
    canaryPath: 'native/addon/addon.cpp',
    bad: '#include <napi.h>',
    good: '#include "addon/napi_setup.hpp"',
  },
  {
    name: 'Node stays in addon/',
    applies: (path) => isNative(path) && !path.startsWith('native/addon/'),
    pattern: /#\s*include\s*[<"](napi|node_api|node_api_types|js_native_api|uv|v8)\.h[>"]|#\s*include\s*"addon\//,
    message: 'below addon/ nothing knows Node: move this to native/addon',
    canaryPath: 'native/queue/model_queue.cpp',
    bad: '#include <node_api.h>',
    good: '#include "core/clock.hpp"',
  },
  {
    name: 'below addon/ nothing throws',
    applies: (path) => isNative(path) && !path.startsWith('native/addon/') && !path.startsWith('native/test/'),
    pattern: /\bthrow\b/,
    message: 'return a Status: exceptions do not cross the queue',
    canaryPath: 'native/queue/model_queue.cpp',
    bad: '  throw std::runtime_error("full");',
    good: '  return StatusCode::kQueueFull;  // never throw',
  },
  {
    name: 'native assertions are ours',
    applies: (path) => isNative(path) && path !== 'native/core/assert.hpp',
    pattern: /#\s*include\s*<(cassert|assert\.h|iostream)>/,
    message: 'use PENSTOCK_ASSERT (core/assert.hpp), which stays in release builds, and no streams',
    canaryPath: 'native/queue/model_queue.cpp',
    bad: '#include <cassert>',
    good: '#include "core/assert.hpp"',
  },
  {
    name: 'tests all run',
    applies: (path) => isTest(path) && !isTidyItself(path) && !path.endsWith('.py'),
    pattern: /\b(it|test|describe|suite)\.(only|skip|todo)\b|\b(xit|xdescribe|fit|fdescribe)\(/,
    message: 'remove it; a test that cannot run here says why with skipIf(condition) or context.skip(reason)',
    canaryPath: 'src/tensor/shape.test.ts',
    bad: "it.only('shape: is checked', () => {})",
    good: "it.skipIf(noVectors)('shape: is checked', () => {})",
  },
  {
    name: 'nothing is left to fix',
    applies: (path) => isText(path) && !isTidyItself(path),
    pattern: /\bFIXME\b|\bXXX\b/,
    message: 'fix it now or write an issue',
    isTextual: true,
    canaryPath: 'src/tensor/shape.ts',
    bad: '// FIXME overflow',
    good: '// cannot overflow: rows <= 65536',
  },
  {
    name: 'no path of one machine',
    applies: (path) => isText(path) && !isTidyItself(path) && path !== 'package-lock.json',
    pattern: /(?<![\w.~*}-])\/(work|root|home\/\w+)\//,
    message: 'name the place relative to the project or the user: this path exists on one machine only',
    isTextual: true,
    canaryPath: 'docs/start/install.md',
    bad: ['cd /wo', 'rk/main'].join(''),
    good: 'cd penstock/network/root/',
  },
  {
    name: 'comments say who does what',
    applies: (path) => isSource(path) && /^(src|bindings|bench|native)\//.test(path),
    pattern: /(?:\/\*\*?|\/\/|^\s*\*) Of /,
    message: 'begin the comment with what it describes, not with "Of": say who does what (subject, verb, object)',
    isTextual: true,
    canaryPath: 'src/steps/builder.ts',
    bad: '  /** ' + 'Of one port. */',
    good: '  /** Bytes of one port. Of those, a half at most is spare. */',
  },
  {
    name: 'native lines fit',
    applies: (path) => isNative(path) && !isGenerated(path),
    pattern: new RegExp(`^.{${nativeColumnsMax + 1},}$`),
    message: `wrap it at ${nativeColumnsMax} columns`,
    isTextual: true,
    canaryPath: 'native/core/clock.hpp',
    bad: '/'.repeat(nativeColumnsMax + 1),
    good: '/'.repeat(nativeColumnsMax),
  },
]

const headerRule: Rule = {
  name: 'a file says what it is',
  applies: (path) => isSource(path) && !isTest(path) && /^(src|bindings|native|tools|bench)\//.test(path),
  check: (path, text) => {
    const first = text.replace(/^#!.*\n/, '').trimStart()
    // The comment of x.cpp is in x.hpp, its first include.
    const isExplainedByHeader =
      path.endsWith('.cpp') && first.startsWith(`#include "${path.slice('native/'.length, -'.cpp'.length)}.hpp"`)
    return first.startsWith('/**') || first.startsWith('//') || isExplainedByHeader
      ? []
      : [
          {
            path,
            line: 1,
            message: 'begin with a comment of 3..12 lines: what it is, why it is so, who owns the memory',
          },
        ]
  },
  canary: {
    path: 'src/tensor/shape.ts',
    bad: 'export const rank = 2\n',
    good: '/** Shapes. */\nexport const rank = 2\n',
  },
}

export const rules: readonly Rule[] = [...patternRules.map(ruleOfPattern), headerRule, layerRule, flowRule]

/** Files longer than the limit, with their lines; generated ones do not count. */
export function longFiles(files: ReadonlyMap<string, string>): Map<string, number> {
  const counts = [...files]
    .filter(([path]) => isSource(path))
    .map(([path, text]) => [path, text.split('\n').length - 1] as const)
  return new Map(counts.filter(([, lines]) => lines > fileLinesMax))
}

/** Compares long files with the list of old excess: new excess fails, and what has shrunk must leave the list. */
export function ratchetFindings(
  longNow: ReadonlyMap<string, number>,
  listed: Readonly<Record<string, number>>,
): Finding[] {
  const grown = [...longNow].flatMap(([path, lines]) => {
    const allowed = listed[path] ?? fileLinesMax
    const message = `has ${lines} lines, ${allowed} are allowed: split it by concept`
    return lines > allowed ? [{ path, line: 0, message }] : []
  })
  const shrunk = Object.keys(listed).flatMap((path) =>
    longNow.has(path) ? [] : [{ path, line: 0, message: `is short now: remove it from tools/tidy/ratchet.json` }],
  )
  return [...grown, ...shrunk]
}

function ruleOfPattern(rule: PatternRule): Rule {
  return {
    name: rule.name,
    applies: rule.applies,
    check: (path, text) =>
      (rule.isTextual === true ? text : withoutComments(text))
        .split('\n')
        .flatMap((line, index) => (rule.pattern.test(line) ? [{ path, line: index + 1, message: rule.message }] : [])),
    canary: { path: rule.canaryPath, bad: rule.bad, good: rule.good },
  }
}
