/** Places that are watched for models, as transports see them. Types only; src/sources has the implementation. */
import type { ModelSourceStatus, Reconciliation } from './generated/records.js'

export interface ModelSourcesApi {
  /** The places, as they were given, and how watching them goes. */
  list(): ModelSourceStatus[]
  /**
   * Looks at the places now and gives the registry what they have of a model: adds versions that are missing, and points
   * aliases where the places say, whoever has moved them since. Nothing is removed. Idempotent.
   * @param name of the model. @returns one for each place that has it.
   * @throws ERR_UNSUPPORTED: no place is watched; ERR_MODEL_NOT_FOUND: none has it; ERR_SOURCE: one cannot be looked at.
   */
  reconcile(name: string): Promise<Reconciliation[]>
}
