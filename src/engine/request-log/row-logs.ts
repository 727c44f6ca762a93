/**
 * The logs of the engine's deployments, for those who make, flush and close them. Rows never come by here, but those of
 * the string path: the addon copies and writes them itself (native/log/row_log.hpp).
 *
 * A port of its own brings the addon's replies, because logs are closed when the engine's port is closed already.
 * Owner: the engine, which calls `close` when nothing runs any more.
 */
import { hostname } from 'node:os'
import { join } from 'node:path'
import { getSystemErrorMap } from 'node:util'
import { ColumnKind, Durability, LogReply, PortEvent, PortEventSlot } from '../../../bindings/generated/boundary.js'
import { addon } from '../../../bindings/native.js'
import type { LogHandle, LogSpec, PipelineHandle, PortHandle } from '../../../bindings/native.js'
import { PenstockError } from '../../base/errors.js'
import { LOG_SEGMENT_BYTES_MAX, LOG_SEGMENT_MS_MAX } from '../../base/limits/limits.js'
import { logColumns, loggedKeys, logSchema, type LogColumn } from '../../log/log-columns.js'
import { encodeStringPathRows, type StringPathRows } from '../../log/string-path-rows.js'
import { defaultLogPolicy, type LogPolicy } from '../../pipeline/definition.js'
import type { CompiledPlan } from '../../pipeline/plan.js'
import { dtypeInfo } from '../../tensor/dtype.js'
import type { FailingLog } from '../api/api.js'
import type { EngineNotice, EngineOptions } from '../api/options.js'
import type { LoggedSchema } from '../api/logs.js'

/** The log of one deployment. */
export interface DeploymentLog {
  readonly handle: LogHandle
  readonly pipeline: string
  readonly policy: LogPolicy
  readonly columns: readonly LogColumn[]
  readonly schema: Uint8Array
}

export interface RowLogsOptions {
  readonly runtime: number
  /** The directory of all logs. */
  readonly path: string
  readonly instance: string
  readonly partition: string
  readonly drawSeed: () => bigint
  readonly onNotice: (notice: EngineNotice) => void
}

/** How often the logs are asked whether one has begun or ceased to fail, for a notice to the operator. */
const REPORT_MS = 1000

export class RowLogs {
  readonly #options: RowLogsOptions
  readonly #port: PortHandle
  readonly #open = new Set<DeploymentLog>()
  readonly #replies = new Map<number, (isLost: boolean) => void>()
  readonly #reportTimer: NodeJS.Timeout
  /** Pipelines that have been reported as failing. */
  readonly #failing = new Set<string>()
  #lastTag = 0

  constructor(options: RowLogsOptions) {
    this.#options = options
    this.#port = addon.openPort(options.runtime, () => this.#drain(), 1)
    this.#reportTimer = setInterval(() => this.#report(), REPORT_MS)
    this.#reportTimer.unref()
  }

  /** @returns null: nothing is logged of the pipeline. */
  make(pipeline: PipelineHandle, plan: CompiledPlan, version: number): DeploymentLog | null {
    const { name, log: policy = defaultLogPolicy } = plan.definition
    if (policy.durability === 'off') return null
    const columns = logColumns(plan)
    const { path, partition, instance, runtime, drawSeed } = this.#options
    const schema = logSchema(plan, columns, { pipeline: name, version, partition, instance })
    const spec: LogSpec = {
      directory: join(path, name, String(version)),
      schema,
      // The string path lays out its own rows.
      columns: plan.isStringPath ? [] : columns.map(columnSpec),
      keys: plan.isStringPath ? [] : loggedKeys(plan),
      durability: Durability[policy.durability],
      sampleRate: policy.sampleRate ?? 1,
      seed: drawSeed(),
      refusesWhileFailing: policy.onFailure === 'refuse',
      segmentBytesMax: LOG_SEGMENT_BYTES_MAX,
      segmentMsMax: LOG_SEGMENT_MS_MAX,
    }
    const log = { handle: addon.createLog(runtime, pipeline, spec), pipeline: name, policy, columns, schema }
    this.#open.add(log)
    return log
  }

