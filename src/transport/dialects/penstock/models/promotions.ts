/** Promotions over HTTP: an alias that moves if a version's answers to the rows of the body are good enough. */
import { expectInteger, expectNoOtherKeys, expectRecord, expectString } from '../../../../base/expect.js'
import { CHECKED_BYTES_PER_BODY_BYTE } from '../../../../base/limits/contract-limits.js'
import type { PromotionOptions } from '../../../../engine/api/api.js'
import { readExactValue } from '../../../../formats/json/exact-value.js'
import { JsonReader } from '../../../../formats/json/json-reader.js'
import { writeAnswer } from '../../../../protocol/answers/mapping.js'
import { WRITE } from '../../../access/scopes.js'
import { expectJsonBody } from '../../../http/media-types.js'
import { jsonReply } from '../../../http/replies.js'
import { parameter, type Call, type Route } from '../../../http/route.js'

const members = ['version', 'to', 'rows', 'require', 'better_than', 'by', 'pipeline', 'prediction']

export const promotionRoutes: readonly Route[] = [
  {
    method: 'POST',
    path: '/v1/models/{model}/promote',
    access: WRITE,
    bodyBytesMax: (context) => context.bodyBytesMax,
    document: {
      summary: "Points an alias at a version if the version's answers to the rows meet every requirement",
      request: { 'application/json': 'PromotionRequest' },
      responses: {
        200: {
          description: 'Whether the alias was moved, and what was found',
          content: { 'application/json': 'Promotion' },
        },
      },
    },
    handle: async (call) => {
      expectJsonBody(call.httpRequest.header('content-type'))
      const { version, options } = promotionOf(call)
      const promotion = await call.context.engine.promote(parameter(call, 0), version, options)
      return jsonReply(writeAnswer('Promotion', promotion))
    },
  },
]

function promotionOf({ body, httpRequest }: Call): { readonly version: number; readonly options: PromotionOptions } {
  const refusal = httpRequest.charge.tryAdd('bodies', body.length * CHECKED_BYTES_PER_BODY_BYTE)
  if (refusal !== null) throw refusal
  const reader = new JsonReader(body)
  const request = expectRecord('the body', readExactValue(reader))
  reader.expectEnd()
  expectNoOtherKeys('the body', request, members)
  const text = (member: string): string | undefined =>
    request[member] === undefined ? undefined : expectString(member, request[member])
  const { better_than: betterThan } = request
  return {
    version: expectInteger('version', request['version'], 1, 2 ** 31 - 1),
    options: {
      to: expectString('to', request['to']),
      // What they hold is the engine's to check: an embedding program may send anything, too.
      rows: request['rows'] as PromotionOptions['rows'],
      require: request['require'] as PromotionOptions['require'],
      betterThan: typeof betterThan === 'number' ? betterThan : text('better_than'),
      by: text('by'),
      pipeline: text('pipeline'),
      prediction: text('prediction'),
      signal: httpRequest.signal,
    },
  }
}
