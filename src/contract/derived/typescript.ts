/**
 * The text of a TypeScript module: the types of a contract's rows and answers, and a client that takes the one and gives the
 * other by `RemotePipeline.predict` of `penstock/client`. Fields go and come by their names, so that it needs no pipeline to
 * be made; the types of answers say what the schemas of OpenAPI say.
 */
import { answerFields } from '../answer-fields.js'
import { CHECKS_MEMBER, PROBLEMS_MEMBER } from '../contract.js'
import { hasRequired, isTree, type MemberTree } from '../member-tree.js'
import { isWideInteger, type ResolvedContract, type ResolvedField } from '../resolve.js'
import { acceptsNull } from './json-schema.js'

export interface TypescriptOptions {
  /** e.g. `wine@2`. */
  readonly reference: string
  /** The pipeline's name that `predict` asks unless told otherwise; absent: the contract's. */
  readonly pipeline?: string | undefined
}

const CLIENT_PACKAGE = 'penstock/client'
/** A tuple of more elements is read by nobody. */
const tupleLengthMax = 8

export function typescriptModule(contract: ResolvedContract, options: TypescriptOptions): string {
  const type = typeName(contract.contract.name)
  const outputs = new Set(contract.outputs)
  const answerOf = (field: ResolvedField): string => answerMember(field, !outputs.has(field))
  const imported = 'RemotePipeline, type AnswerProblem, type ControlOptions, type PredictCallOptions, type RecordRow'
  const lines = [
    `// Made of the contract ${options.reference} by \`penstock contract types\`; do not edit.`,
    `import { ${imported} } from ${JSON.stringify(CLIENT_PACKAGE)}`,
    '',
    ...(contract.tree === null
      ? interfaceLines(`${type}Row`, contract.inputs, rowMember, contract.contract.description)
      : rowLines(`${type}Row`, contract.tree, contract.contract.description)),
    '',
    ...interfaceLines(`${type}Prediction`, answerFields(contract), answerOf, undefined, besideLines),
    '',
    ...droppedLines(contract, type),
    ...clientLines(contract, type, options),
  ]
  return `${lines.join('\n')}\n`
}

/** wine-quality → WineQuality. */
function typeName(name: string): string {
  const joined = name
    .split('-')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join('')
  return /^[A-Za-z]/.test(joined) ? joined : `Contract${joined}`
}

function interfaceLines(
  name: string,
  fields: readonly ResolvedField[],
  member: (field: ResolvedField) => string,
  description: string | undefined,
  more: readonly string[] = [],
): string[] {
  const head = description === undefined ? [] : [comment('', description)]
  const members = fields.flatMap((field) => [...commentOf(field), `  ${member(field)}`])
  return [...head, `export interface ${name} {`, ...members, ...more, '}']
}

/** The row of a contract with fields inside objects. */
function rowLines(name: string, tree: MemberTree<ResolvedField>, description: string | undefined): string[] {
  const head = description === undefined ? [] : [comment('', description)]
  return [...head, `export interface ${name} {`, ...memberLines(tree, '  '), '}']
}

function memberLines({ members }: MemberTree<ResolvedField>, indent: string): string[] {
  return [...members].flatMap(([name, member]) => {
    if (!isTree(member)) return [...commentOf(member, indent), `${indent}${rowMember(member)}`]
    const head = `${indent}readonly ${JSON.stringify(name)}${hasRequired(member) ? '' : '?'}: {`
    return [head, ...memberLines(member, `${indent}  `), `${indent}}`]
  })
}

function rowMember(field: ResolvedField): string {
  const isOptional = !field.isRequired
  return `readonly ${JSON.stringify(field.path.at(-1))}${isOptional ? '?' : ''}: ${valueType(field, rowElement(field))}${acceptsNull(field) ? ' | null' : ''}`
}

/** @param isEchoed of the row, null where that had none. */
function answerMember(field: ResolvedField, isEchoed: boolean): string {
  const isNullable = field.isNullable || isEchoed || field.role === 'modelVersion'
  const type = valueType(field, answerElement(field, isEchoed))
  // A float that is no number of JSON is null already.
  const orNull = isNullable && !type.endsWith(' | null') ? ' | null' : ''
  return `readonly ${JSON.stringify(field.name)}: ${type}${orNull}`
}

