/** Bodies are what Content-Type says; answers mirror the request unless Accept asks for another form. */
import { describe, expect, it } from 'vitest'
import { answerForm, inferBodyKind, metricsForm } from './media-types.js'

describe('media types', () => {
  it('reads JSON, records and penstock bodies, and refuses anything else by name', () => {
    expect(inferBodyKind('application/json')).toBe('json')
    expect(inferBodyKind('Application/JSON; charset=utf-8')).toBe('json')
    expect(inferBodyKind('application/json; format=pandas-records')).toBe('records')
    expect(inferBodyKind('application/json;format="pandas-records"')).toBe('records')
    expect(inferBodyKind('application/json; format=pandas-recordsapplication/json; format=pandas-records')).toBe(
      'records',
    )
    expect(inferBodyKind('application/x-penstock')).toBe('penstock')
    expect(() => inferBodyKind('text/plain')).toThrow(
      'Expected content-type to be application/json, application/json; format=pandas-records, application/json; format=pandas-split, application/x-ndjson, text/csv, application/vnd.apache.arrow.file, application/vnd.apache.arrow.stream, application/vnd.apache.parquet, application/x-npy or application/x-penstock but received text/plain',
    )
    expect(() => inferBodyKind('')).toThrow('but received none')
  })

  it('mirrors the request by default', () => {
    for (const accept of ['', '*/*', 'text/html, */*;q=0.1', 'application/*']) {
      for (const form of ['columns', 'records', 'penstock'] as const) expect(answerForm(accept, form)).toBe(form)
    }
  })

  it('answers in the form that Accept prefers', () => {
    expect(answerForm('application/json', 'penstock')).toBe('columns')
    expect(answerForm('application/json', 'records')).toBe('records')
    expect(answerForm('application/json; format=pandas-records', 'columns')).toBe('records')
    expect(answerForm('application/json;q=0.5, application/x-penstock', 'columns')).toBe('penstock')
    expect(answerForm('application/x-penstock;q=0, application/json', 'records')).toBe('records')
    expect(() => answerForm('text/html', 'columns')).toThrow(/Expected accept to name .* but received text\/html/)
    expect(() => answerForm('constructor', 'columns')).toThrow(/but received constructor/)
  })

  it('knows the files that the command line knows', () => {
    for (const [type, kind] of [
      ['text/csv; charset=utf-8', 'csv'],
      ['application/x-ndjson', 'lines'],
      ['application/ndjson', 'lines'],
      ['application/vnd.apache.parquet', 'parquet'],
      ['application/x-npy', 'npy'],
    ] as const) {
      expect(inferBodyKind(type)).toBe(kind)
      expect(answerForm(type, 'columns')).toBe(kind)
      expect(answerForm('*/*', kind)).toBe(kind)
    }
    expect(inferBodyKind('application/json; format=pandas-split')).toBe('split')
    // JSON for who sent rows is rows.
    for (const mirror of ['csv', 'lines', 'records'] as const)
      expect(answerForm('application/json', mirror)).toBe('records')
    expect(answerForm('application/json', 'npy')).toBe('columns')
  })

  it('metrics: the form that is preferred, protobuf only as delimited messages of metric families', () => {
    const scraper =
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,' +
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2'
    expect(metricsForm(scraper)).toBe('protobuf')
    expect(metricsForm(scraper.replace('q=0.6', 'q=0.1'))).toBe('openmetrics')
    expect(metricsForm(scraper.replace('delimited', 'text'))).toBe('openmetrics')
    expect(metricsForm('application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1')).toBe('openmetrics')
    for (const accept of ['', '*/*', 'text/html', 'text/plain, application/openmetrics-text;q=0.9'])
      expect(metricsForm(accept)).toBe('text')
  })
})
