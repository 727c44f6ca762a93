/**
 * From a scenario to requests that can be sent: draws the inputs, and finds out what the right answers are. Where no file
 * says them, the target itself is asked, each request on its own before the load begins: an answer under load that
 * differs from the answer in silence is wrong, whatever the model. A pipeline that answers differently each time is
 * noticed and not compared.
 */
import { isPenstockError, PenstockError } from '../../base/errors.js'
import { argumentError } from '../../base/expect.js'
import { BENCH_BODIES_BYTES_MAX } from '../../base/limits/limits.js'
import type { RandomSource } from '../../base/random.js'
import { drawInputs, looseInputs, stackRows } from './draw.js'
import { differsFrom, shapeMistake } from './answers.js'
import { readInputFile, type InputRows } from './input-file.js'
import type { InputSource, Scenario, ScenarioRequest, Tolerance } from './scenario.js'
import type { Inputs, PreparedBody, PreparedKind } from './prepared-kind.js'
import type { Signature } from './signature.js'
import type { Target } from './target.js'

/** Different bodies of a kind; they are sent in turn. */
const BODIES_MAX = 64

/** @throws PenstockError naming the request, when the target refuses what it should answer. */
export async function prepareKinds(scenario: Scenario, target: Target, random: RandomSource): Promise<PreparedKind[]> {
  const kinds: PreparedKind[] = []
  for (const request of scenario.requests) {
    try {
      kinds.push(await prepareKind(request, target, random))
    } catch (error) {
      if (!isPenstockError(error)) throw error
      throw new PenstockError(error.code, `${request.name}: ${error.message}`, { cause: error })
    }
  }
  return kinds
}

async function prepareKind(request: ScenarioRequest, target: Target, random: RandomSource): Promise<PreparedKind> {
  const { source, expect } = request
  const isRefused = expect.kind === 'refusal'
  const signature = await signatureOf(request, target, isRefused || source.kind === 'body')
  const base = { request, signature, literal: null, remark: '' }
  if (source.kind === 'body') {
    const comparison = 'none' as const
    return { ...base, literal: source, bodies: [], tolerance: toleranceOf(request, null), comparison }
  }
  const file = readFile(source, signature)
  const inputs = makeInputs(request, signature, source, file, random)
  const tolerance = toleranceOf(request, file)
  if (isRefused || signature === null)
    return { ...base, bodies: inputs.map(unchecked), tolerance, comparison: 'none' as const }
  return { ...base, tolerance, ...(await addAnswers(request, signature, inputs, file, target, tolerance)) }
}

const unchecked = (inputs: Inputs): PreparedBody => ({ inputs, expected: null })

async function signatureOf(request: ScenarioRequest, target: Target, mayLack: boolean): Promise<Signature | null> {
  try {
    return await target.signature(request.pipeline)
  } catch (error) {
    if (mayLack && isPenstockError(error) && error.code !== 'ERR_CONNECTION_LOST') return null
    throw error
  }
}

function readFile(source: InputSource, signature: Signature | null): InputRows | null {
  if (source.kind !== 'file' || signature === null) return null
  return readInputFile(source.path, signature.inputs, signature.isNonBatching)
}

function toleranceOf({ expect }: ScenarioRequest, file: InputRows | null): Tolerance {
  if (expect.kind === 'refusal') return { absolute: 0, relative: 0 }
  return file?.tolerance ?? expect.tolerance
}

function makeInputs(
  request: ScenarioRequest,
  signature: Signature | null,
  source: Exclude<InputSource, { kind: 'body' }>,
  file: InputRows | null,
  random: RandomSource,
): Inputs[] {
  const { rows, expect } = request
  if (source.kind === 'inputs') {
    const isLoose = expect.kind === 'refusal' || signature === null
    if (isLoose) return [looseInputs(signature, source.inputs)]
    return [wholeInputs(signature, source.inputs)]
  }
  if (signature === null) throw argumentError('the request', 'one with literal "inputs" or a "body"', source.kind)
  if (rows > signature.rowsMax && expect.kind === 'answer')
    throw argumentError('rows', `at most ${signature.rowsMax}, as ${request.pipeline} takes`, rows)
  if (file !== null)
    return Array.from({ length: bodyCountOfFile(file.rows.length, rows) }, (_, body) =>
      stackRows(signature.inputs, signature.isNonBatching, rowsInTurn(file.rows, body, rows)),
    )
  if (source.kind === 'file') throw argumentError('the request', 'one whose pipeline exists', request.pipeline)
  const first = drawInputs(signature, source, rows, random)
  const count = bodyCount(bytesOf(first))
  return [first, ...Array.from({ length: count - 1 }, () => drawInputs(signature, source, rows, random))]
}

