import { describe, expect, it } from 'vitest'
import { agreement, computeMetric, type Judged, type JudgedValue, parseMetric } from './metrics.js'
import { parseRequirement } from './requirements.js'

function judged(
  actual: readonly JudgedValue[],
  predicted: readonly JudgedValue[],
  probabilities: Readonly<Record<string, readonly number[]>> = {},
): Judged {
  return { actual, predicted, probabilities: new Map(Object.entries(probabilities)) }
}

const of = (rows: Judged, text: string): number => computeMetric(rows, parseMetric('metric', text))

describe('metrics of classes, as scikit-learn has them', () => {
  const rows = judged(['a', 'b', 'c', 'a', 'b', 'c', 'a'], ['a', 'c', 'c', 'a', 'b', 'b', 'b'])
  it.each([
    ['accuracy', 4 / 7],
    ['precision(a)', 1],
    ['precision(b)', 1 / 3],
    ['recall(a)', 2 / 3],
    ['f1(a)', 0.8],
    ['precision', (1 + 1 / 3 + 1 / 2) / 3],
    ['recall', (2 / 3 + 1 / 2 + 1 / 2) / 3],
    ['f1', (0.8 + 0.4 + 0.5) / 3],
  ])('%s', (text, value) => expect(of(rows, text)).toBeCloseTo(value, 12))

  it('are 0 of a class that nothing is, and undefined without rows', () => {
    expect([of(rows, 'precision(d)'), of(rows, 'recall(d)'), of(rows, 'f1(d)')]).toEqual([0, 0, 0])
    expect(of(judged([], []), 'accuracy')).toBeNaN()
  })

  it('count a class that is only predicted among the mean', () => {
    expect(of(judged(['a', 'a'], ['a', 'z']), 'recall')).toBeCloseTo(0.25, 12)
  })

  it('take true, 1 and texts of digits as they are written', () => {
    expect(of(judged([true, false, 3, '9007199254740993'], [true, true, 3, '9007199254740993']), 'accuracy')).toBe(0.75)
  })

  it('roc-auc: ties count half; undefined with one class', () => {
    const scores = { yes: [0.1, 0.4, 0.35, 0.8, 0.4] }
    const truth = ['no', 'no', 'yes', 'yes', 'yes']
    // 4 of the 6 pairs are in order, and one is a tie.
    expect(of(judged(truth, truth, scores), 'roc-auc(yes)')).toBeCloseTo(4.5 / 6, 12)
    expect(of(judged(truth, truth, scores), 'roc-auc')).toBeCloseTo(4.5 / 6, 12)
    expect(of(judged(['yes', 'yes'], ['yes', 'yes'], { yes: [0.1, 0.2] }), 'roc-auc')).toBeNaN()
  })
})

describe('metrics of numbers', () => {
  const rows = judged([3, -0.5, 2, 7], [2.5, 0, 2, 8])
  it.each([
    ['mae', 0.5],
    ['rmse', Math.sqrt(0.375)],
    ['max-error', 1],
    ['r2', 0.9486081370449679],
  ])('%s', (text, value) => expect(of(rows, text)).toBeCloseTo(value, 12))

  it('r2 of a constant truth is 1 where all is right and 0 elsewhere; of one row undefined', () => {
    expect(of(judged([2, 2], [2, 2]), 'r2')).toBe(1)
    expect(of(judged([2, 2], [2, 3]), 'r2')).toBe(0)
    expect(of(judged([2], [2]), 'r2')).toBeNaN()
  })
})

describe('agreement', () => {
  it('forgives numbers the last digits, and nothing else; missing agrees with missing', () => {
    expect(agreement([1, 1, 'a', null, null, 0], [1.000001, 1.001, 'b', null, 2, 0])).toBeCloseTo(3 / 6, 12)
    expect(agreement([], [])).toBeNaN()
  })
})

describe('requirements', () => {
  it.each([
    ['accuracy>=0.9', 0.9, true],
    ['accuracy > 0.9', 0.9, false],
    ['rmse<0.7', 0.69, true],
    ['rmse <= 7e-1', 0.7, true],
    ['f1(a>b)>=0.5', 0.6, true],
    ['agreement>=0.98', 0.97, false],
    ['r2>=-1', NaN, false],
  ])('%s of %d: %s', (text, value, isMet) => expect(parseRequirement('require', text).isMetBy(value)).toBe(isMet))

  it.each([
    ['accuracy', /Expected require to be a metric, one of >=, <=, >, <, and a number/],
    ['acuracy>=0.9', /one of accuracy, .* Did you mean accuracy\?/],
    ['accuracy(a)>=0.9', /accuracy without a class/],
    ['accuracy>=', /a metric, one of/],
    ['accuracy>=ninety', /a metric, one of/],
    [7, /a metric, one of/],
    ['constructor>=1', /one of accuracy/],
  ])('%s is refused', (text, says) => expect(() => parseRequirement('require', text)).toThrow(says))
})
