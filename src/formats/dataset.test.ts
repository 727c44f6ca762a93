/** Columns are chosen by the documented rules, in the documented order. */
import { describe, expect, it } from 'vitest'
import { orderColumns, selectColumns, type SelectOptions } from './dataset.js'

const names = [
  'time',
  'in.x',
  'out.y',
  'anomaly.count',
  'anomaly.fraud',
  'check_failures',
  'out_b.v',
  'out_c.v',
  'metadata.elapsed',
  'metadata.partition',
]
const select = (options: SelectOptions): string => selectColumns(names, options).join(' ')

describe('dataset', () => {
  it.each<[string, SelectOptions, string]>([
    ['nothing is time, in, out, anomaly', {}, 'time in.x out.y anomaly.count anomaly.fraud'],
    ['* is the same', { dataset: ['*'] }, 'time in.x out.y anomaly.count anomaly.fraud'],
    [
      'columns and groups, in the order of the table',
      { dataset: ['metadata.elapsed', 'out'] },
      'out.y metadata.elapsed',
    ],
    ['out_ is every other model', { dataset: ['out_'] }, 'out_b.v out_c.v'],
    ['out_<model> is one of them', { dataset: ['out', 'out_c'] }, 'out.y out_c.v'],
    [
      '* and other models go together',
      { dataset: ['*', 'out_b'] },
      'time in.x out.y anomaly.count anomaly.fraud out_b.v',
    ],
    ['exclude takes from the default', { datasetExclude: ['anomaly', 'in.x'] }, 'time out.y'],
    [
      'what the dataset names stays, whatever is excluded',
      { dataset: ['time', 'in', 'out', 'anomaly.count'], datasetExclude: ['anomaly'] },
      'time in.x out.y anomaly.count',
    ],
    [
      'exclude takes from *',
      { dataset: ['*', 'anomaly.fraud'], datasetExclude: ['anomaly'] },
      'time in.x out.y anomaly.fraud',
    ],
    [
      'all is everything',
      { base: 'all', datasetExclude: ['metadata', 'check_failures', 'out_'] },
      'time in.x out.y anomaly.count anomaly.fraud',
    ],
    [
      'hidden columns come by name',
      { dataset: ['metadata.request_id'], hidden: ['metadata.request_id'] },
      'metadata.request_id',
    ],
    [
      'hidden columns are in no group',
      { dataset: ['metadata'], hidden: ['metadata.request_id'] },
      'metadata.elapsed metadata.partition',
    ],
    ['the log passes over what is not there', { dataset: ['out', 'in.gone'], isLenient: true }, 'out.y'],
  ])('%s', (_, options, expected) => {
    expect(select(options)).toBe(expected)
  })

  it.each<[string, SelectOptions, RegExp]>([
    ['* with metadata', { dataset: ['*', 'metadata'] }, /to be \* without metadata .*time,in,out,anomaly,metadata/],
    ['* with a column of metadata', { dataset: ['*', 'metadata.elapsed'] }, /without metadata/],
    ['a column that is not there', { dataset: ['out.z'] }, /each entry of dataset .*out\.y.*"out\.z"/],
    ['an exclusion that means nothing', { datasetExclude: ['anomalies'] }, /each entry of dataset_exclude/],
    ['nothing left', { dataset: [], datasetExclude: [] }, /a column is left/],
  ])('refuses %s', (_, options, message) => {
    expect(() => select(options)).toThrow(
      expect.objectContaining({ code: 'ERR_ARGUMENT', message: expect.stringMatching(message) as string }),
    )
  })

  it('orders columns as documented: upper case first, anomaly.count before the checks, challengers by name', () => {
    const mixed = [
      'metadata.b',
      'metadata.a',
      'out_rf-2.v',
      'out_a.v',
      'anomaly.a',
      'check_failures',
      'anomaly.count',
      'out._model_split',
      'out.variable',
      'in.b',
      'in.Date',
      'time',
    ]
    expect(orderColumns(mixed)).toEqual([
      'time',
      'in.Date',
      'in.b',
      'out._model_split',
      'out.variable',
      'anomaly.count',
      'anomaly.a',
      'check_failures',
      'out_a.v',
      'out_rf-2.v',
      'metadata.b',
      'metadata.a',
    ])
  })
})
