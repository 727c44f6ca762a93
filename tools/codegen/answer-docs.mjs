/** The model of answers.mjs → the tables of docs/reference/http.md, between two markers; the rest of the page stays. */
import { describe, readAnswers, words } from './answers.mjs'

const BEGIN = '<!-- answers: written by tools/codegen from src/protocol/answers, down to the end mark -->\n'
const END = '<!-- answers: end -->\n'

export function answersPage(texts, sources, page) {
  const [before, between, ...rest] = page.split(BEGIN)
  const [, after, ...others] = between?.split(END) ?? []
  if (after === undefined || rest.length + others.length > 0)
    throw new Error(`Expected the page to have one ${BEGIN} and after it one ${END}`)
  return before + BEGIN + tables(readAnswers(texts, sources)) + END + after
}

function tables(model) {
  return model.groups
    .map(({ title, names }) => `\n### ${title}\n${names.map((name) => table(model.objects.get(name), model)).join('')}`)
    .concat('\n')
    .join('')
}

function table({ name, does, fields }, model) {
  const rows = fields
    .filter(({ inherited }) => inherited !== true)
    .map((field) =>
      field.via === undefined
        ? `| \`${field.name}\` | ${typeText(field)} | ${meaning(field, model)} |`
        : `| … | | those of \`${field.via}\` |`,
    )
  return ['', `**${name}**: ${does}.`, '', '| field | type | |', '|---|---|---|', ...new Set(rows), ''].join('\n')
}

function typeText({ type, optional }) {
  return `${typeWords(type)}${optional === true ? ', optional' : ''}`
}

function typeWords(type) {
  switch (type.kind) {
    case 'word':
      return words[type.name].docs
    case 'enum':
      return 'text'
    case 'union':
      return type.names.map((name) => `\`${name}\``).join(' or ')
    case 'list':
      return `list of ${typeWords(type.of)}`
    case 'map':
      return `map of ${typeWords(type.of)}`
    case 'nullable':
      return `${typeWords(type.of)} or null`
    default:
      return `\`${type.name ?? type.value}\``
  }
}

/** A word out of few is printed with all of them. */
function meaning(field, model) {
  const name = enumIn(field.type)
  if (name === undefined) return describe(field)
  const values = Object.entries(model.enums.get(name).values).map(([value, means]) => `\`${value}\` (${means})`)
  return `${describe(field)}. One of ${values.join(', ')}`
}

function enumIn(type) {
  return type.kind === 'enum' ? type.name : type.of === undefined ? undefined : enumIn(type.of)
}
