/**
 * Rows of parsed JSON against a contract: typed columns, every problem with its place, and what became of it. This is the
 * plain reference of the rules, for commands, for rows that come as objects or JSON, and for tests of the native reader.
 *
 * A row is read field by field (row-reader.ts). At its end, unless it is dropped, the unique values that broke no other rule
 * are compared with those of the rows before it that were kept, all of them before any is remembered. One problem is reported
 * for each field of a row.
 */
import { describeValue } from '../base/expect.js'
import { CONTRACT_EXTRAS_MAX } from '../base/generated/boundary.js'
import { CONTRACT_PROBLEMS_MAX } from '../base/limits/contract-limits.js'
import { ColumnBuilder, type ContractColumn } from './columns.js'
import type { InvalidAction } from './contract.js'
import { type Cell, duplicateFinding, imputedCell, readRow, type RowFinding, type RowRead } from './row-reader.js'
import { pointer, valueAt } from './member-tree.js'
import { NearNames } from './near-names.js'
import type { ResolvedContract, ResolvedField } from './resolve.js'
import type { RuleName, StoredElement } from './values/element.js'

export interface RowProblem {
  /** 0-based, among the rows that came. */
  readonly row: number
  /** '' when the row itself is meant. */
  readonly field: string
  /** JSON Pointer from the array of rows, e.g. `/3/age`. */
  readonly path: string
  readonly rule: RuleName
  /** undefined: there was none. */
  readonly value: unknown
  /** What became of it: `flag`, `clamp` and `impute` kept the row. */
  readonly action: InvalidAction
  readonly message: string
  /** A sentence, or ''. */
  readonly wayOut: string
}

export interface CheckOptions {
  /** Problems that are listed; the rest are counted. Default CONTRACT_PROBLEMS_MAX. */
  readonly problemsMax?: number
}

export interface RowCheck {
  /** In the contract's order, the kept rows alone; null: a problem refuses the whole request. */
  readonly columns: readonly ContractColumn[] | null
  /** 0-based positions of the kept rows among those that came. */
  readonly rows: Uint32Array
  readonly droppedRows: Uint32Array
  /** In order of rows, then of fields. */
  readonly problems: readonly RowProblem[]
  /** All of them, listed or not. */
  readonly problemCount: number
  /** Those that refuse the request; the first of them is listed whatever came before. */
  readonly refusalCount: number
  /** Rows that came. */
  readonly rowCount: number
  /** Members of rows that are no field and are not refused, in order of their first row, 64 at most. */
  readonly extra: readonly string[]
  /** The first value of each of them that came. */
  readonly extraValues: ReadonlyMap<string, unknown>
}

/**
 * Checks rows.
 * @param rows objects of parsed JSON, each read once; integers beyond 2^53 as bigints or decimal strings. NaN is a
 *   missing float.
 */
export function checkRows(contract: ResolvedContract, rows: Iterable<unknown>, options: CheckOptions = {}): RowCheck {
  const checker = new RowChecker(contract, options)
  const near = new NearNames()
  for (const row of rows)
    checker.take(readRow(contract, row, near), {
      valueOf: ({ path }) => valueAt(row, path),
      placeOf: ({ path }) => path,
      extraOf: (name) => valueAt(row, [name]),
    })
  return checker.finish()
}

/** Where a row came from, for what is said of it. */
export interface RowSource {
  /** The row's value of a field, as it came. */
  readonly valueOf: (field: ResolvedField) => unknown
  /** Members from the row to it. */
  readonly placeOf: (field: ResolvedField) => readonly string[]
  /** The row's value of a member that is no field; undefined: inside an object. */
  readonly extraOf: (name: string) => unknown
}

/** What becomes of rows that are read, one after the other. */
export class RowChecker {
  readonly #report: Report
  readonly #builders: readonly ColumnBuilder[]
  readonly #uniques: UniqueFields
  readonly #kept: number[] = []
  readonly #dropped: number[] = []
  readonly #extra = new Map<string, unknown>()
  #rowCount = 0

  constructor(contract: ResolvedContract, { problemsMax = CONTRACT_PROBLEMS_MAX }: CheckOptions = {}) {
    this.#report = new Report(problemsMax)
    this.#builders = contract.inputs.map((field) => new ColumnBuilder(field))
    this.#uniques = new UniqueFields(contract)
  }

