/** `penstock contract types`: a contract as a TypeScript client, as JSON Schema, as an Arrow schema. */
import { Command, Option } from 'commander'
import { expectName } from '../../base/expect.js'
import { type ServerOptions, withServerOptions } from '../shared/server.js'
import type { Terminal } from '../shared/terminal.js'
import { SOURCE_ARGUMENT, type SourcedContract, sourcedContract } from './source.js'

const FORMS = ['typescript', 'json-schema', 'json-schema-answer', 'arrow', 'arrow-answer'] as const

interface TypesOptions extends ServerOptions {
  readonly form: (typeof FORMS)[number]
  readonly pipeline?: string
}

const EXAMPLES = `
Examples:
  $ penstock contract types wine@2 > wine-client.ts
  $ penstock contract types wine --pipeline quality > quality-client.ts
  $ penstock contract types wine@2 --form json-schema

The client asks the pipeline that is called like the contract unless --pipeline names another.`

export function contractTypesCommand(terminal: Terminal): Command {
  return withServerOptions(new Command('types'))
    .summary('make types of a contract')
    .description('Prints what is made of a contract: a typed client, or the schema of rows and answers.')
    .argument('<contract>', SOURCE_ARGUMENT)
    .addOption(new Option('--form <form>', 'what is made').choices(FORMS).default('typescript'))
    .option('--pipeline <pipeline>', 'the pipeline that the client asks')
    .addHelpText('after', EXAMPLES)
    .action(async (source: string, options: TypesOptions) => {
      terminal.print((await made(await sourcedContract(source, options), options)).trimEnd())
    })
}

async function made({ reference, contract }: SourcedContract, options: TypesOptions): Promise<string> {
  const { form, pipeline } = options
  if (form === 'typescript') {
    const { typescriptModule } = await import('../../contract/derived/typescript.js')
    return typescriptModule(contract, {
      reference,
      pipeline: pipeline === undefined ? undefined : expectName('pipeline', pipeline),
    })
  }
  if (form === 'json-schema' || form === 'json-schema-answer') {
    const { answerSchema, JSON_SCHEMA_DIALECT, rowSchema } = await import('../../contract/derived/json-schema.js')
    const schema = form === 'json-schema' ? rowSchema(contract) : answerSchema(contract)
    return JSON.stringify({ $schema: JSON_SCHEMA_DIALECT, ...schema }, null, 2)
  }
  const { arrowAnswerSchema, arrowRowSchema } = await import('../../contract/derived/arrow-schema.js')
  const { fields } = (form === 'arrow' ? arrowRowSchema : arrowAnswerSchema)(contract, reference)
  return fields.map(({ name, type, nullable }) => `${name}: ${String(type)}${nullable ? '' : ' not null'}`).join('\n')
}
