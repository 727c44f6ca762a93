/**
 * Patterns of fields: regular expressions of RE2's class, matched in time linear to the text, whatever the pattern.
 * JavaScript's own backtrack: one caller's text and one careless pattern would hold a thread for minutes. The only
 * importer of re2js, so that another matcher of the same class can take its place. Loaded with the first pattern: it takes
 * tens of milliseconds, which every command of the command line would wait for.
 * @source https://github.com/google/re2/wiki/Syntax
 */
import { createRequire } from 'node:module'
import type * as Library from 're2js'
import { PATTERN_CHARACTERS_MAX, PATTERN_INSTRUCTIONS_MAX } from '../base/limits/contract-limits.js'

let library: typeof Library | undefined

function matcher(): typeof Library.RE2JS {
  library ??= createRequire(import.meta.url)('re2js') as typeof Library
  return library.RE2JS
}

export interface Pattern {
  readonly text: string
  /** Whether the pattern is found somewhere in `text`; `^` and `$` hold it to the ends. */
  test(text: string): boolean
}

/** Why a text is no pattern. */
export interface PatternMistake {
  readonly rule: string
  readonly wayOut: string
}

/** Compiles a pattern; says what is wrong with one that is none. */
export function compilePattern(text: string): Pattern | PatternMistake {
  if (text === '' || text.length > PATTERN_CHARACTERS_MAX)
    return { rule: `a pattern of 1..${PATTERN_CHARACTERS_MAX} characters`, wayOut: '' }
  let compiled: Library.RE2JS
  try {
    compiled = matcher().compile(text)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { rule: "a regular expression of RE2's class", wayOut: `${wayOutOf(text)}The reason: ${reason}` }
  }
  if (compiled.programSize() > PATTERN_INSTRUCTIONS_MAX)
    return {
      rule: `a pattern of at most ${PATTERN_INSTRUCTIONS_MAX} instructions`,
      wayOut: 'Repeat less: RE2 writes out what is repeated',
    }
  return { text, test: (value) => compiled.test(value) }
}

function wayOutOf(text: string): string {
  if (/\(\?<?[=!]/.test(text)) return 'RE2 has no look-around: say it with two fields, or with accepted values. '
  return /\\[1-9]/.test(text) ? 'RE2 has no back-references. ' : ''
}

export function isPattern(found: Pattern | PatternMistake): found is Pattern {
  return 'test' in found
}
