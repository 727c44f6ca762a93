/** The part of `penstock model import` that takes a model repository of Triton: its models, then its ensembles as pipelines. */
import { isPenstockError } from '../../base/errors.js'
import type { ControlCalls } from '../../client/control/calls.js'
import { pipelineSteps, type ImportedModel } from '../../formats/triton/ensemble.js'
import type { UploadedVersionAnswer } from '../../protocol/answers/generated/answers.js'
import { UsageError } from '../shared/failures.js'
import type { Terminal } from '../shared/terminal.js'
import type { TritonEnsemble, TritonModel, TritonRepository } from '../../sources/imports/triton.js'
import { describeAdded, uploadModel } from './upload.js'

export interface TritonOptions {
  readonly alias?: string | undefined
  readonly tags: readonly string[]
  /** Deploys the pipelines that were ensembles. */
  readonly isDeploying: boolean
}

/** What became of a repository, for people and for `--json`. */
export interface ImportedRepository {
  readonly models: readonly UploadedVersionAnswer[]
  readonly pipelines: readonly { readonly name: string; readonly version: number }[]
  readonly lines: readonly string[]
}

/** A model's versions as they were stored, by their numbers in the repository. */
type StoredModels = Map<string, Map<number, UploadedVersionAnswer>>

export async function importTriton(
  terminal: Terminal,
  server: ControlCalls,
  repository: TritonRepository,
  options: TritonOptions,
): Promise<ImportedRepository> {
  const stored: StoredModels = new Map()
  const lines: string[] = []
  for (const model of repository.models) {
    const versions = await uploadVersions(terminal, server, model, options)
    stored.set(model.name, versions)
    for (const [number, added] of versions)
      lines.push(describeAdded(added), `  source   version ${number} of ${model.name}`)
    for (const remark of model.remarks) lines.push(`  remark   ${remark}`)
  }
  const pipelines: { name: string; version: number }[] = []
  for (const ensemble of repository.ensembles) {
    const name = pipelineName(ensemble.config.name)
    const steps = stepsOf(ensemble, stored)
    const { version } = await server.applyPipeline(name, { steps }, options.isDeploying)
    pipelines.push({ name, version })
    const renamed =
      name === ensemble.config.name ? '' : `, which was ${ensemble.config.name}: no pipeline's name has an underscore`
    lines.push(`pipeline ${name}, version ${version}, ${options.isDeploying ? 'is deployed' : 'is stored'}${renamed}`)
    for (const remark of ensemble.config.remarks) lines.push(`  remark   ${remark}`)
  }
  return { models: [...stored.values()].flatMap((versions) => [...versions.values()]), pipelines, lines }
}

async function uploadVersions(
  terminal: Terminal,
  server: ControlCalls,
  { name, versions }: TritonModel,
  { alias, tags }: TritonOptions,
): Promise<Map<number, UploadedVersionAnswer>> {
  const stored = new Map<number, UploadedVersionAnswer>()
  for (const [index, { number, file }] of versions.entries()) {
    // Once, on the newest: pipelines that follow it need not be built for each.
    const query = { tags, alias: index === versions.length - 1 ? alias : undefined }
    const lineage = { source: file, createdFrom: `version ${number} of a Triton repository` }
    stored.set(number, await uploadModel(terminal, server, { name, file, query, lineage }))
  }
  return stored
}

function stepsOf({ config, chain }: TritonEnsemble, stored: StoredModels) {
  const models = chain.map(({ model, version }): ImportedModel => {
    const versions = stored.get(model) ?? new Map<number, UploadedVersionAnswer>()
    const found = version === null ? [...versions.values()].at(-1) : versions.get(version)
    // Every step's model is imported along: reading the repository has seen to it.
    if (found === undefined) throw new Error(`Expected version ${version} of ${model} to be uploaded`)
    return {
      reference: version === null ? model : `${model}@${found.version}`,
      inputs: (found.inputs ?? []).map((field) => field.name),
      outputs: (found.outputs ?? []).map((field) => field.name),
    }
  })
  try {
    return pipelineSteps(config, chain, models)
  } catch (error) {
    if (isPenstockError(error)) throw new UsageError(`The models are stored. ${error.message}.`, { cause: error })
    throw error
  }
}

function pipelineName(name: string): string {
  const own = name.replaceAll('_', '-')
  if (/^[A-Za-z0-9-]{1,128}$/.test(own)) return own
  throw new UsageError(`${JSON.stringify(name)} is no name for a pipeline: letters, digits and hyphens only.`)
}
