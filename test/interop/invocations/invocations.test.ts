/**
 * MLflow and SageMaker's SDK, which we did not write, against /invocations: MLflow's client sends, its scoring server answers the
 * same bodies for the same model beside ours, and the SDK's serializers and deserializers make bodies and read answers. The cases
 * are Python; each is a test here.
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Engine, PenstockServer } from 'penstock'
import { afterAll, describe, expect, it } from 'vitest'
import { testModelsPath } from '../../support/goldens.js'
import { modelBytes } from '../../support/served.js'
import { runPytest } from '../pytest.js'
import { interopPath, pythonWith, unpackWheel } from '../venv.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const python = await pythonWith('mlflow', join(here, '..', 'requirements-mlflow.txt'))
const sdk = join(interopPath, 'sagemaker-sdk')
await unpackWheel(python, 'sagemaker==2.251.1', sdk)

async function serve(invocations: 'mlflow' | 'sagemaker') {
  const engine = await Engine.open({ inferWorkers: 1, calibration: 'off' })
  await engine.addModel('plus', modelBytes('add-one'))
  await engine.applyPipeline({ name: 'plus', steps: [{ type: 'model', model: 'plus' }] }, { deploy: true })
  return { engine, server: await PenstockServer.start({ engine, port: 0, invocations }) }
}
const [mlflow, sageMaker] = [await serve('mlflow'), await serve('sagemaker')]
const outcomes = await runPytest(python, here, join(interopPath, 'invocations-report.jsonl'), {
  MLFLOW_PORT: String(mlflow.server.port),
  SAGEMAKER_URL: sageMaker.server.url,
  SAGEMAKER_SDK: sdk,
  MODEL_PATH: join(testModelsPath, 'add-one.onnx'),
})

afterAll(async () => {
  for (const { engine, server } of [mlflow, sageMaker]) {
    await server.close()
    await engine.close()
  }
})

describe('MLflow and SageMaker', () => {
  it('have been run', () => {
    // pytest that collects nothing is no success.
    expect(outcomes.length).toBeGreaterThan(40)
  })

  for (const { name, outcome, text } of outcomes) {
    it(name, (context) => {
      if (outcome === 'skipped') context.skip(text)
      if (outcome === 'failed') throw new Error(text)
    })
  }
})
