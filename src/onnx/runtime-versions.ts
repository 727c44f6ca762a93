/**
 * The newest versions of the format that the ONNX Runtime of this release reads, for the words of a refusal: ONNX Runtime
 * names one version a time and no way out. A test holds these numbers to what it really reads.
 */
import type { OnnxModel } from './model.js'
import { producerOf } from './producers.js'

export const IR_VERSION_MAX = 13
/** By domain. */
export const OPSETS_MAX: ReadonlyMap<string, number> = new Map([
  ['', 26],
  ['ai.onnx.ml', 5],
])

/** What is too new in a file and what to do about it; '' when nothing is. */
export function versionRefusal(model: OnnxModel): string {
  const newer = [...OPSETS_MAX].filter(([domain, max]) => (model.opsets.get(domain) ?? 0) > max)
  const isNewIr = model.irVersion > IR_VERSION_MAX
  if (newer.length === 0 && !isNewIr) return ''
  const { title, olderOpset } = producerOf(model)
  const sentences: string[] = []
  if (isNewIr)
    sentences.push(
      `Its format is IR version ${model.irVersion}, and this release reads IR versions up to ${IR_VERSION_MAX}: set \`model.ir_version = ${IR_VERSION_MAX}\` and save it again, or write it with an older onnx package`,
    )
  for (const [domain, max] of newer)
    sentences.push(
      `Its operators are of ${domain === '' ? '' : `${domain} `}opset ${model.opsets.get(domain) ?? 0}, and this release reads ${domain === '' ? '' : `${domain} `}opsets up to ${max}: ${domain === '' ? olderOpset(max) : `ask ${title} for \`${domain}\` ${max}`}`,
    )
  return sentences.join('. ')
}
