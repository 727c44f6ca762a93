/**
 * What the JSON bodies and answers of one deployed pipeline have in common, for the engine's JSON port: the answers that
 * it makes of this are those that writeColumns of infer-answer.ts writes, byte for byte.
 */
import type { PipelineDescription } from '../../../engine/api/api.js'
import type { AnswerForm } from '../../../engine/requests/json-port.js'
import { lastModelJson } from './infer-answer.js'

/** @returns null when a name needs an escape in JSON: such bodies are read by infer-request.ts. */
export function answerFormOf(description: PipelineDescription): AnswerForm | null {
  const { inputs, outputs, checks, routes, name, version } = description
  const inputNames = inputs.map((field) => field.name)
  if (inputNames.some((text) => JSON.stringify(text) !== `"${text}"`)) return null
  return {
    inputNames,
    outputs: answerOrder(outputs.map((field) => field.name)).map(([output, source], index) => ({
      source,
      head: `${index === 0 ? '' : ','}${JSON.stringify(output)}:`,
    })),
    checks: checks.map((check) => `{"check":${JSON.stringify(check)},"rows":[`),
    metadata: `,"metadata":{"pipeline":${JSON.stringify(name)},"pipeline_version":${version},"request_id":"`,
    lastModel: lastModelJson(null, description),
    routes: routes.map((label) => ({ label: JSON.stringify(label), lastModel: lastModelJson(label, description) })),
  }
}

/** An answer's outputs are members of an object, and JavaScript has its own order for some: 10 comes before a. */
function answerOrder(names: readonly string[]): [string, number][] {
  const order: Record<string, number> = {}
  names.forEach((name, index) => (order[name] = index))
  return Object.entries(order)
}
