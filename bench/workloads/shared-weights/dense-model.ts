/**
 * Writes an ONNX file of a chosen size without any tool: square MatMul + Add + Relu layers with seeded weights. The
 * protobuf is written by hand, because a file of 100 MB belongs in no repository and the benchmark needs no Python.
 *
 * Field numbers: onnx.proto3 of ONNX 1.x (ModelProto 1 ir_version, 7 graph, 8 opset_import; GraphProto 1 node, 2 name,
 * 5 initializer, 11 input, 12 output; NodeProto 1 input, 2 output, 4 op_type; TensorProto 1 dims, 2 data_type, 8 name,
 * 9 raw_data).
 */
const FLOAT = 1
const LENGTH_DELIMITED = 2

export interface DenseModel {
  readonly bytes: Uint8Array
  /** Floats of one row, in and out. */
  readonly width: number
}

/** @param sizeMib of weights, at least. @param width rows and columns of a layer: 4 · width² bytes each. */
export function denseModel(sizeMib: number, width = 1024): DenseModel {
  const layers = Math.ceil((sizeMib * 2 ** 20) / (4 * width * width))
  const draw = seeded(7)
  const parts: Buffer[] = []
  for (let layer = 0; layer < layers; layer++) {
    const source = layer === 0 ? 'x' : `relu${layer - 1}`
    const target = layer === layers - 1 ? 'y' : `relu${layer}`
    parts.push(
      node('MatMul', [source, `weight${layer}`], `product${layer}`),
      node('Add', [`product${layer}`, `bias${layer}`], `sum${layer}`),
      node('Relu', [`sum${layer}`], target),
    )
    // Scaled so that activations neither vanish nor explode over the layers.
    parts.push(bytes(5, tensor(`weight${layer}`, [width, width], draw, 5 / Math.sqrt(width))))
    parts.push(bytes(5, tensor(`bias${layer}`, [width], draw, 0.1)))
  }
  const graph = [...parts, text(2, 'dense'), bytes(11, field('x', width)), bytes(12, field('y', width))]
  const opset = Buffer.concat([text(1, ''), integer(2, 17)])
  return { bytes: Buffer.concat([integer(1, 8), bytes(8, opset), bytes(7, Buffer.concat(graph))]), width }
}

/** Pseudo-random in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

function node(operator: string, inputs: readonly string[], output: string): Buffer {
  return bytes(1, Buffer.concat([...inputs.map((input) => text(1, input)), text(2, output), text(4, operator)]))
}

function tensor(name: string, dims: readonly number[], draw: () => number, scale: number): Buffer {
  const data = new Float32Array(dims.reduce((product, dim) => product * dim, 1))
  for (let i = 0; i < data.length; i++) data[i] = (draw() - 0.5) * scale
  return Buffer.concat([
    ...dims.map((dim) => integer(1, dim)),
    integer(2, FLOAT),
    text(8, name),
    bytes(9, Buffer.from(data.buffer)),
  ])
}

/** ValueInfoProto of a float tensor [rows, width]. */
function field(name: string, width: number): Buffer {
  const shape = Buffer.concat([bytes(1, text(2, 'rows')), bytes(1, integer(1, width))])
  const tensorType = Buffer.concat([integer(1, FLOAT), bytes(2, shape)])
  return Buffer.concat([text(1, name), bytes(2, bytes(1, tensorType))])
}

function integer(number: number, value: number): Buffer {
  return Buffer.concat([varint(number << 3), varint(value)])
}

function text(number: number, value: string): Buffer {
  return bytes(number, Buffer.from(value))
}

function bytes(number: number, value: Buffer): Buffer {
  return Buffer.concat([varint((number << 3) | LENGTH_DELIMITED), varint(value.length), value])
}

function varint(value: number): Buffer {
  const out: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Buffer.from([...out, rest])
    out.push((rest % 128) | 128)
  }
}
