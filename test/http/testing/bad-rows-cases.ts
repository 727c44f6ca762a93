/** The tables of bad-input.test.ts for rows by names, contracts and what is said of model versions. */
import { tableFromArrays, tableToIPC } from 'apache-arrow'
import type { Contract } from '../../../src/contract/contract.js'
import type { HttpCase } from './bad-http-cases.js'

/** The contract of the pipeline `plus`, which the cases are sent to. */
export const plusContract: Contract = {
  name: 'plus',
  fields: [
    { name: 'first', dtype: 'float32', max: 100 },
    { name: 'second', dtype: 'float32' },
    { name: 'third', dtype: 'float32' },
    { name: 'y', dtype: 'float32', role: 'prediction', shape: [3] },
  ],
}

const csv = { 'content-type': 'text/csv' }
const arrow = { 'content-type': 'application/vnd.apache.arrow.stream' }
const parquet = { 'content-type': 'application/vnd.apache.parquet' }
const table = (columns: Record<string, Float32Array | readonly string[]>): Uint8Array =>
  tableToIPC(tableFromArrays(columns))
const row = { first: 1, second: 2, third: 3 }
const plus = '/predict/plus'

export const rowsCases: readonly HttpCase[] = [
  {
    what: 'rows for a pipeline that is not',
    path: '/predict/plsu',
    body: row,
    code: 'ERR_PIPELINE_NOT_FOUND',
    says: 'Did you mean plus?',
  },
  {
    what: 'rows for a pipeline without a contract',
    path: '/predict/add',
    body: row,
    code: 'ERR_CONTRACT_NOT_FOUND',
    says: 'or send tensors to infer',
  },
  { what: 'rows cut off', path: plus, body: '[{"first":1', code: 'ERR_BODY', says: 'received its end' },
  { what: 'no rows', path: '/predict', body: '', code: 'ERR_BODY', says: 'Expected a JSON body but received none' },
  { what: 'a number for rows', path: plus, body: 7, code: 'ERR_BODY', says: 'or a list of such objects' },
  {
    what: 'a row without a field',
    path: plus,
    body: { first: 1, second: 2 },
    code: 'ERR_CONTRACT',
    says: 'Expected third of row 0 to be there',
  },
  {
    what: 'a row with a misspelt field',
    path: plus,
    body: [row, { ...row, secnd: 4 }],
    code: 'ERR_CONTRACT',
    says: 'Expected secnd of row 1 to be a field but received 4. Did you mean second?',
  },
  { what: 'text in a row', path: plus, body: { ...row, third: 'x' }, code: 'ERR_CONTRACT', says: 'received "x"' },
  { what: 'a value beyond', path: plus, body: { ...row, first: 101 }, code: 'ERR_CONTRACT', says: 'at most 100' },
  {
    what: 'rows as text',
    path: plus,
    body: 'a',
    headers: { 'content-type': 'text/plain' },
    code: 'ERR_CONTENT_TYPE',
    says: 'tensors go to /v1/pipelines/{pipeline}/infer',
  },
  {
    what: 'CSV with a short row',
    path: plus,
    body: 'first,second,third\n1,2\n',
    headers: csv,
    code: 'ERR_BODY',
    says: 'row 2 has 2',
  },
  {
    what: 'CSV with a text in it',
    path: plus,
    body: 'first,second,third\n1,2,x\n',
    headers: csv,
    code: 'ERR_CONTRACT',
    says: 'Expected third of row 0 to be a number (float32) but received "x"',
  },
  {
    what: 'CSV with a column twice',
    path: plus,
    body: 'first,second,second\n1,2,3\n',
    headers: csv,
    code: 'ERR_BODY',
    says: '"second" twice',
  },
  {
    what: 'no Arrow',
    path: plus,
    body: Buffer.from('no arrow at all'),
    headers: arrow,
    code: 'ERR_BODY',
    says: 'cut off',
  },
  {
    what: 'an Arrow table without a column',
    path: plus,
    body: table({ first: Float32Array.of(1), second: Float32Array.of(2) }),
    headers: arrow,
    code: 'ERR_CONTRACT',
    says: 'Expected third of row 0 to be there',
  },
  {
    what: 'an Arrow table of texts',
    path: plus,
    body: table({ first: ['x'], second: ['y'], third: ['z'] }),
    headers: arrow,
    code: 'ERR_CONTRACT',
    says: '3 values break rules of plus@1',
  },
  {
    what: 'no Parquet',
    path: plus,
    body: Buffer.from('PAR1 no'),
    headers: parquet,
    code: 'ERR_BODY',
    says: '7 bytes that are none',
  },
]

const contract = '/v1/contracts/plus'
const alias = '/v1/models/add/aliases'
const lineage = '/v1/models/add/versions/1/lineage'

