/** Topics of addresses, which OpenAPI calls tags: pages and generated clients group operations by them. */

interface Topic {
  readonly name: string
  readonly description: string
  readonly paths: RegExp
}

/** In the order in which they are read; the first whose `paths` matches an address has it. */
const topics: readonly Topic[] = [
  { name: 'predict', description: 'Rows by the names of contracts', paths: /^\/predict\b/ },
  {
    name: 'infer',
    description: 'Rows as tensors, records, Arrow and files',
    paths: /^\/v1\/(pipelines\/.*\/infer|stream)$/,
  },
  {
    name: 'pipelines',
    description: 'Definitions, deploys, status, explanations',
    paths: /^\/v1\/pipelines\b(?!\/[^/]+\/logs)/,
  },
  { name: 'models', description: 'Versions and aliases', paths: /^\/v1\/models\b/ },
  { name: 'contracts', description: 'Typed fields of rows and answers', paths: /^\/v1\/contracts\b/ },
  { name: 'datasets', description: 'Immutable tables by name and version', paths: /^\/v1\/datasets\b/ },
  { name: 'tokenizers', description: 'What makes tokens of texts', paths: /^\/v1\/tokenizers\b/ },
  {
    name: 'embeddings',
    description: 'Vectors of texts, as OpenAI and Ollama answer them',
    paths: /^\/(v1\/embeddings|api)\b/,
  },
  { name: 'tags', description: 'Tags in use', paths: /^\/v1\/tags\b/ },
  { name: 'logs', description: 'Logged rows', paths: /^\/v1\/(pipelines\/[^/]+\/)?logs\b/ },
  { name: 'open-inference', description: 'The Open Inference Protocol', paths: /^\/v2\b/ },
  { name: 'wallaroo', description: "What clients of Wallaroo's servers ask", paths: /^\/(pipelines|models)\b/ },
  { name: 'server', description: 'Health, metrics, this description', paths: /^\// },
]

/** As the document lists them. */
export const topicTags = topics.map(({ name, description }) => ({ name, description }))

/** @param path with a slash before its first segment. */
export function topicOf(path: string): string {
  return topics.find(({ paths }) => paths.test(path))?.name ?? 'server'
}
