/**
 * The engine inside a Node program: no server, no sockets. Adds two models, builds a pipeline that compares them, runs a
 * few wines, then promotes the other model while requests go on.
 *
 *   node examples/client/embedded.mjs
 */
import { readFile } from 'node:fs/promises'
import { Engine, pipeline } from 'penstock'

const wines = [
  [8.4, 0.17, 0.31, 6.7, 0.038, 29, 132, 0.9945, 3.1, 0.32, 10.6, 1],
  [8, 0.83, 0.27, 2, 0.08, 11, 63, 0.99652, 3.29, 0.48, 9.8, 0],
  [7.7, 0.3, 0.23, 2, 0.068, 28, 138, 0.99382, 3.11, 0.62, 9.8, 1],
]
const modelBytes = (name) => readFile(new URL(`../models/${name}/model.onnx`, import.meta.url))

const engine = await Engine.open()
try {
  // Two versions of one model; the alias says which of them answers.
  const trees = await engine.addModel('wine', await modelBytes('wine-gbt'), { alias: 'champion' })
  const network = await engine.addModel('wine', await modelBytes('wine-mlp'), { tags: ['candidate'] })

  await pipeline('quality', engine)
    .model('wine@champion')
    .check({ name: 'implausible', flag: 'out.quality[0] < 3 || out.quality[0] > 9' })
    .deploy()

  await show(`version ${trees.version}, boosted trees`)
  await engine.setAlias('wine', 'champion', network.version)
  await show(`version ${network.version}, network`)
} finally {
  await engine.close()
}

async function show(title) {
  const { outputs, checkFailures } = await engine.infer('quality', { inputs: { features: wines } })
  const qualities = Array.from(outputs.quality.data, (quality) => quality.toFixed(2))
  console.log(`${title}: ${qualities.join(', ')}; ${checkFailures.length} checks failed`)
}
