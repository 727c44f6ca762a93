/**
 * docs/reference/wallaroo-pipeline.md keeps its word: every call of wallaroo.pipeline stands in it, and everything of ours
 * that it names is there: in TypeScript, in the OpenAPI document of a running server, in the help of the command line.
 */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { inferFromFile, pipeline, PenstockControl, RemotePipeline, type PenstockClient } from 'penstock'
import { buildProgram } from '../../src/cli/program.js'
import { Stage } from '../support/client-harness.js'
import {
  missingCommand,
  missingMember,
  missingRoute,
  parseParityTable,
  type OpenApi,
  type ParityRow,
} from './testing/parity-table.js'

const rows = parseParityTable(
  readFileSync(new URL('../../docs/reference/wallaroo-pipeline.md', import.meta.url), 'utf8'),
)

/** All that `wallaroo.pipeline` has, and what its client has for pipelines, tags and explanations. */
const wallarooCalls = `
  Client: build_pipeline get_pipeline get_pipeline(version) list_pipelines search_pipelines search_models create_tag list_tags
    build_assay
  Pipeline: name create_time last_update_time versions tags url deploy deploy(wait_for_status=False) undeploy status
    add_model_step add_multi_model_step add_audit add_select add_key_split add_random_split add_shadow_deploy
    add_validation add_validations replace_with_model_step replace_with_multi_model_step replace_with_audit
    replace_with_select replace_with_key_split replace_with_random_split replace_with_shadow_deploy
    replace_with_validation remove_step clear steps model_configs infer infer_from_file async_infer parallel_infer
    logs export_logs
    create_explainability_config list_explainability_configs get_explainability_config generate_api_spec publish publications
  Tag: add_to_pipeline remove_from_pipeline add_to_model remove_from_model
  ExplainabilityConfig: submit_explainability_request list_explainability_requests get_explainability_result
`
  .trim()
  .split(/\n(?= {2}\w+:)/)
  .flatMap((line) => {
    const [owner = '', ...names] = line.trim().split(/\s+/)
    return names.map((name) => `${owner.replace(':', '.')}${name}`)
  })

let stage: Stage
let objects: Record<string, unknown>
let openApi: OpenApi
const program = buildProgram({} as Parameters<typeof buildProgram>[0])

beforeAll(async () => {
  stage = await Stage.open({ plus: 'add-one' })
  const client: PenstockClient = await stage.client()
  objects = {
    engine: stage.engine,
    control: new PenstockControl(stage.url),
    builder: pipeline('p'),
    client,
    channel: await client.open('plus'),
    remote: new RemotePipeline(stage.url, 'plus'),
    inferFromFile,
  }
  openApi = (await (await fetch(`${stage.url}/openapi.json`)).json()) as OpenApi
})
afterAll(() => stage.close())

/** What a row names and is not there. */
function problemsOf(row: ParityRow): string[] {
  const found = [
    ...row.typescript.map((text) => missingMember(text, objects)),
    ...row.http.map((text) => missingRoute(text, openApi)),
    ...row.cli.map((text) => missingCommand(text, program)),
  ].filter((problem) => problem !== null)
  const surfaces = [row.typescript, row.http, row.cli].filter((names) => names.length > 0).length
  if (surfaces < 3 && row.differences === '') found.push('a surface is missing and the differences do not say why')
  // What the engine has, a program elsewhere has: but for inference, which is the client's.
  for (const name of row.typescript.filter((text) => text.startsWith('engine.') && !text.startsWith('engine.infer'))) {
    const remote = name.replace('engine.', 'control.')
    if (!row.typescript.includes(remote)) found.push(`${remote} is not named beside ${name}`)
  }
  return found
}

describe('parity with wallaroo.pipeline', () => {
  test('the table has every call of it, each once', () => {
    const listed = rows.flatMap(({ wallaroo }) => wallaroo)
    expect(listed.slice().sort()).toEqual(wallarooCalls.slice().sort())
  })

  test.each(rows.map((row) => [row.wallaroo.join(', '), row] as const))(
    '%s: what the table names is there',
    (_, row) => {
      expect(problemsOf(row)).toEqual([])
    },
  )

  test('canary: a row that names what is not there is found out, in each of its cells', () => {
    const [row] = parseParityTable(
      '| `Pipeline.x` | `engine.absent` `engine.inFlight` `builder.deploy.x` | `GET /v1/absent` `GET /v1/models?absent` | `absent` `pipeline list --absent` `pipeline deploy --wait` | |',
    )
    expect(problemsOf(row as ParityRow)).toEqual([
      'engine.absent is no member',
      'engine.inFlight is no call',
      'builder.deploy.x is no member',
      'GET /v1/absent is no route',
      'GET /v1/models has no query absent',
      'penstock absent is no command',
      'penstock pipeline list has no option --absent',
      'penstock pipeline deploy has no option --wait',
      'control.absent is not named beside engine.absent',
      'control.inFlight is not named beside engine.inFlight',
    ])
    const [silent] = parseParityTable('| `Pipeline.x` | | | | |')
    expect(problemsOf(silent as ParityRow)).toEqual(['a surface is missing and the differences do not say why'])
  })

  test('every route that the table names answers on the running server', async () => {
    const routes = new Set(rows.flatMap(({ http }) => http.map((text) => text.split('?')[0] ?? '')))
    for (const text of routes) {
      const [method = '', path = ''] = text.split(' ')
      const address = path
        .replace('{pipeline}', 'absent')
        .replace('{model}', 'absent')
        .replaceAll(/\{\w+\}/g, '1')
      const response = await fetch(stage.url + address, { method })
      const { code = '' } = (await response.json()) as { code?: string }
      expect(['ERR_ROUTE_NOT_FOUND', 'ERR_METHOD', 'ERR_INTERNAL'], `${text}: ${code}`).not.toContain(code)
    }
    expect(routes.size).toBeGreaterThan(20)
  })
})
