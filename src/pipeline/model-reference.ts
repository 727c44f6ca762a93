/**
 * How a version of a model is named, and what its names mean: the one place for references, aliases and stages.
 *
 *   wine  wine@latest  models:/wine/latest     the newest version
 *   wine@3  models:/wine/3                     version 3
 *   wine@champion  models:/wine@champion       the version that an alias points to
 *   wine@Production  models:/wine/Production   the version in a stage; as MLflow, in any case, and the highest of several
 *
 * Stages are aliases that are managed: a version is in one of them at most, `Staging` and `Production` hold one version,
 * `Archived` any number. What is stored is canonical (`wine@3`, `wine@Production`), so that equal definitions are equal
 * texts whoever wrote them.
 */
import { argumentError } from '../base/expect.js'
import { NAME_CHARACTERS_MAX } from '../base/limits/limits.js'
import { didYouMean } from '../base/suggest.js'
import type { ErrorCode } from '../base/errors.js'

/** `name`, `name@alias`, `name@3`, or one of MLflow's forms; without a selector the newest version. */
export type ModelReference = string

export const STAGES = ['Staging', 'Production', 'Archived'] as const
export type Stage = (typeof STAGES)[number]

export type ModelSelector =
  | { readonly kind: 'newest' }
  | { readonly kind: 'alias'; readonly alias: string }
  | { readonly kind: 'version'; readonly version: number }

export interface ParsedReference {
  readonly name: string
  readonly selector: ModelSelector
}

/** What the names of a model's versions point to. */
export interface Pointers {
  readonly aliases: Readonly<Record<string, number>>
  /** Versions in the stage Archived, ascending; absent: none. */
  readonly archived?: readonly number[]
}

/** As a record of the registry has it, and as an answer has it. */
export interface VersionChoices extends Pointers {
  readonly versions: readonly { readonly version: number }[]
}

const URI = 'models:/'
const namePattern = /^[A-Za-z0-9_-]{1,128}$/
const referencePattern = /^([A-Za-z0-9_-]{1,128})(?:@([A-Za-z0-9_-]{1,128}))?$/

/** Why a text is no reference: the rule that it breaks, and the way out. */
export interface Refusal {
  readonly rule: string
  readonly wayOut: string
}

const plainRefusal: Refusal = {
  rule: 'a model as name, name@alias or name@version',
  wayOut: 'Names are made of letters, digits, hyphens and underscores; versions count from 1',
}

/**
 * Takes a reference apart.
 * @throws PenstockError of `code` when it is none.
 */
export function parseReference(
  reference: ModelReference,
  code: ErrorCode = 'ERR_PIPELINE_INVALID',
  what = 'a model reference',
): ParsedReference {
  const parsed = readReference(reference)
  if ('name' in parsed) return parsed
  throw argumentError(what, parsed.rule, reference, parsed.wayOut, code)
}

export function isReference(text: unknown): text is ModelReference {
  return 'name' in readReference(text)
}

/** The one text of a reference: `wine`, `wine@3`, `wine@champion`, `wine@Production`. */
export function referenceText({ name, selector }: ParsedReference): ModelReference {
  if (selector.kind === 'newest') return name
  return `${name}@${selector.kind === 'alias' ? selector.alias : selector.version}`
}

/** The number of the version that a selector means; undefined when it points to nothing. */
export function selectVersion(model: VersionChoices, selector: ModelSelector): number | undefined {
  if (selector.kind === 'newest') return model.versions.at(-1)?.version
  const wanted = selector.kind === 'version' ? selector.version : pointedVersion(model, selector.alias)
  return model.versions.some(({ version }) => version === wanted) ? wanted : undefined
}

/** Where an alias points; of the stage Archived, the highest version. */
export function pointedVersion({ aliases, archived = [] }: Pointers, alias: string): number | undefined {
  if (alias === 'Archived') return archived.at(-1)
  // `constructor` is a fine name for an alias, so the prototype's properties must not answer.
  return Object.hasOwn(aliases, alias) ? aliases[alias] : undefined
}

/** What else could have been meant, as the end of a sentence: versions, aliases and stages, the nearest one first. */
export function choicesText(model: VersionChoices, selector: ModelSelector): string {
  if (selector.kind !== 'alias') return `; it has ${model.versions.map(({ version }) => version).join(', ')}`
  const aliases = Object.keys(model.aliases)
  const known = `; it has ${aliases.length === 0 ? 'none' : aliases.join(', ')}`
  return `${known}${didYouMean(selector.alias, [...new Set([...aliases, ...STAGES, 'latest'])])}`
}

/** A stage as it is stored, whatever its case; undefined for other names. */
export function stageNamed(name: string): Stage | undefined {
  return STAGES.find((stage) => stage.toLowerCase() === name.toLowerCase())
}

/** An alias as it is stored: `production` is the stage `Production`. */
export function canonicalAlias(alias: string): string {
  return stageNamed(alias) ?? alias
}

