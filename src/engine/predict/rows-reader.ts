/**
 * The seam between the bytes of a request and its checked columns: whoever reads rows implements RowsReader. One parses
 * JSON in JavaScript, one row at a time, so that of a large body no more than one row exists as objects, and knows every
 * rule and every word. The other lets the addon read bytes first (native-rows.ts) and asks the first where anything is to
 * be reported; which contracts that is worth trying for is decided once, at the deploy.
 */
import { PenstockError } from '../../base/errors.js'
import { argumentError } from '../../base/expect.js'
import { CHECKED_BYTES_PER_BODY_BYTE } from '../../base/limits/contract-limits.js'
import { REQUEST_ROWS_MAX } from '../../base/limits/limits.js'
import { checkRows, type RowCheck } from '../../contract/check-row.js'
import type { ResolvedContract } from '../../contract/resolve.js'
import { readExactValue } from '../../formats/json/exact-value.js'
import { JsonReader } from '../../formats/json/json-reader.js'
import type { PredictRows } from '../api/api.js'
import { type NativeRows, nativeRows } from './native-rows.js'

export interface RowsRead extends RowCheck {
  /** The rows came as one object: answers and paths of problems are of one, too. */
  readonly isOne: boolean
}

export interface RowsReader {
  /** Compiles what reading rows of the contract needs, so that no request waits for it. */
  prepare(contract: ResolvedContract): void
  /**
   * Reads rows and checks them.
   * @param rows untrusted; bytes are lent until it returns.
   * @param onHeld is called with the bytes that it makes, before they are there; throws to refuse.
   * @throws PenstockError ERR_BODY, ERR_VALUE_RANGE: no JSON; ERR_TOO_MANY_ROWS; ERR_ARGUMENT: no rows.
   */
  read(contract: ResolvedContract, rows: PredictRows, onHeld?: (bytes: number) => void): RowsRead
}

/** In JavaScript alone: the reference. */
export const jsonRowsReader: RowsReader = {
  prepare() {
    // Rows are read by the resolved contract as it is.
  },
  read(contract, rows, onHeld) {
    if (rows instanceof Uint8Array) return readBody(contract, 'json', rows, onHeld)
    if (Array.isArray(rows)) return { ...checkRows(contract, limited(rows as readonly unknown[])), isOne: false }
    if (typeof rows !== 'object' || (rows as unknown) === null)
      throw argumentError('rows', 'an object, a list of them, or bytes of JSON', rows)
    if (isBody(rows)) return readBody(contract, rows.form, rows.bytes, onHeld)
    return { ...checkRows(contract, [rows]), isOne: true }
  },
}

/** By the addon where it can be. One of an engine: what was compiled of a contract goes with the contract. */
export class NativeRowsReader implements RowsReader {
  /** null: the contract has rules that the addon does not check. */
  readonly #compiled = new WeakMap<ResolvedContract, NativeRows | null>()

  prepare(contract: ResolvedContract): void {
    this.#compiledOf(contract)
  }

  read(contract: ResolvedContract, rows: PredictRows, onHeld?: (bytes: number) => void): RowsRead {
    const body = bodyOf(rows)
    const compiled = body === null ? null : this.#compiledOf(contract)
    if (body === null || compiled === null) return jsonRowsReader.read(contract, rows, onHeld)
    onHeld?.(body.bytes.length * CHECKED_BYTES_PER_BODY_BYTE)
    const isLines = body.form === 'lines'
    const check = compiled.read(body.bytes, isLines)
    // Charged already.
    if (check === null) return jsonRowsReader.read(contract, body)
    return { ...check, isOne: !isLines && beginsWithObject(body.bytes) }
  }

  #compiledOf(contract: ResolvedContract): NativeRows | null {
    const known = this.#compiled.get(contract)
    if (known !== undefined) return known
    const compiled = nativeRows(contract)
    this.#compiled.set(contract, compiled)
    return compiled
  }
}

/** null: the rows are objects already. */
function bodyOf(rows: PredictRows): Body | null {
  if (rows instanceof Uint8Array) return { form: 'json', bytes: rows }
  return typeof rows === 'object' && (rows as unknown) !== null && !Array.isArray(rows) && isBody(rows) ? rows : null
}

/** @param bytes JSON. */
function beginsWithObject(bytes: Uint8Array): boolean {
  let at = 0
  while ((bytes[at] as number) <= SPACE) at++
  return bytes[at] === OPEN_BRACE
}

const SPACE = 0x20
const OPEN_BRACE = 0x7b

interface Body {
  readonly form: 'json' | 'lines'
  readonly bytes: Uint8Array
}

/** A row may have fields of these names; its bytes are none. */
function isBody(rows: object): rows is Body {
  return 'bytes' in rows && rows.bytes instanceof Uint8Array
}

function readBody(
  contract: ResolvedContract,
  form: Body['form'],
  bytes: Uint8Array,
  onHeld: ((bytes: number) => void) | undefined,
): RowsRead {
  onHeld?.(bytes.length * CHECKED_BYTES_PER_BODY_BYTE)
  const reader = new JsonReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
  if (form === 'lines') return { ...checkRows(contract, limited(lines(reader))), isOne: false }
  if (reader.isAtArray) return { ...checkRows(contract, limited(elements(reader))), isOne: false }
  if (!reader.isAtObject) {
    if (reader.peek() === -1) throw new PenstockError('ERR_BODY', 'Expected a JSON body but received none')
    throw reader.unexpected('an object with the fields of the contract, or a list of such objects,')
  }
  const row = readExactValue(reader)
  reader.expectEnd()
  return { ...checkRows(contract, [row]), isOne: true }
}

function* elements(reader: JsonReader): Generator<unknown> {
  if (reader.enterArray()) {
    do yield readExactValue(reader)
    while (reader.hasMore())
  }
  reader.expectEnd()
}

/** A row a line; JSON tells by itself where one ends. */
function* lines(reader: JsonReader): Generator<unknown> {
  while (reader.peek() !== -1) yield readExactValue(reader)
}

/** @throws PenstockError ERR_TOO_MANY_ROWS at the first one too many: the rest is not read. */
function* limited(rows: Iterable<unknown>): Generator<unknown> {
  let count = 0
  for (const row of rows) {
    if (++count > REQUEST_ROWS_MAX)
      throw new PenstockError(
        'ERR_TOO_MANY_ROWS',
        `Expected the request to have at most ${REQUEST_ROWS_MAX} rows but received more. Split it into smaller requests`,
      )
    yield row
  }
}
