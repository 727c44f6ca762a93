/** A request to the addon that says nothing beside its tensors, for tests that call it without an engine. */
import type { Submission } from '../../bindings/submissions.js'

export function submission(
  rows: number,
  inputs: readonly ArrayBufferView[],
  more: Partial<Submission> = {},
): Submission {
  return {
    inputs,
    rows,
    dims: null,
    meta: null,
    tag: 1,
    requestNumber: 0,
    deadlineUs: 0,
    priority: 0,
    hasTiming: false,
    hasAuditedOutputs: false,
    ...more,
  }
}
