/**
 * The two kinds of chart of the report, as inline SVG: lines over time and bars over buckets. No script: the value under
 * the pointer is the browser's own tooltip, from a <title> per point of time or bar. Colours are classes; the style sheet
 * gives them values for light and dark.
 */
import { linearAxis, logAxis, spanAxis, type Axis } from './axis.js'
import { coordinate, element, escape, textElement } from './markup.js'

const WIDTH = 580
const HEIGHT = 220
const LEFT = 56
const RIGHT = 14
const TOP = 14
const BOTTOM = 34
const PLOT_WIDTH = WIDTH - LEFT - RIGHT
const PLOT_HEIGHT = HEIGHT - TOP - BOTTOM

export interface Series {
  readonly name: string
  /** One per x; null is a gap. */
  readonly values: readonly (number | null)[]
}

export interface LineChart {
  readonly title: string
  readonly xLabel: string
  readonly xs: readonly number[]
  readonly series: readonly Series[]
  readonly format: (value: number) => string
  readonly isLog?: boolean
  readonly isLogX?: boolean
  readonly formatX?: (value: number) => string
  /** Ranges of x with a grey ground: the warm-up. */
  readonly shades?: readonly (readonly [from: number, to: number])[]
  /** A line across: the objective. */
  readonly limit?: { readonly value: number; readonly label: string } | null
  /** A sentence under the chart. */
  readonly note?: string
}

export function lineChart(chart: LineChart): string {
  const { xs, series, format } = chart
  const values = [...series.flatMap((line) => line.values.filter((value) => value !== null)), chart.limit?.value ?? 0]
  const positive = values.filter((value) => value > 0)
  const high = Math.max(...values)
  const y =
    chart.isLog === true && positive.length > 0 ? logAxis(Math.min(...positive) * 0.9, high * 1.1) : linearAxis(0, high)
  const x =
    chart.isLogX === true ? logAxis(Math.min(...xs), Math.max(...xs)) : spanAxis(Math.min(...xs), Math.max(...xs))
  const parts = [
    ...(chart.shades ?? []).map(([from, to]) => shade(x, from, to)),
    ...gridLines(y, format),
    ...xTicks(x, chart.formatX),
    ...series.map((line, index) => linePath(line, index, xs, x, y)),
    ...(chart.limit == null ? [] : limitLine(chart.limit, y)),
    ...xs.map((at, index) => hitArea(chart, x, at, index)),
    axisLabel(chart.xLabel),
  ]
  return figure(chart.title, parts, series.length > 1 ? legend(series) : '', chart.note ?? '')
}

export interface BarChart {
  readonly title: string
  readonly xLabel: string
  /** `at` and `until` on the x axis; `label` of the tooltip. */
  readonly bars: readonly {
    readonly at: number
    readonly until: number
    readonly value: number
    readonly label: string
  }[]
  readonly isLogX: boolean
  readonly format: (value: number) => string
  readonly formatX: (value: number) => string
  /** Lines down the chart, such as quantiles. */
  readonly marks?: readonly { readonly at: number; readonly label: string }[]
  readonly note?: string
}

export function barChart(chart: BarChart): string {
  const { bars, format, formatX } = chart
  const low = Math.min(...bars.map(({ at }) => at))
  const high = Math.max(...bars.map(({ until }) => until))
  const x = chart.isLogX ? logAxis(low, high) : spanAxis(low, high)
  const highest = Math.max(...bars.map(({ value }) => value))
  // Labels of marks stand above the bars.
  const y = linearAxis(0, chart.marks === undefined ? highest : highest * 1.25)
  const drawn = bars.map(({ at, until, value, label }) => {
    const left = LEFT + x.place(at) * PLOT_WIDTH
    const width = Math.max(1, (x.place(until) - x.place(at)) * PLOT_WIDTH - 1)
    const height = y.place(value) * PLOT_HEIGHT
    const box = { x: coordinate(left), y: coordinate(TOP + PLOT_HEIGHT - height) }
    const size = { width: coordinate(width), height: coordinate(height) }
    return element('rect', { class: 'bar', ...box, ...size }, textElement('title', label))
  })
  const marks = (chart.marks ?? []).flatMap(({ at, label }, index) => mark(x.place(at), label, index))
  const parts = [...gridLines(y, format), ...xTicks(x, formatX), ...drawn, ...marks, axisLabel(chart.xLabel)]
  return figure(chart.title, parts, '', chart.note ?? '')
}

/** A heading with a sentence where there is nothing to draw. */
export function missingChart(title: string, reason: string): string {
  return element('figure', {}, textElement('figcaption', title), textElement('p', reason, { class: 'missing' }))
}

