/**
 * The text of a TypeScript module: the types of a contract's rows and answers, and a `predict` over `penstock/client` that
 * takes the one and gives the other. Features are sent in the contract's order, which is what a pipeline of one wide input
 * reads; other fields stay with the caller, for the infer endpoint has no place for them.
 */
import { argumentError } from '../../base/expect.js'
import { type BindableOutput, bindContract } from '../bind.js'
import { isWideInteger, type ResolvedContract, type ResolvedField } from '../resolve.js'
import { acceptsNull } from './json-schema.js'

export interface TypescriptOptions {
  /** e.g. `wine@2`. */
  readonly reference: string
  /** The pipeline's name that `predict` asks unless told otherwise; absent: the contract's. */
  readonly pipeline?: string | undefined
  /** Those of the pipeline, where there is one: they know the positions of classes and the names of positions. */
  readonly outputs?: readonly BindableOutput[] | undefined
}

const CLIENT_PACKAGE = 'penstock/client'
/** A tuple of more elements is read by nobody. */
const tupleLengthMax = 8

/**
 * @throws PenstockError ERR_ARGUMENT: where an answer is read is said by a position or a class, and no pipeline is given;
 *   ERR_PIPELINE_INVALID: the answers cannot be bound to the pipeline's outputs.
 */
export function typescriptModule(contract: ResolvedContract, options: TypescriptOptions): string {
  const type = typeName(contract.contract.name)
  const lines = [
    `// Made of the contract ${options.reference} by \`penstock contract types\`; do not edit.`,
    `import { RemotePipeline, type ControlOptions, type TableInferOptions } from ${JSON.stringify(CLIENT_PACKAGE)}`,
    '',
    ...interfaceLines(`${type}Row`, contract.inputs, rowMember, contract.contract.description),
    '',
    ...interfaceLines(`${type}Prediction`, readable(contract), answerMember, undefined),
    '',
    ...predictLines(contract, type, options),
  ]
  return `${lines.join('\n')}\n`
}

/** The version of the model is no output of the pipeline, and the infer endpoint does not answer it by row. */
function readable(contract: ResolvedContract): ResolvedField[] {
  return contract.outputs.filter(({ role }) => role !== 'modelVersion')
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
): string[] {
  const head = description === undefined ? [] : [comment('', description)]
  const members = fields.flatMap((field) => [...commentOf(field), `  ${member(field)}`])
  return [...head, `export interface ${name} {`, ...members, '}']
}

function rowMember(field: ResolvedField): string {
  const isOptional = !field.isRequired
  return `readonly ${JSON.stringify(field.name)}${isOptional ? '?' : ''}: ${valueType(field, rowElement(field))}${acceptsNull(field) ? ' | null' : ''}`
}

function answerMember(field: ResolvedField): string {
  return `readonly ${JSON.stringify(field.name)}: ${valueType(field, answerElement(field))}${field.isNullable ? ' | null' : ''}`
}

function valueType({ shape }: ResolvedField, element: string): string {
  return shape.reduceRight((type, dim) => {
    if (dim === null || dim > tupleLengthMax) return `readonly ${type.includes(' ') ? `(${type})` : type}[]`
    return `readonly [${new Array<string>(dim).fill(type).join(', ')}]`
  }, element)
}

function rowElement({ kind, dtype, values }: ResolvedField): string {
  if (values !== null) return [...values].map(literal).join(' | ')
  if (kind === 'integer') return isWideInteger(dtype) ? 'number | `${bigint}`' : 'number'
  if (kind === 'float') return 'number'
  if (kind === 'bool') return 'boolean'
  return kind === 'timestamp' ? 'string | number' : 'string'
}

function answerElement({ kind }: ResolvedField): string {
  if (kind === 'bool') return 'boolean'
  return kind === 'integer' || kind === 'float' ? 'number' : 'string'
}

function literal(value: number | bigint | string): string {
  return typeof value === 'number' ? String(value) : JSON.stringify(String(value))
}

