/** A criterion by which two checkouts are compared, and the figures that each has besides its own. */
import type { Memory } from '../../harness/memory.js'
import type { Bench } from '../row.js'
import type { Checkout } from './checkout.js'
import type { Comparison, FigureOf, Side } from './pairs.js'

export type Checkouts = Readonly<Record<Side, Checkout>>

export interface ComparedCriterion {
  readonly number: number
  readonly title: string
  /** @throws Error when an answer of either was wrong, or one did not start: nothing is compared then. */
  compare(bench: Bench, checkouts: Checkouts): Promise<Comparison[]>
}

/** Memory of the process that answered, when its load has ended. */
export function memoryFigures(row: number, title: string): FigureOf<Memory>[] {
  const common = { row, unit: 'MiB', better: 'less', isRequired: false } as const
  return [
    { figure: { ...common, name: `${title}, VmRSS after it` }, of: ({ rssMib }) => rssMib },
    { figure: { ...common, name: `${title}, Pss after it` }, of: ({ pssMib }) => pssMib },
  ]
}
