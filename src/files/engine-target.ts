/** A pipeline of an engine in this process, for inferFromFile and for callers that have Arrow or JSON bytes. */
import { hostname } from 'node:os'
import { systemClock, type Clock } from '../base/clock.js'
import type { EngineApi } from '../engine/api/api.js'
import { PieceBody } from '../transport/piece-body.js'
import { answerInferBody } from '../transport/dialects/penstock/infer-body.js'
import { readResultQuery } from '../transport/dialects/penstock/result-query.js'
import type { BodyRequest, BodyTarget } from './target.js'

export interface EnginePipelineOptions {
  /** `metadata.partition` of the answers; absent: the machine's name. */
  readonly partition?: string
  readonly clock?: Clock
}

/**
 * Takes the bodies that the infer endpoint takes, without a socket.
 * @example await enginePipeline(engine, 'fraud').inferBody({ contentType: 'application/json', accept: '', body, query, timeoutMs: 15_000 })
 */
export function enginePipeline(
  engine: EngineApi,
  pipeline: string,
  { partition = hostname(), clock = systemClock }: EnginePipelineOptions = {},
): BodyTarget {
  return {
    // A promise also when the pipeline is not deployed.
    signature: () => Promise.resolve().then(() => engine.describePipeline(pipeline)),
    async inferBody({ contentType, accept, body, query, timeoutMs }: BodyRequest): Promise<Uint8Array> {
      const headers: Readonly<Record<string, string>> = {
        'content-type': contentType,
        accept,
        'penstock-deadline-ms': String(timeoutMs),
      }
      const reply = await answerInferBody({
        engine,
        pipeline,
        body: Buffer.from(body.buffer, body.byteOffset, body.byteLength),
        header: (name) => headers[name] ?? '',
        query: readResultQuery(query),
        signal: undefined,
        timeMs: clock.nowMs(),
        partition,
        recycleBody: () => undefined,
      })
      if (reply.body instanceof PieceBody) return reply.body.toBuffer()
      return typeof reply.body === 'string' ? Buffer.from(reply.body) : (reply.body ?? new Uint8Array(0))
    },
  }
}
