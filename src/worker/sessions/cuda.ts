/**
 * Whether ONNX Runtime can use CUDA here. Its npm package comes without the CUDA libraries, and asking it anyway would
 * write its own error lines to stderr for each worker, so the file is looked for first. What is installed and still
 * refuses (no driver, no GPU, another CUDA release) shows in ONNX Runtime's reason.
 */
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

const LIBRARY = 'libonnxruntime_providers_cuda.so'
const WAY_OUT =
  'install it with `npm rebuild onnxruntime-node --ignore-scripts=false --onnxruntime-node-install=cuda12`, beside CUDA 12 and ' +
  'cuDNN 9, or name the providers cuda,cpu so that the CPU may stand in'

/** A provider that was asked for and cannot run, apart from what the model may have wrong. */
export class ProviderRefused extends Error {}

/** @throws ProviderRefused when the library is not installed. */
export function expectCudaLibrary(): void {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  if (!existsSync(join(root, 'bin', 'napi-v6', process.platform, process.arch, LIBRARY)))
    throw cudaRefused(`${LIBRARY} is not installed`)
}

/** @param reason a clause. */
export function cudaRefused(reason: string): ProviderRefused {
  return new ProviderRefused(`Expected the CUDA execution provider but ${reason}; ${WAY_OUT}`)
}

/** Whether a session's refusal is the provider's fault and not the model's. */
export function isCudaRefusal(reason: string): boolean {
  return /ExecutionProvider_Cuda|shared library|\bCUDA\b|cudnn|cublas/i.test(reason)
}
