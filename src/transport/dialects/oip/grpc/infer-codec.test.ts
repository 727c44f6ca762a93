/**
 * The hand-written codec of ModelInfer against protobufjs on the same proto: what one writes the other reads. And whatever
 * bytes come, nothing but a documented error is the answer.
 */
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import protobuf from 'protobufjs'
import { describe, expect, it } from 'vitest'
import { SharedMemory } from '../shared-memory.js'
import { bindGrpcRequest, readInferRequest, type GrpcInferRequest } from './infer-reader.js'
import { writeInferResponse, writeStreamResponse } from './infer-writer.js'

const root = protobuf.loadSync(fileURLToPath(new URL('./proto/inference.proto', import.meta.url)))
const requestType = root.lookupType('inference.ModelInferRequest')
const responseType = root.lookupType('inference.ModelInferResponse')
const streamType = root.lookupType('inference.ModelStreamInferResponse')
const memory = new SharedMemory(false)

const encode = (message: object): Buffer => Buffer.from(requestType.encode(requestType.fromObject(message)).finish())
function read(message: object): GrpcInferRequest {
  const request = readInferRequest(encode(message))
  if ('error' in request) throw request.error
  return request
}

describe('ModelInferRequest', () => {
  it('is read with every member, raw contents as views', () => {
    const bytes = encode({
      modelName: 'm',
      modelVersion: '3',
      id: 'ü',
      parameters: {
        a: { boolParam: true },
        b: { int64Param: '-9223372036854775808' },
        c: { stringParam: 'x' },
        d: { doubleParam: 0.1 },
        e: { uint64Param: 7 },
      },
      inputs: [{ name: 'x', datatype: 'FP32', shape: [2, 300] }],
      outputs: [{ name: 'y', parameters: { classification: { int64Param: 2 } } }],
      rawInputContents: [Buffer.from([1, 2, 3, 4])],
    })
    const request = readInferRequest(bytes) as GrpcInferRequest
    expect(request).toMatchObject({ modelName: 'm', modelVersion: '3', id: 'ü' })
    expect([...request.parameters]).toEqual([
      ['a', true],
      ['b', -(2n ** 63n)],
      ['c', 'x'],
      ['d', 0.1],
      ['e', 7],
    ])
    expect(request.wishes).toEqual([{ name: 'y', classification: 2, contentType: '', place: null }])
    const { inputs } = bindGrpcRequest(request, memory)
    expect(inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [2, 300], data: Buffer.from([1, 2, 3, 4]) }])
    expect((inputs[0]?.data as Buffer).buffer).toBe(bytes.buffer)
  })

  it.each([
    ['BOOL', { boolContents: [true, false] }, [1, 0]],
    ['INT8', { intContents: [-1, 127] }, [255, 127]],
    ['INT16', { intContents: [-2, 256] }, [254, 255, 0, 1]],
    ['INT32', { intContents: [-1, 1] }, [255, 255, 255, 255, 1, 0, 0, 0]],
    [
      'INT64',
      { int64Contents: ['-2', '72057594037927937'] },
      [254, ...Array<number>(7).fill(255), 1, 0, 0, 0, 0, 0, 0, 1],
    ],
    ['UINT8', { uintContents: [0, 255] }, [0, 255]],
    [
      'UINT64',
      { uint64Contents: ['18446744073709551615', 1] },
      [...Array<number>(8).fill(255), 1, 0, 0, 0, 0, 0, 0, 0],
    ],
    ['FP32', { fp32Contents: [1, -2] }, [0, 0, 128, 63, 0, 0, 0, 192]],
    ['FP64', { fp64Contents: [1, 2] }, [0, 0, 0, 0, 0, 0, 240, 63, 0, 0, 0, 0, 0, 0, 0, 64]],
    ['BYTES', { bytesContents: [Buffer.from('ab'), Buffer.alloc(0)] }, [2, 0, 0, 0, 97, 98, 0, 0, 0, 0]],
  ])('takes typed contents of %s as the bytes that raw ones would be', (datatype, contents, expected) => {
    const request = read({ inputs: [{ name: 'x', datatype, shape: [2], contents }] })
    expect([...(bindGrpcRequest(request, memory).inputs[0]?.data as Uint8Array)]).toEqual(expected)
  })

  it('refuses contents that do not add up', () => {
    const input = { name: 'x', datatype: 'INT32', shape: [2] }
    const refusals: [object, RegExp][] = [
      [{ inputs: [{ ...input, contents: { intContents: [1] } }] }, /expected 2 by its shape, got 1/],
      [{ inputs: [{ ...input, contents: { intContents: [1, 2, 3] } }] }, /more elements/],
      [{ inputs: [{ ...input, contents: { fp32Contents: [1, 2] } }] }, /unexpected explicit tensor data/],
      [
        { inputs: [{ ...input, contents: { intContents: [1, 2] } }], rawInputContents: [Buffer.alloc(8)] },
        /must not be specified/,
      ],
      [{ inputs: [input] }, /unable to find data/],
      [{ inputs: [input], rawInputContents: [Buffer.alloc(8), Buffer.alloc(8)] }, /expected 1 raw_input_contents/],
      [{ inputs: [{ ...input, datatype: 'FP16', contents: { intContents: [1, 2] } }] }, /use raw_input_contents/],
    ]
    for (const [message, words] of refusals) expect(() => bindGrpcRequest(read(message), memory)).toThrow(words)
  })

  it('answers any bytes with a request or a documented error (seed 5)', () => {
    const whole = encode({
      modelName: 'm',
      parameters: { a: { int64Param: 1 } },
      inputs: [{ name: 'x', datatype: 'INT64', shape: [1, 3], contents: { int64Contents: [1, 2, 3] } }],
    })
    const damaged = fc
      .tuple(fc.nat(whole.length), fc.nat(whole.length - 1), fc.integer({ min: 0, max: 255 }))
      .map(([length, at, byte]) => {
        const bytes = Buffer.from(whole)
        bytes[at] = byte
        return bytes.subarray(0, length)
      })
    const anything = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
    const codes = new Set(['ERR_ARGUMENT', 'ERR_SHAPE'])
    fc.assert(
      fc.property(fc.oneof(damaged, anything), (bytes) => {
        try {
          const request = readInferRequest(bytes)
          if ('error' in request) return codes.has(request.error.code)
          bindGrpcRequest(request, memory)
          return true
        } catch (error) {
          return codes.has((error as { code: string }).code)
        }
      }),
      { seed: 5, numRuns: 5000 },
    )
  })
})

