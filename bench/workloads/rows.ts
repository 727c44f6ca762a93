/** All rows, in the order of their numbers. */
import { arrowBodyRow } from './arrow-body.js'
import { chainRow } from './chain.js'
import { checksRow } from './checks.js'
import { computeModelRows } from './compute-models.js'
import { largeTensorRow } from './large-tensor.js'
import { logRow } from './log.js'
import { programRows } from './programs.js'
import { oipRow } from './oip.js'
import { shadowRow } from './shadow.js'
import { smallModelRows } from './small-model.js'
import type { Row } from './row.js'

export const rows: readonly Row[] = [
  ...smallModelRows,
  ...computeModelRows,
  chainRow,
  shadowRow,
  largeTensorRow,
  arrowBodyRow,
  checksRow,
  logRow,
  oipRow,
  ...programRows,
].sort((left, right) => left.number - right.number)