  /**
   * Appends the rows of a request of the string path.
   * @throws (rejects) PenstockError ERR_STORAGE when a committed log could not be written.
   */
  async append(log: DeploymentLog, rows: StringPathRows): Promise<void> {
    if (log.policy.durability === 'sampled' && !addon.drawLogSample(log.handle)) return
    const { rows: count, timeMs } = rows
    const batch = { message: encodeStringPathRows(log.columns, rows), rows: count, firstMs: timeMs, lastMs: timeMs }
    const append = (tag: number): void => addon.appendLog(log.handle, this.#port, tag, batch)
    if (log.policy.durability !== 'committed') return append(0)
    if (await this.#ask(append)) throw logError(addon.logFault(log.handle))
  }

  /** @throws PenstockError ERR_STORAGE while the log fails and its pipeline is to refuse. */
  expectTaking(log: DeploymentLog): void {
    if (log.policy.onFailure !== 'refuse') return
    const fault = addon.logFault(log.handle)
    if (fault !== 0) throw logError(fault)
  }

  /** One for each pipeline. */
  failing(): FailingLog[] {
    const failing = new Map<string, FailingLog>()
    for (const { handle, pipeline, policy } of this.#open) {
      const fault = addon.logFault(handle)
      if (fault === 0) continue
      failing.set(pipeline, { pipeline, fault: faultName(fault), refuses: policy.onFailure === 'refuse' })
    }
    return [...failing.values()]
  }

  /** Returns the schema of every open log. */
  schemas(): LoggedSchema[] {
    return [...this.#open].map(({ pipeline, schema }) => ({ pipeline, schema }))
  }

  /** Resolves when all rows that were completed before are in files, or counted as dropped. @param pipeline absent: all. */
  async flush(pipeline?: string): Promise<void> {
    const logs = [...this.#open].filter((log) => pipeline === undefined || log.pipeline === pipeline)
    await Promise.all(logs.map(({ handle }) => this.#ask((tag) => addon.flushLog(handle, this.#port, tag))))
  }

  /** Writes, syncs and seals what a retired deployment has left. Idempotent. */
  async closeLog(log: DeploymentLog): Promise<void> {
    if (this.#open.delete(log)) await this.#ask((tag) => addon.closeLog(log.handle, this.#port, tag))
  }

  /** Closes what is open. Idempotent. */
  async close(): Promise<void> {
    await Promise.all([...this.#open].map((log) => this.closeLog(log)))
    clearInterval(this.#reportTimer)
    addon.closePort(this.#port)
  }

  /** @returns whether rows were lost. */
  #ask(call: (tag: number) => void): Promise<boolean> {
    return new Promise((resolve) => {
      const tag = ++this.#lastTag
      this.#replies.set(tag, resolve)
      // The port keeps no loop alive; a process that ends must not end before the reply.
      this.#reportTimer.ref()
      call(tag)
    })
  }

  #drain(): void {
    for (let count = addon.drain(this.#port); count > 0; count = addon.drain(this.#port)) {
      const events = addon.events(this.#port)
      for (let at = 0; at < count * PortEventSlot.length; at += PortEventSlot.length) {
        if (events[at + PortEventSlot.kind] !== PortEvent.job) continue
        const tag = events[at + PortEventSlot.a] as number
        const job = events[at + PortEventSlot.b] as number
        const resolve = this.#replies.get(tag)
        this.#replies.delete(tag)
        if (this.#replies.size === 0) this.#reportTimer.unref()
        resolve?.(addon.readJob(this.#port, job)[0] === LogReply.lost)
      }
    }
  }

  #report(): void {
    const failing = this.failing()
    for (const { pipeline, fault } of failing) {
      if (this.#failing.has(pipeline)) continue
      this.#failing.add(pipeline)
      const message = `The log of pipeline ${pipeline} cannot be written (${fault}): it is tried again every second`
      this.#options.onNotice({ level: 'error', message })
    }
    for (const pipeline of this.#failing) {
      if (failing.some((log) => log.pipeline === pipeline)) continue
      this.#failing.delete(pipeline)
      this.#options.onNotice({ level: 'info', message: `The log of pipeline ${pipeline} is written again` })
    }
  }
}

/** @returns null: the engine logs nothing. */
export function openRowLogs(
  { log, partition = hostname() }: EngineOptions,
  options: Omit<RowLogsOptions, 'path' | 'partition'>,
): RowLogs | null {
  return log === undefined ? null : new RowLogs({ ...options, path: log.path, partition })
}

/** `ENOSPC` of its number. */
export function faultName(fault: number): string {
  return getSystemErrorMap().get(-fault)?.[0] ?? `error ${fault}`
}

export function logError(fault: number): PenstockError {
  const reason = fault === 0 ? '' : ` (${faultName(fault)})`
  return new PenstockError('ERR_STORAGE', `The log of the pipeline could not be written${reason}`)
}

function columnSpec({ kind, field, tensor, check }: LogColumn): LogSpec['columns'][number] {
  return {
    kind: ColumnKind[kind],
    elements: field.type.kind === 'fixed-list' ? field.type.size : 0,
    isNullable: tensor?.isNullable ?? false,
    check,
    source: tensor?.source ?? null,
    dtype: tensor === null ? 0 : dtypeInfo(tensor.dtype).code,
  }
}
