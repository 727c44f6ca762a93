/**
 * One map over joined columns in place of one for each of them: what imputers, scalers and clips do to columns that are
 * concatenated next is done to the tensor instead. A request of one row costs about what its instructions cost, and a
 * table of many columns has one for each of them; the elements, and so the bits, are the same.
 *
 *   a ─ impute ─┐                      a ─┐
 *   b ─ impute ─┼─ concat ─►     =>    b ─┼─ concat ─ impute ─►
 *   c ──────────┘                      c ─┘
 *
 * Only what cannot fail a row is moved: which row of which column failed is to be said as it is written.
 */
import type { NativeInstructionSpec, NativeTransformSpec } from '../../../bindings/native-transforms.js'
import { TransformOpcode } from '../../base/generated/boundary.js'

type Values = NativeTransformSpec['values']

interface ColumnMap {
  /** Constants an element has, each behind those of all elements before it. */
  readonly constants: number
  /** Constants that leave an element as it is; null: none do so with every float. */
  readonly identity: readonly number[] | null
}

const maps: ReadonlyMap<number, ColumnMap> = new Map<number, ColumnMap>([
  [TransformOpcode.imputeFloats, { constants: 1, identity: [NaN] }],
  [TransformOpcode.normalise, { constants: 2, identity: [0, 1] }],
  // -0 * 1 + 0 is 0.
  [TransformOpcode.scale, { constants: 2, identity: null }],
  [TransformOpcode.clip, { constants: 2, identity: [-Infinity, Infinity] }],
])

/** @returns a program with the same results, of no more instructions. */
export function joinMaps(spec: NativeTransformSpec): NativeTransformSpec {
  const values = [...spec.values]
  let instructions = spec.instructions
  for (let at = 0; at < instructions.length; at++) {
    const moved = movedBehind(at, instructions, values, spec)
    if (moved === null) continue
    instructions = moved
    // What stood in front of the maps that are gone may go the same way.
    at = -1
  }
  return withoutUnused({ ...spec, values, instructions })
}

/** The instructions with maps of one kind in front of the one at `at` behind it; null: there are none, or it is no concat. */
function movedBehind(
  at: number,
  instructions: readonly NativeInstructionSpec[],
  values: Values[number][],
  { outputs }: NativeTransformSpec,
): NativeInstructionSpec[] | null {
  const concat = instructions[at] as NativeInstructionSpec
  if (concat.opcode !== TransformOpcode.concat) return null
  const producers = soleProducers(instructions, outputs)
  const sources = concat.inputs.map((value) => producers.get(value) ?? null)
  for (const [opcode, map] of maps) {
    const moved = sources.map((source) => (source?.opcode === opcode && source.numbers !== undefined ? source : null))
    const [first] = moved.flatMap((source) => source ?? [])
    if (first !== undefined && isWorthIt(map, moved, concat, values))
      return behind(at, instructions, values, map, moved, first)
  }
  return null
}

function isWorthIt(
  { identity }: ColumnMap,
  moved: readonly (NativeInstructionSpec | null)[],
  { inputs }: NativeInstructionSpec,
  values: Values,
): boolean {
  const widths = inputs.map((value) => (values[value] as Values[number]).width)
  const count = moved.filter((source) => source !== null).length
  const width = widths.reduce((sum, one) => sum + one, 0)
  const movedWidth = widths.reduce((sum, one, i) => (moved[i] === null ? sum : sum + one), 0)
  return count >= 2 && movedWidth * 2 >= width && (count === moved.length || identity !== null)
}

function behind(
  at: number,
  instructions: readonly NativeInstructionSpec[],
  values: Values[number][],
  map: ColumnMap,
  moved: readonly (NativeInstructionSpec | null)[],
  { opcode, op, column }: NativeInstructionSpec,
): NativeInstructionSpec[] {
  const concat = instructions[at] as NativeInstructionSpec
  const widths = concat.inputs.map((value) => (values[value] as Values[number]).width)
  const [result = 0] = concat.outputs
  const joined = values.push(values[result] as Values[number]) - 1
  const inputs = concat.inputs.map((value, i) => moved[i]?.inputs[0] ?? value)
  const numbers = joinedConstants(map, widths, moved)
  const gone = new Set(moved)
  return instructions.flatMap((one, i) => {
    if (i === at)
      return [
        { ...concat, inputs, outputs: [joined] },
        { opcode, op, column, inputs: [joined], outputs: [result], numbers },
      ]
    return gone.has(one) ? [] : [one]
  })
}

/** Who writes each value that one instruction reads once, and that is not given out. */
function soleProducers(
  instructions: readonly NativeInstructionSpec[],
  outputs: readonly number[],
): ReadonlyMap<number, NativeInstructionSpec> {
  const readers = new Map<number, number>()
  for (const { inputs } of instructions) for (const value of inputs) readers.set(value, (readers.get(value) ?? 0) + 1)
  const givenOut = new Set(outputs)
  const producers = instructions.flatMap((one) =>
    one.outputs.flatMap((value): [number, NativeInstructionSpec][] =>
      readers.get(value) === 1 && !givenOut.has(value) ? [[value, one]] : [],
    ),
  )
  return new Map(producers)
}

function joinedConstants(
  { constants, identity }: ColumnMap,
  widths: readonly number[],
  sources: readonly (NativeInstructionSpec | null)[],
): Float64Array {
  const parts = Array.from({ length: constants }, (_, which) =>
    sources.flatMap((source, i) => {
      const width = widths[i] as number
      if (source === null) return new Array<number>(width).fill(identity?.[which] ?? NaN)
      return [...(source.numbers as Float64Array).subarray(which * width, (which + 1) * width)]
    }),
  )
  return Float64Array.from(parts.flat())
}

/** Without values that nothing reads or writes any more. */
function withoutUnused(spec: NativeTransformSpec): NativeTransformSpec {
  const { values, inputCount, instructions, outputs } = spec
  const used = new Set([...Array(inputCount).keys(), ...instructions.flatMap((one) => [...one.inputs, ...one.outputs])])
  if (used.size === values.length) return spec
  const kept = values.flatMap((_, value) => (used.has(value) ? [value] : []))
  const numberOf = new Map(kept.map((value, number) => [value, number]))
  const renumbered = (list: readonly number[]): number[] => list.map((value) => numberOf.get(value) as number)
  return {
    ...spec,
    values: kept.map((value) => values[value] as Values[number]),
    instructions: instructions.map((one) => ({
      ...one,
      inputs: renumbered(one.inputs),
      outputs: renumbered(one.outputs),
    })),
    outputs: renumbered(outputs),
  }
}
