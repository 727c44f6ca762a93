/**
 * Bodies that are written for other servers, by the member that identifies them, where the pipeline has no input of its
 * name:
 *
 *   {"columns":[…],"data":[[…],…]}           pandas, orient="split"       read as records
 *   {"schema":{…},"data":[{…},…]}            pandas, orient="table"       read as records
 *   {"dataframe_split":{…}}                  MLflow                       read as records
 *   {"dataframe_records":[{…},…]}            MLflow                       read as records
 *   {"instances":[{…},…]}                    TensorFlow Serving, KServe   read as records
 *   {"instances":[…]} or {"inputs":[…]}      the same, without names      the one input of the pipeline
 *   {"inputs":[{"name":…,"datatype":…},…]}   Open Inference               refused: /v2 reads it
 */
import { PenstockError } from '../../base/errors.js'
import type { JsonReader } from '../json/json-reader.js'
import { readTensor } from '../json/tensor-reader.js'
import type { InputGroup } from './object-form.js'
import { kindOfNext } from '../json/peek.js'
import { arrayOfRecords, splitRows } from './row-source.js'
import { readRows } from './rows.js'
import { type ColumnsBody, example, type RecordsBody, type Signature } from './signature.js'

export type ForeignForm = 'split' | 'table' | 'dataframe_split' | 'dataframe_records' | 'instances' | 'inputs'

/** Members that a form has beside the one that identifies it. */
const companions: Readonly<Record<ForeignForm, readonly string[]>> = {
  split: ['columns', 'data', 'index'],
  table: ['schema', 'data'],
  dataframe_split: ['dataframe_split'],
  dataframe_records: ['dataframe_records'],
  instances: ['instances'],
  inputs: ['inputs'],
}

/** @returns null when it is none of them. */
export function foreignForm({ given, unknown }: InputGroup): ForeignForm | null {
  if (given.size > 0 || unknown.size === 0) return null
  const has = (name: string, kind: 'array' | 'object'): boolean => unknown.get(name)?.kind === kind
  if (has('dataframe_split', 'object')) return 'dataframe_split'
  if (has('dataframe_records', 'array')) return 'dataframe_records'
  if (has('instances', 'array')) return 'instances'
  if (has('inputs', 'array')) return 'inputs'
  if (!has('data', 'array')) return null
  return has('columns', 'array') ? 'split' : has('schema', 'object') ? 'table' : null
}

/** @throws PenstockError as the other forms, by the same rules. */
export function readForeign(
  reader: JsonReader,
  signature: Signature,
  group: InputGroup,
  form: ForeignForm,
): ColumnsBody | RecordsBody {
  const { unknown, start } = group
  for (const name of unknown.keys()) {
    if (companions[form].includes(name)) continue
    throw new PenstockError(
      'ERR_BODY',
      `Expected a body of the form ${companions[form].join(', ')} to have no other members but received ${JSON.stringify(name)}. Leave it out`,
    )
  }
  const at = (name: string): void => {
    const member = unknown.get(name)
    if (member !== undefined) reader.reset(member.mark)
  }
  if (form === 'split') {
    reader.reset(start)
    return readRows(splitRows(reader), signature)
  }
  at(form === 'table' ? 'data' : form)
  if (form === 'dataframe_split') return readRows(splitRows(reader), signature)
  if (form === 'table' || form === 'dataframe_records') return readRows(arrayOfRecords(reader, false), signature)
  return readValues(reader, signature, form)
}

/** Records, or the rows of the one input: the list that comes next. */
export function readValues(
  reader: JsonReader,
  signature: Signature,
  form: 'instances' | 'inputs',
): ColumnsBody | RecordsBody {
  const mark = reader.mark()
  const firstKind = reader.enterArray() ? kindOfNext(reader) : 'scalar'
  const isOpenInference = firstKind === 'object' && form === 'inputs'
  reader.reset(mark)
  if (isOpenInference)
    throw new PenstockError(
      'ERR_BODY',
      `Expected "inputs" to be an object but received an array of objects, as Open Inference has it. Send it to /v2/models/${signature.name}/infer, or send {"inputs": ${example(signature)}}`,
    )
  if (firstKind === 'object') return readRows(arrayOfRecords(reader, false), signature)
  const [field, ...others] = signature.inputs
  if (field === undefined || others.length > 0)
    throw new PenstockError(
      'ERR_BODY',
      `Expected "${form}" to name the ${signature.inputs.length} inputs of pipeline ${signature.name} but received values alone. Send objects in it, or {"inputs": ${example(signature)}}`,
    )
  const tensor = readTensor(reader, field, signature.isNonBatching, signature.rowsMax)
  return { form: 'columns', request: { inputs: { [field.name]: tensor } } }
}
