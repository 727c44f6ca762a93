/**
 * Recorded requests and answers of another engine, through our running server: bodies as they were sent, answers in the
 * forms in which they were recorded. The data is kept outside the repository; the suite says so and skips where it is
 * absent. engine-vectors.test.ts has the models' numbers; here it is columns, types, orders and forms.
 */
import { type Field, type Table, tableFromIPC } from 'apache-arrow'
import { Engine, PenstockServer } from 'penstock'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { file, isPresent, json, vectorModels } from './testing/vectors.js'

type Rows = Record<string, unknown>[]

const ARROW = 'application/vnd.apache.arrow.file'
const STREAM = 'application/vnd.apache.arrow.stream'
const RECORDS = 'application/json; format=pandas-records'
/** What the recorded SDK asked for: everything but metadata, flat. */
const flat = 'dataset=*&dataset_separator=.'

describe.skipIf(!isPresent)(
  `vectors over HTTP${isPresent ? '' : ' (skipped: the recorded data is not on this machine)'}`,
  () => {
    let engine: Engine
    let server: PenstockServer

    beforeAll(async () => {
      engine = await Engine.open({ calibration: 'off' })
      server = await PenstockServer.start({ engine, port: 0, partition: 'here' })
      for (const [name, path] of Object.entries(vectorModels)) {
        const answer = await send('PUT', `/v1/models/${name}/versions`, file(path), 'application/octet-stream')
        expect(answer.status).toBe(201)
      }
    })
    afterAll(async () => {
      await server.close()
      await engine.close()
    })

    const send = (
      method: string,
      path: string,
      body: Uint8Array | string,
      type: string,
      accept?: string,
    ): Promise<Response> =>
      fetch(`${server.url}${path}`, {
        method,
        body: typeof body === 'string' ? body : new Uint8Array(body),
        headers: { 'content-type': type, ...(accept === undefined ? {} : { accept }) },
      })
    const deploy = async (name: string, steps: unknown): Promise<void> => {
      const answer = await send(
        'PUT',
        `/v1/pipelines/${name}?deploy=true`,
        JSON.stringify({ steps }),
        'application/json',
      )
      expect(answer.status, await answer.text()).toBe(201)
    }
    /** One infer call at the address that recorded clients use. */
    const infer = async (
      pipeline: string,
      query: string,
      body: Uint8Array | string,
      type: string,
      accept?: string,
    ): Promise<Buffer> => {
      const answer = await send('POST', `/pipelines/${pipeline}?${query}`, body, type, accept)
      const bytes = Buffer.from(await answer.arrayBuffer())
      if (answer.status !== 200) throw new Error(`${answer.status} ${bytes.toString()}`)
      return bytes
    }
    const records = async (pipeline: string, query: string, path: string): Promise<Rows> =>
      JSON.parse((await infer(pipeline, query, file(path), RECORDS)).toString()) as Rows
    const column = (table: Table, group: string, field: string): Float32Array => {
      const values = table.getChild(group)?.getChild(field)
      return Float32Array.from({ length: table.numRows }, (_, row) =>
        (values?.get(row) as { get(index: number): number }).get(0),
      )
    }
    const schemaOf = (field: Field): unknown => [
      field.name,
      String(field.type).replace(/<.*/s, ''),
      field.nullable,
      Object.fromEntries(field.metadata),
      ((field.type as { children?: Field[] | null }).children ?? []).map(schemaOf),
    ]

    test('ccfraud-batch-10k-arrow: the schema and all 10,254 values of the recorded response', async () => {
      await deploy('ccfraud', [{ type: 'model', model: 'ccfraud', tensorFields: ['tensor'] }])
      const body = file('ccfraud-batch-10k-arrow/input.arrow')
      const recorded = tableFromIPC(file('ccfraud-batch-10k-arrow/response_http.arrow'))
      const answered = tableFromIPC(await infer('ccfraud', '', body, ARROW, ARROW))
      expect(answered.schema.fields.map(schemaOf)).toEqual(recorded.schema.fields.map(schemaOf))
      expect(answered.numRows).toBe(10_254)
      const outputs = column(answered, 'out', 'dense_1')
      const expected = column(recorded, 'out', 'dense_1')
      expect(outputs.every((value, row) => Math.abs(value - (expected[row] as number)) < 1e-6)).toBe(true)
      expect(column(answered, 'in', 'tensor')).toEqual(column(recorded, 'in', 'tensor'))
      const first = (table: Table): Record<string, unknown> =>
        table.get(0)?.toJSON().metadata.toJSON() as Record<string, unknown>
      expect(JSON.parse(first(answered)['last_model'] as string)).toEqual({
        model_name: 'ccfraud',
        model_sha: JSON.parse(first(recorded)['last_model'] as string).model_sha as string,
      })
      const high = json<{ 'rows_gt_0.75': Record<string, number> }>('ccfraud-batch-10k-arrow/expected.json')[
        'rows_gt_0.75'
      ]
      const rows = [...outputs.keys()].filter((row) => (outputs[row] as number) > 0.75)
      expect(rows.map(String)).toEqual(Object.keys(high))
    })

    test('ccfraud-batch-10k-arrow: flat, as the SDK showed it, as a file and as a stream', async () => {
      const body = file('ccfraud-batch-10k-arrow/input.arrow')
      const expected = json<{ sdk_flattened_schema: [string, string][] }>(
        'ccfraud-batch-10k-arrow/expected.json',
      ).sdk_flattened_schema
      const described = (field: Field): [string, string] => {
        const item = (field.type as { children?: Field[] | null }).children?.[0]
        const type =
          item === undefined
            ? { Timestamp: 'timestamp[ms]', Uint32: 'uint32' }[String(field.type).replace(/<.*/s, '')]
            : `list<${item.name}: float${item.nullable ? '' : ' not null'}>`
        return [field.name, `${type}${field.nullable ? '' : ' not null'}`]
      }
      const asFile = tableFromIPC(await infer('ccfraud', flat, body, ARROW))
      expect(asFile.schema.fields.map(described)).toEqual(expected)
      const asStream = tableFromIPC(await infer('ccfraud', flat, body, ARROW, STREAM))
      expect(asStream.schema.fields.map(described)).toEqual(expected)
      // The same rows as a stream, and the answer mirrors that.
      const again = await infer(
        'ccfraud',
        flat,
        await infer('ccfraud', 'dataset=in.tensor&dataset_separator=.', body, ARROW).then(asRequest),
        STREAM,
      )
      expect(tableFromIPC(again).numRows).toBe(10_254)
      expect(again.subarray(0, 6).toString()).not.toBe('ARROW1')
    })

    test('ccfraud-single: columns and printed numbers', async () => {
      await deploy('single', [{ type: 'model', model: 'ccfraud' }])
      const { cases } = json<{ cases: { input: string; 'out.dense_1': number[][]; columns?: string[] }[] }>(
        'ccfraud-single/expected.json',
      )
      for (const { input, columns, 'out.dense_1': expected } of cases) {
        const [row] = await records('single', flat, `ccfraud-single/${input}`)
        if (columns !== undefined) expect(Object.keys(row ?? {})).toEqual(columns)
        // Printed with as many digits as the shortest float has, or six.
        expect((row?.['out.dense_1'] as number[])[0]).toBeCloseTo(expected[0]?.[0] as number, 6)
        expect(row?.['anomaly.count']).toBe(0)
      }
    })

    test('ccfraud-validations: columns in their order, exact rows, and a dataset that beats its exclusion', async () => {
      await deploy('checked', [
        { type: 'model', model: 'ccfraud' },
        { type: 'check', name: 'fraud', flag: 'out.dense_1[0] > 0.9' },
        { type: 'check', name: 'too_low', flag: 'out.dense_1[0] < 0.001' },
        { type: 'check', name: 'in_between_2', flag: 'out.dense_1[0] < 0.9 && out.dense_1[0] > 0.001' },
      ])
      const expected = json<{ column_order: string[]; cases: Record<string, unknown>[] }>(
        'ccfraud-validations/expected.json',
      )
      const batch = await records('checked', flat, 'ccfraud-validations/input_batch.df.json')
      expect(Object.keys(batch[0] ?? {})).toEqual(expected.column_order)
      const between = [...batch.keys()].filter((row) => batch[row]?.['anomaly.in_between_2'] === true)
      const of = (key: string): Record<string, unknown> =>
        expected.cases.find((one) => key in one) as Record<string, unknown>
      expect(between).toHaveLength(of('rows_where_in_between_2')['rows_where_in_between_2'] as number)
      expect([between.slice(0, 5), between.slice(-5)]).toEqual([
        of('first_indices')['first_indices'],
        of('last_indices')['last_indices'],
      ])
      for (const [row, value] of Object.entries(of('values_at')['values_at'] as Record<string, number>))
        expect((batch[Number(row)]?.['out.dense_1'] as number[])[0]).toBeCloseTo(value, 7)
      const chosen = of('dataset_exclude')
      const query = `dataset=${(chosen['dataset'] as string[]).join(',')}&dataset.exclude[]=anomaly&dataset_separator=.`
      const [row] = await records('checked', query, `ccfraud-validations/${String(chosen['input'])}`)
      expect([Object.keys(row ?? {}), row?.['anomaly.count']]).toEqual([chosen['columns'], 1])
    })

    test('multi-io: two inputs, two outputs, in records and in Arrow', async () => {
      await deploy('multi', [{ type: 'model', model: 'multi-io' }])
      const expected = json<Record<string, unknown[]>>('multi-io/expected.json')
      const rows = await records('multi', flat, 'multi-io/input.df.json')
      expect(Object.keys(rows[0] ?? {})).toEqual(expected['columns'])
      for (const name of ['out.output_1', 'out.output_2'])
        rows.forEach((row, index) =>
          (row[name] as number[]).forEach((value, at) =>
            expect(value).toBeCloseTo((expected[name]?.[index] as number[])[at] as number, 6),
          ),
        )
      const arrow = tableFromIPC(await infer('multi', flat, file('multi-io/input.df.json'), RECORDS, ARROW))
      expect(arrow.schema.fields.map(({ name }) => name)).toEqual(expected['columns'])
      expect(arrow.numRows).toBe(10)
    })

    test('houseprice-single-hotswap: each model in turn under a running pipeline', async () => {
      const expected = json<Record<'normal' | 'large', Record<string, number>>>(
        'houseprice-single-hotswap/expected.json',
      )
      for (const model of ['rf', 'gbr', 'xgb']) {
        await deploy('house', [{ type: 'model', model: `house-${model}`, tensorFields: ['tensor'] }])
        for (const size of ['normal', 'large'] as const) {
          const [row] = await records('house', flat, `houseprice-single-hotswap/input_${size}.df.json`)
          const value = (row?.['out.variable'] as number[])[0] as number
          expect(Math.abs(value - (expected[size][model] as number)) / value, `${model} ${size}`).toBeLessThan(2e-7)
        }
      }
    })

    test('shadow-ccfraud: challengers show in the documented columns when they are asked for, and never otherwise', async () => {
      const steps = [
        {
          type: 'shadow',
          champion: 'ccfraud-lstm',
          challengers: ['ccfraud-xgb', 'ccfraud-rf'],
          tensorFields: ['tensor'],
        },
      ]
      await deploy('shadow', steps)
      const expected = json<{ columns: string[]; row0: Record<string, number[] | number> }>(
        'shadow-ccfraud/expected.json',
      )
      const [row] = await records('shadow', 'dataset=*,out_&dataset_separator=.', 'shadow-ccfraud/input.df.json')
      expect(Object.keys(row ?? {})).toEqual(expected.columns)
      for (const [name, value] of Object.entries(expected.row0)) {
        if (typeof value === 'number') expect(row?.[name]).toBe(value)
        else expect((row?.[name] as number[])[0], name).toBeCloseTo(value[0] as number, 7)
      }
      const [alone] = await records('shadow', flat, 'shadow-ccfraud/input.df.json')
      expect(Object.keys(alone ?? {}).filter((name) => name.startsWith('out_'))).toEqual([])
      const arrow = tableFromIPC(
        await infer('shadow', 'dataset=out_ccfraud-xgb', file('shadow-ccfraud/input.df.json'), RECORDS, ARROW),
      )
      expect(arrow.schema.fields.map(({ name }) => name)).toEqual(['out_ccfraud-xgb'])
    })

    test('abtest-random-split: the split shows as _model_split, extra columns as in.*', async () => {
      const models = ['house-rf', 'house-xgb', 'house-gbr']
      const options = models.map((model) => ({ weight: 1, model }))
      await deploy('split', [{ type: 'random-split', options, hashKey: 'u', tensorFields: ['tensor'] }])
      const lines = file('abtest-random-split/export_abtests-1.json').toString('utf8').trim().split('\n')
      const sent: Rows = []
      const expected: number[] = []
      for (const line of lines) {
        const row = JSON.parse(line) as Record<string, unknown>
        const split = JSON.parse((row['out._model_split'] as string[])[0] as string) as {
          model_version: { file_info: { file_name: string } }
        }
        const model = `house-${/^[a-z]+/.exec(split.model_version.file_info.file_name)?.[0] ?? ''}`
        sent.push({ index: row['in.index'], tensor: row['in.tensor'], u: (models.indexOf(model) + 0.5) / 3, model })
        expected.push((row['out.variable'] as number[])[0] as number)
      }
      const body = JSON.stringify(sent.map(({ model: _, ...row }) => row))
      const rows = JSON.parse((await infer('split', flat, body, RECORDS)).toString()) as Rows
      expect(Object.keys(rows[0] ?? {})).toEqual([
        'time',
        'in.index',
        'in.tensor',
        'in.u',
        'out._model_split',
        'out.variable',
        'anomaly.count',
      ])
      rows.forEach((row, index) => {
        const split = JSON.parse((row['out._model_split'] as string[])[0] as string) as { name: string }
        expect([split.name, row['in.index']]).toEqual([sent[index]?.['model'], sent[index]?.['index']])
        expect(
          Math.abs(((row['out.variable'] as number[])[0] as number) - (expected[index] as number)) /
            (expected[index] as number),
        ).toBeLessThan(5e-7)
      })
    })
  },
)

/** The flat answer's `in.tensor` as the request's `tensor`: a schema with another name, the same batches. */
async function asRequest(bytes: Buffer): Promise<Uint8Array> {
  const { RecordBatch, Schema, Struct, Table: ArrowTable, makeData, tableToIPC } = await import('apache-arrow')
  const table = tableFromIPC(bytes)
  const schema = new Schema([(table.schema.fields[0] as Field).clone({ name: 'tensor' })])
  const half = Math.floor(table.numRows / 2)
  const batches = [table.slice(0, half), table.slice(half)].map((part) => {
    const data = part.batches[0]?.data as never as { length: number; children: never[] }
    return new RecordBatch(
      schema,
      makeData({ type: new Struct(schema.fields), length: data.length, nullCount: 0, children: data.children }),
    )
  })
  return tableToIPC(new ArrowTable(schema, batches), 'stream')
}
