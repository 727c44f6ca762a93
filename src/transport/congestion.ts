/**
 * Which of a congested socket's frames the kernel has taken, from the number of bytes that still wait in it. The socket
 * library reports only that number; frames leave in order, so a frame is gone when all bytes up to its end are.
 *
 * Bytes are counted as the library counts them: with the frame's own header (RFC 6455 section 5.2; a server does not
 * mask). Its pings may wait unseen by us: `slackBytes` forgives them, in the client's favour.
 */
const slackBytes = 256

export class Congestion {
  #sentBytes = 0
  /** Ends, in `#sentBytes`, of the frames whose credit is held. */
  readonly #heldEnds: number[] = []

  /** A message of `bytes` was handed to the socket; `isHeld`: its credit waits for the kernel. */
  add(bytes: number, isHeld: boolean): void {
    this.#sentBytes += bytes + headerBytes(bytes)
    if (isHeld) this.#heldEnds.push(this.#sentBytes)
  }

  get heldFrames(): number {
    return this.#heldEnds.length
  }

  /** The number of held frames that left since the last call, when `bufferedBytes` still wait. */
  takeAcknowledged(bufferedBytes: number): number {
    const gone = this.#sentBytes - Math.max(0, bufferedBytes - slackBytes)
    let frames = 0
    while (frames < this.#heldEnds.length && (this.#heldEnds[frames] as number) <= gone) frames++
    this.#heldEnds.splice(0, frames)
    return frames
  }
}

/** Bytes of the header of a frame that a server sends. */
export function headerBytes(payloadBytes: number): number {
  if (payloadBytes < 126) return 2
  return payloadBytes < 65_536 ? 4 : 10
}
