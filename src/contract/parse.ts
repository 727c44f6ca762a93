/**
 * Untrusted JSON → a contract: every member checked, all problems at once, members in one order and defaults left out.
 * What it returns is what is stored and compared.
 */
import { PenstockError } from '../base/errors.js'
import { expectName } from '../base/expect.js'
import {
  CONTACTS_MAX,
  CONTRACT_BYTES_MAX,
  CONTRACT_FIELDS_MAX,
  FIELD_NAME_CHARACTERS_MAX,
} from '../base/limits/contract-limits.js'
import { didYouMean } from '../base/suggest.js'
import { checkField } from './consistency.js'
import {
  canonicalContract,
  type Contract,
  type ContractField,
  EXTRA_POLICIES,
  type ExampleRow,
  type FieldRole,
  isOutputRole,
} from './contract.js'
import { DocumentReader, isObject } from './document-reader.js'
import { parseField, present } from './parse-field.js'
import { ContractProblems } from './problems.js'
import { isOwnMember, pointer, valueAt } from './member-tree.js'
import { resolveContract, resolveField } from './resolve.js'
import { readRow } from './row-reader.js'

const CONTRACT_MEMBERS = ['name', 'description', 'contacts', 'fields', 'extra', 'example'] as const

/**
 * Parses a contract.
 * @param json `{"fields": [{"name": "age", "dtype": "int64"}, …], …}`, or the array of fields alone.
 * @param name of the contract; absent: the document's own.
 * @throws PenstockError ERR_CONTRACT_INVALID with every problem in `errors`, by its place; ERR_ARGUMENT for `name`.
 * @example parseContract({ fields: [{ name: 'age', dtype: 'int64?', required: false, min: 0 }] }, 'people')
 */
export function parseContract(json: unknown, name?: string): Contract {
  if (name !== undefined) expectName('contract name', name)
  const problems = new ContractProblems()
  const document: unknown = Array.isArray(json) ? { fields: json as unknown[] } : json
  if (!isObject(document)) {
    problems.add('a contract', 'an object like {"fields": [{"name": "age", "dtype": "int64"}]}', json)
    problems.throwAny()
  }
  const reader = new DocumentReader('', document as object, problems)
  reader.expectKeys(CONTRACT_MEMBERS, 'a contract')
  const fields = readFields(reader)
  const members = {
    name: readName(reader, name),
    description: reader.text('description'),
    contacts: readContacts(reader),
    fields: fields.flatMap((field) => field ?? []),
    extra: withoutReject(reader),
  }
  if (fields.every((field) => field !== undefined)) checkFields(problems, members.fields)
  problems.throwAny()
  const contract = present({ ...members, example: readExample(reader, members) })
  problems.throwAny()
  expectSize(contract)
  return contract
}

function withoutReject(reader: DocumentReader): Contract['extra'] {
  const extra = reader.oneOf('extra', EXTRA_POLICIES)
  return extra === 'reject' ? undefined : extra
}

function readName(reader: DocumentReader, name: string | undefined): string {
  const own = reader.get('name')
  if (name !== undefined && (own === undefined || own === name)) return name
  if (name !== undefined) reader.fail('name', `${JSON.stringify(name)}, as in the address`)
  else if (typeof own !== 'string' || !/^[A-Za-z0-9-]{1,128}$/.test(own))
    reader.fail('name', '1..128 letters, digits and hyphens')
  return String(own)
}

function readContacts(reader: DocumentReader): string[] | undefined {
  const list = reader.list('contacts', 1, CONTACTS_MAX)
  return list?.map((contact, index) => {
    const isText = typeof contact === 'string' && /^[^\p{Cc}]{1,256}$/u.test(contact)
    if (isText) return contact
    const rule = `a printable text of at most ${FIELD_NAME_CHARACTERS_MAX} characters`
    reader.problems.add(`contacts[${index}]`, rule, contact, 'Name a person, a team or an address')
    return ''
  })
}

function readFields(reader: DocumentReader): (ContractField | undefined)[] {
  if (reader.get('fields') === undefined) reader.fail('fields', 'an array of fields')
  const list = reader.list('fields', 1, CONTRACT_FIELDS_MAX) ?? []
  return list.map((json, index) => {
    const where = `fields[${index}]`
    if (!isObject(json)) {
      reader.problems.add(where, 'an object like {"name": "age", "dtype": "int64"}', json)
      return undefined
    }
    const fieldReader = new DocumentReader(where, json, reader.problems)
    const field = parseField(fieldReader)
    if (field === undefined) return undefined
    checkField(fieldReader, field)
    return plainJson(field) as ContractField
  })
}

