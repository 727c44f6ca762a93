/**
 * What a table of an answer is while the program runs: the rows of src/protocol/answers/*.json, parsed and checked by
 * tools/codegen, which says what each key of a row means. The mapping beside this file and the JSON Schemas of the
 * transport read them.
 */
import type { AnswersByName } from './generated/answers.js'

export type AnswerName = keyof AnswersByName

export interface AnswerTable {
  readonly does: string
  /** The member of the record that keeps what no row names: the definition of a pipeline has words of later releases. */
  readonly rest?: string
  readonly fields: readonly AnswerField[]
}

export interface AnswerField {
  /** As it is sent. */
  readonly name: string
  /** Names of members, from the record inwards; empty: the record itself, in which an inner object lies; null: in none. */
  readonly record: readonly string[] | null
  readonly type: FieldType
  /** Left out where the record has no such member. */
  readonly isOptional?: true
  /** Not sent: a record repeats what the answer around its own says under this name. */
  readonly isInherited?: true
  /** What stands for it in an answer of an earlier release, as JSON. */
  readonly absent?: unknown
  readonly does: string
}

export type FieldType =
  | { readonly kind: 'word'; readonly name: Word }
  | { readonly kind: 'constant'; readonly value: string }
  /** One of few words; generated/tables.ts lists them. */
  | { readonly kind: 'enum'; readonly name: string }
  /** In its writer's own words, which pass as they are. */
  | { readonly kind: 'document'; readonly name: string }
  | { readonly kind: 'object'; readonly name: AnswerName }
  /** Objects whose members have the same names in records. */
  | { readonly kind: 'union'; readonly names: readonly AnswerName[] }
  | { readonly kind: 'nullable' | 'list'; readonly of: FieldType }
  /** Its keys are users' own. */
  | { readonly kind: 'map'; readonly of: FieldType }

export type Word =
  | 'text'
  | 'name'
  | 'model name'
  | 'time'
  | 'count'
  | 'number'
  | 'flag'
  | 'true'
  | 'dtype'
  | 'dims'
  | 'scalar'
  | 'label'
  | 'error code'
  | 'object'
