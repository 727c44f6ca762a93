/**
 * Models whose runs last as long as a request asks for: a loop with as many turns as the largest number of the input. With
 * the small numbers of an inspection they are quick, so that nothing is known of them that would warn.
 */
import type { Engine } from 'penstock'
import { buildModel, type BuiltNode, type BuiltValue } from '../../src/onnx/testing/build.js'

const SIDE = 64
/** Turns of the trial from which the machine's speed is taken: some milliseconds. */
const TRIAL_TURNS = 500

/** `x` float32 [rows, 1] → `y` float32 [rows, 1]; @param hasText beside them `s` string [rows, 1] → `t`. */
export function longModel({ hasText = false } = {}): Uint8Array {
  const eye = Float32Array.from({ length: SIDE * SIDE }, (_, i) => (i % (SIDE + 1) === 0 ? 1 : 0))
  const turn: BuiltNode[] = [
    { op: 'MatMul', inputs: ['state_in', 'eye'], outputs: ['state_out'] },
    { op: 'Identity', inputs: ['goes_on_in'], outputs: ['goes_on_out'] },
  ]
  const body = {
    nodes: turn,
    inputs: [
      ['turn', 'int64', []],
      ['goes_on_in', 'bool', []],
      ['state_in', 'float32', [SIDE, SIDE]],
    ] satisfies BuiltValue[],
    outputs: [
      ['goes_on_out', 'bool', []],
      ['state_out', 'float32', [SIDE, SIDE]],
    ] satisfies BuiltValue[],
  }
  return buildModel({
    nodes: [
      { op: 'ReduceMax', inputs: ['x'], outputs: ['largest'], attributes: { keepdims: 0 } },
      { op: 'Relu', inputs: ['largest'], outputs: ['positive'] },
      { op: 'Cast', inputs: ['positive'], outputs: ['turns'], attributes: { to: 7 } },
      {
        op: 'Loop',
        inputs: ['turns', 'yes', 'zeros'],
        outputs: ['state'],
        attributes: { body: { graph: body } },
      },
      { op: 'ReduceMean', inputs: ['state'], outputs: ['mean'], attributes: { keepdims: 0 } },
      { op: 'Add', inputs: ['x', 'mean'], outputs: ['y'] },
      ...(hasText ? [{ op: 'Identity', inputs: ['s'], outputs: ['t'] }] : []),
    ],
    inputs: [['x', 'float32', ['rows', 1]], ...(hasText ? [['s', 'string', ['rows', 1]] as const] : [])],
    outputs: [['y', 'float32', ['rows', 1]], ...(hasText ? [['t', 'string', ['rows', 1]] as const] : [])],
    initializers: [
      { name: 'eye', dtype: 'float32', dims: [SIDE, SIDE], data: eye },
      { name: 'zeros', dtype: 'float32', dims: [SIDE, SIDE], data: new Float32Array(SIDE * SIDE) },
      { name: 'yes', dtype: 'bool', dims: [], data: Uint8Array.of(1) },
    ],
  })
}

/** Deploys the model under its own name. */
export async function deployLong(engine: Engine, name: string, options = {}): Promise<void> {
  await engine.addModel(name, longModel(options))
  await engine.applyPipeline({ name, steps: [{ type: 'model', model: name }] }, { deploy: true })
}

export const longInputs = (turns: number, text?: string) => ({
  inputs: {
    x: { dtype: 'float32' as const, shape: [1, 1], data: Float32Array.of(turns) },
    ...(text === undefined ? {} : { s: { dtype: 'string' as const, shape: [1, 1], data: [text] } }),
  },
})

/** Turns that take about `ms` here and now; the pipeline must be one of deployLong's. */
export async function turnsFor(engine: Engine, pipeline: string, ms: number, text?: string): Promise<number> {
  const tookMs: number[] = []
  for (let trial = 0; trial < 3; trial++) {
    const startMs = performance.now()
    await engine.infer(pipeline, longInputs(TRIAL_TURNS, text))
    tookMs.push(performance.now() - startMs)
  }
  return Math.ceil((TRIAL_TURNS * ms) / Math.min(...tookMs))
}
