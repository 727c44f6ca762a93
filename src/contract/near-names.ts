/**
 * Names that may have been meant, proposed while one request is read. Comparing names costs what both are long, and a body
 * may have many that are no field in each of many rows: so a request has a number of comparisons, and what comes after is
 * told without a proposal.
 */
import { SUGGESTIONS_COMPARED_MAX } from '../base/limits/contract-limits.js'
import { closest } from '../base/suggest.js'

export class NearNames {
  #comparisonsLeft: number

  constructor(comparisonsMax = SUGGESTIONS_COMPARED_MAX) {
    this.#comparisonsLeft = comparisonsMax
  }

  /** @returns null: none is near, or too many were compared. */
  closest(name: string, candidates: readonly string[]): string | null {
    if (candidates.length > this.#comparisonsLeft) return null
    this.#comparisonsLeft -= candidates.length
    return closest(name, candidates)
  }
}
