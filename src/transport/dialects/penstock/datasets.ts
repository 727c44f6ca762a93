/** Datasets over HTTP: tables as files, their versions, and what is in them. */
import { DATASET_FORMATS } from '../../../base/dataset-reference.js'
import { expectOneOf } from '../../../base/expect.js'
import { DATASET_BYTES_MAX, DATASET_ROWS_SHOWN_DEFAULT } from '../../../base/limits/limits.js'
import { PenstockError } from '../../../base/errors.js'
import { writeAnswer } from '../../../protocol/answers/mapping.js'
import { READ, WRITE } from '../../access/scopes.js'
import { jsonReply, noContent } from '../../http/replies.js'
import { parameter, versionParameter, type Call, type Route } from '../../http/route.js'

const answers = (description: string, schema: string | null): Route['document']['responses'] => ({
  200: { description, content: { [schema === null ? 'application/octet-stream' : 'application/json']: schema } },
})
const force = { name: 'force', description: '`true`: though the lineage of a model names it' }
const isForced = ({ query }: Call): boolean =>
  expectOneOf('force', query.get('force') ?? 'false', ['true', 'false']) === 'true'

export const datasetRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/v1/datasets',
    access: READ,
    document: { summary: 'All datasets', responses: answers('The datasets', 'DatasetRecords') },
    handle: ({ context }) => jsonReply(writeAnswer('DatasetRecords', { datasets: context.engine.datasets.list() })),
  },
  {
    method: 'GET',
    path: '/v1/datasets/{dataset}',
    access: READ,
    document: { summary: 'One dataset with its versions', responses: answers('The dataset', 'DatasetRecord') },
    handle: (call) => jsonReply(writeAnswer('DatasetRecord', call.context.engine.datasets.get(parameter(call, 0)))),
  },
  {
    method: 'DELETE',
    path: '/v1/datasets/{dataset}',
    access: WRITE,
    document: {
      summary: 'Removes a dataset that no model names in its lineage',
      query: [force],
      responses: { 204: { description: 'Removed' } },
    },
    handle: async (call) => {
      await call.context.engine.datasets.remove(parameter(call, 0), isForced(call))
      return noContent
    },
  },
  {
    method: 'PUT',
    path: '/v1/datasets/{dataset}/versions',
    access: WRITE,
    bodyBytesMax: DATASET_BYTES_MAX,
    isUpload: true,
    document: {
      summary: 'Stores a file as the next version, byte for byte; the newest again returns that version',
      query: [
        { name: 'format', description: `What the file is: ${DATASET_FORMATS.join(', ')}` },
        { name: 'split', description: 'What part of the data it is: train, test …' },
      ],
      request: { 'application/octet-stream': null },
      responses: { 201: { description: 'The version', content: { 'application/json': 'NamedDatasetVersion' } } },
    },
    handle: async (call) => {
      if (call.body.length === 0)
        throw new PenstockError(
          'ERR_BODY',
          'Expected the bytes of a table but received an empty body. With curl: --data-binary @wines.csv',
        )
      const name = parameter(call, 0)
      const format = expectOneOf('format', call.query.get('format') ?? undefined, DATASET_FORMATS)
      const split = call.query.get('split') ?? undefined
      const version = await call.context.engine.datasets.create(name, call.body, { format, split })
      return jsonReply(writeAnswer('NamedDatasetVersion', version, { name }), 201)
    },
  },
  {
    method: 'GET',
    path: '/v1/datasets/{dataset}/versions/{version}',
    access: READ,
    document: { summary: 'One version of a dataset', responses: answers('The version', 'NamedDatasetVersion') },
    handle: (call) => {
      const [name, version] = [parameter(call, 0), versionParameter(call, 1)]
      return jsonReply(
        writeAnswer('NamedDatasetVersion', call.context.engine.datasets.getVersion(name, version), { name }),
      )
    },
  },
  {
    method: 'DELETE',
    path: '/v1/datasets/{dataset}/versions/{version}',
    access: WRITE,
    document: {
      summary: 'Removes a version that no model names in its lineage; the last one takes the dataset with it',
      query: [force],
      responses: { 204: { description: 'Removed' } },
    },
    handle: async (call) => {
      await call.context.engine.datasets.removeVersion(parameter(call, 0), versionParameter(call, 1), isForced(call))
      return noContent
    },
  },
  {
    method: 'GET',
    path: '/v1/datasets/{dataset}/versions/{version}/content',
    access: READ,
    document: { summary: 'The file, byte for byte', responses: answers('The file', null) },
    handle: async (call) => {
      const bytes = await call.context.engine.datasets.read(parameter(call, 0), versionParameter(call, 1))
      return {
        status: 200,
        contentType: 'application/octet-stream',
        body: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      }
    },
  },
  {
    method: 'GET',
    path: '/v1/datasets/{dataset}/versions/{version}/rows',
    access: READ,
    document: {
      summary: 'The first rows',
      query: [{ name: 'limit', description: 'How many, 1 to 100; 5 unless given' }],
      responses: answers('The rows', 'DatasetRows'),
    },
    handle: async (call) => {
      const limit = Number(call.query.get('limit') ?? DATASET_ROWS_SHOWN_DEFAULT)
      const rows = await call.context.engine.datasets.rows(parameter(call, 0), versionParameter(call, 1), limit)
      // 64-bit integers as the JSON of every answer has them: exact.
      const shown = rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, plain(cell)])),
      )
      return jsonReply({ rows: shown })
    },
  },
]

function plain(cell: unknown): unknown {
  if (Array.isArray(cell)) return cell.map(plain)
  if (typeof cell !== 'bigint') return cell
  return Number.isSafeInteger(Number(cell)) ? Number(cell) : String(cell)
}