describe('ModelInferResponse', () => {
  const answer = {
    answer: {
      modelName: 'm',
      modelVersion: '1',
      id: 'i',
      parameters: [['route', '["a@1"]'] as const],
      outputs: [
        {
          name: 'y',
          datatype: 'FP32',
          tensor: { dtype: 'float32', shape: [1, 200], data: new Float32Array(200).fill(1) },
          contentType: 'np',
        },
        { name: 'z', datatype: 'INT8', tensor: { dtype: 'int8', shape: [0], data: new Int8Array(0) }, contentType: '' },
      ],
    },
    contents: [new Uint8Array(800).fill(7), new Uint8Array(0)],
    regions: [null, { region: 'r', offset: 0, byteSize: 300 }],
    isOwned: true,
    emitsFinal: true,
  } as const
  const expected = {
    modelName: 'm',
    modelVersion: '1',
    id: 'i',
    parameters: { route: { stringParam: '["a@1"]' }, triton_final_response: { boolParam: true } },
    outputs: [
      { name: 'y', datatype: 'FP32', shape: ['1', '200'], parameters: { content_type: { stringParam: 'np' } } },
      {
        name: 'z',
        datatype: 'INT8',
        shape: ['0'],
        parameters: {
          shared_memory_region: { stringParam: 'r' },
          shared_memory_offset: { int64Param: '0' },
          shared_memory_byte_size: { int64Param: '300' },
        },
      },
    ],
  }
  const shown = (type: protobuf.Type, bytes: Buffer): object => type.toObject(type.decode(bytes), { longs: String })

  it('is read back by protobufjs, with raw contents for every output', () => {
    const message = shown(responseType, writeInferResponse(answer)) as { rawOutputContents: Uint8Array[] }
    expect(message).toMatchObject(expected)
    expect(message.rawOutputContents.map((bytes) => bytes.length)).toEqual([800, 0])
  })

  it('stands in a stream, as an error does', () => {
    expect(shown(streamType, writeStreamResponse(answer))).toMatchObject({ inferResponse: expected })
    expect(shown(streamType, writeStreamResponse({ error: 'no' }))).toEqual({ errorMessage: 'no' })
  })
})
