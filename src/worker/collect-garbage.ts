/**
 * V8's collector, asked for. It runs when its own limits say so, which an idle isolate never reaches: what a load left
 * behind (requests that were refused, bodies, tensors with memory outside of the heap) would stay until the next load.
 *
 * Thread: any isolate; it stops this one for the time of a full collection, some tens of milliseconds. Never under load.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

let collect: (() => void) | undefined

export function collectGarbage(): void {
  // The function is made for contexts that begin after the flag was set; no other code sees it.
  if (collect === undefined) {
    setFlagsFromString('--expose-gc')
    collect = runInNewContext('gc') as () => void
    setFlagsFromString('--no-expose-gc')
  }
  collect()
}
