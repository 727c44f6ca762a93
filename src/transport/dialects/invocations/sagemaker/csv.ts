/**
 * CSV as SageMaker's clients send it: mostly without a header, the features in the order of the model's input. What the first
 * row is, `header=present` or `absent` of the content type says. Unsaid, it is a header when its cells are the names of inputs
 * or their elements, or when the pipeline takes numbers and none of its cells is one.
 */
import { PenstockError } from '../../../../base/errors.js'
import type { TensorField } from '../../../../tensor/tensor.js'
import { isMissing, numberIn } from '../../../../formats/csv/cells.js'
import { csvRowsOf } from '../../../../formats/csv/rows.js'
import { staticElementCount } from '../../../../tensor/shape.js'
import { readCsv, refuseNameless, type BodyRead, type Hold } from '../read.js'
import type { Target } from '../target.js'

const lineFeed = 0x0a

/** @throws PenstockError ERR_MISSING_INPUT: no header for a pipeline with a contract; ERR_BODY, and what rows are refused with. */
export function readSageMakerCsv(
  bytes: Buffer,
  hasHeader: boolean | null,
  target: Target,
  hold: Hold,
): Promise<BodyRead> {
  const end = bytes.indexOf(lineFeed)
  const [first] = csvRowsOf(end < 0 ? bytes : bytes.subarray(0, end + 1))
  if (first === undefined) throw new PenstockError('ERR_BODY', 'Expected rows of CSV but received nothing')
  if (hasHeader ?? isHeader(first, target)) return readCsv(bytes, target, hold)
  if (target.contract !== null) refuseNameless(target, 'Send their names as the first row, or JSON')
  const header = Buffer.from(`${headerFor(first.length, target).map(quoted).join(separatorOf(bytes))}\n`)
  hold(bytes.length + header.length)
  return readCsv(Buffer.concat([header, bytes]), target, hold)
}

function isHeader(cells: readonly string[], { description, contract }: Target): boolean {
  const names = new Set(contract?.contract.inputs.map(({ name }) => name) ?? description.inputs.map(({ name }) => name))
  const isName = (cell: string): boolean => names.has(cell) || names.has(cell.replace(/\[\d+\]$/, ''))
  if (cells.every(isName)) return true
  if (contract !== null) return cells.some(isName)
  const hasTexts = description.inputs.some(({ dtype }) => dtype === 'string')
  return (
    !hasTexts &&
    cells.every((cell) => !isMissing(cell) && numberIn(cell) === undefined && !/^(true|false)$/i.test(cell.trim()))
  )
}

/** Names for cells without any: the elements of the inputs, in the pipeline's order. */
function headerFor(width: number, { description }: Target): string[] {
  const { inputs, name } = description
  const counts = inputs.map(({ shape }) => staticElementCount(shape.slice(1)))
  const known = counts.reduce<number>((sum, count) => sum + (count ?? 0), 0)
  const open = counts.filter((count) => count === null).length
  if (open > 1 || (open === 0 && known !== width) || (open === 1 && known >= width))
    throw new PenstockError(
      'ERR_SHAPE',
      `Expected rows of ${open === 0 ? `${known} cells` : 'cells that fill the inputs'}, for pipeline ${name} has ${inputs.map(({ name: input }) => input).join(', ')}, but received ${width} in the first. With a header: content-type text/csv; header=present`,
    )
  return inputs.flatMap((field, index) => titlesOf(field, counts[index] ?? width - known))
}

function titlesOf({ name, shape }: TensorField, count: number): string[] {
  return count === 1 && shape.length < 3 ? [name] : Array.from({ length: count }, (_, element) => `${name}[${element}]`)
}

/** What the first row is parted by, as formats/csv/ finds it: a header must be parted alike. */
function separatorOf(bytes: Buffer): string {
  const line = firstLine(bytes)
  return [',', ';', '\t'].find((mark) => line.includes(mark)) ?? ','
}

function firstLine(bytes: Buffer): string {
  const end = bytes.indexOf(lineFeed)
  return bytes.toString('utf8', 0, end < 0 ? bytes.length : end)
}

function quoted(text: string): string {
  return /[",;\t\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
