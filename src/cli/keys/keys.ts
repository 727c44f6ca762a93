/**
 * What the three commands of `penstock keys` share: they work on the home directly, with or without a running server,
 * which follows within about a second.
 */
import type { Command } from 'commander'
import type { ApiKeys } from '../../registry/keys/keys.js'

export interface KeysOptions {
  readonly home?: string
  readonly json?: boolean
}

export function withHomeOptions(command: Command): Command {
  return command
    .option('--home <directory>', 'directory of the state (default: PENSTOCK_HOME, else ./.penstock)')
    .option('--json', 'print JSON, and errors as JSON on stderr')
}

export async function keysOf(options: KeysOptions): Promise<ApiKeys> {
  const { homePath, openKeys } = await import('../../registry/home.js')
  return openKeys(homePath(options.home))
}
