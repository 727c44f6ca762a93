/** What the commands of tokenizers share: the calls, and references to versions. */
import type { TokenizerCalls } from '../../client/control/tokenizers.js'
import { matchContractReference as matchReference } from '../../contract/contract.js'
import type { NamedTokenizerVersionAnswer } from '../../protocol/answers/generated/answers.js'
import { UsageError } from '../shared/failures.js'
import { serverOf, type ServerOptions } from '../shared/server.js'
import { formatBytes } from '../shared/table.js'

export const REFERENCE_ARGUMENT = 'name, or name@version'

export async function tokenizerCalls(options: ServerOptions): Promise<TokenizerCalls> {
  const { TokenizerCalls } = await import('../../client/control/tokenizers.js')
  return new TokenizerCalls(serverOf(options).http)
}

export function referenceOf(text: string): { readonly name: string; readonly version: number | null } {
  const reference = matchReference(text)
  if (reference !== null) return reference
  throw new UsageError(`Expected ${REFERENCE_ARGUMENT} of a tokenizer but received ${JSON.stringify(text)}.`)
}

export function describeTokenizer(version: NamedTokenizerVersionAnswer): string {
  const { name, sha256, size_bytes: sizeBytes, vocabulary_size: size, special_tokens: special } = version
  const cut = version.max_length === null ? 'no length of its own' : `cut to ${version.max_length} tokens`
  return [
    `${name}@${version.version}  sha256 ${sha256.slice(0, 12)}  ${formatBytes(sizeBytes)}`,
    `  model    ${version.model}, ${size} tokens`,
    `  rows     ${special} special tokens, ${cut}`,
  ].join('\n')
}
