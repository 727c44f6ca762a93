/**
 * Streams wines over one WebSocket to a running server (`npm start`), first three with their answers, then many for speed.
 *
 *   node examples/client/stream.mjs [ws://127.0.0.1:8080] [rows, default 20000]
 *
 * Requests are sent without waiting for the answers of earlier ones: what is in flight together shares batches on the
 * server. `tryInfer` returns null when the server's window is full; `ready` then waits for room, so memory stays flat.
 */
import { PenstockClient } from 'penstock/client'

const url = process.argv[2] ?? 'ws://127.0.0.1:8080'
const rowCount = Number(process.argv[3] ?? 20_000)

/** The eleven measurements and the colour (red 0, white 1), in the order of examples/models/README.md. */
const wines = [
  { colour: 'white', features: [8.4, 0.17, 0.31, 6.7, 0.038, 29, 132, 0.9945, 3.1, 0.32, 10.6, 1] },
  { colour: 'red', features: [8, 0.83, 0.27, 2, 0.08, 11, 63, 0.99652, 3.29, 0.48, 9.8, 0] },
  { colour: 'rosé', features: [7.7, 0.3, 0.23, 2, 0.068, 28, 138, 0.99382, 3.11, 0.62, 9.8, 1] },
]

const client = await PenstockClient.connect(url)
try {
  const channel = await client.open('wine-by-colour')
  const answers = await Promise.all(
    wines.map(({ colour, features }) =>
      channel.infer({ features: Float32Array.from(features) }, { meta: { colour }, deadlineMs: 5_000 }),
    ),
  )
  for (const [index, answer] of answers.entries()) {
    const quality = answer.outputs.quality.data[0].toFixed(2)
    console.log(`${wines[index].colour}: quality ${quality}, scored by ${answer.route[0]}`)
  }
  await pump(channel)
} finally {
  await client.close()
}

/** Keeps the window full until `rowCount` one-row requests are answered. */
async function pump(channel) {
  const features = Float32Array.from(wines[0].features)
  const options = { meta: { colour: 'white' } }
  const startedAt = performance.now()
  const failures = []
  const pending = new Set()
  for (let sent = 0; sent < rowCount; ) {
    const answer = channel.tryInfer({ features }, options)
    if (answer === null) {
      await client.ready()
      continue
    }
    sent++
    const settled = answer.catch((error) => failures.push(error)).then(() => pending.delete(settled))
    pending.add(settled)
  }
  await Promise.all(pending)
  const seconds = (performance.now() - startedAt) / 1000
  console.log(`${rowCount - failures.length} of ${rowCount} requests answered, ${Math.round(rowCount / seconds)} a second`)
  if (failures.length > 0) throw failures[0]
}
