/** Bad definitions of steps that take and leave columns, and the documented answers. */
import type { HttpCase } from './bad-http-cases.js'

/** A pipeline that looks a column up, by `id`. */
const lookupOf = (changed: object): { steps: object[] } => ({
  steps: [
    {
      type: 'lookup',
      table: 'customers.csv',
      key: ['id'],
      columns: [{ name: 'age', dtype: 'float32' }],
      inputs: [{ name: 'id', dtype: 'int64' }],
      ...changed,
    },
  ],
})

export const columnStepCases: readonly HttpCase[] = [
  {
    what: 'a lookup in a file outside of the folder of tables',
    path: '/v1/pipelines/new?deploy=true',
    method: 'PUT',
    body: lookupOf({ table: '../secrets.csv' }),
    code: 'ERR_PIPELINE_INVALID',
    says: 'Expected steps[0].table to be a file of the folder of tables, like customers.parquet or eu/shops.csv but received "../secrets.csv"',
  },
  {
    what: 'a lookup that says neither what becomes of unknown keys nor how they are flagged',
    path: '/v1/pipelines/new',
    method: 'PUT',
    body: lookupOf({ onMissing: 'flag' }),
    code: 'ERR_PIPELINE_INVALID',
    says: 'Expected steps[0].flag to be the name of a bool column',
  },
  {
    what: 'a lookup that flags rows of a column that has no missing value',
    path: '/v1/pipelines/new',
    method: 'PUT',
    body: lookupOf({ onMissing: 'flag', flag: 'known', columns: [{ name: 'shop', dtype: 'int64' }] }),
    code: 'ERR_PIPELINE_INVALID',
    says: 'Expected steps[0].columns[0].dtype to be int64?, for a flagged row has no value',
  },
  {
    what: 'a lookup by a float',
    path: '/v1/pipelines/new?deploy=true',
    method: 'PUT',
    body: lookupOf({ inputs: [{ name: 'id', dtype: 'float32' }] }),
    code: 'ERR_PIPELINE_INVALID',
    says: 'Expected steps[0].key[0] to be a column of integers, bools or texts, one a row but received "id: float32"',
  },
  {
    what: 'a lookup by a column that nobody sends',
    path: '/v1/pipelines/new?deploy=true',
    method: 'PUT',
    body: lookupOf({ key: ['idd'] }),
    code: 'ERR_PIPELINE_INVALID',
    says: 'Did you mean id?',
  },
  {
    what: 'a lookup on a server without tables',
    path: '/v1/pipelines/new?deploy=true',
    method: 'PUT',
    body: lookupOf({}),
    code: 'ERR_PIPELINE_INVALID',
    says: 'There is no folder of tables to find customers.csv in. Start it with --tables and a folder',
  },
  {
    what: 'a lookup between models',
    path: '/v1/pipelines/new?deploy=true',
    method: 'PUT',
    body: {
      steps: [
        { type: 'model', model: 'add' },
        { ...lookupOf({}).steps[0], inputs: undefined, key: ['y'] },
        { type: 'model', model: 'add' },
      ],
    },
    code: 'ERR_PIPELINE_INVALID',
    says: 'Expected steps[1], a lookup, not to stand between models but steps[2] runs one',
  },
  {
    what: 'a step of tokens by a tokenizer that is not there',
    path: '/v1/pipelines/new',
    method: 'PUT',
    body: { steps: [{ type: 'tokenise', column: 'text', tokenizer: 'absent' }] },
    code: 'ERR_TOKENIZER_NOT_FOUND',
    says: 'There is no tokenizer absent. Add it with `penstock tokenizer add`',
  },
  {
    what: 'a step of tokens that cuts texts in the middle',
    path: '/v1/pipelines/new',
    method: 'PUT',
    body: { steps: [{ type: 'tokenise', column: 'text', tokenizer: 'absent', truncation: 'middle' }] },
    code: 'ERR_PIPELINE_INVALID',
    says: 'Expected steps[0].truncation to be one of right, left, none but received "middle"',
  },
  {
    what: 'a tokenizer that is none',
    path: '/v1/tokenizers/new/versions',
    method: 'PUT',
    body: { vocab: [] },
    code: 'ERR_ARGUMENT',
    says: 'Expected the tokenizer to have a model, as the file tokenizer.json of a model on the Hub has',
  },
]
