/** A contract's first draft of an MLflow column signature: its columns as fields, the answers as the model has them. */
import { argumentError } from '../../base/expect.js'
import type { Contract, ContractField, FieldDtype, FieldValue } from '../contract.js'
import { parseContract } from '../parse.js'
import { resolveContract } from '../resolve.js'
import { readRow } from '../row-reader.js'
import type { ColumnType, MlflowColumn } from '../../formats/mlflow/ml-model.js'

const dtypes: Readonly<Record<ColumnType, FieldDtype | null>> = {
  boolean: 'bool',
  integer: 'int32',
  long: 'int64',
  float: 'float32',
  double: 'float64',
  string: 'string',
  datetime: 'timestamp',
  binary: null,
}

export interface ColumnDraft {
  readonly name: string
  readonly columns: readonly MlflowColumn[]
  /** The fields that the model's own signature drafts; those of answers are taken. */
  readonly drafted: readonly ContractField[]
  /** A row that the folder brings along; it is left out where the fields do not take it. */
  readonly example: Readonly<Record<string, unknown>> | null
}

/** @throws PenstockError ERR_ARGUMENT, ERR_CONTRACT_INVALID: what a contract cannot say of the columns. */
export function columnContract({ name, columns, drafted, example }: ColumnDraft): Contract {
  const features = columns.map(fieldOf)
  const taken = new Set(columns.map((column) => column.name))
  const answers = drafted.filter(({ role, name: own }) => (role ?? 'feature') !== 'feature' && !taken.has(own))
  const draft = parseContract({ fields: [...features, ...answers] }, name)
  if (example === null || readRow(resolveContract(draft), example).findings.length > 0) return draft
  return parseContract({ ...draft, example: example as Readonly<Record<string, FieldValue>> }, name)
}

function fieldOf({ name, type, isRequired }: MlflowColumn): ContractField {
  const dtype = dtypes[type]
  if (dtype === null) throw argumentError(`the type of column ${name}`, 'one that a contract has', type)
  return { name, dtype, ...(isRequired ? {} : { required: false }) }
}
