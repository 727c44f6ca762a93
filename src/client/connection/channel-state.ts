/** What a client keeps of a pipeline over reconnects: the signature last seen, and the binding on the present connection. */
import type { PenstockError } from '../../base/errors.js'
import type { Binding, Signature } from './binding.js'

export class ChannelState {
  /** null until it was opened for the first time; then callers hold its channel. */
  signature: Signature | null = null
  /** The binding on the present connection; null while it is being opened there, or failed to. */
  binding: Binding | null = null
  isOpening = false
  isClosed = false
  /** Callers of open() that wait for the first answer. */
  readonly waiters: { resolve(): void; reject(error: PenstockError): void }[] = []

  constructor(readonly pipeline: string) {}
}
