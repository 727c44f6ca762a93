/**
 * AttributeProto. A forest keeps its trees in attributes of millions of numbers, so that the scan takes the name and the
 * type and every getter reads its field when asked.
 */
import { BYTES, type WireReader } from '../base/protobuf/wire-reader.js'
import { ONNX_ITEMS_MAX } from '../base/limits/limits.js'
import { type Budget, guarded, invalid, readInt32, readOnce, readText } from './message.js'
import type { OnnxAttribute, OnnxAttributeType, OnnxGraph, OnnxSparseTensor, OnnxTensorInfo } from './model.js'
import { readSparseTensor, readTensor } from './tensors.js'

/** Reads a graph that lies in an attribute; `depth` counts the graphs around it. */
export type GraphReader = (reader: WireReader, budget: Budget, depth: number) => OnnxGraph

/** By AttributeProto.AttributeType. */
const types: readonly OnnxAttributeType[] = [
  'undefined',
  'float',
  'int',
  'string',
  'tensor',
  'graph',
  'floats',
  'ints',
  'strings',
  'tensors',
  'graphs',
  'sparseTensor',
  'sparseTensors',
  'type',
  'types',
]
/** The type that a field has where an old file (IR 1) does not say it. */
const typeOfField: Readonly<Record<number, OnnxAttributeType>> = {
  2: 'float',
  3: 'int',
  4: 'string',
  5: 'tensor',
  6: 'graph',
  7: 'floats',
  8: 'ints',
  9: 'strings',
  10: 'tensors',
  11: 'graphs',
  22: 'sparseTensor',
  23: 'sparseTensors',
  14: 'type',
  15: 'types',
}

/** @param reader at the start of an AttributeProto; its bytes are kept. */
export function readAttribute(
  reader: WireReader,
  budget: Budget,
  depth: number,
  readGraph: GraphReader,
): OnnxAttribute {
  const start = reader.position
  let name = ''
  let reference = ''
  let type: OnnxAttributeType | undefined
  let seen: OnnxAttributeType = 'undefined'
  budget.spend()
  while (reader.next()) {
    if (reader.field === 1) name = readText(reader)
    else if (reader.field === 20) type = types[readInt32(reader)]
    else if (reader.field === 21) reference = readText(reader)
    else {
      seen = typeOfField[reader.field] ?? seen
      reader.skip()
    }
  }
  return new LazyAttribute(name, type ?? seen, reference, { reader, start, budget, depth, readGraph })
}

interface Source {
  readonly reader: WireReader
  readonly start: number
  readonly budget: Budget
  readonly depth: number
  readonly readGraph: GraphReader
}

class LazyAttribute implements OnnxAttribute {
  readonly name: string
  readonly type: OnnxAttributeType
  readonly reference: string
  readonly #source: Source
  /** Kept: a graph costs budget each time it is read. */
  #graphs: { readonly one: OnnxGraph | undefined; readonly many: readonly OnnxGraph[] } | undefined

  constructor(name: string, type: OnnxAttributeType, reference: string, source: Source) {
    this.name = name
    this.type = type
    this.reference = reference
    this.#source = source
  }

  get i(): bigint {
    return this.#last(3, (field) => field.value().int64()) ?? 0n
  }

  get f(): number {
    return this.#last(2, (field) => field.float()) ?? 0
  }

  get s(): string {
    return this.#last(4, readText) ?? ''
  }

  get ints(): BigInt64Array {
    return guarded(() => {
      const parts = this.#all(8, (field) => field.value())
      // Each takes a byte or more.
      const values = new BigInt64Array(parts.reduce((sum, part) => sum + part.remaining, 0))
      let count = 0
      for (const part of parts) while (!part.isAtEnd) values[count++] = part.int64()
      return values.slice(0, count)
    })
  }

  get floats(): Float32Array {
    return guarded(() => {
      const parts = this.#all(7, (field) => field.value())
      const values = new Float32Array(parts.reduce((sum, part) => sum + (part.remaining >>> 2), 0))
      let count = 0
      for (const part of parts) while (!part.isAtEnd) values[count++] = part.float()
      return values
    })
  }

  get strings(): readonly string[] {
    return this.#all(9, readText)
  }

  get tensor(): OnnxTensorInfo | undefined {
    return this.#one(5, (field, { budget }) => readTensor(field, budget))
  }

  get tensors(): readonly OnnxTensorInfo[] {
    return this.#all(10, (field, { budget }) => readTensor(field.message(), budget))
  }

  get sparseTensors(): readonly OnnxSparseTensor[] {
    const one = this.#one(22, (field, { budget }) => readSparseTensor(field, budget))
    const more = this.#all(23, (field, { budget }) => readSparseTensor(field.message(), budget))
    return one === undefined ? more : [one, ...more]
  }

  get graph(): OnnxGraph | undefined {
    return this.#readGraphs().one
  }

  get graphs(): readonly OnnxGraph[] {
    return this.#readGraphs().many
  }

  #readGraphs(): { readonly one: OnnxGraph | undefined; readonly many: readonly OnnxGraph[] } {
    return (this.#graphs ??= {
      one: this.#one(6, (field, { budget, depth, readGraph }) => readGraph(field, budget, depth + 1)),
      many: this.#all(11, (field, { budget, depth, readGraph }) => readGraph(field.message(), budget, depth + 1)),
    })
  }

  /** The message of a field that may stand once. */
  #one<T>(field: number, read: (message: WireReader, source: Source) => T): T | undefined {
    let value: T | undefined
    this.#each(field, (reader, source) => {
      if (reader.wireType !== BYTES) reader.expect(BYTES)
      value = read(readOnce(reader, value, `value of attribute ${this.name}`), source)
    })
    return value
  }

  #last<T>(field: number, read: (reader: WireReader) => T): T | undefined {
    let value: T | undefined
    this.#each(field, (reader) => (value = read(reader)))
    return value
  }

  #all<T>(field: number, read: (reader: WireReader, source: Source) => T): T[] {
    const values: T[] = []
    this.#each(field, (reader, source) => {
      if (values.length === ONNX_ITEMS_MAX)
        throw invalid(`Attribute ${this.name} has more than ${ONNX_ITEMS_MAX} values`)
      values.push(read(reader, source))
    })
    return values
  }

  #each(field: number, use: (reader: WireReader, source: Source) => void): void {
    guarded(() => {
      const reader = this.#source.reader.from(this.#source.start)
      while (reader.next()) {
        if (reader.field === field) use(reader, this.#source)
        else reader.skip()
      }
    })
  }
}
