/** An MLflow server that lies, against `downloadVersion`; the real one is in test/interop. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, afterEach, describe, expect, test } from 'vitest'
import { mlflowCredentials } from './mlflow-credentials.js'
import { downloadVersion, MlflowServer } from './mlflow-server.js'

type Answers = Record<string, unknown>
const found = { model_version: { name: 'wine', version: '1', run_id: 'r' } }
const honest: Answers = {
  'mlflow/model-versions/get': found,
  'mlflow/model-versions/get-download-uri': { artifact_uri: 'mlflow-artifacts:/1/a' },
  'mlflow-artifacts/artifacts?path=1%2Fa': {
    files: [
      { path: 'MLmodel', is_dir: false },
      { path: 'sub', is_dir: true },
    ],
  },
  'mlflow-artifacts/artifacts?path=1%2Fa%2Fsub': { files: [{ path: 'data', is_dir: false }] },
  'mlflow-artifacts/artifacts/1/a/MLmodel': 'a model',
  'mlflow-artifacts/artifacts/1/a/sub/data': 'weights',
  'mlflow/runs/get': {
    run: {
      data: {
        metrics: [{ key: 'rmse', value: 0.5 }, { key: 'bad', value: 'NaN' }, { key: 'a\nb', value: 1 }, { value: 2 }],
        params: [
          { key: 'depth', value: '3' },
          { key: 'long', value: 'x'.repeat(5000) },
          { key: 'deep', value: {} },
        ],
      },
    },
  },
}

describe('a version of an MLflow server', () => {
  let server: Server
  let answers: Answers = honest
  /** What the server wants to see; '' for nothing. */
  let authorization = ''
  let folder = ''
  const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const download = (uri = 'models:/wine/1') => downloadVersion(address(), uri, folder)

  beforeAll(async () => {
    server = createServer((request, response) => {
      const path = (request.url ?? '').replace('/api/2.0/', '')
      if (authorization !== '' && request.headers.authorization !== authorization) {
        const echo = { message: `No such user: ${String(request.headers.authorization)}, hunter2` }
        return void response.writeHead(401).end(JSON.stringify(echo))
      }
      send(response, answers[path] ?? answers[path.split('?')[0] ?? ''])
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  })
  afterAll(() => server.close())
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'penstock-mlflow-'))
    answers = honest
    authorization = ''
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  test('is downloaded with its folders and what its run measured', async () => {
    expect(await download()).toEqual({
      name: 'wine',
      version: '1',
      lineage: { source: 'models:/wine/1', runId: 'r', metrics: { rmse: 0.5 }, params: { depth: '3' } },
    })
    expect(readFileSync(join(folder, 'sub', 'data'), 'utf8')).toBe('weights')
  })

  test.each(['..', '.', '../MLmodel', '/etc/passwd', 'a\\b', '', 7, null])(
    'writes no artifact called %j',
    async (path) => {
      answers = { ...honest, 'mlflow-artifacts/artifacts?path=1%2Fa': { files: [{ path, is_dir: false }] } }
      await expect(download()).rejects.toThrow(/no name of a file/)
      expect(readdirSync(folder)).toEqual([])
    },
  )

  const many = Array.from({ length: 1001 }, () => ({ path: 'MLmodel', is_dir: false }))
  test.each([
    [
      'folders in folders',
      {
        'mlflow-artifacts/artifacts': { files: [{ path: 'sub', is_dir: true }] },
        'mlflow-artifacts/artifacts?path=1%2Fa': undefined,
        'mlflow-artifacts/artifacts?path=1%2Fa%2Fsub': undefined,
      },
      /8 folders deep/,
    ],
    ['a file twice', { 'mlflow-artifacts/artifacts?path=1%2Fa': { files: many } }, /EEXIST/],
    [
      'artifacts elsewhere',
      { 'mlflow/model-versions/get-download-uri': { artifact_uri: 's3://bucket/a' } },
      /s3:\/\/bucket\/a.*--serve-artifacts/,
    ],
    ['no artifacts', { 'mlflow/model-versions/get-download-uri': {} }, /does not hand out itself/],
    ['a redirect', { 'mlflow/model-versions/get': 302 }, /Cannot reach/],
    ['an error', { 'mlflow/model-versions/get': 500 }, /answered 500: it broke$/],
    ['no JSON', { 'mlflow/model-versions/get': '<html>' }, /no JSON object/],
    ['a list', { 'mlflow/model-versions/get': [] }, /no JSON object/],
    ['no version', { 'mlflow/model-versions/get': { model_version: 7 } }, /model_version is no object/],
    ['no name', { 'mlflow/model-versions/get': { model_version: {} } }, /name is no text/],
    ['no files', { 'mlflow-artifacts/artifacts?path=1%2Fa': { files: ['MLmodel'] } }, /no list of objects/],
    ['an endless answer', { 'mlflow/model-versions/get': Infinity }, /more than 16777216 bytes/],
  ])('with %s is refused', async (_, lies, message) => {
    answers = { ...honest, ...lies }
    await expect(download()).rejects.toThrow(message)
  })

  const basic = `Basic ${Buffer.from('ann:hunter2').toString('base64')}`
  const ofUser = { MLFLOW_TRACKING_USERNAME: 'ann', MLFLOW_TRACKING_PASSWORD: 'hunter2' }
  const as = (environment: NodeJS.ProcessEnv) =>
    downloadVersion(new MlflowServer(address(), mlflowCredentials(environment)), 'models:/wine/1', folder)

  test.each([
    [basic, ofUser],
    [basic, { ...ofUser, MLFLOW_TRACKING_TOKEN: 'abc' }],
    ['Bearer abc', { MLFLOW_TRACKING_TOKEN: 'abc' }],
    ['Bearer abc', { MLFLOW_TRACKING_USERNAME: 'ann', MLFLOW_TRACKING_TOKEN: 'abc' }],
  ])('is given to who shows %s', async (wanted, environment) => {
    authorization = wanted
    expect(await as(environment)).toMatchObject({ name: 'wine' })
  })

  test.each([
    [ofUser, /answered 401: No such user: Basic …, …\. It does not know what MLFLOW_TRACKING_USERNAME with/],
    [{ MLFLOW_TRACKING_TOKEN: 'hunter2' }, /Bearer …, …\. It does not know what MLFLOW_TRACKING_TOKEN has$/],
    [{}, /answered 401.*Set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN/],
  ])('refuses others, and no message repeats the secret: %j', async (environment: NodeJS.ProcessEnv, message) => {
    authorization = 'Bearer other'
    await expect(as(environment)).rejects.toThrow(message)
  })

  test('wants both of a user and a password, and nothing that no header can hold', async () => {
    await expect(async () => as({ MLFLOW_TRACKING_USERNAME: 'ann' })).rejects.toThrow(/the second is not/)
    await expect(async () => as({ MLFLOW_TRACKING_TOKEN: 'a\nb' })).rejects.toThrow(/printable ASCII/)
    await expect(downloadVersion('http://ann:hunter2@host', 'models:/wine/1', folder)).rejects.toThrow(
      /without a user: http:\/\/host\. Set MLFLOW_TRACKING_USERNAME/,
    )
  })

  test('is told apart from other texts, and needs an address', async () => {
    await expect(download('models:/m-0a')).rejects.toThrow(/Expected a version as/)
    await expect(download('models:/a/b/c')).rejects.toThrow(/Expected a version as/)
    await expect(downloadVersion('sqlite:///mlflow.db', 'models:/wine/1', folder)).rejects.toThrow(/http:\/\/host:5000/)
    await expect(downloadVersion('http://127.0.0.1:1', 'models:/wine/1', folder)).rejects.toThrow(/Cannot reach/)
  })
})

/** A number is a status; Infinity an answer that does not end. */
function send(response: ServerResponse, answer: unknown): void {
  if (answer === Infinity) {
    const chunk = Buffer.alloc(1 << 20, ' ')
    const write = (): void => {
      while (!response.destroyed && response.write(chunk));
    }
    response.on('drain', write)
    return write()
  }
  if (answer === undefined) response.writeHead(404).end('{"message": "not found"}')
  else if (typeof answer === 'number')
    response.writeHead(answer, { location: 'http://127.0.0.1:1/' }).end('{"message": "it broke."}')
  else response.end(typeof answer === 'string' ? answer : JSON.stringify(answer))
}
