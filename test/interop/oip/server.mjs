/**
 * The server that foreign clients are pointed at: `node server.mjs`, prints one line of JSON with its addresses, and ends
 * when its standard input does, so that it never outlives the tests that started it.
 *
 * Every test model is served by itself under its own name; pipelines are there for what a model alone does not have.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Engine, PenstockServer } from 'penstock'

const models = fileURLToPath(new URL('../../models/', import.meta.url))
const examples = fileURLToPath(new URL('../../../examples/models/', import.meta.url))
/** Made to be refused, served below, or served only where the machine has a locale. */
const left = [
  'future-opset',
  'missing-external-data',
  'identity-bfloat16',
  'zipmap-classifier',
  'no-elements',
  'tfidf',
  'slow',
]

const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
for (const file of readdirSync(models).filter((name) => name.endsWith('.onnx'))) {
  const name = basename(file, '.onnx')
  if (!left.includes(name)) await engine.addModel(name, readFileSync(models + file), { alias: 'champion' })
}
await engine.addModel('fraud', readFileSync(`${examples}fraud-mlp/model.onnx`))
// Two versions of one name.
await engine.addModel('constant', readFileSync(`${models}constant-v1.onnx`))
await engine.addModel('constant', readFileSync(`${models}constant-v2.onnx`))
const slow = await engine.addModel('slow', readFileSync(`${models}slow.onnx`))

const pipelines = {
  'by-region': [{ type: 'key-split', default: 'constant@1', key: 'region', options: { eu: 'constant@2' } }],
  'by-draw': [
    {
      type: 'random-split',
      options: [
        { weight: 1, model: 'constant@1' },
        { weight: 1, model: 'constant@2' },
      ],
      hashKey: 'u',
    },
  ],
  checked: [
    { type: 'model', model: 'add-one' },
    { type: 'check', name: 'high', flag: 'out.y[0] > 10' },
  ],
  chain: [
    { type: 'model', model: 'add-one' },
    { type: 'model', model: 'add-one', tensorFields: ['y'] },
  ],
  slowly: [{ type: 'model', model: `slow@${slow.version}` }],
}
for (const [name, steps] of Object.entries(pipelines)) await engine.applyPipeline({ name, steps }, { deploy: true })

const server = await PenstockServer.start({ engine, port: 0, grpcPort: 0, allowClientShm: true })
console.log(JSON.stringify({ http: server.port, grpc: server.grpcPort ?? null }))

process.stdin.resume()
process.stdin.on('end', () => {
  void server
    .close()
    .then(() => engine.close())
    .then(() => process.exit(0))
})
