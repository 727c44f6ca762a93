/** Contracts: the calls that change them, and the store that src/registry implements. Types only. */
import type { Contract } from '../../contract/contract.js'
import type { ContractRecord, ContractVersion } from './generated/records.js'

/** Implemented by src/registry. Every mutation is durable when its promise settles. */
export interface ContractStore {
  list(): ContractRecord[]
  get(name: string): ContractRecord | undefined
  /** Adds the next version; a contract equal to the newest returns that version. */
  put(contract: Contract): Promise<ContractVersion>
  remove(name: string): Promise<void>
  removeVersion(name: string, version: number): Promise<void>
}

export interface ContractsApi {
  list(): ContractRecord[]
  /** @throws ERR_CONTRACT_NOT_FOUND. */
  get(name: string): ContractRecord
  /** @param version absent: the newest. @throws ERR_CONTRACT_NOT_FOUND naming the versions that there are. */
  getVersion(name: string, version?: number): ContractVersion
  /** Checks and stores; a contract equal to the newest returns that version. @throws ERR_CONTRACT_INVALID. */
  put(contract: Contract): Promise<ContractVersion>
  /** @throws ERR_CONFLICT while a deployed pipeline names a version of it. */
  remove(name: string): Promise<void>
  /** The last version takes the contract with it. @throws ERR_CONFLICT while a deployed pipeline names it. */
  removeVersion(name: string, version: number): Promise<void>
}
