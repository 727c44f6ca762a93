/**
 * A scenario: what is sent (a weighted mix of request kinds), how (phases), and what must hold (an objective). One type
 * for both ways to say it: a JSON file, read by scenario-file.ts, and the options of `penstock bench`, which make a
 * scenario of one kind. Everything after this point knows scenarios only.
 */
import type { Meta } from '../../engine/api/api.js'
import type { LoadPhase, Transport } from '../native/load-plan.js'

export interface Scenario {
  readonly name: string
  /** null: the command line says it. */
  readonly transport: Transport | null
  readonly connections: number
  /** WebSocket: requests that one frame carries at most, where the server offers it; absent: each has its own. */
  readonly requestsPerFrame?: number
  readonly seed: number
  /** Seconds between two lines of the live view and two points of the charts; null: by the length of the run. */
  readonly intervalSeconds: number | null
  /** At least one. */
  readonly requests: readonly ScenarioRequest[]
  /** At least one that is no warm-up. */
  readonly phases: readonly LoadPhase[]
  readonly objective: Objective | null
}

export interface ScenarioRequest {
  /** Unique in the scenario. */
  readonly name: string
  readonly weight: number
  /** The pipeline's name; for another server the model of its `/v2/models/{model}`. */
  readonly pipeline: string
  readonly rows: number
  readonly source: InputSource
  readonly meta: Meta | null
  readonly expect: ScenarioExpectation
}

export type InputSource =
  /** Drawn anew for every body. Inputs without a range take one by dtype. */
  | {
      readonly kind: 'ranges'
      readonly fields: Readonly<Record<string, FieldRange>>
      /** Sizes that the free dims beyond the row axis take: one draw for all of them, min..max. */
      readonly freeDims: readonly [min: number, max: number]
    }
  /** Rows of a file, in turn. `path` is absolute. */
  | { readonly kind: 'file'; readonly path: string }
  /** These inputs, by name, as JSON has them. */
  | { readonly kind: 'inputs'; readonly inputs: Readonly<Record<string, unknown>> }
  /** This HTTP body, byte for byte. */
  | { readonly kind: 'body'; readonly body: string; readonly contentType: string }

export type FieldRange =
  /** min <= value < max for every element. */
  | { readonly kind: 'range'; readonly min: number; readonly max: number }
  /** One [min, max) for each element of a row. */
  | { readonly kind: 'elements'; readonly ranges: readonly (readonly [min: number, max: number])[] }
  /** One of these for every element. */
  | { readonly kind: 'values'; readonly values: readonly (number | string | boolean)[] }

export type ScenarioExpectation =
  | { readonly kind: 'answer'; readonly answers: AnswerCheck; readonly tolerance: Tolerance }
  /** An error with this HTTP status. */
  | { readonly kind: 'refusal'; readonly status: number }

export type AnswerCheck =
  /** Those that stand in the file of inputs where it has them, else what the target answers to the request by itself. */
  | { readonly kind: 'best' }
  /** These outputs, for literal inputs. */
  | { readonly kind: 'outputs'; readonly outputs: Readonly<Record<string, unknown>> }
  /** Only that there is an answer. For models that answer differently each time. */
  | { readonly kind: 'none' }

/** An answer is right when |received - expected| <= absolute + relative * |expected|. */
export interface Tolerance {
  readonly absolute: number
  readonly relative: number
}

export interface Objective {
  readonly p99Ms: number
  /** Failures and wrong answers over all requests, at most. */
  readonly failureShareMax: number
}

/** A batch may sum in another order than a single row: a few units in the last place of a float. */
export const defaultTolerance: Tolerance = { absolute: 1e-6, relative: 1e-5 }
/** One in a thousand. */
export const defaultFailureShareMax = 0.001
