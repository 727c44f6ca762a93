/**
 * The forms of one request over native HTTP: columns, records, Arrow and binary messages, asked and answered, each brought
 * into the outcome of dialects.ts. Bodies come from the product's own writers of tables and messages, so that the suite is
 * about what the server does with them.
 */
import { type Data, DataType, type Field, tableFromIPC } from 'apache-arrow'
import type { Tensor } from 'penstock'
import { decodeMessage, encodeMessage } from '../../src/protocol/codec.js'
import { TensorLayout } from '../../src/protocol/tensor-layout.js'
import { tableOf, tensorColumn, tensorTypeOf } from '../../src/formats/arrow/column-types.js'
import { writeArrow } from '../../src/formats/arrow/write-arrow.js'
import { writeNested, writeRow } from '../../src/tensor/print.js'
import type { TensorField } from '../../src/tensor/tensor.js'
import { nestedShape, valuesOf, type Outcome } from './dialects.js'

export interface FormCase {
  readonly pipeline: string
  readonly inputs: Readonly<Record<string, Tensor>>
  readonly inputFields: readonly TensorField[]
  readonly outputFields: readonly TensorField[]
  readonly isNonBatching: boolean
}

export interface Form {
  readonly name: string
  ask(url: string, example: FormCase): Promise<Outcome>
}

const ARROW_FILE = 'application/vnd.apache.arrow.file'
const ARROW_STREAM = 'application/vnd.apache.arrow.stream'
const PENSTOCK = 'application/x-penstock'

export const forms: readonly Form[] = [
  columnsForm('columns', ''),
  columnsForm('columns of a dataset', '?dataset=in,out,anomaly'),
  { name: 'records', ask: askRecords },
  arrowForm('Arrow stream, nested', ARROW_STREAM, ''),
  arrowForm('Arrow stream, flat', ARROW_STREAM, '?dataset_separator=.'),
  arrowForm('Arrow file, nested', ARROW_FILE, ''),
  { name: 'penstock.v1', ask: askMessage },
]

async function post(url: string, pipeline: string, query: string, contentType: string, body: string | Uint8Array) {
  const response = await fetch(`${url}/v1/pipelines/${pipeline}/infer${query}`, {
    method: 'POST',
    headers: { 'content-type': contentType },
    body: body as string,
  })
  const bytes = new Uint8Array(await response.arrayBuffer())
  if (response.status !== 200) throw new Error(`${pipeline}: ${response.status} ${Buffer.from(bytes).toString()}`)
  return bytes
}

const jsonOf = (bytes: Uint8Array): unknown => JSON.parse(Buffer.from(bytes).toString())

function columnsForm(name: string, query: string): Form {
  return {
    name,
    async ask(url, { pipeline, inputs, outputFields, isNonBatching }) {
      const columns = Object.entries(inputs).map(([input, tensor]) => `"${input}":${writeNested(tensor)}`)
      const body = `{"inputs":{${columns.join(',')}}}`
      const answer = jsonOf(await post(url, pipeline, query, 'application/json', body)) as Record<string, unknown>
      const outputs = (answer['outputs'] ?? answer['out']) as Record<string, unknown>
      return outcomeOf(outputFields, (output) => {
        // In a table, a tensor without a row axis is the cell of its one row.
        const value = query !== '' && isNonBatching ? (outputs[output] as unknown[])[0] : outputs[output]
        return [nestedShape(value), flat(value)]
      })
    },
  }
}

async function askRecords(url: string, { pipeline, inputs, outputFields, isNonBatching }: FormCase): Promise<Outcome> {
  const rows = isNonBatching ? 1 : (Object.values(inputs)[0]?.shape[0] ?? 0)
  const records = Array.from({ length: rows }, (_, row) => {
    const cells = Object.entries(inputs).map(
      ([input, tensor]) => `"${input}":${isNonBatching ? writeNested(tensor) : writeRow(tensor, row)}`,
    )
    return `{${cells.join(',')}}`
  })
  const body = `[${records.join(',')}]`
  const answer = jsonOf(await post(url, pipeline, '', 'application/json', body)) as { out: Record<string, unknown> }[]
  return outcomeOf(outputFields, (output) => {
    const cells = answer.map(({ out }) => out[output])
    const value = isNonBatching ? cells[0] : cells
    return [nestedShape(value), flat(value)]
  })
}

