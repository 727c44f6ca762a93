/**
 * How results name the models that answered: strings that hold JSON, as callers of Wallaroo's engine parse them. One
 * place for every form of an answer.
 */
import type { PipelineDescription } from '../engine/api/api.js'

export type ModelsOfPipeline = Pick<PipelineDescription, 'models' | 'steps'>

/**
 * The text of `last_model`.
 * @param label of the route that the rows took; null: they were not routed.
 * @returns null when no single model is meant.
 */
export function lastModelOf(label: string | null, pipeline: ModelsOfPipeline): string | null {
  const model = modelOf(label ?? answeringModel(pipeline), pipeline)
  return model === null ? null : JSON.stringify({ model_name: model.name, model_sha: model.sha256 })
}

/** The text of `_model_split`: the model that a random split chose. */
export function splitTextOf(label: string, pipeline: ModelsOfPipeline): string {
  const model = modelOf(label, pipeline)
  return JSON.stringify({ name: model?.name ?? label, version: model?.version ?? null, sha: model?.sha256 ?? null })
}

/** The model of a pipeline that `label` (`name`, `name@version`, `name@alias`) means; null for none. */
export function modelOf(label: string | null, pipeline: ModelsOfPipeline): ModelsOfPipeline['models'][number] | null {
  if (label === null) return null
  const [name = '', selector = ''] = label.split('@')
  const same = pipeline.models.filter((model) => model.name === name)
  return same.find(({ version }) => String(version) === selector) ?? same[0] ?? null
}

/** The reference of the model whose output is the answer's first; null when a split decides that. */
export function answeringModel(pipeline: ModelsOfPipeline): string | null {
  let models: readonly (string | null)[] = []
  for (const step of pipeline.steps) {
    if (step.type === 'model') models = [step.model]
    else if (step.type === 'multi-model') models = step.models
    else if (step.type === 'select') models = [models[step.index] ?? null]
    else if (step.type === 'key-split' || step.type === 'random-split') models = [null]
  }
  return models[0] ?? null
}
