/**
 * The ceiling: only onnxruntime-node, rows already in memory, one thread, no server. Tries batch sizes and reports
 * each; the best is what a server could reach if everything around the model were free.
 *   node bench/baselines/bare-ort.mjs MODEL.onnx SECONDS      prints {"batches":[{"rows","rowsPerSecond"}]}
 */
import { InferenceSession, Tensor } from 'onnxruntime-node'

const [, , modelPath, secondsText] = process.argv
const batchRows = [1, 64, 256, 1024, 4096]
const session = await InferenceSession.create(modelPath, { intraOpNumThreads: 1, interOpNumThreads: 1 })
const [inputName] = session.inputNames
const [outputName] = session.outputNames
const rowDims = (metadata) => metadata.shape.slice(1)
const sizeOf = (dims) => dims.reduce((product, dim) => product * dim, 1)

async function measure(rows, seconds) {
  const feeds = {}
  const fetches = {}
  const inputDims = rowDims(session.inputMetadata[0])
  const outputDims = rowDims(session.outputMetadata[0])
  const input = Float32Array.from({ length: rows * sizeOf(inputDims) }, (_, index) => Math.sin(index))
  feeds[inputName] = new Tensor('float32', input, [rows, ...inputDims])
  fetches[outputName] = new Tensor('float32', new Float32Array(rows * sizeOf(outputDims)), [rows, ...outputDims])
  const run = async (milliseconds) => {
    const start = performance.now()
    let count = 0
    while (performance.now() - start < milliseconds) {
      await session.run(feeds, fetches)
      count++
    }
    return (count * rows * 1000) / (performance.now() - start)
  }
  await run(seconds * 200)
  return run(seconds * 1000)
}

const batches = []
for (const rows of batchRows) {
  batches.push({ rows, rowsPerSecond: await measure(rows, Number(secondsText) / batchRows.length) })
}
process.stdout.write(`${JSON.stringify({ batches })}\n`)
