/** Keys as messages tell them: `customer_id 17`, `region "north", shop 3`. */
import { describeValue } from '../base/expect.js'
import type { KeyPart } from './packed.js'

const decoder = new TextDecoder()

export function keyText(names: readonly string[], keys: readonly KeyPart[], row: number): string {
  return names.map((name, i) => `${name} ${partText(keys[i] as KeyPart, row)}`).join(', ')
}

function partText(part: KeyPart, row: number): string {
  if (part.kind === 'text')
    return describeValue(decoder.decode(part.bytes.subarray(part.offsets[row], part.offsets[row + 1])))
  const words = part.words.subarray(2 * row, 2 * row + 2)
  return String((BigInt(words[1] as number) << 32n) | BigInt((words[0] as number) >>> 0))
}
