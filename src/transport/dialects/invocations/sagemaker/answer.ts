/**
 * Answers as SageMaker's containers give them. Of one output its elements alone: nested lists in JSON, a row a line in JSON Lines
 * and CSV, the array itself as .npy. Of several outputs, and of a contract, JSON and JSON Lines have objects by their names, and a
 * row of CSV the elements of all in their order.
 */
import { PenstockError } from '../../../../base/errors.js'
import type { Prediction, PredictResult } from '../../../../engine/api/api.js'
import { nestedParts } from '../../../../engine/requests/nested-parts.js'
import { isNpyDtype } from '../../../../tensor/npy.js'
import { elementPrinter, writeRow } from '../../../../tensor/print.js'
import { rowElementCount } from '../../../../tensor/shape.js'
import type { Tensor } from '../../../../tensor/tensor.js'
import { PieceBody, type Piece } from '../../../piece-body.js'
import type { HttpReply } from '../../../socket/seam.js'
import { freeOf, heldBytesOf, joinedRows, namedPieces, rowCountOf, rowWriter } from '../row-text.js'
import type { Ran } from '../run.js'
import type { Target } from '../target.js'
import { contentTypes, type FormOf } from './forms.js'

/** What the form cannot hold is refused before anything runs. @throws PenstockError ERR_NOT_ACCEPTABLE. */
export function expectForm({ form }: FormOf, { pipeline, description, contract }: Target): void {
  const { outputs } = description
  if (form !== 'npy') return
  const [output] = outputs
  const isOne = contract === null && output !== undefined && outputs.length === 1
  if (isOne && isNpyDtype(output.dtype)) return
  const received =
    contract !== null
      ? `the contract ${contract.reference}`
      : outputs.map(({ name, dtype }) => `${name} (${dtype})`).join(', ')
  throw new PenstockError(
    'ERR_NOT_ACCEPTABLE',
    `Expected pipeline ${pipeline} to answer one array of numbers, for ${contentTypes.npy} has one, but it answers ${received}. Ask for JSON or CSV in accept`,
  )
}

export async function sageMakerReply(ran: Ran, { form, hasHeader }: FormOf): Promise<HttpReply> {
  const reply = { status: 200, contentType: contentTypes[form], headers: ran.headers }
  if (form === 'npy') {
    const { writeNpy } = await import('../../../../formats/npy.js')
    const [name, tensor] = onlyOutput(ran) ?? refuseForm('one array', form)
    return { ...reply, body: writeNpy(tensor, name) }
  }
  const pieces = form === 'json' ? jsonPieces(ran) : linePieces(ran, form, hasHeader === true)
  return { ...reply, body: PieceBody.from(pieces, heldBytesOf(ran), freeOf(ran)) }
}

function onlyOutput(ran: Ran): readonly [string, Tensor] | null {
  if (ran.kind === 'rows') return null
  const [only, ...others] = Object.entries(ran.result.outputs)
  return only === undefined || others.length > 0 ? null : only
}

function refuseForm(rule: string, form: FormOf['form']): never {
  throw new PenstockError(
    'ERR_NOT_ACCEPTABLE',
    `Expected the answer to be ${rule}, for accept to name ${contentTypes[form]}, but it is not. Ask for JSON`,
  )
}

function* jsonPieces(ran: Ran): Generator<Piece> {
  if (ran.kind === 'rows') {
    yield* joinedRows(rowWriter(ran), ran.result.rows, ['[', ',', ']'])
    return
  }
  const only = onlyOutput(ran)
  if (only !== null) {
    yield* nestedParts(only[1])
    return
  }
  yield* namedPieces(ran.result.outputs)
}

function* linePieces(ran: Ran, form: 'lines' | 'csv', hasHeader: boolean): Generator<Piece> {
  const rows = rowCountOf(ran) ?? refuseForm('rows', form)
  if (form === 'csv') {
    const { titles, write } = ran.kind === 'rows' ? contractCells(ran.result) : tensorCells(ran.result.outputs)
    yield* joinedRows(write, rows, [hasHeader ? `${titles.map(quoted).join(',')}\n` : '', '\n', rows === 0 ? '' : '\n'])
    return
  }
  const only = onlyOutput(ran)
  const write = only === null ? rowWriter(ran) : (row: number) => writeRow(only[1], row)
  yield* joinedRows(write, rows, ['', '\n', rows === 0 ? '' : '\n'])
}

interface Cells {
  readonly titles: readonly string[]
  readonly write: (row: number) => string
}

function titlesOf(name: string, count: number): string[] {
  return count === 1 ? [name] : Array.from({ length: count }, (_, index) => `${name}[${index}]`)
}

function tensorCells(outputs: Readonly<Record<string, Tensor>>): Cells {
  const columns = Object.entries(outputs).map(([name, tensor]) => {
    return { name, count: rowElementCount(tensor.shape), print: elementPrinter(tensor) }
  })
  const cells = (row: number): string[] =>
    columns.flatMap(({ count, print }) =>
      Array.from({ length: count }, (_, index) => cellOf(print(row * count + index))),
    )
  return {
    titles: columns.flatMap(({ name, count }) => titlesOf(name, count)),
    write: (row) => cells(row).join(','),
  }
}

/** JSON's null is an empty cell; a text stands without JSON's quotes. */
function cellOf(json: string): string {
  if (json === 'null') return ''
  return json.startsWith('"') ? quoted(JSON.parse(json) as string) : json
}

/** @throws PenstockError ERR_NOT_ACCEPTABLE: lists of any length have no columns. */
function contractCells({ columns, predictions }: PredictResult): Cells {
  const counts = columns.map(({ shape }) =>
    shape.reduce<number>((product, dim) => product * (dim ?? refuseForm('of fixed dims', 'csv')), 1),
  )
  const cells = (prediction: Prediction | null): string[] =>
    columns.flatMap(({ name }, index) => {
      const value: unknown = prediction?.[name] ?? null
      if (value === null) return new Array<string>(counts[index] ?? 1).fill('')
      const values: readonly unknown[] = Array.isArray(value) ? (value.flat(Infinity) as unknown[]) : [value]
      return values.map((each) => (each === null ? '' : quoted(String(each as string | number | boolean))))
    })
  return {
    titles: columns.flatMap(({ name }, index) => titlesOf(name, counts[index] ?? 1)),
    write: (row) => cells(predictions[row] ?? null).join(','),
  }
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
