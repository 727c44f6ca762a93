/**
 * What `serve` prints once it answers: address and home, the thread plan, the deployed pipelines with their signatures,
 * and curl commands that work when they are pasted, with real rows where the examples have them: tensors for a pipeline, and a
 * row by its names for one with a contract.
 */
import type { PipelineDescription, ServedContract } from '../../engine/api/api.js'
import type { TensorField } from '../../tensor/tensor.js'
import type { GoldenInput } from './examples.js'
import { formatField, formatTable } from '../shared/table.js'

const SHOWN_FIELDS = 3

export interface Greeting {
  readonly release: string
  readonly url: string
  /** Address of gRPC; absent: it is off. */
  readonly grpc?: string | undefined
  /** Why the sockets are Node's own; absent: they are not. */
  readonly sockets?: string | undefined
  readonly home: string
  readonly threadPlan: string
  readonly pipelines: readonly PipelineDescription[]
  /** Those of them that rows can be sent to by name. */
  readonly contracts?: readonly Pick<ServedContract, 'pipeline' | 'reference' | 'contract'>[]
  /** Golden inputs of a model, or undefined. */
  readonly golden: (model: string) => Promise<Readonly<Record<string, GoldenInput>> | undefined>
  readonly needsKey: boolean
}

/** A sample with more elements than this floods the terminal. */
const SAMPLE_ELEMENTS_MAX = 128

export async function formatGreeting(greeting: Greeting): Promise<string> {
  const { release, url, home, threadPlan, pipelines } = greeting
  const parts = [`Penstock ${release} is listening on ${url}`, `State is kept in ${home}`, '', threadPlan, '']
  if (greeting.sockets !== undefined)
    parts.splice(1, 0, `The sockets are Node's own, slower than uWebSockets.js: ${greeting.sockets}`)
  parts.splice(1, 0, greeting.grpc === undefined ? 'gRPC is off' : `gRPC is on ${greeting.grpc}`)
  if (pipelines.length === 0) return [...parts, 'No pipeline is deployed yet. Deploy one:', ...firstSteps()].join('\n')
  const rows = pipelines.map(({ name, version, inputs, outputs }) => [
    name,
    String(version),
    fieldsText(inputs),
    outputs.map(formatField).join(', '),
  ])
  parts.push(
    formatTable([{ title: 'pipeline' }, { title: 'version' }, { title: 'inputs' }, { title: 'outputs' }], rows),
  )
  const sample = await firstSample(greeting)
  if (sample !== undefined) parts.push('', 'Try it:', `  ${curlOf(url, sample, greeting.needsKey)}`)
  const named = (greeting.contracts ?? []).find(({ contract }) => contract.contract.example !== undefined)
  if (named !== undefined) {
    const { pipeline, reference, contract } = named
    const body = JSON.stringify(contract.contract.example)
    parts.push('', `By name, as the contract ${reference} has it:`)
    parts.push(`  ${curlTo(`${url}/predict/${pipeline}`, body, greeting.needsKey)}`)
  }
  return parts.join('\n')
}

/** A pipeline of raw rows has many: the first say what they are like. */
function fieldsText(fields: readonly TensorField[]): string {
  const shown = fields.slice(0, fields.length > SHOWN_FIELDS + 1 ? SHOWN_FIELDS : fields.length)
  const rest = fields.length - shown.length
  return [...shown.map(formatField), ...(rest > 0 ? [`${rest} more`] : [])].join(', ')
}

/** A shell command; single quotes are safe because JSON of numbers and names of tensors is quoted for the shell. */
export function curlOf(url: string, sample: { pipeline: string; body: string }, needsKey: boolean): string {
  return curlTo(`${url}/v1/pipelines/${sample.pipeline}/infer`, sample.body, needsKey)
}

function curlTo(address: string, body: string, needsKey: boolean): string {
  const key = needsKey ? ' -H "authorization: Bearer $PENSTOCK_API_KEY"' : ''
  const quoted = body.replaceAll("'", `'\\''`)
  return `curl -s ${address} -H 'content-type: application/json'${key} -d '${quoted}'`
}

/** The smallest sample with real rows; without any, one of zeros. */
async function firstSample(greeting: Greeting): Promise<{ pipeline: string; body: string } | undefined> {
  const samples = await Promise.all(
    greeting.pipelines.map(async (description) => {
      const golden = await goldenOf(description, greeting.golden)
      const columns = description.inputs.map((field) =>
        sampleColumn(field, golden?.[field.name], description.isNonBatching),
      )
      if (columns.some((column) => column === undefined)) return undefined
      const entries = description.inputs.map(
        ({ name }, index) => `${JSON.stringify(name)}:${JSON.stringify(columns[index])}`,
      )
      return {
        pipeline: description.name,
        body: `{${entries.join(',')}}`,
        isReal: golden !== undefined,
        hasMeta: needsMeta(description),
      }
    }),
  )
  const usable = samples
    .filter((sample) => sample !== undefined && !sample.hasMeta)
    .filter((sample) => sample !== undefined)
  usable.sort(
    (a, b) =>
      Number(b.isReal) - Number(a.isReal) || a.body.length - b.body.length || (a.pipeline < b.pipeline ? -1 : 1),
  )
  return usable[0]
}

/** Golden rows of the first model that has them and takes the pipeline's inputs. */
async function goldenOf(description: PipelineDescription, golden: Greeting['golden']) {
  for (const { name } of description.models) {
    const inputs = await golden(name)
    if (inputs !== undefined && description.inputs.every((field) => Object.hasOwn(inputs, field.name))) return inputs
  }
  return undefined
}

/** One row as nested numbers; undefined when there is nothing short and true to show. */
function sampleColumn(field: TensorField, golden: GoldenInput | undefined, isNonBatching: boolean): unknown {
  if (field.dtype === 'string') return undefined
  const rowDims = isNonBatching ? field.shape : field.shape.slice(1)
  if (rowDims.some((dim) => dim === null)) return undefined
  const dims = rowDims.map((dim) => dim ?? 0)
  const count = dims.reduce((product, dim) => product * dim, 1)
  if (count > SAMPLE_ELEMENTS_MAX) return undefined
  const values = golden?.data.slice(0, count) ?? new Array<number>(count).fill(0)
  const row = nest(field.dtype === 'bool' ? values.map((value) => value !== 0) : values, dims)
  return isNonBatching ? row : [row]
}

function nest(values: readonly unknown[], dims: readonly number[]): unknown {
  const [first, ...rest] = dims
  if (first === undefined) return values[0]
  if (rest.length === 0) return values
  const width = values.length / first
  return Array.from({ length: first }, (_, index) => nest(values.slice(index * width, (index + 1) * width), rest))
}

/** Pipelines that route on a key work without one too, but show themselves badly as a first example. */
function needsMeta(description: PipelineDescription): boolean {
  return description.steps.some((step) => step.type === 'key-split' || step.type === 'random-split')
}

function firstSteps(): string[] {
  return [
    '  penstock model add model.onnx --name my-model --alias champion',
    `  echo '{"name":"my-pipeline","steps":[{"type":"model","model":"my-model@champion"}]}' | penstock pipeline apply - --deploy`,
  ]
}