function valueType({ shape }: ResolvedField, element: string): string {
  return shape.reduceRight((type, dim) => {
    if (dim === null || dim > tupleLengthMax) return `readonly ${type.includes(' ') ? `(${type})` : type}[]`
    return `readonly [${new Array<string>(dim).fill(type).join(', ')}]`
  }, element)
}

function rowElement({ kind, dtype, values }: ResolvedField): string {
  if (values !== null) return [...values].map(literal).join(' | ')
  if (kind === 'integer') return isWideInteger(dtype) ? 'number | bigint | `${bigint}`' : 'number'
  if (kind === 'float') return 'number'
  if (kind === 'bool') return 'boolean'
  return kind === 'timestamp' ? 'string | number' : 'string'
}

/** As answers are written: 64-bit integers beyond 2^53 as texts, calendar values as texts. */
function answerElement({ kind, dtype }: ResolvedField, isEchoed: boolean): string {
  if (kind === 'bool') return 'boolean'
  if (kind === 'integer') return isWideInteger(dtype) ? 'number | `${bigint}`' : 'number'
  if (kind === 'float') return isEchoed ? 'number' : 'number | null'
  return 'string'
}

function literal(value: number | bigint | string): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(String(value))
}

function commentOf(
  { source, bounds, pattern, minLength, maxLength, isUnique }: ResolvedField,
  indent = '  ',
): string[] {
  const facts = [
    source.description,
    source.unit === undefined ? undefined : `Unit: ${source.unit}`,
    ...bounds.map(({ rule, value }) => `${rule} ${value}`),
    pattern === null ? undefined : `matches ${pattern.text}`,
    minLength > 0 ? `at least ${minLength} long` : undefined,
    maxLength < Infinity ? `at most ${maxLength} long` : undefined,
    isUnique ? 'unique in a request' : undefined,
  ].filter((fact) => fact !== undefined)
  return facts.length === 0 ? [] : [comment(indent, facts.join('; '))]
}

function comment(indent: string, text: string): string {
  return `${indent}/** ${text.replaceAll('*/', '*\\/').replaceAll(/\s+/g, ' ').trim()} */`
}

// ── answers and the client ──────────────────────────────────────────────────────────────────────

const besideLines = [
  '  /** What was found in the row and did not refuse it; absent: nothing. */',
  `  readonly ${PROBLEMS_MEMBER}?: readonly AnswerProblem[]`,
  '  /** The checks of the pipeline that the row failed; absent: none. */',
  `  readonly ${CHECKS_MEMBER}?: readonly string[]`,
]

function droppedLines(contract: ResolvedContract, type: string): string[] {
  if (!mayDrop(contract)) return []
  return [
    '/** In the place of a row that was dropped: why. */',
    `export interface ${type}Dropped {`,
    `  readonly ${PROBLEMS_MEMBER}: readonly AnswerProblem[]`,
    '}',
    '',
  ]
}

function mayDrop({ inputs }: ResolvedContract): boolean {
  return inputs.some(({ onInvalid }) => onInvalid === 'drop')
}

function clientLines(contract: ResolvedContract, type: string, options: TypescriptOptions): string[] {
  const pipeline = options.pipeline ?? contract.contract.name
  const answer = mayDrop(contract) ? `${type}Prediction | ${type}Dropped` : `${type}Prediction`
  const list = answer.includes(' ') ? `(${answer})[]` : `${answer}[]`
  return [
    `/** A pipeline that takes rows by the names of the contract ${options.reference}. */`,
    `export class ${type}Client {`,
    '  readonly #pipeline: RemotePipeline',
    '',
    '  /** @param url of the server, `http://host:port`. */',
    `  constructor(url: string, options: ControlOptions = {}, pipeline = ${JSON.stringify(pipeline)}) {`,
    '    this.#pipeline = new RemotePipeline(url, pipeline, options)',
    '  }',
    '',
    '  /**',
    '   * Answers a row, or each row of a list in their order.',
    '   * @throws PenstockError ERR_CONTRACT with each rule that a row breaks as `errors` (isContractError tells), or what else',
    '   *   the server answers.',
    '   */',
    `  predict(row: ${type}Row, options?: PredictCallOptions): Promise<${answer}>`,
    `  predict(rows: readonly ${type}Row[], options?: PredictCallOptions): Promise<${list}>`,
    `  async predict(rows: ${type}Row | readonly ${type}Row[], options: PredictCallOptions = {}): Promise<unknown> {`,
    '    return this.#pipeline.predict(rows as unknown as RecordRow, options)',
    '  }',
    '}',
  ]
}
