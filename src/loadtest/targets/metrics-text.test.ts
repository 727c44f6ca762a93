import { describe, expect, it } from 'vitest'
import { metricsBetween, quantileOf } from './metrics-text.js'

const scrape = (one: number, two: number, all: number, sum: number): string => `# HELP penstock_batch_rows Rows
# TYPE penstock_batch_rows histogram
penstock_batch_rows_bucket{le="1",model="a",version="1"} ${one}
penstock_batch_rows_bucket{le="2",model="a",version="1"} ${two}
penstock_batch_rows_bucket{le="+Inf",model="a",version="1"} ${all}
penstock_batch_rows_sum{model="a",version="1"} ${sum}
penstock_batch_rows_count{model="a",version="1"} ${all}
penstock_run_duration_seconds_bucket{model="a",le="0.001"} ${two}
penstock_run_duration_seconds_bucket{model="a",le="+Inf"} ${all}
penstock_run_duration_seconds_sum{model="a"} ${all / 100}
penstock_run_duration_seconds_count{model="a"} ${all}
penstock_queue_duration_seconds_count{model="a"} 7
`

describe('metrics', () => {
  it('keeps what happened in between, by bucket', () => {
    expect(metricsBetween(scrape(1, 2, 3, 7), scrape(5, 10, 13, 30))).toEqual({
      batchRows: {
        buckets: [
          [1, 4],
          [2, 4],
          [Infinity, 2],
        ],
        sum: 23,
        count: 10,
      },
      phases: {
        run: {
          buckets: [
            [0.001, 8],
            [Infinity, 2],
          ],
          sum: 0.13 - 0.03,
          count: 10,
        },
      },
    })
  })

  it('adds up labels, and takes a family that is new', () => {
    const two = scrape(1, 1, 1, 1) + scrape(2, 2, 2, 2).replaceAll('model="a"', 'model="b"')
    expect(metricsBetween('', two)?.batchRows).toMatchObject({ sum: 3, count: 3 })
  })

  it('takes phases that are a label', () => {
    const text = `penstock_phase_duration_seconds_count{phase="send",model="a"} 4
penstock_phase_duration_seconds_sum{phase="send"} 2`
    expect(metricsBetween('', text)?.phases['send']).toMatchObject({ sum: 2, count: 4 })
  })

  it('says null for a server that has none of it', () => {
    expect(metricsBetween('', 'nv_inference_count{model="m"} 3\nprocess_cpu_seconds_total 1')).toBeNull()
  })

  it('quantiles lie within their bucket', () => {
    const sample = {
      buckets: [
        [1, 50],
        [3, 50],
        [Infinity, 0],
      ] as const,
      sum: 0,
      count: 100,
    }
    expect(quantileOf(sample, 0.5)).toBe(1)
    expect(quantileOf(sample, 0.75)).toBe(2)
    expect(
      quantileOf(
        {
          ...sample,
          buckets: [
            [1, 1],
            [Infinity, 99],
          ],
        },
        0.9,
      ),
    ).toBe(1)
  })
})