/** As JSON will have it again: integers beyond 2^53 as texts of their digits. */
function plainJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, one: unknown) => (typeof one === 'bigint' ? jsonInteger(one) : one)))
}

function jsonInteger(value: bigint): number | string {
  return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
}

// ── the fields together ─────────────────────────────────────────────────────────────────────────

const singleRoles: readonly FieldRole[] = ['timestamp', 'modelVersion']

function checkFields(problems: ContractProblems, fields: readonly ContractField[]): void {
  const first = new Map<string, number>()
  fields.forEach(({ name }, index) => {
    const before = first.get(name)
    if (before === undefined) first.set(name, index)
    else problems.add(`fields[${index}].name`, `another name than that of fields[${before}]`, name)
  })
  checkPaths(problems, fields)
  for (const role of singleRoles) {
    const [, second] = fields.flatMap((field, index) => (field.role === role ? [index] : []))
    if (second !== undefined) problems.add(`fields[${second}].role`, `the only ${role} of the contract`, role)
  }
  if (fields.length > 0 && fields.every(({ role = 'feature' }) => isOutputRole(role)))
    problems.add('fields', 'a list with at least one field that callers send', `${fields.length} fields of answers`)
  checkEstimates(problems, fields)
}

/** One member of a row is one field, and a value has no members. */
function checkPaths(problems: ContractProblems, fields: readonly ContractField[]): void {
  const first = new Map<string, number>()
  const inputs = fields.flatMap((field, index) =>
    isOutputRole(field.role ?? 'feature') ? [] : [{ index, ...resolveField(field) }],
  )
  if (inputs.every(isOwnMember)) return
  for (const { index, path } of inputs) {
    const own = pointer(path)
    const before = first.get(own)
    if (before === undefined) first.set(own, index)
    else problems.add(`fields[${index}].path`, `another place than that of fields[${before}]`, own)
  }
  for (const { index, path } of inputs)
    for (let length = 1; length < path.length; length++) {
      const outer = first.get(pointer(path.slice(0, length)))
      if (outer !== undefined)
        problems.add(`fields[${index}].path`, `outside of fields[${outer}], which is a value`, pointer(path))
    }
}

/** Evaluation needs to know which truth each prediction is to be compared with. */
function checkEstimates(problems: ContractProblems, fields: readonly ContractField[]): void {
  const targets = fields.flatMap(({ name, role }) => (role === 'target' ? [name] : []))
  const classes = new Set<string>()
  fields.forEach(({ role, estimates, class: label }, index) => {
    if (role !== 'prediction' && role !== 'probability') return
    const path = `fields[${index}].estimates`
    if (estimates !== undefined && !targets.includes(estimates)) {
      const wayOut = didYouMean(estimates, targets).replace(/^\. /, '')
      problems.add(path, 'the name of a field with the role target', estimates, wayOut)
    }
    if (estimates === undefined && targets.length > 1)
      problems.add(path, `one of ${targets.join(', ')}, for the contract has several targets`, estimates)
    if (role !== 'probability') return
    const key = JSON.stringify([estimates ?? '', label])
    if (classes.has(key)) problems.add(`fields[${index}].class`, 'the class of one probability alone', label)
    classes.add(key)
  })
}

// ── the example ─────────────────────────────────────────────────────────────────────────────────

function readExample(
  reader: DocumentReader,
  { name, fields, extra }: Pick<Contract, 'name' | 'fields' | 'extra'>,
): Contract['example'] {
  const example = reader.object('example')
  if (example === undefined) return undefined
  // Whatever a request may do with its invalid values, an example has none.
  const strict = fields.map((field) => ({ ...field, onInvalid: undefined }))
  const { findings, extra: others } = readRow(resolveContract({ name, fields: strict, extra }), example)
  for (const { place, expected, value, wayOut } of findings)
    reader.problems.add(exampleAt(place), expected, value, wayOut)
  for (const other of others) reader.problems.add(exampleAt([other]), 'a field', valueAt(example, [other]))
  return plainJson(example) as ExampleRow
}

function exampleAt(place: readonly (string | number)[]): string {
  return `example${place.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')}`
}

function expectSize(contract: Contract): void {
  const size = Buffer.byteLength(canonicalContract(contract))
  if (size <= CONTRACT_BYTES_MAX) return
  const text = `Expected a contract of at most ${CONTRACT_BYTES_MAX} bytes of JSON but received ${size}. Shorten its descriptions and lists of values`
  throw new PenstockError('ERR_CONTRACT_INVALID', text)
}
