/** Rows of a file as a promotion sends them, typed by the contract of the pipeline that will answer them. */
import type { ControlCalls } from '../../client/control/calls.js'
import { ContractCalls } from '../../client/control/contract-calls.js'
import { rowOfCells } from '../../contract/tables/cells.js'
import { matchContractReference } from '../../contract/contract.js'
import { parseContract } from '../../contract/parse.js'
import { type ResolvedContract, resolveContract } from '../../contract/resolve.js'
import { followsAlias } from '../../engine/models/model-references.js'
import { formatOf } from '../../files/formats.js'
import { readRows } from '../../files/read-rows.js'
import type { PipelineDefinition } from '../../pipeline/definition.js'
import { UsageError } from '../shared/failures.js'
import { isRecord } from '../shared/input-data.js'

/** The contract of the pipeline that the server will ask; null: it will find none, and say so. */
export async function contractOfFollower(
  server: ControlCalls,
  { model, alias, pipeline }: { readonly model: string; readonly alias: string; readonly pipeline: string | undefined },
): Promise<ResolvedContract | null> {
  const { pipelines } = await server.listPipelines()
  for (const { name, deployed_version, versions } of pipelines) {
    if (pipeline !== undefined && name !== pipeline) continue
    const serving = versions.find(({ version }) => version === deployed_version)
    if (serving?.contract === undefined) continue
    if (!followsAlias(serving as unknown as PipelineDefinition, model, alias)) continue
    // The server pinned its version when the pipeline was stored.
    const reference = matchContractReference(serving.contract)
    if (reference?.version == null) return null
    const calls = new ContractCalls(server.http)
    const stored = await calls.getContractVersion(reference.name, reference.version)
    return resolveContract(parseContract(stored.contract, reference.name))
  }
  return null
}

/** @throws PenstockError as readRows; UsageError: a row is none. */
export async function plainRows(
  path: string,
  format: string | undefined,
  contract: ResolvedContract | null,
): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const batch of readRows(path, formatOf(path, format)))
    for (const row of batch.rows)
      rows.push(batch.isText && contract !== null ? rowOfCells(contract, row as Readonly<Record<string, string>>) : row)
  if (rows.length === 0) throw new UsageError(`Expected ${path} to have rows but it has none.`)
  // Integers beyond 2^53 are texts of their digits, as the contract takes them.
  return rows.map((row) =>
    isRecord(row)
      ? Object.fromEntries(
          Object.entries(row).map(([key, value]) => [key, typeof value === 'bigint' ? String(value) : value]),
        )
      : row,
  )
}
