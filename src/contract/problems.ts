/**
 * Problems of a document, collected instead of thrown one by one: the author of a contract should not have to store it
 * ten times to learn of ten mistakes. Each has its place, the rule, the value and the way out, and a sentence of all four.
 */
import { PenstockError } from '../base/errors.js'
import { describeValue } from '../base/expect.js'
import { CONTRACT_PROBLEMS_MAX } from '../base/limits/contract-limits.js'

export interface ContractProblem {
  /** Where in the document, e.g. `fields[2].min`. */
  readonly path: string
  /** What was expected there, e.g. `a number`. */
  readonly rule: string
  readonly value: unknown
  /** A sentence, or ''. */
  readonly wayOut: string
  /** Expected <subject> to be <rule> but received <value>. <way out> */
  readonly message: string
}

const sentencesMax = 20

export class ContractProblems {
  readonly list: ContractProblem[] = []
  count = 0

  /** @param wayOut a sentence without its full stop, or ''. @param subject what the sentence calls the place. */
  add(path: string, rule: string, value: unknown, wayOut = '', subject = path): void {
    this.count++
    if (this.list.length >= CONTRACT_PROBLEMS_MAX) return
    const sentence = `Expected ${subject} to be ${rule} but received ${describeValue(value)}`
    this.list.push({ path, rule, value, wayOut, message: wayOut === '' ? sentence : `${sentence}. ${wayOut}` })
  }

  /** @throws PenstockError ERR_CONTRACT_INVALID with all of them as `errors`, if there is one. */
  throwAny(): void {
    const [first] = this.list
    if (first === undefined) return
    const code = 'ERR_CONTRACT_INVALID'
    const errors = this.list.map(({ path, message }) => ({ field: path, code, message }) as const)
    const sentences = this.list.slice(0, sentencesMax).map(({ message }) => message)
    const more = this.count - sentences.length
    const rest = more > 0 ? `. And ${more} more` : ''
    const text = this.count === 1 ? first.message : `${this.count} mistakes: ${sentences.join('; ')}${rest}`
    throw new PenstockError(code, text, { errors })
  }
}