/**
 * The name of an alias that is to be set, as it is stored. Refused is what a reference would read otherwise.
 * @throws PenstockError ERR_ARGUMENT.
 */
export function expectAlias(what: string, alias: unknown): string {
  const isName = typeof alias === 'string' && namePattern.test(alias)
  if (!isName) throw argumentError(what, `1..${NAME_CHARACTERS_MAX} letters, digits, hyphens and underscores`, alias)
  if (/^\d+$/.test(alias))
    throw argumentError(what, 'a name with a letter or hyphen in it', alias, '`model@3` means version 3')
  if (/^v\d+$/i.test(alias))
    throw argumentError(
      what,
      'a name that is no version',
      alias,
      `Version ${alias.slice(1)} is \`model@${alias.slice(1)}\``,
    )
  if (alias.toLowerCase() === 'latest')
    throw argumentError(what, 'another name than latest', alias, '`model@latest` is the newest version')
  return canonicalAlias(alias)
}

/**
 * What the names point to once `alias` (canonical) points to `version`. A version that comes into a stage leaves the one
 * that it was in; the version that it replaces is in no stage any more, or archived.
 */
export function withAlias(
  { aliases, archived = [] }: Pointers,
  alias: string,
  version: number,
  isArchiving = false,
): Pointers {
  if (stageNamed(alias) === undefined) return { aliases: { ...aliases, [alias]: version }, archived }
  const replaced = alias === 'Archived' ? undefined : aliases[alias]
  const kept = Object.entries(aliases).filter(
    ([name, target]) => name !== alias && (stageNamed(name) === undefined || target !== version),
  )
  const shelf = new Set(archived)
  shelf.delete(version)
  if (alias === 'Archived') shelf.add(version)
  else kept.push([alias, version])
  if (isArchiving && replaced !== undefined && replaced !== version) shelf.add(replaced)
  return { aliases: Object.fromEntries(kept), archived: [...shelf].sort((a, b) => a - b) }
}

/** Without the alias; without Archived, nothing is archived. */
export function withoutAlias({ aliases, archived = [] }: Pointers, alias: string): Pointers {
  const kept = Object.entries(aliases).filter(([name]) => name !== alias)
  return { aliases: Object.fromEntries(kept), archived: alias === 'Archived' ? [] : archived }
}

/** The aliases and stages that point to `version`. */
export function aliasesOf({ aliases, archived = [] }: Pointers, version: number): string[] {
  const names = Object.keys(aliases).filter((alias) => aliases[alias] === version)
  return archived.includes(version) ? [...names, 'Archived'] : names
}

/** As parseReference, with what is wrong instead of an error. */
export function readReference(text: unknown): ParsedReference | Refusal {
  if (typeof text !== 'string') return plainRefusal
  if (text.startsWith(URI)) return readUri(text.slice(URI.length))
  const [, name, suffix] = referencePattern.exec(text) ?? []
  if (name === undefined) return text.startsWith('models:') ? uriRefusal() : plainRefusal
  return suffix === undefined ? { name, selector: { kind: 'newest' } } : (readSelector(name, suffix) ?? plainRefusal)
}

/** The part behind `models:/`, by MLflow's rules: an alias stands behind the last @, all else behind one slash. */
function readUri(path: string): ParsedReference | Refusal {
  const [name = '', suffix, ...more] = path.split('/')
  const at = path.lastIndexOf('@')
  if (suffix === undefined && at >= 0) {
    const [model, alias] = [path.slice(0, at), path.slice(at + 1)]
    if (!namePattern.test(model) || !namePattern.test(alias) || /^\d+$/.test(alias)) return uriRefusal()
    return readSelector(model, alias) ?? uriRefusal()
  }
  if (more.length > 0 || !namePattern.test(name)) return uriRefusal()
  if (suffix === undefined)
    return uriRefusal(`${name} alone is the id of a logged model there. Write models:/${name}/latest`)
  if (/^\d+$/.test(suffix) || suffix.toLowerCase() === 'latest') return readSelector(name, suffix) ?? uriRefusal()
  const stage = stageNamed(suffix)
  if (stage !== undefined) return { name, selector: { kind: 'alias', alias: stage } }
  const near = didYouMean(suffix, STAGES)
  const alias = namePattern.test(suffix) ? `. An alias is written models:/${name}@${suffix}` : ''
  return uriRefusal(`${suffix} is none of the stages ${STAGES.join(', ')}${near}${alias}`)
}

function uriRefusal(wayOut = plainRefusal.wayOut): Refusal {
  return { rule: 'models:/name/3, models:/name/latest, models:/name/Production or models:/name@alias', wayOut }
}

function readSelector(name: string, suffix: string): ParsedReference | null {
  if (suffix.toLowerCase() === 'latest') return { name, selector: { kind: 'newest' } }
  if (!/^\d+$/.test(suffix)) return { name, selector: { kind: 'alias', alias: canonicalAlias(suffix) } }
  const version = Number(suffix)
  return version >= 1 && Number.isSafeInteger(version) ? { name, selector: { kind: 'version', version } } : null
}
