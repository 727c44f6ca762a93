/**
 * A number that TypeScript and C++ both know stands in src/protocol/boundary.json and is generated into both. Nobody lists
 * here which numbers those are: a number that is typed on both sides, or beside the generated one, is known by its name,
 * which differs in its spelling alone (kChecksMax, CHECKS_MAX, checksMax). Another name hides it.
 *
 * - A limit of src/base/limits/ has no namesake in C++ at all: of another value it would be a limit that the two
 *   sides disagree about.
 * - Another constant has none of the same value. Names like BUFFER_BYTES_MAX are common, and of different values they are
 *   different things.
 * - An enum has no two members in common with a table of numbers, name and number, nor one with a constant. Enums that
 *   number nothing are C++'s own: what crosses has its number written down.
 */
import type { Finding } from './rules.js'
import { withoutComments } from './source.js'

interface Typed {
  readonly path: string
  readonly line: number
  readonly name: string
  readonly value: number
}

/** An enum, or an object whose values are all numbers. */
interface Table {
  readonly path: string
  readonly line: number
  readonly name: string
  readonly members: ReadonlyMap<string, number>
}

const isGenerated = (path: string): boolean => /\/generated\/boundary\.ts$|\/boundary_codes\.hpp$/.test(path)
/** Generated of other sources, whose names are compared nowhere. */
const isOther = (path: string): boolean =>
  !isGenerated(path) && (path.includes('/generated/') || /_(codes|opcodes|slots)\.hpp$/.test(path))
const isTest = (path: string): boolean => /\.(test|fuzz|bench)\.ts$|\/testing\/|^native\/test\//.test(path)
const isNative = (path: string): boolean => /^native\/.*\.[ch]pp$/.test(path) && !isOther(path) && !isTest(path)
const isTypeScript = (path: string): boolean => /^(src|bindings)\/.*\.ts$/.test(path) && !isOther(path) && !isTest(path)
const isLimit = (path: string): boolean => /^src\/base\/(limits\/|generated\/boundary)/.test(path)

/** kChecksMax, CHECKS_MAX, checksMax → checksmax. */
const plainName = (name: string): string =>
  name
    .replace(/^k(?=[A-Z])/, '')
    .replaceAll('_', '')
    .toLowerCase()

export function numbersTypedTwice(files: ReadonlyMap<string, string>): Finding[] {
  const sources = [...files].map(([path, text]) => [path, withoutComments(withoutSeparators(text))] as const)
  const native = sources.filter(([path]) => isNative(path))
  const typescript = sources.filter(([path]) => isTypeScript(path))
  const natives = native.flatMap(([path, text]) => nativeConstants(path, text))
  const enums = native.flatMap(([path, text]) => nativeEnums(path, text))
  const pairs = [
    ...typescript.flatMap(([path, text]) => constants(path, text)).flatMap((one) => namesakes(one, natives, enums)),
    ...typescript.flatMap(([path, text]) => tables(path, text)).flatMap((one) => likeTables(one, enums)),
  ]
  return pairs.filter(([one, other]) => !isGenerated(one.path) || !isGenerated(other.path)).map(finding)
}

type Pair = readonly [typescript: Typed | Table, native: Typed | Table]

function namesakes(constant: Typed, natives: readonly Typed[], enums: readonly Table[]): Pair[] {
  const isSame = (name: string, value: number): boolean =>
    plainName(name) === plainName(constant.name) && (value === constant.value || isLimit(constant.path))
  // Names of single members are too common to compare with those of all generated enums.
  const isMember = ({ path, members }: Table): boolean =>
    !isGenerated(path) && members.get(plainName(constant.name)) === constant.value
  return [...natives.filter((other) => isSame(other.name, other.value)), ...enums.filter(isMember)].map(
    (other) => [constant, other] as const,
  )
}

function likeTables(table: Table, enums: readonly Table[]): Pair[] {
  return enums.filter((other) => commonMembers(table, other) > 1).map((other) => [table, other] as const)
}

function finding([{ path, line, name }, other]: Pair): Finding {
  const message = `${name} is typed in ${other.path}:${other.line}, too: make both of src/protocol/boundary.json, or name what differs differently`
  return { path, line, message }
}

