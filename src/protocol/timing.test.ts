/** Where the time went, as callers see it and as the wire has it. */
import { expect, test } from 'vitest'
import { timingOf, timingValues, type InferTiming } from './timing.js'

test('timings pass a flat form, column stages beside the models', () => {
  const step = { step: 0, model: 'm@1', queueUs: 1, assembleUs: 2, runUs: 3, scatterUs: 4 }
  const models: InferTiming = { totalUs: 10, sendUs: 1, steps: [step] }
  const all: InferTiming = { ...models, stages: [{ step: 'steps[0]', type: 'lookup', runUs: 7 }] }
  for (const timing of [models, all]) {
    const { values, models: texts } = timingValues(timing)
    expect(timingOf(values, texts)).toEqual(timing)
  }
})
