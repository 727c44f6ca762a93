/**
 * The answer of an infer request over HTTP: JSON, with the bytes of the outputs that are wanted binary behind it.
 *
 * A JSON output has no `parameters` at all: the C++ client takes any there for a binary output whose size is missing.
 */
import { nestedParts } from '../../../../engine/requests/nested-parts.js'
import { writeNested } from '../../../../tensor/print.js'
import type { Tensor } from '../../../../tensor/tensor.js'
import { PieceBody, type Piece } from '../../../piece-body.js'
import { writeByteStrings } from '../inputs/byte-strings.js'
import type { V2Answer, V2Output } from '../call.js'
import { badRequest } from '../failures.js'
import type { Head } from './head.js'
import type { RegionPlace, SharedMemory } from '../shared-memory.js'

export interface WrittenAnswer {
  /** Bytes of the JSON at the beginning; null: nothing else is there. */
  readonly headBytes: number | null
  readonly body: Buffer | PieceBody
}

/** How one output is wanted. */
export interface OutputForm {
  readonly isBinary: boolean
  readonly place: RegionPlace | null
}

const binaryForm: OutputForm = { isBinary: true, place: null }
const jsonForm: OutputForm = { isBinary: false, place: null }

/** By the position of the output. */
export function outputFormsOf(head: Head): (index: number) => OutputForm {
  const { wishes, isBinaryDefault } = head
  if (wishes === null) return isBinaryDefault ? allBinary : allJson
  return (index) => wishes[index] ?? jsonForm
}

/** A raw request is answered so. */
export const allBinary = (): OutputForm => binaryForm
const allJson = (): OutputForm => jsonForm

/** @throws PenstockError ERR_ARGUMENT: 16-bit floats as JSON, shared memory that does not hold the output. */
export function writeAnswer(
  answer: V2Answer,
  formOf: (index: number) => OutputForm,
  memory: SharedMemory,
): WrittenAnswer {
  const binaries: Uint8Array[] = []
  const id = answer.id === '' ? '' : `"id":${JSON.stringify(answer.id)},`
  const text: Text = [
    `{"model_name":${JSON.stringify(answer.modelName)},"model_version":"${answer.modelVersion}",${id}${parametersText(answer)}"outputs":[`,
  ]
  for (let index = 0; index < answer.outputs.length; index++) {
    if (index > 0) text.push(',')
    text.push(...writeOutput(answer.outputs[index] as V2Output, formOf(index), memory, binaries))
  }
  text.push(']}')
  if (binaries.length > 0) return assemble(wholeText(text), binaries)
  const heldBytes = text.reduce((sum, part) => sum + (typeof part === 'string' ? 0 : part.data.length * 8), 0)
  if (heldBytes < piecesBytesMin) return { headBytes: null, body: Buffer.from(wholeText(text)) }
  return { headBytes: null, body: PieceBody.from(piecesOf(text), heldBytes) }
}

/** JSON: texts, and flat tensors to be printed between them. */
type Text = (string | Tensor)[]

/** Bytes of tensors from which their text is sent while it is printed. */
const piecesBytesMin = 128 * 1024

function wholeText(text: Text): string {
  return text.map((part) => (typeof part === 'string' ? part : writeNested(part))).join('')
}

function* piecesOf(text: Text): Generator<Piece> {
  for (const part of text) {
    if (typeof part === 'string') yield part
    else yield* nestedParts(part)
  }
}

/** The bytes of a tensor as the protocol has them: its own memory, except for BYTES. */
export function bytesOf({ data }: Tensor): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  return writeByteStrings(data)
}

function writeOutput(output: V2Output, form: OutputForm, memory: SharedMemory, binaries: Uint8Array[]): Text {
  const { name, datatype, tensor, contentType } = output
  const also = contentType === '' ? '' : `,"content_type":${JSON.stringify(contentType)}`
  const head = `{"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":[${tensor.shape.join(',')}]`
  if (form.place !== null) {
    const bytes = bytesOf(tensor)
    const { region, offset } = form.place
    memory.write(form.place, bytes, name)
    return [
      `${head},"parameters":{"shared_memory_region":${JSON.stringify(region)},"shared_memory_offset":${offset},"shared_memory_byte_size":${bytes.length}${also}}}`,
    ]
  }
  if (form.isBinary) {
    const bytes = bytesOf(tensor)
    binaries.push(bytes)
    return [`${head},"parameters":{"binary_data_size":${bytes.length}${also}}}`]
  }
  if (datatype === 'FP16' || datatype === 'BF16')
    throw badRequest(
      `sending ${datatype} data via JSON is not supported. Please use the binary data format for output ${name}`,
    )
  // Who wants a type reads it again; nobody else gets parameters.
  const wanted = also === '' ? '' : `"parameters":{${also.slice(1)}},`
  return [`${head},${wanted}"data":`, { ...tensor, shape: [tensor.data.length] }, '}']
}

function parametersText({ parameters }: V2Answer): string {
  if (parameters.length === 0) return ''
  return `"parameters":${JSON.stringify(Object.fromEntries(parameters))},`
}

function assemble(json: string, binaries: readonly Uint8Array[]): WrittenAnswer {
  const headBytes = Buffer.byteLength(json)
  const body = Buffer.allocUnsafe(binaries.reduce((sum, bytes) => sum + bytes.length, headBytes))
  body.write(json)
  let position = headBytes
  for (const bytes of binaries) {
    body.set(bytes, position)
    position += bytes.length
  }
  return { headBytes, body }
}
