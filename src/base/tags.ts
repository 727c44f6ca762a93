/**
 * Tags: short texts that people hang on pipelines and on versions of models to find them again. Checked in one place for
 * the engine and the registry, so that what the one accepts the other stores.
 */
import { argumentError, expectArray, expectString } from './expect.js'
import { TAG_CHARACTERS_MAX, TAGS_MAX } from './limits/limits.js'

/**
 * Checks a list of tags: printable texts of 1..TAG_CHARACTERS_MAX characters, TAGS_MAX at most.
 * @param name the argument, for messages.
 * @returns the tags without duplicates, in order.
 * @throws PenstockError ERR_ARGUMENT.
 */
export function expectTags(name: string, value: unknown): string[] {
  const tags = expectArray(name, value).map((tag, index) => expectTag(`${name}[${index}]`, tag))
  const unique = [...new Set(tags)]
  if (unique.length > TAGS_MAX) throw argumentError(name, `at most ${TAGS_MAX} texts`, `${unique.length} texts`)
  return unique
}

/** @throws PenstockError ERR_ARGUMENT. */
export function expectTag(name: string, value: unknown): string {
  const tag = expectString(name, value, TAG_CHARACTERS_MAX)
  // Control characters would break the CLI's tables and the logs.
  if (!/^[^\p{Cc}]+$/u.test(tag)) throw argumentError(name, 'printable text of at least one character', value)
  return tag
}

/** Whether `term` is part of one of `texts`; the case of letters does not matter. */
export function isFoundIn(term: string, texts: readonly string[]): boolean {
  const wanted = term.toLowerCase()
  return texts.some((text) => text.toLowerCase().includes(wanted))
}
