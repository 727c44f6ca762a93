/** Which pipeline an invocation means: these addresses name none. */
import { PenstockError } from '../../../base/errors.js'
import type { PipelineDescription, ServedContract } from '../../../engine/api/api.js'
import type { HttpContext } from '../../http/route.js'

export interface Target {
  readonly pipeline: string
  readonly description: PipelineDescription
  /** The contract that its rows are held to; null: it names none, and takes tensors. */
  readonly contract: ServedContract | null
}

type Meant = Pick<HttpContext, 'engine' | 'predict'>

/** The default pipeline, else the only one that is deployed; null: there is none, or no single one. */
export function pipelineMeant({ engine, predict: { defaultPipeline } }: Meant): string | null {
  if (defaultPipeline !== null) return defaultPipeline
  const [only, ...others] = deployedNames({ engine })
  return only === undefined || others.length > 0 ? null : only
}

/** Whether that pipeline is deployed. */
export function isMeantServing(context: Meant): boolean {
  const pipeline = pipelineMeant(context)
  return pipeline !== null && deployedNames(context).includes(pipeline)
}

/** @throws PenstockError ERR_PIPELINE_NOT_FOUND: nothing is deployed; ERR_ARGUMENT: several are. */
export function expectPipelineMeant(context: Meant): string {
  const meant = pipelineMeant(context)
  if (meant !== null) return meant
  const names = deployedNames(context)
  if (names.length === 0)
    throw new PenstockError(
      'ERR_PIPELINE_NOT_FOUND',
      'No pipeline is deployed: apply one, or name it by --default-pipeline',
    )
  const shown = names.slice(0, 20).join(', ')
  throw new PenstockError(
    'ERR_ARGUMENT',
    `Expected one pipeline to be deployed, for /invocations names none, but ${names.length} are (${shown}${names.length > 20 ? ' …' : ''}). Start the server with --default-pipeline`,
  )
}

function deployedNames({ engine }: Pick<HttpContext, 'engine'>): string[] {
  return engine
    .listPipelines()
    .filter(({ deployedVersion }) => deployedVersion !== null)
    .map(({ name }) => name)
}

/** @throws PenstockError ERR_PIPELINE_NOT_FOUND, ERR_PIPELINE_NOT_DEPLOYED. */
export function targetOf({ engine }: Pick<HttpContext, 'engine'>, pipeline: string): Target {
  const description = engine.describePipeline(pipeline)
  const contract = engine.servedContracts().find((served) => served.pipeline === pipeline) ?? null
  return { pipeline, description, contract }
}
