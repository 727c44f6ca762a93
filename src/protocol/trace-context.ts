/**
 * The W3C trace context of a request: the keys `traceparent` and `tracestate` of its meta, which HTTP has as headers and
 * gRPC as metadata. An invalid traceparent is ignored, and its tracestate with it; a request is never refused for either.
 * Frames of foreign clients, which the addon reads, are held to the same rules by native/flatbuffers/trace_context.cpp.
 *
 *     00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
 *     version  trace-id                   parent-id      flags
 *
 * @source https://www.w3.org/TR/trace-context/, sections 3.2 (traceparent), 3.3 (tracestate) and 4.3 (versions to come).
 */
import { TRACE_STATE_CHARACTERS_MAX } from '../base/limits/limits.js'
import type { Meta, MetaValue } from './meta-value.js'

export const TRACE_PARENT_KEY = 'traceparent'
export const TRACE_STATE_KEY = 'tracestate'

const fourParts = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(?=$|-)/

/**
 * The four parts of a traceparent that this version of the standard knows; a later version may have more behind them.
 * @returns null: it is invalid.
 */
export function parseTraceparent(text: string): string | null {
  const found = fourParts.exec(text)
  if (found === null) return null
  const [parts, version, traceId = '', parentId = ''] = found
  if (version === 'ff' || (version === '00' && parts.length !== text.length)) return null
  return isZero(traceId) || isZero(parentId) ? null : parts
}

/** The traceparent of a request's meta; undefined: it has no valid one, or one per row. */
export function traceparentOf(meta: Meta | undefined): string | undefined {
  const value = meta?.[TRACE_PARENT_KEY]
  return typeof value === 'string' ? (parseTraceparent(value) ?? undefined) : undefined
}

/** The meta without what the standard says to ignore. @returns `meta` itself when it has no trace context. */
export function withValidTrace(meta: Meta): Meta {
  if (meta[TRACE_PARENT_KEY] === undefined && meta[TRACE_STATE_KEY] === undefined) return meta
  const { [TRACE_PARENT_KEY]: parent, [TRACE_STATE_KEY]: state, ...others } = meta
  const valid = parent === undefined ? null : validParent(parent)
  if (valid === null) return others
  return { ...others, [TRACE_PARENT_KEY]: valid, ...(isShortText(state) ? { [TRACE_STATE_KEY]: state } : {}) }
}

/** One for the request, or one per row. */
function validParent(value: MetaValue): MetaValue | null {
  if (typeof value === 'string') return parseTraceparent(value)
  if (!Array.isArray(value)) return null
  const parents = (value as readonly unknown[]).map((text) =>
    typeof text === 'string' ? parseTraceparent(text) : null,
  )
  return parents.every((parent) => parent !== null) ? parents : null
}

function isShortText(value: MetaValue | undefined): value is string {
  return typeof value === 'string' && value !== '' && value.length <= TRACE_STATE_CHARACTERS_MAX
}

function isZero(hex: string): boolean {
  return /^0+$/.test(hex)
}
