/** What programs get of contracts: the document, its parser, and rows checked against one. */
export { parseContract } from './parse.js'
export {
  canonicalContract,
  contractsEqual,
  parseContractReference,
  type Contract,
  type ContractField,
  type ContractReference,
  type ExtraPolicy,
  type FieldDtype,
  type FieldRole,
  type FieldScalar,
  type FieldValue,
  type InvalidAction,
  type OutputPlace,
  type PlainDtype,
} from './contract.js'
export { resolveContract, type ResolvedContract, type ResolvedField } from './resolve.js'
export { checkRows, type CheckOptions, type RowCheck, type RowProblem } from './check-row.js'
export type { ContractColumn } from './columns.js'
