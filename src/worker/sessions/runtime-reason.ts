/** ONNX Runtime's reasons for readers. This file must not import onnxruntime-node: the engine's own thread uses it. */

const CHARACTERS_MAX = 600

/** ONNX Runtime's reason as one line of at most 600 characters, without terminal colours and source paths of its build. */
export function runtimeReason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  const line = text
    .replace(/\u001b\[[0-9;]*m/g, '')
    .replace(/\/onnxruntime_src\/\S+ /g, '')
    .replace(/\s+/g, ' ')
    // The C++ signature of the function that refused.
    .replace(/^[\w:<>,&* ]*onnxruntime::\S+?\(.*?\)(?: const)? (?=[A-Z])/, '')
    .trim()
  return line.length > CHARACTERS_MAX ? `${line.slice(0, CHARACTERS_MAX - 3)}...` : line
}
