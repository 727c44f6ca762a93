/** Places that are watched for models, over HTTP: how watching goes, and one model reconciled now. */
import { PenstockError } from '../../../../base/errors.js'
import type { ModelSourcesApi } from '../../../../engine/api/api.js'
import { writeAnswer } from '../../../../protocol/answers/mapping.js'
import { READ, WRITE } from '../../../access/scopes.js'
import { jsonReply } from '../../../http/replies.js'
import { parameter, type HttpContext, type Route } from '../../../http/route.js'

/** What the handlers need beside what all share. */
export interface SourcesContext extends HttpContext {
  /** null: no place is watched. */
  readonly sources: ModelSourcesApi | null
}

export const sourceRoutes: readonly Route<SourcesContext>[] = [
  {
    method: 'GET',
    path: '/v1/sources',
    access: READ,
    document: {
      summary: 'The places that are watched for models',
      responses: { 200: { description: 'The places', content: { 'application/json': 'ModelSources' } } },
    },
    handle: ({ context }) => jsonReply(writeAnswer('ModelSources', { sources: context.sources?.list() ?? [] })),
  },
  {
    method: 'POST',
    path: '/v1/models/{model}/reconcile',
    access: WRITE,
    document: {
      summary: 'Gives the registry what the watched places have of a model now',
      responses: {
        200: { description: 'What was done, by place', content: { 'application/json': 'Reconciliations' } },
      },
    },
    handle: async (call) => {
      const { sources } = call.context
      if (sources === null)
        throw new PenstockError(
          'ERR_UNSUPPORTED',
          'This server watches no place for models. Start it with `penstock serve --watch-models <folder>`, or add the model with `penstock model add`',
        )
      const reconciliations = await sources.reconcile(parameter(call, 0))
      return jsonReply(writeAnswer('Reconciliations', { reconciliations }))
    },
  },
]
