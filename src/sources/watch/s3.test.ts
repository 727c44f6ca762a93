/** A bucket that lies, stalls and wants signatures; a real server of S3 is in test/interop. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { S3Source } from './s3.js'
import { s3Place } from './s3-client.js'
import { readListing } from './s3-listing.js'

const object = (key: string, etag = 'e1', size = 3): string =>
  `<Contents><Key>${key}</Key><LastModified>2026-01-01T00:00:00Z</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${size}</Size></Contents>`
const listing = (objects: string, next = ''): string =>
  `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name>` +
  `<IsTruncated>${next !== ''}</IsTruncated><NextContinuationToken>${next}</NextContinuationToken>${objects}</ListBucketResult>`

const keys = { AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE', AWS_SECRET_ACCESS_KEY: 'hunter2secret', AWS_SESSION_TOKEN: 'tok/en=' }
const signal = new AbortController().signal

describe('a watched bucket', () => {
  let server: Server
  let answer: (request: IncomingMessage, response: ServerResponse) => void = () => undefined
  let asked: IncomingMessage[] = []
  const endpoint = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const open = (environment: NodeJS.ProcessEnv = keys, uri = 's3://models/prod') =>
    new S3Source({ uri, alias: 'champion', environment: { AWS_ENDPOINT_URL_S3: endpoint(), ...environment } })
  const list = (environment?: NodeJS.ProcessEnv) => open(environment).list(signal)
  const says = (status: number, body: string, headers: Record<string, string> = {}): void => {
    answer = (_, response) => void response.writeHead(status, headers).end(body)
  }

  beforeAll(async () => {
    server = createServer((request, response) => {
      asked.push(request)
      answer(request, response)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => server.close())
  beforeEach(() => (asked = []))

  test('is listed to its end, signed, and its versions are named by their ETags', async () => {
    answer = (request, response) => {
      const isSecond = (request.url ?? '').includes('continuation-token=a%2Fb')
      const second = object('prod/wine/2/model.onnx', 'e2') + object('prod/wine/2/model.data', 'e3')
      response.end(isSecond ? listing(second) : listing(object('prod/') + object('prod/wine/1/model.onnx'), 'a/b'))
    }
    const { models, problems } = await list()
    expect(problems).toEqual([])
    expect(models.map(({ name, versions }) => [name, versions.map(({ source }) => source)])).toEqual([
      ['wine', ['s3://models/prod/wine/1/model.onnx#e1', expect.stringMatching(/\/2\/model\.onnx#[0-9a-f]{32}$/)]],
    ])
    expect(asked.map(({ url }) => url)).toEqual([
      '/models/?list-type=2&encoding-type=url&prefix=prod%2F',
      '/models/?list-type=2&encoding-type=url&prefix=prod%2F&continuation-token=a%2Fb',
    ])
    const { authorization, 'x-amz-security-token': token } = asked[0]?.headers ?? {}
    expect(authorization).toMatch(/^AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE\/\d{8}\/us-east-1\/s3\/aws4_request/)
    expect(token).toBe('tok/en=')
  })

  test('is read unsigned without keys, and asked for the very object that was listed', async () => {
    answer = (request, response) =>
      void response.end((request.url ?? '').includes('list-type') ? listing(object('prod/a%2Bb+c%26amp;/1/x')) : 'abc')
    expect((await list({})).models).toEqual([])
    answer = (request, response) =>
      void response.end((request.url ?? '').includes('list-type') ? listing(object('prod/wine.onnx')) : 'abc')
    const { models } = await list({})
    const fetched = await models[0]?.versions[0]?.fetch(signal)
    expect(Buffer.from(fetched?.bytes ?? []).toString()).toBe('abc')
    expect(asked.at(-1)?.headers).toMatchObject({ 'if-match': '"e1"' })
    expect(asked.at(-1)?.headers.authorization).toBeUndefined()
    says(412, '')
    await expect(models[0]?.versions[0]?.fetch(signal)).rejects.toThrow(/changed after it was listed/)
    says(200, 'x'.repeat(5))
    expect(await models[0]?.versions[0]?.fetch(signal)).toBeDefined()
  })

  test('says of keys that lead elsewhere that nothing of them is read', async () => {
    says(
      200,
      listing(object('prod/../a.onnx') + object('prod//b.onnx') + object('prod/c.onnx') + object('elsewhere.onnx')),
    )
    const { models, problems } = await list()
    expect(models.map(({ name }) => name)).toEqual(['c'])
    expect(problems.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^"\.\.\/a\.onnx" is no path below s3:\/\/models\/prod\//),
      expect.stringMatching(/^"\/b\.onnx" is no path below/),
    ])
  })

  test.each([
    [
      'no such bucket',
      404,
      '<Error><Code>NoSuchBucket</Code><Message>It is not there.</Message></Error>',
      {},
      /answered 404 \(NoSuchBucket: It is not there\)$/,
    ],
    [
      'a wrong key',
      403,
      '<Error><Code>SignatureDoesNotMatch</Code><Message>hunter2secret AKIDEXAMPLE</Message></Error>',
      {},
      /\(SignatureDoesNotMatch: … …\)\. The key needs s3:ListBucket/,
    ],
    [
      'another region',
      301,
      '',
      { 'x-amz-bucket-region': 'eu-west-1', location: 'http://127.0.0.1:1/' },
      /answered 301\. The bucket is in eu-west-1: set AWS_REGION/,
    ],
    ['a web page', 200, '<html>', {}, /ListBucketResult, but the endpoint answers something else/],
    ['a list without its next page', 200, listing('').replace('>false<', '>true<'), {}, /does not say where/],
    ['a listing that goes on without objects', 200, listing('', 'a'), {}, /does not come to its end/],
    [
      'an object without a size',
      200,
      listing('<Contents><Key>prod/a</Key><ETag>e</ETag></Contents>'),
      {},
      /Key, Size and ETag/,
    ],
    ['a key of no UTF-8', 200, listing(object('prod/%ff')), {}, /Key, Size and ETag/],
    ['too much', 200, ' '.repeat(9 << 20), {}, /the listing has more than 8388608 bytes/],
  ])('that has %s is an error with the way out', async (_, status, body, headers, message) => {
    says(status, body, headers)
    await expect(list()).rejects.toThrow(message)
  })

  test('that cannot be reached, or wants a key, is an error with the way out', async () => {
    await expect(list({ AWS_ENDPOINT_URL_S3: 'http://127.0.0.1:1' })).rejects.toThrow(
      /Cannot reach s3:\/\/models at 127\.0\.0\.1:1/,
    )
    says(403, '')
    await expect(list({})).rejects.toThrow(/Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment/)
    expect(() => open({ AWS_ACCESS_KEY_ID: 'a' })).toThrow(/the second is not/)
    expect(() => open({ AWS_ENDPOINT_URL_S3: 'http://a:hunter2@host' })).toThrow(/without a user$/)
  })

  test('whose model names weights that are not there is a problem of that version', async () => {
    says(200, listing(object('prod/wine.onnx', 'e1', 9_000_000_000)))
    const [version] = (await list()).models[0]?.versions ?? []
    await expect(async () => version?.fetch(signal)).rejects.toThrow(/wine\.onnx has 9000000000 bytes; at most/)
  })
})

test.each(['s3://', 's3://A/x', 's3://a', 'http://b', 's3://bucket//x', 's3://bucket/a//b', 's3://bucket/a\\b'])(
  's3: %s is no place',
  (uri) => expect(() => s3Place(uri)).toThrow(/s3:\/\/bucket\/prefix/),
)

test('s3: a listing may escape its texts in all of the ways of XML', () => {
  const xml = listing(`<Contents><ETag>&#34;a&#x62;&#34;</ETag><Key>a%20b+c&amp;d</Key><Size>7</Size></Contents>`)
  expect(readListing(xml).objects).toEqual([{ key: 'a b c&d', sizeBytes: 7, etag: '"ab"' }])
})
