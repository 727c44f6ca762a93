/**
 * From a reference (`name`, `name@alias`, `name@3`, `models:/name/Production` …) to one immutable model version, against
 * the store as it is at this moment. Called when a plan is built, never per request: aliases are resolved once.
 */
import { PenstockError, type ErrorCode } from '../../base/errors.js'
import { didYouMean } from '../../base/suggest.js'
import { modelReferences, type PipelineDefinition } from '../../pipeline/definition.js'
import { choicesText, parseReference, selectVersion, stageNamed } from '../../pipeline/model-reference.js'
import type { ModelRecord, ModelStore, ModelVersion } from '../api/api.js'

/**
 * @param code of the error for a text that is no reference.
 * @throws PenstockError ERR_MODEL_NOT_FOUND naming what is missing, what there is and what is nearest.
 */
export function resolveReference(store: ModelStore, reference: string, code?: ErrorCode): ModelVersion {
  const { name, selector } = parseReference(reference, code)
  const record = store.get(name)
  if (record === undefined || record.versions.length === 0) {
    const names = store.list().map((model) => model.name)
    throw new PenstockError('ERR_MODEL_NOT_FOUND', `There is no model ${name}${didYouMean(name, names)}`)
  }
  const number = selectVersion(record, selector)
  if (number !== undefined) return versionOf(record, number)
  if (selector.kind === 'alias' && stageNamed(selector.alias) !== undefined)
    throw new PenstockError(
      'ERR_MODEL_NOT_FOUND',
      `No version of model ${name} is in the stage ${selector.alias}. Put one there with \`penstock model alias ${name} ${selector.alias} <version>\``,
    )
  const what = selector.kind === 'alias' ? `alias ${selector.alias}` : reference.replace(/^.*[@/]/, 'version ')
  throw new PenstockError('ERR_MODEL_NOT_FOUND', `Model ${name} has no ${what}${choicesText(record, selector)}`)
}

/** Whether a definition follows `alias` (canonical) of the model `name`. */
export function followsAlias(definition: PipelineDefinition, name: string, alias: string): boolean {
  return modelReferences(definition).some((reference) => aliasOfReference(reference, name) === alias)
}

/** The alias by which a reference names a version of the model `name`; undefined when it names it otherwise, or another. */
export function aliasOfReference(reference: string, name: string): string | undefined {
  const parsed = parseReference(reference)
  return parsed.name === name && parsed.selector.kind === 'alias' ? parsed.selector.alias : undefined
}

function versionOf(record: ModelRecord, version: number): ModelVersion {
  const found = record.versions.find((candidate) => candidate.version === version)
  if (found === undefined) throw new Error(`Expected version ${version} of ${record.name} to be in its record`)
  return found
}
