/**
 * The server's JSON answers, as far as the control client and the CLI read them (docs/reference/http.md has all fields).
 * They come from a server of possibly another release, so fields that not all releases send are optional, and the CLI
 * prints `-` for what is missing.
 */
import type { BatchingProof } from '../../engine/api/api.js'

export interface FieldAnswer {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly (number | null)[]
}

export interface OutputAnswer extends FieldAnswer {
  readonly classes?: readonly (string | number)[]
}

export interface VersionAnswer {
  readonly version: number
  readonly sha256: string
  readonly size_bytes: number
  readonly created_at: string
  readonly tags?: readonly string[]
  readonly inputs?: readonly FieldAnswer[]
  readonly outputs?: readonly OutputAnswer[]
  readonly batching?: string
  readonly remark?: string
  readonly copied_outputs?: readonly string[]
  readonly batching_proof?: BatchingProof
  readonly providers?: readonly string[]
  readonly device_id?: number
  readonly uploaded?: { readonly sha256: string; readonly size_bytes: number; readonly changes: readonly string[] }
}

export interface AddedAnswer extends VersionAnswer {
  readonly name: string
  readonly aliases?: readonly string[]
}

export interface ModelAnswer {
  readonly name: string
  readonly aliases: Readonly<Record<string, number>>
  readonly versions: readonly VersionAnswer[]
}

export interface PipelineVersionAnswer {
  readonly version: number
  readonly created_at: string
  readonly steps: readonly unknown[]
}

export interface PipelineAnswer {
  readonly name: string
  readonly deployed_version: number | null
  readonly tags?: readonly string[]
  readonly created_at?: string
  readonly updated_at?: string
  readonly explain_configs?: readonly unknown[]
  readonly versions: readonly PipelineVersionAnswer[]
}

export interface ExplanationAnswer {
  readonly id: string
  readonly pipeline: string
  readonly pipeline_version: number
  readonly config: { readonly name: string; readonly method: string }
  readonly state: string
  readonly rows: number
  readonly evaluated: number
  readonly evaluations: number
  readonly created_at: string
  readonly ended_at: string | null
  readonly failure: { readonly code: string; readonly message: string } | null
  /** Absent in lists. */
  readonly result?: ExplainResultAnswer | null
}

export interface ExplainResultAnswer {
  readonly method: string
  readonly groups: readonly string[]
  readonly importances: readonly number[]
  readonly deviations?: readonly number[]
  readonly contributions?: readonly (readonly number[])[]
  readonly outputs?: readonly number[]
  readonly score?: number
}

export interface PipelineModelAnswer {
  readonly step: number
  readonly reference: string
  readonly tensor_fields?: readonly string[]
  readonly model: (VersionAnswer & { readonly name: string }) | null
}

export interface TagAnswer {
  readonly tag: string
  readonly pipelines: readonly string[]
  readonly models: readonly { readonly name: string; readonly version: number }[]
}

export interface AppliedAnswer extends PipelineVersionAnswer {
  readonly name: string
  readonly deployed: boolean
}

export interface DescriptionAnswer {
  readonly name: string
  readonly version: number
  readonly inputs: readonly FieldAnswer[]
  readonly outputs: readonly FieldAnswer[]
  readonly checks: readonly string[]
  readonly routes: readonly string[]
  readonly others?: readonly { readonly label: string; readonly outputs: readonly FieldAnswer[] }[]
  readonly rows_max: number
  readonly whole?: boolean
  readonly plain?: boolean
  readonly steps: readonly unknown[]
  readonly models: readonly { readonly name: string; readonly version: number; readonly sha256: string }[]
}

export interface StatusAnswer {
  readonly name: string
  readonly state?: string
  readonly failure?: { readonly version: number; readonly code: string; readonly message: string } | null
  readonly deployed: boolean
  readonly version: number | null
  readonly versions: readonly number[]
  readonly in_flight: number
  readonly request_count: number
  readonly row_count: number
  readonly failures: Readonly<Record<string, number>>
  readonly background?: readonly BackgroundLossesAnswer[]
  readonly models: readonly {
    readonly name: string
    readonly version: number
    readonly pending_rows: number
    readonly ready: boolean
    readonly overdue_runs?: number
    readonly stuck_runs?: number
    readonly provider?: string
    readonly page_locked?: boolean
    readonly batching?: BatchingStateAnswer
    readonly run_plan?: RunPlanAnswer
  }[]
}

export interface BackgroundLossesAnswer {
  readonly model: string
  readonly shed_rows: number
  readonly failed_rows: number
  readonly failures: Readonly<Record<string, number>>
  readonly last_failure: { readonly code: string; readonly message: string; readonly at: string } | null
}

export interface BatchingStateAnswer {
  readonly mode: string
  readonly unbatched: boolean
  readonly row_checks: number
  readonly row_check_differences: number
  readonly shared_run_failures: number
}

interface RunThreadsAnswer {
  readonly intra_op_threads: number
  readonly spinning: boolean
}

export interface RunPlanAnswer extends RunThreadsAnswer {
  readonly state: string
  readonly instances: number
  readonly run_rows_max: number
  readonly batch_rows_max: number
  readonly alone: RunThreadsAnswer | null
  readonly calibration: {
    readonly row_us: number
    readonly batch_us: number
    readonly rows_per_s: number
    readonly measured_at: string
    readonly conditions: { readonly cpu: string; readonly cores: number }
  } | null
}

export interface ModelsAnswer {
  readonly models: readonly ModelAnswer[]
}

export interface PipelinesAnswer {
  readonly pipelines: readonly PipelineAnswer[]
}

export interface PipelineModelsAnswer {
  readonly models: readonly PipelineModelAnswer[]
}

export interface TagsAnswer {
  readonly tags: readonly TagAnswer[]
}

export interface ConfigsAnswer {
  readonly configs: readonly unknown[]
}

export interface ExplanationsAnswer {
  readonly explanations: readonly ExplanationAnswer[]
}

export interface LogExportAnswer {
  readonly files: readonly { readonly path: string; readonly rows: number; readonly size_bytes: number }[]
  readonly rows: number
  readonly warnings: readonly string[]
}
