/**
 * The parameter `content_type`, by which MLServer's clients say what a tensor's elements stand for. Those whose meaning
 * the tensor itself carries change nothing here; `base64` and `pd_json` are decoded, so that the model sees what the
 * client meant; any other is refused by its name, because a model that gets the encoded form answers nonsense.
 *
 *   np, pd, nplist, str   the elements as they are     base64    BYTES: each element is base64 of its bytes
 *                                                       pd_json   BYTES: each element is a JSON text, number, bool or null
 *
 * A type that an output is wanted in, or a request is of, comes back with the answer: by it MLServer's helpers choose the
 * codec that decodes it.
 */
import type { PenstockError } from '../../../../base/errors.js'
import { didYouMean } from '../../../../base/suggest.js'
import type { Parameters, V2Input } from '../call.js'
import { badRequest, badShape } from '../failures.js'
import { clip, countElements } from './elements.js'
import { decodeText, readByteStrings } from './byte-strings.js'

/** How the elements of an input are to be read. */
export type Content = 'plain' | 'base64' | 'json'

const contents: Readonly<Record<string, Content>> = {
  np: 'plain',
  pd: 'plain',
  nplist: 'plain',
  str: 'plain',
  base64: 'base64',
  pd_json: 'json',
}
/** What says something of elements that are text, and nothing of numbers. */
const textTypes: ReadonlySet<string> = new Set(['str', 'base64', 'pd_json'])
const requestTypes: readonly string[] = ['np', 'pd', 'str']
const outputTypes: readonly string[] = ['np', 'pd', 'nplist', 'str', 'base64']

/** @throws PenstockError ERR_ARGUMENT for a content type that this server does not decode. */
export function inputContent(name: string, datatype: string, parameters: Parameters | null): Content {
  const type = parameters?.get('content_type')
  if (type === undefined) return 'plain'
  const content = typeof type === 'string' && Object.hasOwn(contents, type) ? contents[type] : undefined
  if (content === undefined) throw refused(`input '${clip(name)}'`, type, Object.keys(contents))
  if (textTypes.has(String(type)) && datatype !== 'BYTES')
    throw badRequest(
      `Expected input '${clip(name)}' to be BYTES, for its content_type is '${String(type)}', but received ${clip(datatype)}`,
    )
  return content
}

/**
 * What a whole request says of its tensors, which say it themselves.
 * @returns '' when it says nothing. @throws PenstockError ERR_ARGUMENT.
 */
export function requestContent(parameters: Parameters): string {
  return knownType('the request', parameters, requestTypes, 'Set it on each input')
}

/** The type that an output is wanted in; '' for none. @throws PenstockError ERR_ARGUMENT. */
export function outputContent(name: string, parameters: Parameters | null): string {
  return parameters === null ? '' : knownType(`output '${clip(name)}'`, parameters, outputTypes, '')
}

/** @param isText whether its elements are. @throws PenstockError ERR_ARGUMENT: a type of text for numbers. */
export function expectOutputFits(name: string, type: string, isText: boolean, datatype: string): void {
  if (isText || !textTypes.has(type)) return
  throw badRequest(
    `Expected output '${clip(name)}' to be BYTES, for the content_type of output '${clip(name)}' is '${type}', but it is ${datatype}. Leave it out, or say 'np'`,
  )
}

/** An answer of text in the type that it is wanted in. */
export function encodeContent(texts: readonly string[], type: string): readonly string[] {
  return type === 'base64' ? texts.map((text) => Buffer.from(text).toString('base64')) : texts
}

function knownType(what: string, parameters: Parameters, known: readonly string[], wayOut: string): string {
  const type = parameters.get('content_type')
  if (type === undefined) return ''
  if (typeof type === 'string' && known.includes(type)) return type
  throw refused(what, type, known, wayOut)
}

const noObjects =
  "Models here take tensors, no objects: send each member as an input of its own, with content_type 'pd'"
const waysOut: Readonly<Record<string, string>> = {
  datetime: "ONNX models have no dates: send text with content_type 'str', or numbers",
  hg_json: noObjects,
  hg_jsonlist: noObjects,
  hg_conversation: noObjects,
  hf: 'Set the content_type of each input instead',
  pillow_image: "Send the pixels as numbers, with content_type 'np'",
  raw: "Send text with content_type 'str', numbers with 'np'",
}

function refused(what: string, type: unknown, known: readonly string[], wayOut = ''): PenstockError {
  const text = String(type)
  const own = Object.hasOwn(waysOut, text) ? `. ${waysOut[text]}` : didYouMean(text, known)
  const rest = own === '' && wayOut !== '' ? `. ${wayOut}` : own
  return badRequest(
    `Expected the content_type of ${what} to be one of ${known.join(', ')} but received '${clip(text)}'${rest}`,
  )
}

/**
 * The input with its elements decoded.
 * @returns the input itself when there is nothing to decode.
 * @throws PenstockError ERR_ARGUMENT, ERR_SHAPE.
 */
export function decodeContent(input: V2Input, content: Content): V2Input {
  if (content === 'plain') return input
  const { name, shape, data } = input
  const count = countElements(name, shape)
  const texts = data instanceof Uint8Array ? readByteStrings(name, data, count) : data
  if (texts.length !== count)
    throw badShape(`expected ${count} strings for inference input '${name}', got ${texts.length}`)
  return content === 'base64'
    ? { ...input, data: texts.map((text, index) => ofBase64(name, text, index)) }
    : ofJson(input, texts)
}

const base64 = /^[A-Za-z0-9+/]*={0,2}$/

function ofBase64(name: string, text: string, index: number): string {
  // Buffer.from skips what is no base64 instead of refusing it.
  if (text.length % 4 !== 0 || !base64.test(text))
    throw badRequest(
      `Expected element ${index} of input '${clip(name)}' to be base64 with padding, by its content_type, but received '${text.slice(0, 40)}'`,
    )
  return decodeText(name, Buffer.from(text, 'base64'))
}

/** Text where all elements are text, numbers where all are numbers: FP64, null is NaN. */
function ofJson(input: V2Input, texts: readonly string[]): V2Input {
  const values = texts.map((text, index) => parsed(input.name, text, index))
  // What is null throughout stays the text that it came as: nothing in it speaks of numbers.
  if (values.every((value) => value === null || typeof value === 'string'))
    return { ...input, data: values.map((value) => value ?? '') }
  const numbers = new Float64Array(values.length)
  for (const [index, value] of values.entries()) {
    if (typeof value !== 'number' && typeof value !== 'boolean' && value !== null)
      throw badRequest(
        `Expected the elements of input '${clip(input.name)}' to be all text, or all numbers, but element ${index} is ${clip(texts[index] ?? '')}`,
      )
    numbers[index] = value === null ? NaN : Number(value)
  }
  return { ...input, datatype: 'FP64', data: new Uint8Array(numbers.buffer) }
}

function parsed(name: string, text: string, index: number): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    throw badRequest(
      `Expected element ${index} of input '${clip(name)}' to be JSON, by its content_type, but received '${text.slice(0, 40)}'`,
    )
  }
}
