/** Which variant of the kernels this process uses: for reports and bug reports. */
import { addon } from '../../bindings/native.js'

/** `avx512`, `avx2` or `baseline` (SSE2, NEON), by processor; PENSTOCK_SIMD lowers it, down to `scalar`. */
export function simdLevel(): string {
  return addon.simdLevel()
}
