/** Where commands take a contract from: a JSON file, or a server's registry by name and version. */
import { existsSync } from 'node:fs'
import { ContractCalls } from '../../client/control/contract-calls.js'
import { matchContractReference } from '../../contract/contract.js'
import type { ResolvedContract } from '../../contract/resolve.js'
import { UsageError } from '../shared/failures.js'
import { isRecord, parseJson, readFileText } from '../shared/input-data.js'
import { serverOf, type ServerOptions } from '../shared/server.js'

export interface SourcedContract {
  /** `wine@2`, or the file's path. */
  readonly reference: string
  readonly contract: ResolvedContract
}

export const SOURCE_ARGUMENT = 'name or name@version of a contract on the server, or a JSON file'

export function contractCalls(options: ServerOptions): ContractCalls {
  return new ContractCalls(serverOf(options).http)
}

/** @param source a path wins where there is such a file. */
export async function sourcedContract(source: string, options: ServerOptions): Promise<SourcedContract> {
  const [{ parseContract }, { resolveContract }] = await Promise.all([
    import('../../contract/parse.js'),
    import('../../contract/resolve.js'),
  ])
  if (source.endsWith('.json') || existsSync(source)) {
    const json = parseJson(source, readFileText(source))
    const own = isRecord(json) ? json['name'] : undefined
    const contract = parseContract(json, own === undefined ? fileName(source) : undefined)
    return { reference: source, contract: resolveContract(contract) }
  }
  const { name, version } = referenceOf(source)
  const calls = contractCalls(options)
  const found =
    version === null ? (await calls.getContract(name)).versions.at(-1) : await calls.getContractVersion(name, version)
  // A contract without versions is not listed.
  const contract = parseContract(found?.contract, name)
  return { reference: `${name}@${found?.version}`, contract: resolveContract(contract) }
}

export function referenceOf(text: string): { readonly name: string; readonly version: number | null } {
  const reference = matchContractReference(text)
  if (reference !== null) return reference
  throw new UsageError(`Expected ${SOURCE_ARGUMENT} but received ${JSON.stringify(text)}.`)
}

/** The name of a document that has none: that of its file, as far as it is one. */
export function fileName(path: string): string {
  const base = path.replace(/^.*[\\/]/, '').replace(/\.[^.]*$/, '')
  return (
    base
      .replaceAll(/[^A-Za-z0-9]+/g, '-')
      .replaceAll(/^-+|-+$/g, '')
      .slice(0, 128) || 'contract'
  )
}
