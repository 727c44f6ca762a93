/**
 * Types that stand twice because the client may not import the engine: what one takes the other takes. `npm run typecheck`
 * is what fails here; at run time nothing can.
 */
import { describe, expectTypeOf, it } from 'vitest'
import type { CheckFailure, InferRequest, Meta, MetaValue, Priority } from '../../src/engine/api/api.js'
import type * as wire from '../../src/protocol/codec.js'
import type { AnswerProblem, ClientInferOptions, ClientResult, PenstockClient } from '../../src/client/index.js'
import type { RowProblem } from '../../src/contract/check-row.js'
import type { Tensor } from '../../src/tensor/tensor.js'

describe('types: client and engine', () => {
  it('types: meta, priority and failed checks are the same on both sides of the wire', () => {
    expectTypeOf<wire.Meta>().toEqualTypeOf<Meta>()
    expectTypeOf<wire.MetaValue>().toEqualTypeOf<MetaValue>()
    expectTypeOf<wire.Priority>().toEqualTypeOf<Priority>()
    expectTypeOf<wire.CheckFailure>().toEqualTypeOf<CheckFailure>()
  })

  it('types: options of the client are options of the engine', () => {
    // What challengers gave travels in tables over HTTP; frames carry the answer, and its id where it is asked for.
    type EngineOptions = Omit<InferRequest, 'inputs' | 'withOthers'>
    expectTypeOf<keyof ClientInferOptions>().toEqualTypeOf<keyof EngineOptions | 'requestId'>()
    // The engine takes any signal that looks like an AbortSignal; the client's must do.
    const accept = (options: EngineOptions): EngineOptions => options
    expectTypeOf(accept).toBeCallableWith<[ClientInferOptions]>({})
  })

  it('types: what is reported of an answered row has the actions of the engine but for refusals', () => {
    expectTypeOf<AnswerProblem['action']>().toEqualTypeOf<Exclude<RowProblem['action'], 'reject'>>()
  })

  it('types: outputs are tensors, and undefined has to be thought of', () => {
    expectTypeOf<ClientResult['outputs'][string]>().toEqualTypeOf<Tensor>()
    expectTypeOf<PenstockClient['infer']>().returns.resolves.toEqualTypeOf<ClientResult>()
  })
})
