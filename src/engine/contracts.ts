/**
 * The control calls of contracts, and the contract that a pipeline names: which version it means when it is stored, and
 * where its fields go when it is deployed.
 */
import { PenstockError } from '../base/errors.js'
import { expectInteger, expectName, expectRecord, expectString } from '../base/expect.js'
import { didYouMean } from '../base/suggest.js'
import { bindContract, type ContractBinding } from '../contract/bind.js'
import { CHECKS_MEMBER, type Contract, parseContractReference, PROBLEMS_MEMBER } from '../contract/contract.js'
import { parseContract } from '../contract/parse.js'
import { type ResolvedContract, resolveContract } from '../contract/resolve.js'
import type { PipelineDefinition } from '../pipeline/definition.js'
import { dtypeInfo, isDtype } from '../tensor/dtype.js'
import type { ContractColumns } from '../pipeline/plan-draft.js'
import type { CompiledPlan } from '../pipeline/plan.js'
import type {
  ContractRecord,
  ContractsApi,
  ContractStore,
  ContractVersion,
  ModelVersion,
  PipelineStore,
} from './api/api.js'

/** The contract of a deployed pipeline. */
export interface DeployedContract {
  /** e.g. `wine@2`. */
  readonly reference: string
  readonly contract: ResolvedContract
  readonly binding: ContractBinding
}

export interface ContractsParts {
  readonly contracts: ContractStore
  readonly pipelines: PipelineStore
  /** Runs one operation that changes something at a time, while the engine takes work. */
  readonly inTurn: <T>(operation: () => Promise<T>) => Promise<T>
}

export class Contracts implements ContractsApi {
  readonly #parts: ContractsParts

  constructor(parts: ContractsParts) {
    this.#parts = parts
  }

  list(): ContractRecord[] {
    return this.#parts.contracts.list()
  }

  get(name: string): ContractRecord {
    return existing(this.#parts.contracts, name)
  }

  getVersion(name: string, version?: number): ContractVersion {
    return contractVersion(this.#parts.contracts, name, version)
  }

  async put(contract: Contract): Promise<ContractVersion> {
    const name = expectName('contract.name', expectRecord('contract', contract)['name'])
    const parsed = parseContract(contract, name)
    return this.#parts.inTurn(() => this.#parts.contracts.put(parsed))
  }

  remove(name: string): Promise<void> {
    return this.#parts.inTurn(async () => {
      this.get(name)
      this.#expectUnused(name, null)
      await this.#parts.contracts.remove(name)
    })
  }

  removeVersion(name: string, version: number): Promise<void> {
    return this.#parts.inTurn(async () => {
      this.getVersion(name, expectInteger('version', version, 1, Number.MAX_SAFE_INTEGER))
      this.#expectUnused(name, version)
      await this.#parts.contracts.removeVersion(name, version)
    })
  }

  /** The definition with the version of its contract said, so that a newer one changes no stored pipeline. */
  pinned(definition: PipelineDefinition): PipelineDefinition {
    if (definition.contract === undefined) return definition
    const { name, version } = parseContractReference(definition.contract)
    if (version !== null) return definition
    return { ...definition, contract: `${name}@${this.getVersion(name).version}` }
  }

  #expectUnused(name: string, version: number | null): void {
    const users = this.#parts.pipelines.list().filter(({ deployedVersion, versions }) => {
      const deployed = versions.find((candidate) => candidate.version === deployedVersion)
      if (deployed?.definition.contract === undefined) return false
      const reference = parseContractReference(deployed.definition.contract)
      return reference.name === name && (version === null || reference.version === version)
    })
    if (users.length === 0) return
    const what = version === null ? name : `${name}@${version}`
    const names = users.map((user) => user.name).join(', ')
    const text = `Contract ${what} is used by the deployed pipeline${users.length === 1 ? '' : 's'} ${names}. Undeploy or redeploy first`
    throw new PenstockError('ERR_CONFLICT', text)
  }
}

