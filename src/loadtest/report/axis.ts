/** Scales of charts: from values to coordinates, and the few round values that are worth a line. */

export interface Axis {
  /** Fraction of the axis, 0..1, at which the value stands. */
  place(value: number): number
  readonly ticks: readonly number[]
}

/** From zero (or the lowest value below it) to a round number above the highest. */
export function linearAxis(min: number, max: number, tickCount = 4): Axis {
  const low = Math.min(0, min)
  const step = niceStep((max > low ? max - low : 1) / tickCount)
  const high = Math.max(low + step, Math.ceil(max / step - 1e-9) * step)
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, index) =>
    Number((low + index * step).toPrecision(12)),
  )
  return { place: (value) => (value - low) / (high - low), ticks }
}

/** Times: from the first to the last, the ends where the data end. */
export function spanAxis(min: number, max: number, tickCount = 6): Axis {
  const span = max > min ? max - min : 1
  const step = niceStep(span / tickCount)
  const first = Math.ceil(min / step - 1e-9) * step
  const count = Math.floor((min + span - first) / step + 1e-9) + 1
  const ticks = Array.from({ length: count }, (_, index) => Number((first + index * step).toPrecision(12)))
  return { place: (value) => (value - min) / span, ticks }
}

/** Powers of ten, with others between them where there is room. Values at or below 0 stand at the low end. */
export function logAxis(min: number, max: number): Axis {
  const low = min > 0 ? min : Math.max(max / 1e6, 1e-9)
  const high = max > low ? max : low * 10
  const decades = Math.log10(high / low)
  const steps = decades < 1.2 ? [1, 1.5, 2, 3, 4, 5, 7] : decades < 2.5 ? [1, 2, 5] : decades < 6 ? [1, 3] : [1]
  const ticks: number[] = []
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
    for (const step of steps) {
      const tick = Number((step * 10 ** power).toPrecision(3))
      if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick)
    }
  const place = (value: number) => Math.min(1, Math.max(0, Math.log10(Math.max(value, low) / low) / decades))
  return { place, ticks }
}

/** 1, 2 or 5 times a power of ten, at least `raw`. */
function niceStep(raw: number): number {
  const power = 10 ** Math.floor(Math.log10(raw))
  const factor = [1, 2, 5, 10].find((candidate) => candidate * power >= raw * (1 - 1e-9)) ?? 10
  return factor * power
}
