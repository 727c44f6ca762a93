/** Promotions over HTTP: an alias that moves if a version's answers to the rows of the body are good enough. */
import { argumentError, expectInteger, expectNoOtherKeys, expectRecord, expectString } from '../../../../base/expect.js'
import { CHECKED_BYTES_PER_BODY_BYTE } from '../../../../base/limits/contract-limits.js'
import type { PromotionOptions } from '../../../../engine/api/api.js'
import { readExactValue } from '../../../../formats/json/exact-value.js'
import { JsonReader } from '../../../../formats/json/json-reader.js'
import { expectAlias } from '../../../../pipeline/model-reference.js'
import { writeAnswer } from '../../../../protocol/answers/mapping.js'
import { READ, WRITE } from '../../../access/scopes.js'
import { expectJsonBody } from '../../../http/media-types.js'
import { jsonReply, noContent } from '../../../http/replies.js'
import { parameter, type Call, type Route } from '../../../http/route.js'

const members = [
  'version',
  'from',
  'to',
  'rows',
  'require',
  'better_than',
  'by',
  'pipeline',
  'prediction',
  'shadow_rows',
  'shadow_limit_ms',
]

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
  {
    method: 'GET',
    path: '/v1/models/{model}/promotions',
    access: READ,
    document: {
      summary: 'The promotions that compare live rows now, and how far they are',
      responses: {
        200: { description: 'By alias', content: { 'application/json': 'Promotions' } },
      },
    },
    handle: (call) =>
      jsonReply(writeAnswer('Promotions', { promotions: call.context.engine.promotions(parameter(call, 0)) })),
  },
  {
    method: 'DELETE',
    path: '/v1/models/{model}/promotions/{alias}',
    access: WRITE,
    document: {
      summary:
        'Cancels the promotions to an alias that compare live rows: their callers get ERR_ABORTED, the alias stays',
      responses: { 204: { description: 'Cancelled' } },
    },
    handle: (call) => {
      call.context.engine.cancelPromotion(parameter(call, 0), parameter(call, 1))
      return noContent
    },
  },
]

/** The version that is meant: a number, or where another alias points. */
function versionOf(call: Call, { version, from }: Readonly<Record<string, unknown>>): number {
  if (from === undefined) return expectInteger('version', version, 1, 2 ** 31 - 1)
  if (version !== undefined) throw argumentError('from', 'absent where there is a version', from)
  return call.context.engine.resolveModel(`${parameter(call, 0)}@${expectAlias('from', from)}`).version
}

function promotionOf(call: Call): { readonly version: number; readonly options: PromotionOptions } {
  const { body, httpRequest } = call
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
    version: versionOf(call, request),
    options: {
      to: expectString('to', request['to']),
      // What they hold is the engine's to check: an embedding program may send anything, too.
      rows: request['rows'] as PromotionOptions['rows'],
      require: request['require'] as PromotionOptions['require'],
      betterThan: typeof betterThan === 'number' ? betterThan : text('better_than'),
      by: text('by'),
      pipeline: text('pipeline'),
      prediction: text('prediction'),
      shadowRows: request['shadow_rows'] as PromotionOptions['shadowRows'],
      shadowLimitMs: request['shadow_limit_ms'] as PromotionOptions['shadowLimitMs'],
      signal: httpRequest.signal,
    },
  }
}