function existing(store: ContractStore, name: string): ContractRecord {
  const record = store.get(expectString('contract', name))
  if (record !== undefined) return record
  const near = didYouMean(
    name,
    store.list().map((one) => one.name),
  )
  throw new PenstockError('ERR_CONTRACT_NOT_FOUND', `There is no contract ${name}${near}`)
}

/** @throws PenstockError ERR_CONTRACT_NOT_FOUND naming the versions that there are. */
function contractVersion(store: ContractStore, name: string, version?: number): ContractVersion {
  const { versions } = existing(store, name)
  const found = version === undefined ? versions.at(-1) : versions.find((candidate) => candidate.version === version)
  if (found !== undefined) return found
  const known = versions.map((candidate) => candidate.version).join(', ')
  throw new PenstockError('ERR_CONTRACT_NOT_FOUND', `Contract ${name} has no version ${version}; it has ${known}`)
}

/** The contract that a definition names, read once for all that a deploy wants of it. */
export type NamedContract = Pick<DeployedContract, 'reference' | 'contract'>

/** @returns null: the definition names none. @throws PenstockError ERR_CONTRACT_NOT_FOUND. */
export function namedContract(store: ContractStore, definition: PipelineDefinition): NamedContract | null {
  if (definition.contract === undefined) return null
  const { name, version } = parseContractReference(definition.contract)
  const found = contractVersion(store, name, version ?? undefined)
  return { reference: `${name}@${found.version}`, contract: resolveContract(parseContract(found.contract, name)) }
}

/**
 * A contract bound to the tensors of a plan.
 * @throws PenstockError ERR_PIPELINE_INVALID with everything that cannot be bound.
 */
export function deployedContract(
  { reference, contract }: NamedContract,
  { callerInputs, callerOutputs, inputChain, isNonBatching }: CompiledPlan,
  models: Iterable<ModelVersion>,
): DeployedContract {
  if (isNonBatching) {
    const text = `Expected the pipeline of ${reference} to take rows, which a contract describes, but its models take each request as a whole`
    throw new PenstockError('ERR_PIPELINE_INVALID', text)
  }
  const taken = contract.contract.fields.find((field) => field.name === PROBLEMS_MEMBER || field.name === CHECKS_MEMBER)
  if (taken !== undefined) {
    const text = `Expected the fields of ${reference} to be called otherwise than ${taken.name}, which answers have beside them`
    throw new PenstockError('ERR_PIPELINE_INVALID', text)
  }
  const signatures = [...models].map(({ signature }) => signature)
  const outputs = callerOutputs.map((field) => {
    const classes = signatures.flatMap(({ outputs: all }) => all.find((one) => one.name === field.name)?.classes ?? [])
    const isKnown = signatures.filter(({ outputs: all }) => all.some((one) => one.name === field.name)).length === 1
    return isKnown && classes.length > 0 ? { ...field, classes } : field
  })
  return {
    reference,
    contract,
    binding: bindContract(reference, contract, { inputs: inputChain === null ? callerInputs : null, outputs }),
  }
}

/**
 * What steps before the models may take: features, and what else callers send for those that name it; of all of them what a
 * tensor can hold and whose rows have one shape.
 */
export function contractColumns({ contract }: NamedContract): ContractColumns {
  const columns = contract.inputs.flatMap(({ role, name: field, dtype: written, isNullable, shape }) => {
    const dtype = isDtype(written) ? written : tensorDtypes[written]
    if (shape.includes(null) || (role === 'feature' && dtype !== written)) return []
    const hasValidity = isNullable && shape.length === 0 && dtypeInfo(dtype).kind !== 'float'
    return [{ role, column: { name: field, dtype, isNullable: hasValidity, shape: shape as number[] } }]
  })
  return {
    features: columns.flatMap(({ role, column }) => (role === 'feature' ? [column] : [])),
    others: columns.flatMap(({ role, column }) => (role === 'feature' ? [] : [column])),
  }
}

/** As checked columns hold what no tensor has a dtype for: microseconds since 1970, days, text. */
const tensorDtypes = { timestamp: 'int64', date: 'int32', uuid: 'string' } as const
