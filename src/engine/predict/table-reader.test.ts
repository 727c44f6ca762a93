/** Tables are checked in parts: what may happen in between, a deploy and a caller who goes, and what they take of the budget. */
import { describe, expect, it } from 'vitest'
import type { ContractField } from '../../contract/contract.js'
import { parseContract } from '../../contract/parse.js'
import { resolveContract } from '../../contract/resolve.js'
import { csvRows } from '../../contract/tables/csv-rows.js'
import type { RowTable } from '../../contract/tables/row-table.js'
import type { Deployment } from '../deploy/deployment.js'
import { predictTable, type ServingPipeline } from './predict.js'

const table = (rows: number): RowTable =>
  csvRows({ header: ['a'], rows: Array.from({ length: rows }, () => ['7']), sizeBytes: 2 * rows })

const deployed = (version: number, field: Partial<ContractField> = {}): Deployment => {
  const contract = resolveContract(parseContract({ fields: [{ name: 'a', dtype: 'int32', ...field }] }, 'c'))
  const bound = { reference: `c@${version}`, contract, binding: { features: [], outputs: [] } }
  return { pipeline: 'p', contract: bound } as unknown as Deployment
}

/** Serves one deployment after the other, the last for good. */
function serving(...deployments: Deployment[]): { readonly asked: () => number; readonly now: ServingPipeline } {
  let asked = 0
  const run = (): never => {
    throw new Error('Expected nothing to be run')
  }
  return {
    asked: () => asked,
    now: () => ({ deployment: deployments[Math.min(asked++, deployments.length - 1)] as Deployment, run }),
  }
}

describe('a table that is checked in parts', () => {
  it('is answered by the pipeline that serves when it is checked, by the rules of its contract', async () => {
    const same = deployed(1)
    const once = serving(same, same)
    expect((await predictTable(once.now, table(0), {})).contract).toBe('c@1')
    expect(once.asked()).toBe(2)
    const swapped = serving(deployed(1), deployed(2))
    expect((await predictTable(swapped.now, table(0), {})).contract).toBe('c@2')
    expect(swapped.asked()).toBe(3)
    const refused = predictTable(serving(deployed(1), deployed(2, { max: 5 })).now, table(1), {})
    await expect(refused).rejects.toMatchObject({ code: 'ERR_CONTRACT', errors: [{ path: '/0/a', rule: 'max' }] })
  })

  it('lets others run in between, and ends when its caller has gone', async () => {
    const signal = { aborted: false }
    setImmediate(() => (signal.aborted = true))
    const gone = predictTable(serving(deployed(1)).now, table(50_000), { signal: signal as AbortSignal })
    await expect(gone).rejects.toMatchObject({ code: 'ERR_ABORTED' })
  })

  it('is charged before it is checked, and refused where that does not fit', async () => {
    const full = new Error('full')
    const charged: number[] = []
    const onHeld = (bytes: number): void => {
      charged.push(bytes)
      throw full
    }
    await expect(predictTable(serving(deployed(1)).now, table(1000), { onHeld })).rejects.toBe(full)
    expect(charged).toEqual([1000 * 24 + 2000])
  })
})
