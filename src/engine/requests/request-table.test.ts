import { expect, test } from 'vitest'
import { PenstockError } from '../../base/errors.js'
import type { InferResult } from '../api/api.js'
import type { Deployment } from '../deploy/deployment.js'
import { RequestTable } from './request-table.js'

const deployment = { planKey: 1 } as Deployment
const result = { rows: 1 } as InferResult
const ignore = (): void => undefined

test('request table: refuses the tag after its last, and gives a freed one again', () => {
  const table = new RequestTable(2)
  const first = table.take(deployment, { requestId: 'a' }, ignore, ignore)
  expect(table.take(deployment, { requestId: 'b' }, ignore, ignore)).not.toBe(first)
  expect(table.take(deployment, { requestId: 'c' }, ignore, ignore)).toBe(-1)
  table.free(first)
  expect(table.take(deployment, { requestId: 'd' }, ignore, ignore)).toBe(first)
  expect(table.labelsOf(first)).toEqual({ requestId: 'd' })
})

test('request table: settles each promise once and detaches its signal', () => {
  const table = new RequestTable(4)
  const seen: unknown[] = []
  const tag = table.take(
    deployment,
    { requestId: 'a' },
    (value) => seen.push(value),
    (error) => seen.push(error.code),
  )
  table.setDetach(tag, () => seen.push('detached'))
  table.resolve(tag, result)
  table.reject(tag, new PenstockError('ERR_ABORTED'))
  table.resolve(tag, result)
  expect(seen).toEqual(['detached', result])
  expect(table.deploymentOf(tag)).toBe(deployment)
  table.free(tag)
  expect(() => table.deploymentOf(tag)).toThrow(/in use/)
})

test('request table: rejectAll reaches what is open and nothing else', () => {
  const table = new RequestTable(8)
  const codes: string[] = []
  const reject = (error: PenstockError): void => void codes.push(error.code)
  const settled = table.take(deployment, { requestId: 'a' }, ignore, reject)
  table.take(deployment, { requestId: 'b' }, ignore, reject)
  table.take(deployment, { requestId: 'c' }, ignore, reject)
  table.resolve(settled, result)
  table.rejectAll(() => new PenstockError('ERR_CLOSED'))
  expect(codes).toEqual(['ERR_CLOSED', 'ERR_CLOSED'])
})