/** A table among the charts. */
export function tableFigure(title: string, markup: string): string {
  return element('figure', {}, textElement('figcaption', title), markup)
}

function figure(title: string, parts: readonly string[], head: string, note: string): string {
  const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: 'img', 'aria-label': title }
  const below = note === '' ? '' : textElement('p', note, { class: 'note' })
  return element('figure', {}, textElement('figcaption', title), head, element('svg', attributes, ...parts), below)
}

function legend(series: readonly Series[]): string {
  const entries = series.map(({ name }, index) =>
    element('span', {}, element('i', { class: `key k${index + 1}` }), escape(name)),
  )
  return element('div', { class: 'legend' }, ...entries)
}

function gridLines(y: Axis, format: (value: number) => string): string[] {
  return y.ticks.flatMap((tick) => {
    const at = coordinate(TOP + PLOT_HEIGHT * (1 - y.place(tick)))
    return [
      element('line', { class: 'grid', x1: LEFT, x2: WIDTH - RIGHT, y1: at, y2: at }),
      textElement('text', format(tick), { class: 'tick', x: LEFT - 8, y: at, dy: '0.32em', 'text-anchor': 'end' }),
    ]
  })
}

function xTicks(x: Axis, format: (value: number) => string = String): string[] {
  return x.ticks.map((tick) => {
    const at = coordinate(LEFT + PLOT_WIDTH * x.place(tick))
    return textElement('text', format(tick), { class: 'tick', x: at, y: HEIGHT - BOTTOM + 15, 'text-anchor': 'middle' })
  })
}

function axisLabel(text: string): string {
  return textElement('text', text, { class: 'label', x: WIDTH - RIGHT, y: HEIGHT - 3, 'text-anchor': 'end' })
}

function linePath({ values }: Series, index: number, xs: readonly number[], x: Axis, y: Axis): string {
  let path = ''
  let isDown = false
  for (const [position, value] of values.entries()) {
    if (value === null) {
      isDown = false
      continue
    }
    const left = coordinate(LEFT + PLOT_WIDTH * x.place(xs[position] ?? 0))
    path += `${isDown ? 'L' : 'M'}${left} ${coordinate(TOP + PLOT_HEIGHT * (1 - y.place(value)))}`
    isDown = true
  }
  return element('path', { class: `line l${index + 1}`, d: path })
}

function limitLine({ value, label }: { value: number; label: string }, y: Axis): string[] {
  const at = TOP + PLOT_HEIGHT * (1 - y.place(value))
  const line = { class: 'limit', x1: LEFT, x2: WIDTH - RIGHT, y1: coordinate(at), y2: coordinate(at) }
  return [
    element('line', line),
    textElement('text', label, { class: 'tick mark', x: LEFT + 6, y: coordinate(Math.max(TOP + 9, at - 5)) }),
  ]
}

/** Neighbouring labels stand at different heights. */
function mark(place: number, label: string, index: number): string[] {
  const at = coordinate(LEFT + PLOT_WIDTH * place)
  const anchor = place > 0.9 ? 'end' : 'start'
  const text = {
    class: 'tick mark',
    x: at,
    dx: anchor === 'end' ? -4 : 4,
    y: TOP + 8 + (index % 3) * 13,
    'text-anchor': anchor,
  }
  return [
    element('line', { class: 'limit', x1: at, x2: at, y1: TOP, y2: TOP + PLOT_HEIGHT }),
    textElement('text', label, text),
  ]
}

function shade(x: Axis, from: number, to: number): string {
  const left = LEFT + PLOT_WIDTH * Math.max(0, x.place(from))
  const right = LEFT + PLOT_WIDTH * Math.min(1, x.place(to))
  const box = { x: coordinate(left), width: coordinate(Math.max(0, right - left)), y: TOP, height: PLOT_HEIGHT }
  return element('rect', { class: 'shade', ...box })
}

/** As wide as a point's share of the axis, so that the pointer always meets one. */
function hitArea({ series, format, xLabel, xs }: LineChart, x: Axis, at: number, index: number): string {
  const before = xs[index - 1] ?? at
  const after = xs[index + 1] ?? at
  const left = LEFT + PLOT_WIDTH * x.place((before + at) / 2)
  const right = LEFT + PLOT_WIDTH * x.place((after + at) / 2)
  const values = series.map(({ name, values: all }) => {
    const value = all[index]
    return `${name}: ${value == null ? '-' : format(value)}`
  })
  const box = { x: coordinate(left), width: coordinate(Math.max(1, right - left)), y: TOP, height: PLOT_HEIGHT }
  const label = [`${Number(at.toFixed(2))} ${xLabel}`, ...values].join('\n')
  return element('rect', { class: 'hit', ...box }, textElement('title', label))
}
