/** `penstock keys list`: the API keys by name, what each may do, and until when. */
import { Command } from 'commander'
import { SCOPES } from '../../base/access.js'
import type { KeyPowers, ListedKey } from '../../registry/keys/keys.js'
import { keysOf, type KeysOptions, withHomeOptions } from './keys.js'
import { formatTable, formatTime } from '../shared/table.js'
import type { Terminal } from '../shared/terminal.js'

const EXAMPLES = `
Example:
  $ penstock keys list

A key without an end, a rate or pipelines is not limited there. LAST USE is to the minute, and written down once a minute
by the server on this home.`

export function keysListCommand(terminal: Terminal): Command {
  return withHomeOptions(new Command('list'))
    .summary('list API keys')
    .description('Lists the API keys by name and first characters, with what they may do.')
    .addHelpText('after', EXAMPLES)
    .action(async (options: KeysOptions) => {
      const keys = (await keysOf(options)).list()
      if (options.json === true) return terminal.print(JSON.stringify({ keys }))
      if (keys.length === 0) return terminal.print('There are no API keys: a server on this home answers without one.')
      const columns = [
        'name',
        'key',
        'scopes',
        'pipelines',
        'limits',
        'created (utc)',
        'expires (utc)',
        'last use (utc)',
      ]
      terminal.print(
        formatTable(
          columns.map((title) => ({ title })),
          keys.map((key) => rowOf(key, Date.now())),
        ),
      )
    })
}

/** One sentence's worth: `infer, read · wine · 100/s, 8 at a time · until 2027-01-31 00:00:00 UTC`. */
export function powersText(key: KeyPowers): string {
  const { pipelines, expiresAt } = key
  return [
    `scopes ${scopesText(key)}`,
    ...(pipelines === undefined ? [] : [`pipelines ${pipelines.join(', ')}`]),
    ...(limitsText(key) === '' ? [] : [limitsText(key)]),
    ...(expiresAt === undefined ? [] : [`until ${formatTime(expiresAt)} UTC`]),
  ].join('; ')
}

function rowOf(key: ListedKey, nowMs: number): string[] {
  const { name, prefix, pipelines, createdAt, expiresAt, lastUsedAt } = key
  const isOver = expiresAt !== undefined && Date.parse(expiresAt) <= nowMs
  return [
    name,
    `${prefix}…`,
    scopesText(key),
    pipelines?.join(',') ?? 'all',
    limitsText(key) || '-',
    formatTime(createdAt),
    expiresAt === undefined ? 'never' : `${formatTime(expiresAt)}${isOver ? ' (over)' : ''}`,
    lastUsedAt === undefined ? '-' : formatTime(lastUsedAt).slice(0, 16),
  ]
}

function scopesText({ scopes }: KeyPowers): string {
  return scopes.length === SCOPES.length ? 'all' : scopes.join(',')
}

function limitsText({ ratePerS, concurrency }: KeyPowers): string {
  const rate = ratePerS === undefined ? [] : [rateText(ratePerS)]
  return [...rate, ...(concurrency === undefined ? [] : [`${concurrency} at a time`])].join(', ')
}

/** In the largest unit that it is a whole number of. */
function rateText(ratePerS: number): string {
  const isWhole = (rate: number): boolean => Math.abs(rate - Math.round(rate)) < 1e-6 && rate >= 1
  if (isWhole(ratePerS)) return `${Math.round(ratePerS)}/s`
  if (isWhole(ratePerS * 60)) return `${Math.round(ratePerS * 60)}/min`
  return isWhole(ratePerS * 3600) ? `${Math.round(ratePerS * 3600)}/h` : `${Number((ratePerS * 60).toPrecision(4))}/min`
}
