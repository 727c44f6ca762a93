#!/usr/bin/env node
/**
 * Writes every file that states a fact of the sources of truth a second time, in the other language:
 *
 *   src/protocol/errors.json          → src/base/generated/error-codes.ts           native/core/status_codes.hpp
 *   src/tensor/dtypes.json            → src/tensor/generated/dtypes.ts              native/core/dtype_codes.hpp
 *   src/pipeline/check-opcodes.json   → src/pipeline/generated/check-opcodes.ts     native/plan/check_opcodes.hpp
 *   src/protocol/penstock.fbs         → native/flatbuffers/wire_slots.hpp
 *   src/protocol/boundary.json        → src/base/generated/boundary.ts              native/core/boundary_codes.hpp
 *                                       bindings/generated/boundary.ts
 *   src/protocol/answers/*.json       → src/protocol/answers/generated/answers.ts   src/engine/api/generated/records.ts
 *                                       src/protocol/answers/generated/tables.ts    src/engine/api/generated/records-by-name.ts
 *                                       docs/reference/http.md, its tables of fields
 *
 * Goals: plain Node without dependencies (it runs before the install), the same bytes from the same sources, refusal of
 * sources that contradict themselves (a number or a name twice). Non-goal: the FlatBuffers classes of the TypeScript
 * codec, which flatc makes.
 *
 * Usage: generate.mjs          write what changed
 *        generate.mjs --check  write nothing, name the stale files and exit 1 when there are any
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { answersPage } from './answer-docs.mjs'
import { answerTablesModule } from './answer-tables.mjs'
import { answersModule, recordsByNameModule, recordsModule } from './answer-types.mjs'
import { baseBoundaryModule, bindingsBoundaryModule, boundaryCodesHeader } from './boundary.mjs'
import { dtypeCodesHeader, dtypesModule } from './dtypes.mjs'
import { errorCodesModule, statusCodesHeader } from './errors.mjs'
import { checkOpcodesHeader, checkOpcodesModule } from './opcodes.mjs'
import { wireSlotsHeader } from './wire-slots.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** The generated files: which source each is made from, and by what. */
export const outputs = [
  { source: 'src/protocol/errors.json', target: 'src/base/generated/error-codes.ts', make: errorCodesModule },
  { source: 'src/protocol/errors.json', target: 'native/core/status_codes.hpp', make: statusCodesHeader },
  { source: 'src/tensor/dtypes.json', target: 'src/tensor/generated/dtypes.ts', make: dtypesModule },
  { source: 'src/tensor/dtypes.json', target: 'native/core/dtype_codes.hpp', make: dtypeCodesHeader },
  {
    source: 'src/pipeline/check-opcodes.json',
    target: 'src/pipeline/generated/check-opcodes.ts',
    make: checkOpcodesModule,
  },
  { source: 'src/pipeline/check-opcodes.json', target: 'native/plan/check_opcodes.hpp', make: checkOpcodesHeader },
  { source: 'src/protocol/penstock.fbs', target: 'native/flatbuffers/wire_slots.hpp', make: wireSlotsHeader },
  { source: 'src/protocol/boundary.json', target: 'src/base/generated/boundary.ts', make: baseBoundaryModule },
  { source: 'src/protocol/boundary.json', target: 'bindings/generated/boundary.ts', make: bindingsBoundaryModule },
  { source: 'src/protocol/boundary.json', target: 'native/core/boundary_codes.hpp', make: boundaryCodesHeader },
]

/** In the order of the reference page. */
export const answerSources = [
  'system',
  'models',
  'promotions',
  'sources',
  'pipelines',
  'contracts',
  'datasets',
  'tokenizers',
  'status',
  'explanations',
  'tags',
  'logs',
].map((group) => `src/protocol/answers/${group}.json`)

/** What is made of all answers; a page is made of itself and its new tables. */
export const answerOutputs = [
  { target: 'src/protocol/answers/generated/answers.ts', make: answersModule },
  { target: 'src/protocol/answers/generated/tables.ts', make: answerTablesModule },
  { target: 'src/engine/api/generated/records.ts', make: recordsModule },
  { target: 'src/engine/api/generated/records-by-name.ts', make: recordsByNameModule },
  { target: 'docs/reference/http.md', make: answersPage },
]

/** The generated files whose bytes on disk are not what their source makes now. */
export function staleOutputs(projectRoot = root) {
  const read = (path) => readFileSync(join(projectRoot, path), 'utf8')
  const answers = answerSources.map(read)
  return [
    ...outputs.map(({ source, target, make }) => ({ target, text: make(read(source), source) })),
    ...answerOutputs.map(({ target, make }) => ({
      target,
      text: make(answers, answerSources, existsSync(join(projectRoot, target)) ? read(target) : ''),
    })),
  ].filter(({ target, text }) => !existsSync(join(projectRoot, target)) || read(target) !== text)
}

function main(isCheck) {
  const stale = staleOutputs()
  for (const { target, text } of stale) {
    if (isCheck) {
      console.error(`${target} is stale: run \`npm run codegen\` and commit it`)
      continue
    }
    mkdirSync(dirname(join(root, target)), { recursive: true })
    writeFileSync(join(root, target), text)
    console.log(`wrote ${target}`)
  }
  if (isCheck && stale.length > 0) process.exitCode = 1
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv.includes('--check'))