function arrowForm(name: string, contentType: string, query: string): Form {
  return {
    name,
    async ask(url, { pipeline, inputs, outputFields, isNonBatching }) {
      const columns = Object.entries(inputs).map(([input, tensor]) => tensorColumn(input, tensor, isNonBatching))
      const body = writeArrow(tableOf(columns), contentType === ARROW_FILE ? 'file' : 'stream')
      const table = tableFromIPC(await post(url, pipeline, query, contentType, body))
      return outcomeOf(outputFields, (output) => {
        const parent = table.schema.fields.find((field) => field.name === 'out')
        const field =
          parent === undefined
            ? table.schema.fields.find((candidate) => candidate.name === `out.${output}`)
            : (parent.type.children as Field[]).find((candidate) => candidate.name === output)
        if (field === undefined) throw new Error(`the answer has no column of ${output}`)
        const column = parent === undefined ? table.getChild(field.name) : table.getChild('out')?.getChild(output)
        const leaves = column?.data.flatMap((data) => valuesIn(data)) ?? []
        const declared = tensorTypeOf(field).shape ?? []
        const dims = filledDims(declared, column?.data[0], leaves.length / table.numRows)
        return [isNonBatching ? dims : [table.numRows, ...dims], leaves]
      })
    },
  }
}

/** The dims of a row whose field leaves some free: one follows from the elements, several from the lists in the lists. */
function filledDims(declared: readonly number[], data: Data | undefined, elements: number): number[] {
  if (declared.filter((dim) => dim < 0).length > 1) {
    let level = data
    return declared.map(() => {
      const [start = 0, end = 0] = [level?.valueOffsets[0], level?.valueOffsets[1]]
      level = level?.children[0]
      return Number(end - start)
    })
  }
  const others = declared.reduce((product, dim) => product * Math.max(dim, 1), 1)
  return declared.map((dim) => (dim < 0 ? elements / others : dim))
}

/** The elements under a column of lists. */
function valuesIn(data: Data): string[] {
  if (DataType.isList(data.type)) {
    const [first = 0, last = 0] = [data.valueOffsets[0], data.valueOffsets[data.length]]
    return valuesIn((data.children[0] as Data).slice(first, last - first))
  }
  return Array.from({ length: data.length }, (_, index) => {
    const value: unknown = DataType.isUtf8(data.type)
      ? Buffer.from(data.values.subarray(data.valueOffsets[index], data.valueOffsets[index + 1])).toString()
      : (data.values as ArrayLike<unknown>)[index]
    return String(value)
  })
}

async function askMessage(url: string, example: FormCase): Promise<Outcome> {
  const { pipeline, inputs, inputFields, outputFields, isNonBatching } = example
  const tensors = inputFields.map(({ name }) => inputs[name] as Tensor)
  const { data, dims, texts } = new TensorLayout(inputFields, isNonBatching).pack(tensors)
  const rows = isNonBatching ? 1 : (tensors[0]?.shape[0] ?? 0)
  const packed = Buffer.concat(data.map((part) => Buffer.from(part.buffer, part.byteOffset, part.byteLength)))
  const message = encodeMessage({
    kind: 'infer',
    channel: 1,
    request: 2,
    rows,
    data: packed,
    dims: dims === null ? null : Uint32Array.from(dims),
    meta: null,
    deadlineMs: 0,
    priority: 'interactive',
    texts,
  })
  const answer = decodeMessage(await post(url, pipeline, '', PENSTOCK, message))
  if (answer.kind !== 'results') throw new Error(`${pipeline} answered ${answer.kind}`)
  const answeredRows = answer.rows?.[0] ?? 1
  const layout = new TensorLayout(outputFields, isNonBatching)
  const outputs = layout.unpack(answeredRows, answer.data, answer.dims, answer.texts)
  return outcomeOf(outputFields, (_name, index) => {
    const tensor = outputs[index] as Tensor
    return [tensor.shape, valuesOf(tensor)]
  })
}

type Read = (name: string, index: number) => readonly [shape: readonly number[], values: readonly string[]]

function outcomeOf(fields: readonly TensorField[], read: Read): Outcome {
  const outputs = fields.map(({ name }, index) => {
    const [shape, values] = read(name, index)
    return [name, { shape, values }] as const
  })
  return { outputs: Object.fromEntries(outputs) }
}

function flat(value: unknown): string[] {
  return Array.isArray(value) ? value.flat(9).map(String) : [String(value)]
}
