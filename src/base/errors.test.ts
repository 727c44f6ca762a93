import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import {
  PenstockError,
  errorCodeOfNative,
  errorTable,
  isPenstockError,
  toPenstockError,
  type ErrorCode,
} from './errors.js'

interface SourceRow {
  code: ErrorCode
  native?: number
  class: string
  http: number
  close?: number
  retryable: boolean
  sentence: string
}
const source = JSON.parse(readFileSync(new URL('../protocol/errors.json', import.meta.url), 'utf8')) as {
  errors: SourceRow[]
}

describe('errors', () => {
  it('table: holds every row of errors.json as it stands there', () => {
    expect(Object.keys(errorTable)).toEqual(source.errors.map((row) => row.code))
    for (const { code, ...rest } of source.errors) expect(errorTable[code]).toEqual(rest)
  })

  it('PenstockError: takes class, status and retryable from its code', () => {
    const error = new PenstockError('ERR_QUEUE_FULL', 'The queue of ccfraud is full', { retryAfterMs: 20 })
    expect(error).toMatchObject({
      name: 'PenstockError',
      code: 'ERR_QUEUE_FULL',
      retryable: true,
      retryAfterMs: 20,
      httpStatus: 429,
    })
    expect(error.message).toBe('The queue of ccfraud is full')
    expect(error).toBeInstanceOf(Error)
  })

  it('PenstockError: says the sentence of its code when it is given none', () => {
    expect(new PenstockError('ERR_ABORTED').message).toBe(errorTable.ERR_ABORTED.sentence)
  })

  it('PenstockError: has neither cause nor retryAfterMs unless given', () => {
    const error = new PenstockError('ERR_ARGUMENT', 'no')
    expect('cause' in error).toBe(false)
    expect('retryAfterMs' in error).toBe(false)
    const cause = new Error('disk')
    expect(new PenstockError('ERR_STORAGE', 'no', { cause }).cause).toBe(cause)
  })

  it('isPenstockError: knows an error of another copy of the package, and nothing else', () => {
    const foreign = new Error('from another copy')
    Object.defineProperty(foreign, Symbol.for('penstock.error'), { value: true })
    expect(isPenstockError(foreign)).toBe(true)
    expect(isPenstockError(new PenstockError('ERR_CLOSED'))).toBe(true)
    for (const other of [new Error('x'), { code: 'ERR_CLOSED' }, null, undefined, 'ERR_CLOSED', 7])
      expect(isPenstockError(other)).toBe(false)
  })

  it('toPenstockError: hides the message of a foreign error and keeps it as the cause', () => {
    const bug = new TypeError('secret path')
    const error = toPenstockError(bug)
    expect(error.code).toBe('ERR_INTERNAL')
    expect(error.message).not.toContain('secret')
    expect(error.cause).toBe(bug)
    const own = new PenstockError('ERR_CLOSED')
    expect(toPenstockError(own)).toBe(own)
  })

  it('errorCodeOfNative: inverts the native column, and answers ERR_INTERNAL beyond it', () => {
    const rows = source.errors.filter((row) => row.native !== undefined)
    expect(rows.length).toBeGreaterThan(10)
    for (const row of rows) expect(errorCodeOfNative(row.native ?? -1)).toBe(row.code)
    for (const status of [0, -1, 255, 1.5, Number.NaN]) expect(errorCodeOfNative(status)).toBe('ERR_INTERNAL')
  })
})