export const registryCases: readonly HttpCase[] = [
  { what: 'a contract cut off', method: 'PUT', path: contract, body: '{', code: 'ERR_BODY', says: 'its end' },
  {
    what: 'a contract without fields',
    method: 'PUT',
    path: contract,
    body: { fields: [] },
    code: 'ERR_CONTRACT_INVALID',
    says: '1..4096',
  },
  {
    what: 'a misspelt member of a contract',
    method: 'PUT',
    path: contract,
    body: { feilds: [] },
    code: 'ERR_CONTRACT_INVALID',
    says: 'Did you mean fields?',
  },
  {
    what: 'a dtype that is none',
    method: 'PUT',
    path: contract,
    body: { fields: [{ name: 'a', dtype: 'float33' }] },
    code: 'ERR_CONTRACT_INVALID',
    says: 'Expected fields[0].dtype to be one of float32',
  },
  {
    what: 'a contract with a space in its name',
    method: 'PUT',
    path: '/v1/contracts/a b',
    body: plusContract,
    code: 'ERR_ARGUMENT',
    says: 'Use a-b',
  },
  {
    what: 'a contract that is not',
    method: 'GET',
    path: '/v1/contracts/plsu',
    code: 'ERR_CONTRACT_NOT_FOUND',
    says: 'Did you mean plus?',
  },
  {
    what: 'a version of a contract that is not',
    method: 'GET',
    path: `${contract}/versions/9`,
    code: 'ERR_CONTRACT_NOT_FOUND',
    says: 'it has 1',
  },
  {
    what: 'the removal of a contract in use',
    method: 'DELETE',
    path: contract,
    code: 'ERR_CONFLICT',
    says: 'the deployed pipeline plus. Undeploy',
  },
  {
    what: 'the removal of its version',
    method: 'DELETE',
    path: `${contract}/versions/1`,
    code: 'ERR_CONFLICT',
    says: 'Contract plus@1 is used by',
  },
  {
    what: 'an alias latest',
    method: 'PUT',
    path: `${alias}/latest`,
    body: { version: 1 },
    code: 'ERR_ARGUMENT',
    says: 'newest version',
  },
  {
    what: 'a stage of a version that is not',
    method: 'PUT',
    path: `${alias}/Archived`,
    body: { version: 9 },
    code: 'ERR_MODEL_NOT_FOUND',
    says: 'it has 1',
  },
  {
    what: 'archiving with an alias that is no stage',
    method: 'PUT',
    path: `${alias}/champion`,
    body: { version: 1, archive_existing: true },
    code: 'ERR_ARGUMENT',
    says: 'one of the stages Staging, Production',
  },
  {
    what: 'archiving that is neither true nor false',
    method: 'PUT',
    path: `${alias}/Production`,
    body: { version: 1, archive_existing: 'yes' },
    code: 'ERR_ARGUMENT',
    says: 'Expected archive_existing to be true or false',
  },
  {
    what: 'the removal of an alias that is not',
    method: 'DELETE',
    path: `${alias}/nobody`,
    code: 'ERR_MODEL_NOT_FOUND',
    says: 'nobody',
  },
  {
    what: 'a lineage with another member',
    method: 'PUT',
    path: lineage,
    body: { run: 'x' },
    code: 'ERR_ARGUMENT',
    says: 'one of source, run_id',
  },
  {
    what: 'a lineage with a metric of text',
    method: 'PUT',
    path: lineage,
    body: { metrics: { rmse: 'x' } },
    code: 'ERR_ARGUMENT',
    says: 'metrics.rmse to be a number',
  },
  {
    what: 'a reference to an alias that is not',
    method: 'GET',
    path: '/v1/model-versions?reference=add@nobody',
    code: 'ERR_MODEL_NOT_FOUND',
    says: 'no alias nobody',
  },
  {
    what: 'no reference',
    method: 'GET',
    path: '/v1/model-versions',
    code: 'ERR_ARGUMENT',
    says: '?reference=wine@champion',
  },
  {
    what: 'a reconciliation where no place is watched',
    method: 'POST',
    path: '/v1/models/add/reconcile',
    code: 'ERR_UNSUPPORTED',
    says: '--watch-models',
  },
  {
    what: 'the removal of a model that is not',
    method: 'DELETE',
    path: '/v1/models/ad',
    code: 'ERR_MODEL_NOT_FOUND',
    says: 'Did you mean add?',
  },
  {
    what: 'a model that is a pickle',
    method: 'PUT',
    path: '/v1/models/pickled/versions',
    body: Uint8Array.of(0x80, 4, 0x95),
    code: 'ERR_MODEL_INVALID',
    says: 'a Python pickle. Convert it with skl2onnx',
  },
  {
    what: 'a deploy of a version that is not',
    path: '/v1/pipelines/add/deploy',
    body: { version: 9 },
    code: 'ERR_PIPELINE_NOT_FOUND',
    says: 'has no version 9; it has 1',
  },
  {
    what: 'an undeploy of a pipeline that is not',
    path: '/v1/pipelines/plsu/undeploy',
    code: 'ERR_PIPELINE_NOT_FOUND',
    says: 'Did you mean plus?',
  },
  {
    what: 'the removal of a version that serves',
    method: 'DELETE',
    path: '/v1/models/add/versions/1',
    code: 'ERR_CONFLICT',
    says: 'add',
  },
]
