/**
 * `penstock bench`: puts load on a server, or on an engine in-process, and says how fast it answered. Thin: options become
 * a scenario, and src/loadtest does the rest. The scenario's own file wins nothing over options that it may leave open
 * (transport, connections, seed, objective); options that a file says otherwise are refused beside it.
 */
import { Command, InvalidArgumentError, Option } from 'commander'
import { durationArgument, integerArgument, repeatedArgument } from '../shared/arguments.js'
import { benchCompareCommand } from './compare.js'
import type { BenchOptions } from './options.js'
import { withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'

const transportNames = ['websocket', 'http-json', 'http-binary', 'oip-json', 'oip-binary', 'in-process']

const EXAMPLES = `
Examples:
  $ penstock bench --pipeline wine
  $ penstock bench --pipeline wine --transport http-json --connections 32 --rows 8 --report wine.html
  $ penstock bench --pipeline wine --rate 2000 --duration 30s --p99-ms 5
  $ penstock bench --pipeline wine --sweep --p99-ms 5
  $ penstock bench examples/bench/mix.json --report mix.html --save mix.ndjson
  $ penstock bench --transport in-process --model model.onnx --pipeline any
  $ penstock bench --transport oip-json --url http://127.0.0.1:8000 --pipeline resnet --rows 1
  $ penstock bench compare before.ndjson after.ndjson

Exits with 1 when an answer was wrong, nothing was answered, or the objective (--p99-ms) was missed.`

export function benchCommand(terminal: Terminal): Command {
  const command = withServerOptions(new Command('bench'))
    .summary('measure a server under load')
    .description('Puts load on a pipeline and says how fast it answered: rate, latency, failures, CPU time.')
    .argument('[scenario]', 'a scenario file, for mixes of requests and several phases')
    .option('--pipeline <name>', 'the pipeline, or the model of another server')
    .addOption(
      new Option('--transport <transport>', 'how requests travel (default: websocket)').choices(transportNames),
    )
  withLoadOptions(command)
  withRequestOptions(command)
  return command
    .option('--report <file>', 'write an HTML report')
    .option('--save <file>', 'write the recording as NDJSON, for `bench compare`')
    .option(
      '--server-pid <pid>',
      "the server's process, for its CPU time (default: found by the port)",
      integerArgument,
    )
    .option('--model <file>', 'in-process: an .onnx file to run')
    .option('--home <directory>', 'in-process: the pipelines of this directory, which no server may use')
    .option('--examples <directory>', 'in-process: the pipelines of this directory (default: those of the package)')
    .addHelpText('after', EXAMPLES)
    .enablePositionalOptions()
    .addCommand(benchCompareCommand(terminal))
    .action(async (scenario: string | undefined, options: BenchOptions) => {
      const { bench } = await import('./run.js')
      await bench(terminal, scenario, options)
    })
}

function withLoadOptions(command: Command): void {
  command
    .option('--connections <count>', 'connections, or users (default: 4)', integerArgument)
    .option(
      '--in-flight <count>',
      'closed loop: requests in flight per connection (default: 16; 1 over HTTP)',
      integerArgument,
    )
    .option(
      '--requests-per-frame <count>',
      'WebSocket: requests that share a frame at most, where the server offers it (default: 1)',
      integerArgument,
    )
    .option('--think-ms <ms>', 'closed loop: pause after each answer (default: 0)', numberArgument)
    .option('--rate <count>', 'open loop: requests a second, at random (Poisson) times', numberArgument)
    .option('--end-rate <count>', 'open loop: the rate at the end of a ramp', numberArgument)
    .option('--sweep', 'find the highest rate within --p99-ms; --rate is where to begin')
    .option('--p99-ms <ms>', 'objective: 99 of 100 answers within this time', numberArgument)
    .option('--duration <time>', 'how long to measure, per step of a sweep (default: 10s; sweep: 3s)', durationArgument)
    .option('--warmup <time>', 'load before it, in no figure; 0ms for none (default: 2s; sweep: 1s)', durationArgument)
    .option('--seed <number>', 'of inputs, mix and arrival times (default: 1)', integerArgument)
}

function withRequestOptions(command: Command): void {
  command
    .option('--rows <count>', 'rows of a request (default: 1)', integerArgument)
    .option('--inputs <file>', 'rows to send: .json, .ndjson or .csv (default: drawn at random)')
    .option('--range <range>', 'input=min..max to draw from; may be given several times', repeatedArgument)
    .option('--free-dims <size>', 'size of free dims beyond the rows, 64 or 16..128 (default: 16)')
    .option('--meta <json>', 'routing keys: JSON, or @file')
    .option('--no-check', 'do not compare answers with those of single requests')
}

function numberArgument(text: string): number {
  const value = Number(text)
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value
  throw new InvalidArgumentError('Expected a number of at least 0.')
}
