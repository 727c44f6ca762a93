/**
 * Records that stand in the tables of answers and in another file as well: the ones are the others. `npm run typecheck` is
 * what fails here; at run time nothing can.
 */
import { describe, expectTypeOf, it } from 'vitest'
import type { Lineage } from '../../src/base/lineage.js'
import type { ExecutionProvider } from '../../src/base/providers.js'
import type { RecordsByName, TabledTypes } from '../../src/engine/api/generated/records-by-name.js'
import type {
  ModelRecord,
  ModelSignature,
  OcclusionResult,
  PermutationResult,
  PipelineDescription,
  PipelineModel,
  PipelineStatus,
  RunPlan,
  RunThreads,
} from '../../src/engine/api/api.js'
import type { RemoteStatus } from '../../src/remote/remotes.js'
import type { TensorDefault, TensorField } from '../../src/tensor/tensor.js'

describe('types: answers', () => {
  it('types: tables name every member of types that other files define', () => {
    expectTypeOf<TabledTypes>().toEqualTypeOf<{
      readonly TensorDefault: TensorDefault
      readonly TensorField: TensorField
      readonly OcclusionResult: OcclusionResult
      readonly PermutationResult: PermutationResult
      readonly ExecutionProvider: ExecutionProvider
      readonly Lineage: Lineage
      readonly RemoteStatus: RemoteStatus
    }>()
  })

  it('types: the engine’s records are printed as they are', () => {
    expectTypeOf<ModelRecord>().toExtend<RecordsByName['Model']>()
    expectTypeOf<PipelineModel>().toExtend<RecordsByName['PipelineModel']>()
    expectTypeOf<PipelineDescription>().toExtend<RecordsByName['Description']>()
    expectTypeOf<PipelineStatus>().toExtend<RecordsByName['Status']>()
  })

  it('types: parts of records are what they were called', () => {
    expectTypeOf<RecordsByName['ModelVersion']['signature']>().toEqualTypeOf<ModelSignature>()
    expectTypeOf<RecordsByName['ModelStatus']['runPlan']>().toEqualTypeOf<RunPlan>()
    expectTypeOf<RunPlan>().toExtend<RunThreads>()
    // What a model's output says beside its field must not make it another field.
    expectTypeOf<ModelSignature['outputs'][number]>().toExtend<TensorField>()
  })
})
