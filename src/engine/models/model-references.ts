/**
 * From a reference in a definition (`name`, `name@alias`, `name@3`) to one immutable model version, against the store
 * as it is at this moment. Called when a plan is built, never per request: aliases are resolved once.
 */
import { PenstockError } from '../../base/errors.js'
import { didYouMean } from '../../base/suggest.js'
import { modelReferences, parseReference, type PipelineDefinition } from '../../pipeline/definition.js'
import type { ModelRecord, ModelStore, ModelVersion } from '../api/api.js'

/** @throws PenstockError ERR_MODEL_NOT_FOUND naming what is missing and what there is. */
export function resolveReference(store: ModelStore, reference: string): ModelVersion {
  const { name, selector } = parseReference(reference)
  const record = store.get(name)
  if (record === undefined || record.versions.length === 0) {
    const names = store.list().map((model) => model.name)
    throw new PenstockError('ERR_MODEL_NOT_FOUND', `There is no model ${name}${didYouMean(name, names)}`)
  }
  if (selector.kind === 'newest') return record.versions.at(-1) as ModelVersion
  if (selector.kind === 'version') return versionOf(record, selector.version)
  const version = Object.hasOwn(record.aliases, selector.alias) ? record.aliases[selector.alias] : undefined
  if (version === undefined) {
    const aliases = Object.keys(record.aliases)
    throw new PenstockError(
      'ERR_MODEL_NOT_FOUND',
      `Model ${name} has no alias ${selector.alias}; it has ${aliases.length === 0 ? 'none' : aliases.join(', ')}`,
    )
  }
  return versionOf(record, version)
}

/** Whether a definition follows `alias` of the model `name`. */
export function followsAlias(definition: PipelineDefinition, name: string, alias: string): boolean {
  return modelReferences(definition).some((reference) => {
    const parsed = parseReference(reference)
    return parsed.name === name && parsed.selector.kind === 'alias' && parsed.selector.alias === alias
  })
}

function versionOf(record: ModelRecord, version: number): ModelVersion {
  const found = record.versions.find((candidate) => candidate.version === version)
  if (found !== undefined) return found
  const versions = record.versions.map((candidate) => candidate.version).join(', ')
  throw new PenstockError('ERR_MODEL_NOT_FOUND', `Model ${record.name} has no version ${version}; it has ${versions}`)
}
