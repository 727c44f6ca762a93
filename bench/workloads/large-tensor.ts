/**
 * Criterion 10: a tensor of 224 × 224 × 3 floats, one a request. The model reads each number once, so its way into the
 * batch is what is measured. As JSON against JSON.parse and a copy in one thread of JavaScript; as bytes, over HTTP and
 * WebSocket, against what the kernel moves over the loopback when nobody looks at the bytes. The server's answers are
 * checked.
 */
import { execFile } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { benchModel } from '../harness/bench-models.js'
import { projectRoot } from '../harness/project.js'
import type { RunningServer } from '../harness/servers.js'
import { closed, rowsPerSecond, runOn, type Load } from './loads.js'
import { prepareModel, withPenstock } from './penstock.js'
import { drawRequests } from './requests.js'
import { interleave, ratios, resultsOf, samplesOf } from './rounds.js'
import { criterionResult, type Bench, type Finding, type Criterion } from './row.js'
import { shortNumber } from './table.js'

const run = promisify(execFile)
const baselines = join(projectRoot, 'bench', 'baselines')
const dims = [1, 3, 224, 224]
const tensorBytes = dims.reduce((product, dim) => product * dim, 4)
const pipeline = 'image-mean'
const connections = 4
const inFlight = 4
const limitMs = 60_000

export const largeTensorCriterion: Criterion = { number: 10, title: 'a tensor of 150,528 floats', measure }

async function measure(bench: Bench): Promise<Finding[]> {
  const path = await benchModel('image-mean')
  const requests = await drawRequests(path, { count: 8, rows: 1 })
  const home = await prepareModel(bench, pipeline, path)
  const loopback = await buildLoopback()
  const rateOf = (transport: Load['transport']) => async (server: RunningServer) => {
    const shape = closed(transport === 'websocket' ? inFlight : 1)
    return rowsPerSecond(await runOn(bench, server, { requests, transport, connections, shape, pipeline }))
  }
  return withPenstock(home, async (server) => {
    const results = await interleave(bench.rounds, {
      parse: () => parseRate(bench),
      loopback: () => loopback(bench),
      json: () => rateOf('http-json')(server),
      http: () => rateOf('http-binary')(server),
      websocket: () => rateOf('websocket')(server),
    })
    return [jsonResult(results), ...byteResults(results)]
  })
}

function jsonResult(results: Map<string, number[]>): Finding {
  const parse = resultsOf(results, 'parse')
  const samples = ratios(resultsOf(results, 'json'), parse, (rate) => rate)
  const baseline = `JSON.parse + copy ${shortNumber(samplesOf(parse).median)}/s`
  return criterionResult(10, '150,528 floats, JSON', samples, { unit: '×', baseline, better: 'more', required: 5 })
}

function byteResults(results: Map<string, number[]>): Finding[] {
  const loopback = resultsOf(results, 'loopback')
  const baseline = `loopback ${shortNumber(samplesOf(loopback).median / 2 ** 30)} GiB/s`
  const transports = [
    ['http', 'binary HTTP'],
    ['websocket', 'WebSocket'],
  ] as const
  return transports.map(([name, title]) => {
    const bytes = resultsOf(results, name).map((rate) => rate * tensorBytes)
    const samples = ratios(bytes, loopback, (rate) => rate)
    return criterionResult(10, `150,528 floats, ${title}`, samples, {
      unit: '×',
      baseline,
      better: 'more',
      required: 0.6,
    })
  })
}

async function parseRate(bench: Bench): Promise<number> {
  const args = [join(baselines, 'json-parse.mjs'), JSON.stringify(dims), String(bench.seconds)]
  const { stdout } = await run(process.execPath, args, { timeout: limitMs })
  return (JSON.parse(stdout) as { bodiesPerSecond: number }).bodiesPerSecond
}

async function buildLoopback(): Promise<(bench: Bench) => Promise<number>> {
  const folder = join(projectRoot, 'build', 'baselines')
  const program = join(folder, 'loopback')
  await mkdir(folder, { recursive: true })
  const compiler = process.env['CXX'] ?? 'c++'
  await run(compiler, ['-O2', '-std=c++20', join(baselines, 'loopback.cpp'), '-o', program], { timeout: limitMs })
  return async (bench) => {
    const { stdout } = await run(program, [String(tensorBytes), String(bench.seconds)], { timeout: limitMs })
    return (JSON.parse(stdout) as { bytesPerSecond: number }).bytesPerSecond
  }
}
