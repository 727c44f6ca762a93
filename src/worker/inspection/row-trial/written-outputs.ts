/**
 * Finds the outputs that ONNX Runtime does not write into the memory it is given: a graph's input or a constant that is an
 * output, too, is handed over where it lies; an output that the file declares in another shape than it has makes the run
 * fail. Such outputs are left to ONNX Runtime and copied.
 *
 * The memory is filled with one pattern and then with another: what holds both afterwards was never written.
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node'
import type { OnnxModel } from '../../../onnx/index.js'
import { dtypeInfo } from '../../../tensor/dtype.js'
import type { NumericDtype } from '../../../tensor/tensor.js'
import { viewTensor } from '../../sessions/ort-tensor.js'
import type { Answer } from './compare.js'

const PATTERNS = [0xa5, 0x5a]
/** They hand over what a graph inside them gave, or what they were given. */
const handingOver = new Set([
  'Identity',
  'If',
  'Loop',
  'Scan',
  'Optional',
  'OptionalGetElement',
  'SequenceAt',
  'Constant',
])

/**
 * @param feeds of a run that succeeds.
 * @param expected what that run gave; its shapes are those of the memory.
 * @returns names of the outputs to be copied, in the session's order.
 */
export async function findUnwritten(
  session: InferenceSession,
  feeds: Readonly<Record<string, OrtTensor>>,
  expected: readonly Answer[],
  model: OnnxModel | null,
): Promise<string[]> {
  const { outputNames } = session
  const known = new Set(model === null ? [] : outputsHandedOver(model))
  const candidates = outputNames.filter((name, index) => !known.has(name) && hasBytes(expected[index] as Answer))
  const written = (await isWritten(session, feeds, expected, candidates)) ?? new Set<string>()
  // One that is refused takes the others of its run with it.
  if (written.size < candidates.length)
    for (const name of candidates)
      if (!written.has(name) && (await isWritten(session, feeds, expected, [name]))?.has(name) === true)
        written.add(name)
  return outputNames.filter(
    (name, index) => known.has(name) || (hasBytes(expected[index] as Answer) && !written.has(name)),
  )
}

/** Outputs that are inputs or constants, or come out of a node that hands over what it has. */
function outputsHandedOver({ graph }: OnnxModel): string[] {
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node] as const)))
  return graph.outputs.flatMap(({ name }) => {
    let maker = makers.get(name)
    // A copy of what it was given may be left out as well.
    const seen = new Set<unknown>()
    while (maker?.opType === 'Identity' && !seen.has(maker)) {
      seen.add(maker)
      maker = makers.get(maker.inputs[0] ?? '')
    }
    return maker === undefined || handingOver.has(maker.opType) ? [name] : []
  })
}

/** null: the run was refused. */
async function isWritten(
  session: InferenceSession,
  feeds: Readonly<Record<string, OrtTensor>>,
  expected: readonly Answer[],
  names: readonly string[],
): Promise<Set<string> | null> {
  if (names.length === 0) return new Set()
  const memory = new Map<string, Uint8Array[]>(names.map((name) => [name, []]))
  for (const pattern of PATTERNS) {
    const fetches: Record<string, OrtTensor | null> = {}
    session.outputNames.forEach((name, index) => {
      const bytes = memory.get(name)
      const { dtype, dims } = expected[index] as Answer
      if (bytes === undefined) fetches[name] = null
      else {
        const buffer = new ArrayBuffer(bytesOf(expected[index] as Answer))
        bytes.push(new Uint8Array(buffer).fill(pattern))
        fetches[name] = viewTensor(dtype as NumericDtype, buffer, 0, dims)
      }
    })
    try {
      await session.run({ ...feeds }, fetches)
    } catch {
      return null
    }
  }
  return new Set(
    names.filter((name) => {
      const [first, second] = memory.get(name) as [Uint8Array, Uint8Array]
      return !first.some((byte, at) => byte === PATTERNS[0] && second[at] === PATTERNS[1])
    }),
  )
}

function hasBytes(answer: Answer): boolean {
  return answer.dtype !== 'string' && bytesOf(answer) > 0
}

function bytesOf({ dtype, dims }: Answer): number {
  return dims.reduce((size, dim) => size * dim, dtypeInfo(dtype).sizeBytes)
}
