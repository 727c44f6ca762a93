/**
 * Lists in cells: `[1, nan, .5]`, `[[1, 2], [3, 4]]`, `["a", "b"]`. Numbers are left as the texts that they are, so that
 * all their digits reach the dtype; texts are JSON's.
 */
import { PenstockError } from '../../base/errors.js'
import { RANK_MAX } from '../../base/limits/limits.js'
import type { CellPlace } from './cells.js'

export interface CellList {
  readonly dims: readonly number[]
  readonly elements: readonly string[]
}

const token = /\s*(?:(\[)|(\])|(,)|("(?:[^"\\]|\\.)*")|([^\s,[\]"]+))\s*/y

/** @throws PenstockError ERR_BODY: no list; ERR_SHAPE: lists inside it that are not equally long. */
export function parseList(text: string, isOfTexts: boolean, place: CellPlace): CellList {
  const elements: string[] = []
  const dims: number[] = []
  const counts: number[] = []
  // All elements lie equally deep.
  let leafDepth: number | null = null
  let isElementNext = true
  token.lastIndex = 0
  for (let at = 0; at < text.length; at = token.lastIndex) {
    const [, open, close, comma, quoted, bare] = token.exec(text) ?? []
    const isOver = at > 0 && counts.length === 0
    if (isOver || (comma === undefined && close === undefined && !isElementNext)) throw noList(text, place)
    if (open !== undefined) {
      if (counts.push(0) > (leafDepth ?? RANK_MAX)) throw noList(text, place)
      isElementNext = true
    } else if (close !== undefined) {
      // `[1,]` has an element missing; `[]` has none.
      if (counts.length === 0 || (isElementNext && counts.at(-1) !== 0)) throw noList(text, place)
      const count = counts.pop() as number
      const depth = counts.length
      if ((dims[depth] ??= count) !== count) throw uneven(dims[depth], count, place)
      if (depth > 0) counts[depth - 1] = (counts[depth - 1] as number) + 1
      isElementNext = false
    } else if (comma !== undefined) {
      if (isElementNext || counts.length === 0) throw noList(text, place)
      isElementNext = true
    } else {
      const element = isOfTexts ? textOf(quoted, bare) : bare
      if (element === undefined || counts.length === 0) throw noList(text, place)
      leafDepth ??= counts.length
      if (counts.length !== leafDepth) throw noList(text, place)
      counts[counts.length - 1] = (counts.at(-1) as number) + 1
      elements.push(element)
      isElementNext = false
    }
  }
  const isWhole = counts.length === 0 && dims.reduce((product, dim) => product * dim, 1) === elements.length
  if (!isWhole) throw noList(text, place)
  return { dims, elements }
}

function textOf(quoted: string | undefined, bare: string | undefined): string | undefined {
  if (quoted === undefined) return bare === 'null' ? '' : undefined
  try {
    return JSON.parse(quoted) as string
  } catch {
    return undefined
  }
}

function noList(text: string, { column, row }: CellPlace): PenstockError {
  return new PenstockError(
    'ERR_BODY',
    `Expected column ${column} to have lists such as [1, 2.5] but received ${JSON.stringify(text.slice(0, 80))} in row ${row}`,
  )
}

function uneven(first: number, other: number, { column, row }: CellPlace): PenstockError {
  return new PenstockError(
    'ERR_SHAPE',
    `Expected all lists of ${column} to have ${first} elements, as the first has, but received one of ${other} in row ${row}`,
  )
}
