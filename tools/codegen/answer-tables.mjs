/** The model of answers.mjs → what the schemas and the mapping between records and answers read while they run. */
import { describe, readAnswers, recordPath } from './answers.mjs'
import { banner, file, quote } from './text.mjs'

export function answerTablesModule(texts, sources) {
  const { enums, objects } = readAnswers(texts, sources)
  return file([
    ...banner('src/protocol/answers/*.json', []),
    "import type { AnswerName, AnswerTable } from '../table.js'",
    '',
    'export const answerTables: Readonly<Record<AnswerName, AnswerTable>> = {',
    ...[...objects.values()].flatMap(table),
    '}',
    '',
    'export const answerEnums: Readonly<Record<string, readonly string[]>> = {',
    ...[...enums].map(([name, { values }]) => `  ${name}: [${Object.keys(values).map(quote).join(', ')}],`),
    '}',
  ])
}

function table({ name, does, rest, fields }) {
  return [
    `  ${name}: {`,
    `    does: ${quote(does)},`,
    ...(rest === undefined ? [] : [`    rest: ${quote(rest)},`]),
    '    fields: [',
    ...fields.map((field) => `      { ${cells(field).join(', ')} },`),
    '    ],',
    '  },',
  ]
}

function cells(field) {
  const { name, optional, inherited, absent, type } = field
  return [
    `name: ${quote(name)}`,
    `record: ${JSON.stringify(recordPath(field))}`,
    `type: ${JSON.stringify(type)}`,
    ...(optional === true ? ['isOptional: true'] : []),
    ...(inherited === true ? ['isInherited: true'] : []),
    ...(absent === undefined ? [] : [`absent: ${JSON.stringify(absent)}`]),
    `does: ${quote(describe(field))}`,
  ]
}
