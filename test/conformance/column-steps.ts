/** Pipelines whose steps take and leave columns, and the cases that every dialect answers alike. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Engine, tablesIn, type PipelineDefinition } from 'penstock'
import type { Case, Outcome } from './dialects.js'

const folder = mkdtempSync(join(tmpdir(), 'penstock-conformance-'))

/** What an engine is opened with for these pipelines. */
export const columnStepOptions = { tables: tablesIn(folder), allowScripts: true } as const

export function removeColumnSteps(): void {
  rmSync(folder, { recursive: true, force: true })
}

const names = ['size', 'count', 'price']
const concat = {
  type: 'transform',
  ops: [
    { op: 'impute', columns: names, strategy: 'constant', values: [0, 0, 0] },
    { op: 'concat', columns: names, as: 'x', dtype: 'float32' },
  ],
}
const model = { type: 'model', model: 'add' }
const pipelines = {
  'by-key': [
    {
      type: 'lookup',
      table: 'orders.csv',
      key: ['order_id'],
      columns: names.map((name) => ({ name, dtype: 'float32' })),
      inputs: [{ name: 'order_id', dtype: 'int64' }],
    },
    concat,
    model,
  ],
  scripted: [
    {
      type: 'script',
      file: 'split.js',
      source: `export default ({ columns }) => {
        const parts = columns.text.map((text) => text.split(' ').map(Number))
        return Object.fromEntries(${JSON.stringify(names)}.map((name, at) => [name, parts.map((part) => part[at])]))
      }`,
      columns: ['text'],
      keep: [],
      outputs: names.map((name) => ({ name, dtype: 'float32' })),
      inputs: [{ name: 'text', dtype: 'string' }],
    },
    concat,
    model,
  ],
  tokens: [{ type: 'tokenise', column: 'text', tokenizer: 'words', padToMultipleOf: 4 }],
} as const

/** Stores and deploys the pipelines; the engine has a model `add`. */
export async function deployColumnSteps(engine: Engine): Promise<void> {
  writeFileSync(join(folder, 'orders.csv'), 'order_id,price,size,count\n17,30.5,1,2\n18,4,,5\n')
  const tokenizer = new URL('../text/wordpiece.tokenizer.json', import.meta.url)
  await engine.tokenizers.add('words', readFileSync(tokenizer))
  for (const [name, steps] of Object.entries(pipelines))
    await engine.applyPipeline(
      { name: `columns-${name}`, steps: steps as unknown as PipelineDefinition['steps'] },
      { deploy: true },
    )
  const cached = { name: 'cached', steps: [model], cache: { ttlSeconds: 60, maxBytes: 2 ** 20 } }
  await engine.applyPipeline(cached as unknown as PipelineDefinition, { deploy: true })
}

const texts = (...data: string[]): Case['inputs'] => ({ text: { dtype: 'string', shape: [data.length], data } })
const orders = (...ids: bigint[]): Case['inputs'] => ({
  order_id: { dtype: 'int64', shape: [ids.length], data: BigInt64Array.from(ids) },
})
const row: Case['inputs'] = { x: { dtype: 'float32', shape: [1, 3], data: Float32Array.of(1, 2, 3) } }

export const columnStepCases: readonly (Case & { readonly expected?: Outcome['fault'] })[] = [
  { title: 'features by a key, one of them missing', pipeline: 'columns-by-key', inputs: orders(18n, 17n) },
  { title: 'no keys', pipeline: 'columns-by-key', inputs: orders() },
  { title: 'a key that the table has not', pipeline: 'columns-by-key', inputs: orders(17n, 19n), expected: 'missing' },
  { title: 'features by a script', pipeline: 'columns-scripted', inputs: texts('1 2 3', '4 5.5 -6') },
  { title: 'tokens of texts', pipeline: 'columns-tokens', inputs: texts('the room', 'grün, and a very long word') },
  { title: 'an answer that is kept', pipeline: 'cached', inputs: row },
  { title: 'the same once more', pipeline: 'cached', inputs: row },
]
