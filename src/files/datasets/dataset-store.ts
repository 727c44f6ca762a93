/**
 * The datasets of a home as an engine keeps them: the registry stores files, and the readers of tables say what is in them.
 * The engine knows no file format of tables, so that whoever opens it hands this in.
 */
import { DATASET_PREFIX, expectDatasetReference } from '../../base/dataset-reference.js'
import { PenstockError, toPenstockError } from '../../base/errors.js'
import { didYouMean } from '../../base/suggest.js'
import type { TableStore } from '../../lookup/table-store.js'
import { packFile } from '../tables/table-folder.js'
import type { DatasetStore, DatasetVersion, NewDataset } from '../../engine/api/api.js'
import type { DatasetDescription } from '../../registry/datasets.js'
import type { Home } from '../../registry/home.js'
import type { FileFormat } from '../formats.js'

/** @example Engine.open({ models: home.models, datasets: datasetsOf(home) }) */
export function datasetsOf({ datasets }: Pick<Home, 'datasets'>): DatasetStore {
  return {
    list: () => datasets.list(),
    get: (name) => datasets.get(name),
    put: (name, bytes, { format, split }: NewDataset) =>
      datasets.put(name, bytes, { format, ...(split === undefined ? {} : { split }) }, (path) =>
        describe(path, format),
      ),
    remove: (name) => datasets.remove(name),
    removeVersion: (name, version) => datasets.removeVersion(name, version),
    pathOf: (version) => datasets.pathOf(version),
    rows: async (version, limit) =>
      (await import('./table-rows.js')).firstRows(datasets.pathOf(version), version, limit),
  }
}

/**
 * Tables of lookup steps: `dataset:wine@1` from the home, `dataset:wine` its newest version, followed as files are; all other
 * names from `others`.
 * @example Engine.open({ datasets: datasetsOf(home), tables: withDatasets(home, tablesIn('./tables')) })
 */
export function withDatasets({ datasets }: Pick<Home, 'datasets'>, others: TableStore): TableStore {
  const find = (name: string): { version: DatasetVersion; path: string } => {
    const reference = expectDatasetReference('the table', name.slice(DATASET_PREFIX.length))
    const { versions = [] } = datasets.get(reference.name) ?? {}
    const version =
      reference.version === null ? versions.at(-1) : versions.find((one) => one.version === reference.version)
    if (version !== undefined) return { version, path: datasets.pathOf(version) }
    const known = datasets.list().map((record) => `${DATASET_PREFIX}${record.name}`)
    throw new PenstockError('ERR_PIPELINE_INVALID', `There is no table ${name}${didYouMean(name, known)}`)
  }
  return {
    find: async (name) => {
      if (!name.startsWith(DATASET_PREFIX)) return others.find(name)
      find(name)
      return {
        name,
        revision: async () => Promise.resolve(find(name).version.sha256),
        load: async (spec, bytesMax) => {
          const { version, path } = find(name)
          return packFile(path, name, version.format as FileFormat, spec, bytesMax)
        },
      }
    },
  }
}

async function describe(path: string, format: FileFormat): Promise<DatasetDescription> {
  try {
    return await (await import('./table-rows.js')).describeTable(path, format)
  } catch (error) {
    throw withoutPath(toPenstockError(error), path)
  }
}

/** Readers name the file; callers sent a table, and learn nothing of the disk. */
function withoutPath(error: PenstockError, path: string): PenstockError {
  const { code, message, cause } = error
  return message.includes(path) ? new PenstockError(code, message.replaceAll(path, 'the table'), { cause }) : error
}