/** Literal inputs are columns, rows and all. */
function wholeInputs(signature: Signature, inputs: Readonly<Record<string, unknown>>): Inputs {
  const missing = signature.inputs.find(({ name }) => inputs[name] === undefined)
  if (missing !== undefined)
    throw argumentError('"literal"', `an object with ${missing.name}`, Object.keys(inputs).join(', '))
  return stackRows(signature.inputs, true, [inputs])
}

function bodyCountOfFile(fileRows: number, rows: number): number {
  // Until the file has gone round once, within the limit.
  return Math.max(1, Math.min(BODIES_MAX, Math.ceil(fileRows / rows)))
}

function rowsInTurn<T>(list: readonly T[], body: number, rows: number): T[] {
  return Array.from({ length: rows }, (_, row) => list[(body * rows + row) % list.length] as T)
}

function bytesOf(inputs: Inputs): number {
  return Object.values(inputs).reduce(
    (sum, { data }) => sum + (ArrayBuffer.isView(data) ? data.byteLength : data.join('').length),
    0,
  )
}

function bodyCount(bytes: number): number {
  return Math.max(1, Math.min(BODIES_MAX, Math.floor(BENCH_BODIES_BYTES_MAX / Math.max(1, bytes))))
}

type Answered = Pick<PreparedKind, 'bodies' | 'comparison' | 'remark'>

async function addAnswers(
  request: ScenarioRequest,
  signature: Signature,
  inputs: readonly Inputs[],
  file: InputRows | null,
  target: Target,
  tolerance: Tolerance,
): Promise<Answered> {
  const { expect, pipeline, meta } = request
  const answers = expect.kind === 'answer' ? expect.answers : { kind: 'none' as const }
  const ask = (body: Inputs) => target.ask(pipeline, body, meta)
  const [first] = inputs
  // Also where nothing is compared: an answer of the wrong form would make every figure meaningless.
  const sample = first === undefined ? {} : await ask(first)
  const rows = signature.isNonBatching ? 1 : (Object.values(first ?? {})[0]?.shape[0] ?? 1)
  const mistake = shapeMistake(signature, sample, rows)
  if (mistake !== '') throw new PenstockError('ERR_RUN_FAILED', `the answer is not as it must be: ${mistake}`)
  if (answers.kind === 'none') return { bodies: inputs.map(unchecked), comparison: 'none', remark: '' }
  if (answers.kind === 'outputs') {
    const expected = stackRows(signature.outputs, true, [answers.outputs])
    return { bodies: inputs.map((body) => ({ inputs: body, expected })), comparison: 'outputs', remark: '' }
  }
  if (file?.answers != null) {
    const known = file.answers
    const bodies = inputs.map((body, index) => ({
      inputs: body,
      expected: stackRows(signature.outputs, signature.isNonBatching, rowsInTurn(known, index, request.rows)),
    }))
    return { bodies, comparison: 'file', remark: '' }
  }
  const doubt =
    signature.isSplit && meta === null ? 'a split without a routing key may send each request elsewhere' : ''
  const isFickle = first !== undefined && differsFrom(sample, await ask(first), tolerance)
  if (doubt !== '' || isFickle)
    return {
      bodies: inputs.map(unchecked),
      comparison: 'none',
      remark: doubt || 'it answers the same request differently',
    }
  const bodies: PreparedBody[] = []
  for (const body of inputs) bodies.push({ inputs: body, expected: body === first ? sample : await ask(body) })
  return { bodies, comparison: 'alone', remark: '' }
}
