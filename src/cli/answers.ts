/**
 * The server's JSON answers, as far as the CLI prints them (docs/reference/http.md has all fields). They come from a
 * server of possibly another release, so commands read them with care: a field that is missing prints as `-`.
 */
export interface FieldAnswer {
  readonly name: string
  readonly dtype: string
  readonly shape: readonly (number | null)[]
}

export interface VersionAnswer {
  readonly version: number
  readonly sha256: string
  readonly size_bytes: number
  readonly created_at: string
  readonly tags?: readonly string[]
  readonly inputs?: readonly FieldAnswer[]
  readonly outputs?: readonly FieldAnswer[]
  readonly remark?: string
  readonly providers?: readonly string[]
  readonly device_id?: number
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

export interface PipelineAnswer {
  readonly name: string
  readonly deployed_version: number | null
  readonly versions: readonly {
    readonly version: number
    readonly created_at: string
    readonly steps: readonly unknown[]
  }[]
}

export interface AppliedAnswer {
  readonly name: string
  readonly version: number
  readonly deployed: boolean
}

export interface DescriptionAnswer {
  readonly name: string
  readonly version: number
  readonly inputs: readonly FieldAnswer[]
  readonly outputs: readonly FieldAnswer[]
  readonly models: readonly { readonly name: string; readonly version: number }[]
}

export interface StatusAnswer {
  readonly name: string
  readonly deployed: boolean
  readonly version: number | null
  readonly versions: readonly number[]
  readonly in_flight: number
  readonly request_count: number
  readonly row_count: number
  readonly failures: Readonly<Record<string, number>>
  readonly models: readonly {
    readonly name: string
    readonly version: number
    readonly pending_rows: number
    readonly ready: boolean
    readonly provider?: string
    readonly run_plan?: RunPlanAnswer
  }[]
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
