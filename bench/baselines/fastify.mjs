/**
 * The baseline that most teams have: fastify, onnxruntime-node on the main thread, JSON in and out, one row a run.
 * It is given what helps it: one intra-op thread (the model is tiny), no logger, names looked up once.
 *   node bench/baselines/fastify.mjs MODEL.onnx      prints {"port":N}; POST /predict {"<input>":[[…]]} → {"<output>":[[…]]}
 */
import Fastify from 'fastify'
import { InferenceSession, Tensor } from 'onnxruntime-node'

const session = await InferenceSession.create(process.argv[2], { intraOpNumThreads: 1, interOpNumThreads: 1 })
const [inputName] = session.inputNames
const [outputName] = session.outputNames

const app = Fastify()
app.post('/predict', async (request) => {
  const rows = request.body[inputName]
  const tensor = new Tensor('float32', Float32Array.from(rows.flat()), [rows.length, rows[0].length])
  const output = (await session.run({ [inputName]: tensor }))[outputName]
  const width = output.data.length / rows.length
  return { [outputName]: rows.map((_, row) => Array.from(output.data.subarray(row * width, (row + 1) * width))) }
})

await app.listen({ host: '127.0.0.1', port: 0 })
process.stdout.write(`${JSON.stringify({ port: app.server.address().port })}\n`)
process.on('SIGTERM', () => process.exit(0))
