/**
 * One run of the native generator: encodes the requests into files of a temporary folder, makes the plan, runs it and
 * removes the folder. HTTP paths are made here, because they differ by protocol and not by load.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { argumentError } from '../../base/expect.js'
import type { NumericData } from '../../tensor/dtype.js'
import { shapeMatches } from '../../tensor/shape.js'
import type { Tensor, TensorField } from '../../tensor/tensor.js'
import type { FinishedEvent, IntervalEvent, LoadPlan, LoadTarget, RequestKind } from '../native/load-plan.js'
import { runLoad } from '../native/load-process.js'
import type { Inputs, PreparedBody, PreparedKind } from '../scenario/prepared-kind.js'
import { writeRequestBodies, type ExpectedOutput, type RequestBody } from '../native/request-bodies.js'
import { contentTypeOf, encodeRequest } from '../native/request-encoding.js'
import type { Signature } from '../scenario/signature.js'
import type { RunSettings } from '../scenario/target.js'

export interface NativeRun {
  readonly target: LoadTarget
  /** Path before the API. */
  readonly prefix: string
  readonly kinds: readonly PreparedKind[]
  readonly settings: RunSettings
}

export async function runNative(
  run: NativeRun,
  onInterval: (event: IntervalEvent) => void,
  signal: AbortSignal | undefined,
): Promise<FinishedEvent> {
  const folder = await mkdtemp(join(tmpdir(), 'penstock-load-'))
  try {
    const requests: RequestKind[] = []
    for (const [index, kind] of run.kinds.entries()) {
      requests.push(await writeKind(run, kind, join(folder, `requests-${index}.bin`)))
    }
    const plan: LoadPlan = { ...run.settings, target: run.target, requests }
    return await runLoad(plan, onInterval, signal)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

async function writeKind(run: NativeRun, kind: PreparedKind, bodiesPath: string): Promise<RequestKind> {
  const { request, literal, tolerance } = kind
  const { transport } = run.target
  const isWebSocket = transport === 'websocket'
  if (isWebSocket && literal !== null)
    throw argumentError(
      `${request.name}`,
      'a request of "inputs" on a WebSocket',
      '"body"',
      'Literal bodies are for HTTP',
    )
  if (isWebSocket && run.prefix !== '')
    throw argumentError('the server', 'an address without a path for the WebSocket', run.prefix)
  const outputs = kind.signature === null ? [] : numericOutputs(kind.signature.outputs)
  const bodies =
    literal === null
      ? kind.bodies.map((body) => encodeBody(transport, kind, body, outputs))
      : [{ bytes: new TextEncoder().encode(literal.body), headBytes: 0, expected: null }]
  await writeRequestBodies(bodiesPath, {
    outputs,
    toleranceAbsolute: tolerance.absolute,
    toleranceRelative: tolerance.relative,
    bodies,
  })
  return {
    name: request.name,
    weight: request.weight,
    pipeline: isWebSocket ? request.pipeline : null,
    path: isWebSocket ? null : run.prefix + pathOf(transport, request.pipeline),
    contentType: literal === null ? contentTypeOf(transport) : literal.contentType,
    rows: request.rows,
    bodiesPath,
    expect: request.expect.kind === 'refusal' ? request.expect : { kind: 'answer' },
  }
}

function encodeBody(
  transport: LoadTarget['transport'],
  { request, signature }: PreparedKind,
  { inputs, expected }: PreparedBody,
  outputs: readonly ExpectedOutput[],
): RequestBody {
  const fields = fieldsOf(signature, inputs)
  const encoded = encodeRequest(transport, {
    fields,
    tensors: fields.flatMap(({ name }) => inputs[name] ?? []),
    isNonBatching: signature?.isNonBatching ?? false,
    ...(signature === null ? {} : { outputs: signature.outputs.map(({ name }) => name) }),
    ...(request.meta === null ? {} : { meta: request.meta }),
  })
  // Text outputs are not compared under load; the request was compared in silence.
  const hasTexts = signature !== null && outputs.length < signature.outputs.length
  if (expected === null || hasTexts) return { ...encoded, expected: null }
  return { ...encoded, expected: outputs.map(({ name }) => expected[name]?.data as NumericData) }
}

function numericOutputs(fields: readonly TensorField[]): ExpectedOutput[] {
  return fields.flatMap(({ name, dtype }) => (dtype === 'string' ? [] : [{ name, dtype }]))
}

/** The signature's, unless the inputs do not fit it, as those that must be refused; then what they say themselves. */
function fieldsOf(signature: Signature | null, inputs: Inputs): readonly TensorField[] {
  const known = signature?.inputs ?? []
  const names = Object.keys(inputs)
  const isFit = names.length === known.length && known.every(({ name, shape }) => fits(shape, inputs[name]))
  if (isFit) return known
  const ordered = [...known.map(({ name }) => name), ...names].filter((name, index, all) => all.indexOf(name) === index)
  return ordered.flatMap((name): TensorField[] => {
    const tensor = inputs[name]
    // Dims of a loose tensor are fixed, so that they take no room in the frame; only its rows are free.
    return tensor === undefined ? [] : [{ name, dtype: tensor.dtype, shape: [null, ...tensor.shape.slice(1)] }]
  })
}

function fits(shape: readonly (number | null)[], tensor: Tensor | undefined): boolean {
  return tensor !== undefined && shapeMatches(shape, tensor.shape)
}

function pathOf(transport: LoadTarget['transport'], pipeline: string): string {
  const name = encodeURIComponent(pipeline)
  return transport.startsWith('oip') ? `/v2/models/${name}/infer` : `/v1/pipelines/${name}/infer`
}
