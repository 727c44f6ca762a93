/** From a text to its vector and its label: tokenizers of the registry, the step that uses them, pooling, and both dialects. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Contract, Engine, PenstockControl, PenstockServer, pipeline } from 'penstock'
import { examplesPath, modelPath } from '../support/goldens.js'
import { call } from '../support/served.js'

let engine: Engine
let server: PenstockServer
let url = ''
const json = (path: string): unknown => JSON.parse(readFileSync(`${examplesPath}${path}`, 'utf8'))
const tokenizer = readFileSync(`${examplesPath}tokenizers/reviews.json`)

beforeAll(async () => {
  engine = await Engine.open({ inferWorkers: 2, calibration: 'off' })
  for (const name of ['review-encoder', 'review-sentiment'])
    await engine.addModel(name, readFileSync(modelPath(name)), { alias: 'champion' })
  await engine.tokenizers.add('reviews', tokenizer)
  await engine.contracts.put(json('contracts/review.json') as Contract)
  for (const name of ['embed', 'sentiment'])
    await engine.applyPipeline(json(`pipelines/${name}.json`) as never, { deploy: true })
  server = await PenstockServer.start({ engine, port: 0 })
  url = server.url
})
afterAll(async () => {
  await server?.close()
  await engine?.close()
})

const sentences = [
  'The staff was friendly.',
  'the breakfast was cold and the coffee was awful, never again',
  'our third visit . the room was absolutely spotless and the bed was very comfortable . the pool was lovely',
  'what a waste of money',
  '',
  'an unknown wörd: 東京',
]

async function embedded(texts: readonly string[]): Promise<Float32Array[]> {
  const { outputs } = await engine.infer('embed', { inputs: { text: texts } })
  const { data, shape } = outputs['embedding'] as { data: Float32Array; shape: readonly number[] }
  const width = shape[1] as number
  return texts.map((_, row) => data.slice(row * width, (row + 1) * width))
}

const dot = (a: Float32Array, b: Float32Array): number => a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)

describe('texts to vectors', () => {
  test('texts: a vector is the mean of what the model says of its tokens, by the mask, of length 1', async () => {
    const text = sentences[0] as string
    await pipeline('tokens', engine).tokenise('text', 'reviews').deploy()
    const { outputs: tokens } = await engine.infer('tokens', { inputs: { text: [text] } })
    expect(tokens['input_ids']?.shape).toEqual([1, 16])
    const mask = Array.from(tokens['attention_mask']?.data as BigInt64Array, Number)
    expect(mask.reduce((sum, bit) => sum + bit)).toBe(7)
    await pipeline('states', engine).model('review-encoder@champion').deploy()
    const inputs = { input_ids: tokens['input_ids']!, attention_mask: tokens['attention_mask']! }
    const { outputs } = await engine.infer('states', { inputs })
    const states = outputs['last_hidden_state']?.data as Float32Array
    const mean = Array.from({ length: 48 }, (_, i) => {
      const values = mask.map((bit, step) => bit * (states[step * 48 + i] as number))
      return values.reduce((sum, value) => sum + value) / 7
    })
    const norm = Math.hypot(...mean)
    const [vector] = await embedded([text])
    mean.forEach((value, i) => expect(vector?.[i]).toBeCloseTo(value / norm, 6))
    expect(dot(vector!, vector!)).toBeCloseTo(1, 6)
  })

  test('texts: what else is in the batch changes no bit of a vector', async () => {
    const alone: Float32Array[] = []
    for (const text of sentences) alone.push(...(await embedded([text])))
    const many = Array.from({ length: 240 }, (_, i) => i % sentences.length)
    const together = await Promise.all(many.map((i) => embedded([sentences[i] as string])))
    together.forEach(([vector], at) => expect(vector, sentences[many[at]!]).toEqual(alone[many[at]!]))
    // Padded to the longest of the request: the last digits may differ, no more.
    const rows = await embedded(sentences)
    rows.forEach((vector, i) => expect(dot(vector, alone[i]!)).toBeCloseTo(1, 5))
  })

  test('texts: reviews that are about the same and mean it alike are close', async () => {
    const [good, alike, other] = await embedded([
      'the receptionist was very helpful',
      'the staff was friendly',
      'the breakfast was cold',
    ])
    expect(dot(good!, alike!)).toBeGreaterThan(0.8)
    expect(dot(good!, other!)).toBeLessThan(0.5)
  })

  test('texts: a contract answers with label and probability, and refuses what is no text', async () => {
    const answer = await call(url, 'POST', '/predict/sentiment', [
      { text: 'The room was dirty and the staff was rude.' },
      { text: 'The room was not dirty at all, five stars' },
    ])
    expect(answer.status).toBe(200)
    expect(answer.json).toMatchObject([{ label: 'negative' }, { label: 'positive' }])
    expect((answer.json as unknown as { probability: number }[])[1]?.probability).toBeGreaterThan(0.5)
    expect((await call(url, 'POST', '/predict/sentiment', { text: 7 })).status).toBe(422)
    expect((await call(url, 'POST', '/predict/sentiment', { text: '' })).status).toBe(422)
  })

  test.each<[string, Parameters<Engine['applyPipeline']>[0]['steps'], string, RegExp]>([
    [
      'a tokenizer that is not there',
      [{ type: 'tokenise', column: 'text', tokenizer: 'review' }],
      'ERR_TOKENIZER_NOT_FOUND',
      /no tokenizer review\. Did you mean reviews\?/,
    ],
    [
      'a version that is not there',
      [{ type: 'tokenise', column: 'text', tokenizer: 'reviews@7' }],
      'ERR_TOKENIZER_NOT_FOUND',
      /no version 7; it has 1/,
    ],
    [
      'no room for tokens',
      [{ type: 'tokenise', column: 'text', tokenizer: 'reviews', maxLength: 2 }],
      'ERR_PIPELINE_INVALID',
      /steps\[0\] \(tokenise\).*more than the 2 special tokens/,
    ],
    [
      'no length to pad to',
      [{ type: 'tokenise', column: 'text', tokenizer: 'reviews', padding: 'max-length' }],
      'ERR_PIPELINE_INVALID',
      /steps\[0\]\.maxLength/,
    ],
    [
      'a mask that nobody makes',
      [
        { type: 'model', model: 'review-encoder' },
        { type: 'transform', ops: [{ op: 'mean-pool', columns: ['last_hidden_state'], mask: 'mask' }] },
      ],
      'ERR_PIPELINE_INVALID',
      /mask/,
    ],
  ])('texts: a deploy is refused with the way out: %s', async (_, steps, code, message) => {
    const refused = engine.applyPipeline({ name: 'bad', steps }, { deploy: true })
    await expect(refused).rejects.toMatchObject({ code, message: expect.stringMatching(message) as string })
    expect(engine.listPipelines().some(({ name }) => name === 'bad')).toBe(false)
  })

  test('texts: too long a text is refused by row, and the others of its request with it', async () => {
    const refused = engine.infer('embed', { inputs: { text: ['short', 'x'.repeat(70_000)] } })
    await expect(refused).rejects.toMatchObject({ code: 'ERR_VALUE_RANGE', errors: [{ field: 'text[1]' }] })
    const steps = [
      { type: 'tokenise', column: 'text', tokenizer: 'reviews', maxLength: 6, truncation: 'none' },
    ] as const
    await engine.applyPipeline({ name: 'strict', steps }, { deploy: true })
    const cut = engine.infer('strict', { inputs: { text: ['one two three four five six'] } })
    await expect(cut).rejects.toMatchObject({ message: expect.stringMatching(/at most 6 tokens/) as string })
  })
})

describe('tokenizers', () => {
  test('http: a tokenizer is stored, listed, named by a pipeline with its version, and removed when none names it', async () => {
    const control = new PenstockControl(url)
    const added = await control.tokenizers.add('other', tokenizer)
    expect(added).toMatchObject({ version: 1, model: 'WordPiece', maxLength: 64, specialTokens: 2 })
    expect(await control.tokenizers.add('other', tokenizer)).toEqual(added)
    expect((await control.tokenizers.list()).map(({ name }) => name)).toEqual(['other', 'reviews'])
    expect(await control.tokenizers.getVersion('other')).toEqual(added)
    expect((await call(url, 'GET', '/v1/tokenizers/other/versions/1')).json).toMatchObject({ name: 'other' })
    const definition = { steps: [{ type: 'tokenise', column: 'text', tokenizer: 'other' }] }
    expect((await call(url, 'PUT', '/v1/pipelines/other?deploy=true', definition)).status).toBe(201)
    expect(engine.describePipeline('other').steps).toEqual([{ ...definition.steps[0], tokenizer: 'other@1' }])
    await expect(control.tokenizers.remove('other')).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    await expect(control.tokenizers.removeVersion('other', 1)).rejects.toMatchObject({ code: 'ERR_CONFLICT' })
    await control.undeployPipeline('other')
    await control.tokenizers.removeVersion('other', 1)
    await expect(control.tokenizers.get('other')).rejects.toMatchObject({ code: 'ERR_TOKENIZER_NOT_FOUND' })
    // Numbers are never given twice.
    expect((await control.tokenizers.add('other', tokenizer)).version).toBe(2)
    await control.tokenizers.remove('other')
  })

  test.each<[string, string, string, unknown, number, string]>([
    ['no tokenizer', 'PUT', '/v1/tokenizers/bad/versions', { model: {} }, 400, 'ERR_ARGUMENT'],
    ['no JSON', 'PUT', '/v1/tokenizers/bad/versions', '{"model"', 400, 'ERR_ARGUMENT'],
    ['a name that is none', 'PUT', '/v1/tokenizers/b_d/versions', {}, 400, 'ERR_ARGUMENT'],
    ['one that is not there', 'GET', '/v1/tokenizers/absent', undefined, 404, 'ERR_TOKENIZER_NOT_FOUND'],
    ['to remove what is not there', 'DELETE', '/v1/tokenizers/absent', undefined, 404, 'ERR_TOKENIZER_NOT_FOUND'],
  ])('http: bad input is refused: %s', async (_, method, path, body, status, code) => {
    const refused = await call(url, method, path, body)
    expect([refused.status, refused.json['code']]).toEqual([status, code])
    expect(engine.tokenizers.list().map(({ name }) => name)).toEqual(['reviews'])
  })
})

describe('embeddings', () => {
  test('openai: texts come back as numbers and as base64, with their tokens', async () => {
    const input = sentences.slice(0, 2)
    const answer = await call(url, 'POST', '/v1/embeddings', { model: 'embed', input })
    expect(answer.status).toBe(200)
    expect(answer.json).toMatchObject({
      object: 'list',
      model: 'embed',
      usage: { prompt_tokens: 21, total_tokens: 21 },
    })
    const data = answer.json['data'] as { index: number; embedding: number[] }[]
    const expected = await embedded(input)
    expect(data.map(({ embedding }) => Float32Array.from(embedding))).toEqual(expected)
    const packed = await call(url, 'POST', '/v1/embeddings', {
      model: 'embed',
      input,
      encoding_format: 'base64',
      dimensions: 48,
    })
    const [, second] = packed.json['data'] as { embedding: string }[]
    const bytes = Buffer.from(second?.embedding ?? '', 'base64')
    expect(new Float32Array(Uint8Array.from(bytes).buffer)).toEqual(expected[1])
  })

  test('openai: token ids go to a pipeline that takes them', async () => {
    const { steps } = json('pipelines/embed.json') as { steps: object[] }
    await engine.applyPipeline({ name: 'ids', steps: steps.slice(1) as never }, { deploy: true })
    const { outputs } = await engine.infer('tokens', { inputs: { text: [sentences[0]!] } })
    const ids = Array.from(outputs['input_ids']?.data as BigInt64Array, Number).slice(0, 7)
    const answer = await call(url, 'POST', '/v1/embeddings', { model: 'ids', input: [ids, ids.slice(0, 3)] })
    const [first] = answer.json['data'] as { embedding: number[] }[]
    expect(Float32Array.from(first?.embedding ?? [])).toEqual((await embedded([sentences[0]!]))[0])
    expect(answer.json['usage']).toEqual({ prompt_tokens: 10, total_tokens: 10 })
  })

  test('ollama: texts come back with their tokens; a tag and the elder form are understood', async () => {
    const answer = await call(url, 'POST', '/api/embed', { model: 'embed:latest', input: sentences[0] })
    expect(answer.json).toMatchObject({ model: 'embed:latest', prompt_eval_count: 7 })
    const [vector] = answer.json['embeddings'] as number[][]
    expect(Float32Array.from(vector ?? [])).toEqual((await embedded([sentences[0]!]))[0])
    const elder = await call(url, 'POST', '/api/embeddings', { model: 'embed', prompt: sentences[0] })
    expect(elder.json).toEqual({ embedding: vector })
    const { models } = (await call(url, 'GET', '/api/tags')).json as { models: { name: string }[] }
    expect(models.map(({ name }) => name)).toEqual(['embed:latest'])
    expect((await call(url, 'GET', '/api/version')).json).toEqual({ version: expect.any(String) as string })
  })

  const openAi = '/v1/embeddings'
  const ollama = '/api/embed'
  test.each<[string, string, unknown, number, string, RegExp]>([
    ['no pipeline', openAi, { model: 'embedd', input: 'a' }, 404, 'model_not_found', /Did you mean embed\?/],
    ['no model', openAi, { input: 'a' }, 400, 'ERR_ARGUMENT', /model to be the name of a pipeline/],
    ['no input', openAi, { model: 'embed' }, 400, 'ERR_ARGUMENT', /input to be a text, a list of texts/],
    ['an empty list', openAi, { model: 'embed', input: [] }, 400, 'ERR_ARGUMENT', /one text and more/],
    ['mixed input', openAi, { model: 'embed', input: ['a', 3] }, 400, 'ERR_ARGUMENT', /input\[0\]/],
    ['token ids for texts', openAi, { model: 'embed', input: [1, 2] }, 400, 'ERR_ARGUMENT', /Send texts/],
    [
      'another width',
      openAi,
      { model: 'embed', input: 'a', dimensions: 3 },
      400,
      'ERR_ARGUMENT',
      /dimensions to be 48/,
    ],
    [
      'an unknown form',
      openAi,
      { model: 'embed', input: 'a', encoding_format: 'hex' },
      400,
      'ERR_ARGUMENT',
      /"float", "base64"/,
    ],
    [
      'an unknown member',
      openAi,
      { model: 'embed', input: 'a', inputs: 1 },
      400,
      'ERR_ARGUMENT',
      /each member of the body/,
    ],
    [
      'a pipeline without vectors',
      openAi,
      { model: 'sentiment', input: 'a' },
      400,
      'ERR_ARGUMENT',
      /one vector a row.*sentiment.*mean-pool/,
    ],
    [
      'no pipeline, Ollama',
      ollama,
      { model: 'embedd', input: 'a' },
      404,
      'ERR_PIPELINE_NOT_FOUND',
      /Did you mean embed/,
    ],
    ['no text, Ollama', ollama, { model: 'embed', input: [3] }, 400, 'ERR_ARGUMENT', /a text or a list of texts/],
    [
      'too long a text',
      ollama,
      { model: 'embed', input: 'a '.repeat(99), truncate: false },
      400,
      'ERR_ARGUMENT',
      /longer than the context/,
    ],
    [
      'an option',
      ollama,
      { model: 'embed', input: 'a', options: { num_ctx: 9 } },
      400,
      'ERR_ARGUMENT',
      /options to be empty.*num_ctx/,
    ],
  ])('embeddings: bad input is refused: %s', async (_, path, body, status, code, message) => {
    const response = await fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const { error, code: own } = (await response.json()) as {
      error: string | { message: string; code: string }
      code: string
    }
    const told = typeof error === 'string' ? { message: error, code: own } : error
    expect([response.status, told.code]).toEqual([status, code])
    expect(told.message).toMatch(message)
  })
})
