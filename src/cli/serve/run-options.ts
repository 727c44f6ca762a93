/** Options of `penstock serve` that say how models run, and what becomes of runs that take long. */
import { Option } from 'commander'
import { countArgument, durationArgument } from '../shared/arguments.js'

export const runLimit = new Option(
  '--run-limit <time>',
  'what one run may take before its worker counts as stuck and another takes its place (default: 10 times what the model is known to take, 2s at least)',
)
  .argParser(durationArgument)
  .env('PENSTOCK_RUN_LIMIT')

export const runStop = new Option(
  '--run-stop <time>',
  'what one run may take before it is ended and its requests fail (default: only runs are ended that nobody waits for any more)',
)
  .argParser(durationArgument)
  .env('PENSTOCK_RUN_STOP')

export const runWay = new Option(
  '--runs <way>',
  "how models run: by ONNX Runtime's C API, or by onnxruntime-node (default: native)",
)
  .choices(['native', 'onnxruntime-node'])
  .env('PENSTOCK_RUNS')

export const substituteWorkers = new Option(
  '--substitute-workers <count>',
  'threads that may stand in for stuck workers at a time (default: 4)',
)
  .argParser(countArgument)
  .env('PENSTOCK_SUBSTITUTE_WORKERS')