function commentOf({ source, bounds, pattern, minLength, maxLength, isUnique }: ResolvedField): string[] {
  const facts = [
    source.description,
    source.unit === undefined ? undefined : `Unit: ${source.unit}`,
    ...bounds.map(({ rule, value }) => `${rule} ${value}`),
    pattern === null ? undefined : `matches ${pattern.text}`,
    minLength > 0 ? `at least ${minLength} long` : undefined,
    maxLength < Infinity ? `at most ${maxLength} long` : undefined,
    isUnique ? 'unique in a request' : undefined,
  ].filter((fact) => fact !== undefined)
  return facts.length === 0 ? [] : [comment('  ', facts.join('; '))]
}

function comment(indent: string, text: string): string {
  return `${indent}/** ${text.replaceAll('*/', '*\\/').replaceAll(/\s+/g, ' ').trim()} */`
}

// ── predict ─────────────────────────────────────────────────────────────────────────────────────

function predictLines(contract: ResolvedContract, type: string, options: TypescriptOptions): string[] {
  const features = contract.inputs.filter(({ role }) => role === 'feature').map(({ name }) => name)
  const outputs = readable(contract)
  const reads = outputs.map((field) => {
    const { output, column } = placeOf(contract, field, options)
    const row = `answer[${JSON.stringify(`out.${output}`)}]`
    const value = column === null ? row : `(${row} as readonly unknown[])[${column}]`
    return `      ${JSON.stringify(field.name)}: ${value} as ${type}Prediction[${JSON.stringify(field.name)}],`
  })
  const pipeline = options.pipeline ?? contract.contract.name
  const imputed = contract.inputs.flatMap(({ role, name, impute }) =>
    role === 'feature' && impute !== undefined ? [[name, impute] as const] : [],
  )
  return [
    '/** The features, in the order of the contract. */',
    `const features = ${JSON.stringify(features)} as const satisfies readonly (keyof ${type}Row)[]`,
    '',
    '/** What stands for a missing feature. */',
    `const missing: Readonly<Record<string, unknown>> = ${JSON.stringify(Object.fromEntries(imputed))}`,
    '',
    `/** A pipeline that predicts with the contract ${options.reference}. */`,
    `export class ${type}Client {`,
    '  readonly #pipeline: RemotePipeline',
    '',
    '  /** @param url of the server, `http://host:port`. */',
    `  constructor(url: string, options: ControlOptions = {}, pipeline = ${JSON.stringify(pipeline)}) {`,
    '    this.#pipeline = new RemotePipeline(url, pipeline, options)',
    '  }',
    '',
    '  /** Answers one prediction per row, in their order. */',
    '  async predict(',
    `    rows: readonly ${type}Row[],`,
    "    options: Pick<TableInferOptions, 'timeoutMs' | 'retries'> = {},",
    `  ): Promise<${type}Prediction[]> {`,
    '    const records = rows.map((row) => Object.fromEntries(features.map((name) => [name, row[name] ?? missing[name] ?? null])))',
    "    const answers = await this.#pipeline.infer(records, { ...options, dataset: ['out'] })",
    '    return answers.map((answer) => ({',
    ...reads,
    '    }))',
    '  }',
    '}',
  ]
}

/** A row of an answer has its outputs in the order of their names, so that positions become names here. */
function placeOf(
  contract: ResolvedContract,
  field: ResolvedField,
  { reference, outputs }: TypescriptOptions,
): { readonly output: string; readonly column: number | null } {
  const { from, class: label } = field.source
  if (outputs !== undefined) {
    const bound = bindContract(reference, { ...contract, outputs: [field] }, { inputs: null, outputs }).outputs[0]
    return { output: outputs[bound?.output ?? 0]?.name ?? field.name, column: bound?.column ?? null }
  }
  const output = from?.output ?? field.name
  const isByClass =
    typeof from?.column === 'string' || (from !== undefined && from.column === undefined && label !== undefined)
  const column = typeof from?.column === 'number' ? from.column : null
  if (typeof output === 'string' && !isByClass) return { output, column }
  const rule =
    'said by the name of the output and the position of the column where no pipeline is given, which knows them'
  throw argumentError(
    `the place of ${field.name}`,
    rule,
    isByClass ? (from.column ?? label) : output,
    'Name a pipeline',
  )
}