  take({ cells, findings, extra }: RowRead, source: RowSource): void {
    const row = this.#rowCount++
    if (!isDropped(findings)) findings.push(...this.#uniques.check(cells, findings, source))
    for (const finding of findings) this.#report.add(row, finding)
    for (const name of extra)
      if (this.#extra.size < CONTRACT_EXTRAS_MAX && !this.#extra.has(name)) this.#extra.set(name, source.extraOf(name))
    if (isDropped(findings)) {
      this.#dropped.push(row)
      return
    }
    this.#kept.push(row)
    // A refused request has no columns.
    if (this.#report.refusalCount > 0) return
    for (let at = 0; at < this.#builders.length; at++)
      (this.#builders[at] as ColumnBuilder).add(cells[at]?.elements ?? null)
  }

  finish(): RowCheck {
    const { refusalCount, problems, count } = this.#report
    return {
      columns: refusalCount > 0 ? null : this.#builders.map((builder) => builder.finish()),
      rows: Uint32Array.from(this.#kept),
      droppedRows: Uint32Array.from(this.#dropped),
      problems,
      problemCount: count,
      refusalCount,
      rowCount: this.#rowCount,
      extra: [...this.#extra.keys()],
      extraValues: this.#extra,
    }
  }
}

function isDropped(findings: readonly RowFinding[]): boolean {
  return findings.some(({ action }) => action === 'drop')
}

/** Values seen so far of the fields that no two rows may share. */
class UniqueFields {
  readonly #contract: ResolvedContract
  readonly #seen: ReadonlyMap<number, Set<StoredElement>>

  constructor(contract: ResolvedContract) {
    this.#contract = contract
    const unique = contract.inputs.flatMap(({ isUnique }, at) => (isUnique ? [at] : []))
    this.#seen = new Map(unique.map((at) => [at, new Set<StoredElement>()]))
  }

  /** @param cells of the row, an object; a duplicate that is imputed is replaced in it. */
  check(cells: Cell[], earlier: readonly RowFinding[], { valueOf, placeOf }: RowSource): RowFinding[] {
    if (this.#seen.size === 0) return []
    const broken = new Set(earlier.map(({ field }) => field))
    const findings: RowFinding[] = []
    const fresh: (() => void)[] = []
    for (const [at, seen] of this.#seen) {
      const field = this.#contract.inputs[at]
      const element = cells[at]?.elements?.[0]
      // What stands for a missing value is the same in many rows by its nature.
      const isCompared = cells[at]?.isImputed === false && element !== undefined
      if (field === undefined || !isCompared || broken.has(field.name)) continue
      if (seen.has(element)) {
        const finding = { ...duplicateFinding(field, valueOf(field)), place: placeOf(field) }
        findings.push(finding)
        if (finding.action === 'impute') cells[at] = imputedCell(field)
      } else fresh.push(() => seen.add(element))
    }
    if (!isDropped(findings)) for (const remember of fresh) remember()
    return findings
  }
}

/** Findings as problems, up to a number of them. */
class Report {
  readonly problems: RowProblem[] = []
  count = 0
  refusalCount = 0
  readonly #problemsMax: number

  constructor(problemsMax: number) {
    this.#problemsMax = problemsMax
  }

  add(row: number, finding: RowFinding): void {
    this.count++
    const isFirstRefusal = finding.action === 'reject' && this.refusalCount++ === 0
    if (this.problems.length < this.#problemsMax || isFirstRefusal) this.problems.push(problemOf(row, finding))
  }
}

function problemOf(row: number, { field, place, rule, expected, value, action, wayOut }: RowFinding): RowProblem {
  const indexes = place.filter((step) => typeof step === 'number')
  const subject = field === '' ? `row ${row}` : `${field}${indexes.map((at) => `[${at}]`).join('')} of row ${row}`
  const received = value === undefined ? 'nothing' : describeValue(value)
  const sentence = `Expected ${subject} to be ${expected} but received ${received}`
  const message = wayOut === '' ? sentence : `${sentence}. ${wayOut}`
  return { row, field, path: pointer([row, ...place]), rule, value, action, message, wayOut }
}
