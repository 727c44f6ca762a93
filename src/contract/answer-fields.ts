/** Which fields an answer has: what the pipeline answers, and what it echoes of the row. */
import type { FieldRole } from './contract.js'
import type { ResolvedContract, ResolvedField } from './resolve.js'

const echoedRoles: ReadonlySet<FieldRole> = new Set(['entity', 'timestamp', 'passthrough'])

/** The fields of an answer, in the contract's order. */
export function answerFields({ contract, inputs, outputs }: ResolvedContract): ResolvedField[] {
  const fields = [...inputs.filter(({ role }) => echoedRoles.has(role)), ...outputs]
  const order = new Map(contract.fields.map(({ name }, at) => [name, at]))
  return fields.sort((a, b) => (order.get(a.name) ?? 0) - (order.get(b.name) ?? 0))
}
