/**
 * Texts that a pattern matches, drawn at random: for made-up rows. Reads the common part of RE2's syntax (literals, classes,
 * groups, alternatives, repeats, anchors at the ends); of any other pattern there is no sampler, and an example is used
 * instead. Whoever draws checks the text against the pattern all the same: \b and the like are not looked at here.
 */
import type { RandomSource } from '../../base/random.js'

/** Draws one text. */
export type Sampler = (random: RandomSource) => string

/** Repeats without an upper bound end here. */
const REPEATS_MAX = 8

/** @returns null: the pattern has syntax that is not read. */
export function patternSampler(pattern: string): Sampler | null {
  const reader = new PatternReader(pattern)
  const sampler = reader.alternatives()
  return sampler !== null && reader.isAtEnd ? sampler : null
}

const printable = range(0x20, 0x7e)
const digits = range(0x30, 0x39)
const words = [...digits, ...range(0x41, 0x5a), ...range(0x61, 0x7a), 0x5f]
const escapes: Readonly<Record<string, readonly number[]>> = { d: digits, w: words, s: [0x20, 0x09] }
const controls: Readonly<Record<string, number>> = { n: 0x0a, t: 0x09, r: 0x0d, f: 0x0c, v: 0x0b }

function range(first: number, last: number): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index)
}

const oneOf = (points: readonly number[], random: RandomSource): string =>
  String.fromCodePoint(points[Math.floor(random() * points.length)] ?? 0x20)

class PatternReader {
  readonly #characters: readonly string[]
  #at = 0

  constructor(pattern: string) {
    this.#characters = [...pattern]
  }

  get isAtEnd(): boolean {
    return this.#at === this.#characters.length
  }

  /** a|b|c */
  alternatives(): Sampler | null {
    const branches: Sampler[] = []
    do {
      const branch = this.#sequence()
      if (branch === null) return null
      branches.push(branch)
    } while (this.#take('|'))
    return (random) => (branches[Math.floor(random() * branches.length)] as Sampler)(random)
  }

  #sequence(): Sampler | null {
    const parts: Sampler[] = []
    while (!this.isAtEnd && this.#next !== '|' && this.#next !== ')') {
      const atom = this.#atom()
      const part = atom === null ? null : this.#repeated(atom)
      if (part === null) return null
      parts.push(part)
    }
    return (random) => parts.map((part) => part(random)).join('')
  }

  #atom(): Sampler | null {
    const character = this.#characters[this.#at++] ?? ''
    if (character === '^' || character === '$') return () => ''
    if (character === '.') return (random) => oneOf(printable, random)
    if (character === '(') return this.#group()
    if (character === '[') return this.#class()
    if (character === '\\') {
      const points = this.#escape()
      return points === null ? null : (random) => oneOf(points, random)
    }
    return '*+?{}'.includes(character) ? null : () => character
  }

  #group(): Sampler | null {
    if (this.#take('?') && !this.#take(':')) return null
    const inner = this.alternatives()
    return inner !== null && this.#take(')') ? inner : null
  }

  /** [a-z_], [^,] */
  #class(): Sampler | null {
    const isNegated = this.#take('^')
    const points: number[] = []
    for (let isFirst = true; isFirst || this.#next !== ']'; isFirst = false) {
      const first = this.#classPoints()
      if (first === null) return null
      if (this.#next !== '-' || this.#characters[this.#at + 1] === ']' || first.length !== 1) points.push(...first)
      else {
        this.#at++
        const last = this.#classPoints()
        if (last?.length !== 1 || (last[0] as number) < (first[0] as number)) return null
        points.push(...range(first[0] as number, last[0] as number))
      }
    }
    this.#at++
    const chosen = isNegated ? printable.filter((point) => !points.includes(point)) : points
    return chosen.length === 0 ? null : (random) => oneOf(chosen, random)
  }

  #classPoints(): readonly number[] | null {
    const character = this.#characters[this.#at++]
    if (character === undefined || (character === '[' && this.#next === ':')) return null
    return character === '\\' ? this.#escape() : [character.codePointAt(0) as number]
  }

  #escape(): readonly number[] | null {
    const character = this.#characters[this.#at++]
    if (character === undefined) return null
    const control = controls[character]
    if (control !== undefined) return [control]
    return escapes[character] ?? (/[A-Za-z0-9]/.test(character) ? null : [character.codePointAt(0) as number])
  }

  #repeated(atom: Sampler): Sampler | null {
    const [min, max] = this.#counts()
    if (Number.isNaN(min)) return null
    if (min === 1 && max === 1) return atom
    // Whether few or many are wanted makes no difference to what is drawn.
    this.#take('?')
    return (random) => {
      const count = min + Math.floor(random() * (max - min + 1))
      return Array.from({ length: count }, () => atom(random)).join('')
    }
  }

  #counts(): [min: number, max: number] {
    if (this.#take('?')) return [0, 1]
    if (this.#take('*')) return [0, REPEATS_MAX]
    if (this.#take('+')) return [1, REPEATS_MAX]
    if (this.#next !== '{') return [1, 1]
    const [text = '', min = '', comma, max = ''] = /^\{(\d+)(,)?(\d+)?\}/.exec(this.#rest) ?? []
    if (text === '') return [Number.NaN, 0]
    this.#at += text.length
    const least = Number(min)
    return [least, comma === undefined ? least : max === '' ? least + REPEATS_MAX : Number(max)]
  }

  get #next(): string | undefined {
    return this.#characters[this.#at]
  }

  get #rest(): string {
    return this.#characters.slice(this.#at, this.#at + 12).join('')
  }

  #take(character: string): boolean {
    if (this.#next !== character) return false
    this.#at++
    return true
  }
}