function commonMembers(table: Table, other: Table): number {
  return [...table.members].filter(([name, value]) => other.members.get(name) === value).length
}

/** 65'536 → 65536, lest the apostrophe be taken for a string's. */
const withoutSeparators = (text: string): string => text.replace(/(?<=\d)['_](?=\d)/g, '')

const lineOf = (text: string, index: number): number => text.slice(0, index).split('\n').length

function nativeConstants(path: string, text: string): Typed[] {
  // Slots of generated structs are as short as members of enums.
  const seen = isGenerated(path) ? text.replace(/^ .*$/gm, '') : text
  return [...seen.matchAll(/\bconstexpr\s+[\w:]+\s+([^;{}]*=[^;]*);/g)].flatMap(({ index, 1: list = '' }) =>
    // `constexpr size_t kA = 4, kB = 8;`
    [...list.matchAll(/(\w+)\s*=\s*([^,]+)/g)].map(({ 1: name = '', 2: value = '' }) => ({
      path,
      line: lineOf(seen, index),
      name,
      value: valueOf(value),
    })),
  )
}

function nativeEnums(path: string, text: string): Table[] {
  return [...text.matchAll(/\benum\s+(?:class\s+)?(\w+)[^{;]*\{([^}]*=[^}]*)\}/g)].map(
    ({ index, 1: name = '', 2: body = '' }) => {
      const members = new Map<string, number>()
      let next = 0
      for (const [, member = '', number] of body.matchAll(/(\w+)\s*(?:=\s*([^,]+))?(?:,|$)/g)) {
        const value = number === undefined ? next : valueOf(number)
        members.set(plainName(member), value)
        next = value + 1
      }
      return { path, line: lineOf(text, index), name, members }
    },
  )
}

function constants(path: string, text: string): Typed[] {
  return [...text.matchAll(/^(?:export )?const (\w+)(?::[^=\n]+)? = ([^\n{[]+)$/gm)].map(
    ({ index, 1: name = '', 2: value = '' }) => ({ path, line: lineOf(text, index), name, value: valueOf(value) }),
  )
}

function tables(path: string, text: string): Table[] {
  return [...text.matchAll(/^(?:export )?const (\w+)(?::[^=\n]+)? = \{([^{}]*)\}/gm)].flatMap(
    ({ index, 1: name = '', 2: body = '' }) => {
      const members = body
        .split(',')
        .filter((member) => member.trim() !== '')
        .map((member) => /^\s*'?(\w+)'?:\s*([^:]+)$/.exec(member))
        .map((match) => [plainName(match?.[1] ?? ''), valueOf(match?.[2] ?? '')] as const)
      return [{ path, line: lineOf(text, index), name, members: new Map(members) }]
    },
  )
}

const units: Readonly<Record<string, number>> = { KIB: 2 ** 10, MIB: 2 ** 20, GIB: 2 ** 30 }

/**
 * The number that `64`, `2 ** 31 - 1`, `64 * MIB`, `size_t{1} << 20` or `(1u << 20) - 1` is, read from left to right; NaN,
 * which equals nothing, of what knows other names.
 */
function valueOf(expression: string): number {
  const plain = expression
    .replace(/\b[\w:]+\{([^{}]*)\}/g, '$1')
    .replace(/\b(\d+(?:\.\d+)?)[uUlLnf]*\b/g, '$1')
    .replace(/[()]/g, '')
    .trim()
  const [first = '', ...rest] = plain.split(/\s*(\*\*|<<|\*|-|\+)\s*/)
  // A sign.
  if (first === '') return rest.length === 2 && rest[0] === '-' ? -termOf(rest[1] ?? '') : NaN
  let value = termOf(first)
  for (let at = 0; at < rest.length; at += 2) {
    const term = termOf(rest[at + 1] ?? '')
    if (rest[at] === '**') value **= term
    else if (rest[at] === '<<') value *= 2 ** term
    else if (rest[at] === '*') value *= term
    else value += rest[at] === '-' ? -term : term
  }
  return value
}

function termOf(text: string): number {
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) : (units[text] ?? NaN)
}
