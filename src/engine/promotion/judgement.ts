/** Two versions' answers to the same rows, as metrics and as requirements that are met or not. */
import { argumentError } from '../../base/expect.js'
import {
  agreement,
  computeMetric,
  type Judged,
  type JudgedValue,
  type MetricChoice,
  metricOf,
  metricText,
  usualMetrics,
} from '../../evaluation/metrics.js'
import { AGREEMENT, type Requirement } from '../../evaluation/requirements.js'
import type { PromotionMetric, PromotionRequirement } from '../api/api.js'
import type { Answers, JudgedFields } from './answers.js'
import type { ShadowRows } from './shadow-gate.js'

/** What a candidate is held to. */
export interface Demands {
  readonly requirements: readonly Requirement[]
  /** The metric by which it has to beat the baseline; null: it need not. */
  readonly by: MetricChoice | null
  /** How the baseline was named. */
  readonly baseline: string
}

export interface Judgement {
  readonly judgedRows: number
  readonly metrics: readonly PromotionMetric[]
  readonly requirements: readonly PromotionRequirement[]
}

/** The metric that stands for a prediction where none is named. */
export function defaultMetric({ prediction }: JudgedFields): MetricChoice {
  return { name: prediction.kind === 'float' ? 'rmse' : 'accuracy', ofClass: null }
}

/** @throws PenstockError ERR_ARGUMENT: the metric says nothing of such a prediction. */
export function expectMetricFits(argument: string, choice: MetricChoice, fields: JudgedFields): void {
  const { prediction, target, probabilities } = fields
  const text = metricText(choice)
  if (target === null)
    throw argumentError(argument, `${AGREEMENT}, for the contract has no field with the role target`, text)
  const kind = metricOf(choice.name).of
  if (kind === 'classes' && prediction.kind === 'float')
    throw argumentError(argument, `a metric of numbers, as ${prediction.name} is ${prediction.dtype}`, text)
  const isNumeric = [prediction, target].every((field) => field.kind === 'float' || field.kind === 'integer')
  if (kind === 'numbers' && !isNumeric)
    throw argumentError(argument, `a metric of classes, as ${prediction.name} is ${prediction.dtype}`, text)
  if (choice.name !== 'roc-auc') return
  const classes = [...probabilities.keys()]
  if (classes.length === 0 || (choice.ofClass !== null && !classes.includes(choice.ofClass)))
    throw argumentError(
      argument,
      `of a class that has a probability in the contract: ${classes.join(', ') || 'none has'}`,
      text,
    )
}

/** @param baseline null: nothing was asked of another version. */
export function judge(fields: JudgedFields, candidate: Answers, baseline: Answers | null, demands: Demands): Judgement {
  const places = commonPlaces(candidate, baseline)
  const known = places.filter(
    ([own, other]) =>
      candidate.actual[own] != null &&
      candidate.predicted[own] != null &&
      (baseline === null || baseline.predicted[other] != null),
  )
  const ofCandidate = judgedAt(
    candidate,
    known.map(([own]) => own),
  )
  const ofBaseline =
    baseline === null
      ? null
      : judgedAt(
          baseline,
          known.map(([, other]) => other),
        )
  const told = new Map<string, PromotionMetric>()
  const tell = (choice: MetricChoice): PromotionMetric => {
    const name = metricText(choice)
    const one = told.get(name) ?? {
      name,
      candidate: finite(computeMetric(ofCandidate, choice)),
      baseline: ofBaseline === null ? null : finite(computeMetric(ofBaseline, choice)),
    }
    told.set(name, one)
    return one
  }
  if (fields.target !== null) usualMetrics(metricOf(defaultMetric(fields).name).of).forEach(tell)
  const agreed = baseline === null ? null : finite(agreement(...answeredAt(candidate, baseline, places)))
  if (baseline !== null) told.set(AGREEMENT, { name: AGREEMENT, candidate: agreed, baseline: null })
  const requirements = demands.requirements.map(({ text, metric, isMetBy }): PromotionRequirement => {
    const value = metric === AGREEMENT ? agreed : tell(metric).candidate
    return { requirement: text, value, isMet: value !== null && isMetBy(value) }
  })
  if (demands.by !== null) requirements.push(beaten(tell(demands.by), demands.by, demands.baseline))
  return { judgedRows: known.length, metrics: [...told.values()], requirements }
}

/** What live rows show: agreement, of rows that both answered or that the candidate failed; and that there were enough of them. */
export function judgeLive(
  { comparedRows, sameRows, failedRows }: ShadowRows,
  wantedRows: number,
  requirements: readonly Requirement[],
): Judgement & { readonly rows: number } {
  const rows = comparedRows + failedRows
  const agreed = finite(sameRows / rows)
  const enough = { requirement: `shadow rows>=${wantedRows}`, value: rows, isMet: rows >= wantedRows }
  return {
    rows,
    judgedRows: rows,
    metrics: [{ name: AGREEMENT, candidate: agreed, baseline: null }],
    requirements: [
      enough,
      ...requirements.map(({ text, isMetBy }) => ({
        requirement: text,
        value: agreed,
        isMet: agreed !== null && isMetBy(agreed),
      })),
    ],
  }
}

function beaten({ name, candidate, baseline }: PromotionMetric, { name: metric }: MetricChoice, whom: string) {
  const isBetter = (one: number, other: number): boolean =>
    metricOf(metric).isHigherBetter ? one > other : one < other
  const isMet = candidate !== null && baseline !== null && isBetter(candidate, baseline)
  return { requirement: `${name} better than ${whom}`, value: candidate, isMet }
}

/** Places of the rows that both answered. */
function commonPlaces(one: Answers, other: Answers | null): [number, number][] {
  if (other === null) return one.rows.map((_, place) => [place, place])
  const places = new Map(other.rows.map((row, place) => [row, place]))
  return one.rows.flatMap((row, place): [number, number][] => {
    const there = places.get(row)
    return there === undefined ? [] : [[place, there]]
  })
}

function judgedAt({ predicted, actual, probabilities }: Answers, places: readonly number[]): Judged {
  const valuesOf = (values: readonly (JudgedValue | null)[]): JudgedValue[] =>
    places.map((place) => values[place] as JudgedValue)
  return {
    predicted: valuesOf(predicted),
    actual: valuesOf(actual),
    probabilities: new Map(
      [...probabilities].map(([name, scores]) => [name, places.map((place) => scores[place] ?? NaN)]),
    ),
  }
}

function answeredAt(
  candidate: Answers,
  baseline: Answers,
  places: readonly (readonly [number, number])[],
): [(JudgedValue | null)[], (JudgedValue | null)[]] {
  return [
    places.map(([own]) => candidate.predicted[own] ?? null),
    places.map(([, other]) => baseline.predicted[other] ?? null),
  ]
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null
}
