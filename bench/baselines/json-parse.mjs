/**
 * What JavaScript does with a JSON tensor at best: JSON.parse of the body, and a copy of its numbers into a Float32Array.
 *   node bench/baselines/json-parse.mjs 'DIMS as JSON' SECONDS      prints {"bodiesPerSecond":N,"bodyBytes":N}
 */
const dims = JSON.parse(process.argv[2])
const seconds = Number(process.argv[3])
const length = dims.reduce((product, dim) => product * dim, 1)
let next = 0
const nested = ([count, ...rest]) =>
  Array.from({ length: count }, () => (rest.length === 0 ? Number(Math.sin(next++).toPrecision(7)) : nested(rest)))
const body = Buffer.from(JSON.stringify({ inputs: { image: nested(dims) } }))

function copy(values, target, offset) {
  if (typeof values[0] === 'number') {
    target.set(values, offset)
    return offset + values.length
  }
  for (const part of values) offset = copy(part, target, offset)
  return offset
}

function run(milliseconds) {
  const start = performance.now()
  let count = 0
  do {
    const target = new Float32Array(length)
    copy(JSON.parse(body.toString()).inputs.image, target, 0)
    if (target[length - 1] === 0) throw new Error('Expected the last number to be copied')
    count++
  } while (performance.now() - start < milliseconds)
  return (count * 1000) / (performance.now() - start)
}

run(seconds * 250)
process.stdout.write(`${JSON.stringify({ bodiesPerSecond: run(seconds * 1000), bodyBytes: body.length })}\n`)
