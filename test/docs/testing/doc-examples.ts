/**
 * The examples of a Markdown page: found by the comments before their fences, compared with the answers printed below.
 *
 *     <!-- test: name -->            the next fence (sh or js) is run; options follow the name: `, exit 1` expects that
 *                                    status, `, retry` repeats a command that only reads until its answer is there
 *     <!-- answer -->                the next fence is what it prints: json is compared as values, text line by line
 *     <!-- not run: reason -->       the next fence is no test, and says why
 *
 * In answers `…` stands for anything: in text within a line or as a line for any number of lines, in JSON as a value.
 * JSON members that differ from run to run (VOLATILE) need no `…`: the pages show what one run said. Pure.
 */
export interface Block {
  readonly language: string
  readonly text: string
}

export interface Example {
  readonly name: string
  readonly code: Block
  readonly answer: Block | null
  readonly exitCode: number
  readonly isRetried: boolean
}

export interface Page {
  readonly examples: readonly Example[]
  /** First lines of runnable fences that no comment stands before. */
  readonly unmarked: readonly string[]
}

const RUNNABLE: ReadonlySet<string> = new Set(['sh', 'bash', 'js', 'mjs', 'ts'])
/** Times, ids, the machine's name and process, and what was found about a model in the time that there was. */
const VOLATILE: ReadonlySet<string> = new Set(
  'time elapsed request_id created_at createdAt partition pid hostname tookMs comparisons runner'.split(' '),
)
/** Relative: the last digits of a float32 depend on the processor. */
const TOLERANCE = 1e-4
const ANYTHING = '…'

/** @throws Error when a comment has no fence behind it, or an answer no example before it. */
export function parsePage(markdown: string): Page {
  const examples: Example[] = []
  const unmarked: string[] = []
  let mark: string | null = null
  const lines = markdown.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string
    const comment = /^ *<!-- (test: .+|answer|not run: .+) -->$/.exec(line)?.[1]
    if (comment !== undefined) {
      if (mark !== null) throw new Error(`Expected a fence behind <!-- ${mark} -->`)
      mark = comment
      continue
    }
    const language = /^ *```(\w*)/.exec(line)?.[1]
    if (language === undefined) continue
    const end = lines.findIndex((candidate, index) => index > i && /^ *```$/.test(candidate))
    if (end < 0) throw new Error(`Expected the fence of line ${i + 1} to be closed`)
    const block = { language, text: lines.slice(i + 1, end).join('\n') }
    i = end
    if (mark === null && RUNNABLE.has(language)) unmarked.push(block.text.split('\n')[0] ?? '')
    if (mark !== null) addMarked(examples, mark, block)
    mark = null
  }
  if (mark !== null) throw new Error(`Expected a fence behind <!-- ${mark} -->`)
  return { examples, unmarked }
}

function addMarked(examples: Example[], mark: string, block: Block): void {
  if (mark.startsWith('not run: ')) return
  if (mark === 'answer') {
    const last = examples.pop()
    if (last === undefined || last.answer !== null) throw new Error('Expected an example before <!-- answer -->')
    examples.push({ ...last, answer: block })
    return
  }
  const [name = '', ...options] = mark.slice('test: '.length).split(', ')
  const exit = options.find((option) => /^exit \d+$/.test(option))
  const unknown = options.find((option) => option !== exit && option !== 'retry')
  if (unknown !== undefined) throw new Error(`Expected exit <n> or retry but received ${unknown}`)
  const exitCode = exit === undefined ? 0 : Number(exit.slice('exit '.length))
  examples.push({ name, code: block, answer: null, exitCode, isRetried: options.includes('retry') })
}

/** @returns where `received` departs from the printed answer, or null when it does not. */
export function difference(answer: Block, received: string): string | null {
  if (answer.language === 'json') {
    const expected = parseDocuments(answer.text)
    const documents = parseDocuments(received)
    if (expected === null) return 'the printed answer is not JSON'
    return documents === null ? `received no JSON: ${received}` : valueDifference(expected, documents, '')
  }
  return matchLines(toLines(answer.text), toLines(received)) ? null : `received:\n${received}`
}

/** One JSON text, or one a line. */
function parseDocuments(text: string): unknown[] | null {
  try {
    return [JSON.parse(text)]
  } catch {
    try {
      return toLines(text).map((line) => JSON.parse(line) as unknown)
    } catch {
      return null
    }
  }
}

function valueDifference(expected: unknown, received: unknown, path: string): string | null {
  const differs = `${path || 'the answer'}: printed ${JSON.stringify(expected)}, received ${JSON.stringify(received)}`
  if (expected === ANYTHING && received !== undefined) return null
  if (typeof expected === 'number' && typeof received === 'number') {
    return Math.abs(expected - received) <= TOLERANCE * Math.abs(expected) ? null : differs
  }
  if (typeof expected !== 'object' || typeof received !== 'object' || expected === null || received === null) {
    return expected === received ? null : differs
  }
  if (Array.isArray(expected) !== Array.isArray(received)) return differs
  const left = expected as Record<string, unknown>
  const right = received as Record<string, unknown>
  const keys = new Set([...Object.keys(left), ...Object.keys(right)])
  for (const key of keys) {
    const isBoth = Object.hasOwn(left, key) && Object.hasOwn(right, key)
    if (isBoth && VOLATILE.has(key)) continue
    const found = isBoth
      ? valueDifference(left[key], right[key], `${path}.${key}`)
      : `${path}.${key} stands on one side only`
    if (found !== null) return found
  }
  return null
}

function toLines(text: string): string[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.trimEnd())
}

/** A line of `…` alone stands for any number of lines, none included. */
function matchLines(expected: readonly string[], received: readonly string[]): boolean {
  const [first, ...rest] = expected
  if (first === undefined) return received.length === 0
  if (first.trim() === ANYTHING)
    return received.some((_line, i) => matchLines(rest, received.slice(i))) || rest.length === 0
  const [line, ...others] = received
  return line !== undefined && matchLine(first, line) && matchLines(rest, others)
}

function matchLine(expected: string, received: string): boolean {
  const parts = expected.split(ANYTHING).map((part) =>
    part
      .trim()
      .split(/\s+/)
      .map((word) => word.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
      .join('\\s+'),
  )
  return new RegExp(`^\\s*${parts.join('\\s*.*\\s*')}\\s*$`).test(received)
}
