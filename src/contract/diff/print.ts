/** Differences of contracts for people: plain text, and Markdown for a review. JSON is the difference itself. */
import type { ContractChange, ContractDiff } from './diff.js'

const titles = { breaking: 'Breaking', compatible: 'Compatible', documentation: 'Documentation' } as const
type Titled = keyof typeof titles

/** @param what e.g. `wine@1 → wine@2`. */
export function diffText(what: string, diff: ContractDiff): string {
  if (diff.changes.length === 0) return `${what}: no difference`
  const lines = sections(diff).flatMap(([level, changes]) => [
    '',
    `${titles[level]}:`,
    ...changes.map(({ message }) => `  ${message}`),
  ])
  const uses = diff.uses.map(({ kind, name, detail }) => `  ${kind} ${name}: ${detail}`)
  return [`${what}: ${summary(diff)}`, ...lines, ...(uses.length === 0 ? [] : ['', 'Used by:', ...uses])].join('\n')
}

export function diffMarkdown(what: string, diff: ContractDiff): string {
  if (diff.changes.length === 0) return `### ${what}\n\nNo difference.`
  const lines = sections(diff).flatMap(([level, changes]) => [
    '',
    `**${titles[level]}**`,
    '',
    ...changes.map(({ message }) => `- ${escaped(message)}`),
  ])
  const uses = diff.uses.map(({ kind, name, detail }) => `- ${kind} \`${name}\`: ${detail}`)
  return [
    `### ${what}`,
    '',
    summary(diff),
    ...lines,
    ...(uses.length === 0 ? [] : ['', '**Used by**', '', ...uses]),
  ].join('\n')
}

function sections(diff: ContractDiff): [Titled, ContractChange[]][] {
  const levels = Object.keys(titles) as Titled[]
  return levels
    .map((level): [Titled, ContractChange[]] => [level, diff.changes.filter((change) => change.level === level)])
    .filter(([, changes]) => changes.length > 0)
}

function summary({ breaking, compatible, documentation }: ContractDiff): string {
  return `${breaking} breaking, ${compatible} compatible, ${documentation} of documentation`
}

/** What Markdown would read as markup or a table. */
function escaped(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]<>|#]/g, '\\$&')
}
