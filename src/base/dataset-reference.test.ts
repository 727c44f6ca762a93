import { expect, test } from 'vitest'
import { expectDatasetReference, matchDatasetReference } from './dataset-reference.js'

test.each([
  ['wine', { name: 'wine', version: null }],
  ['wine@latest', { name: 'wine', version: null }],
  ['wine-2@12', { name: 'wine-2', version: 12 }],
])('dataset reference: reads %s', (text, reference) => {
  expect(matchDatasetReference(text)).toEqual(reference)
})

test.each(['', 'a/b', '../wine', 'wine@0', 'wine@', 'wine@champion', 'wine@1.5', 'wine@99999999999999999', 5, null])(
  'dataset reference: refuses %j',
  (text) => {
    expect(matchDatasetReference(text)).toBeNull()
    expect(() => expectDatasetReference('datasets.train', text)).toThrow(
      /^Expected datasets\.train to be a dataset as name, name@version or name@latest but received/,
    )
  },
)
