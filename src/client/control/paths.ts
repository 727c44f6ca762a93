/** Addresses of the control calls: names are encoded, so that what is no name is the server's to refuse. */
export function modelPath(name: string): string {
  return `/v1/models/${encodeURIComponent(name)}`
}

export function modelReferencePath(reference: string): string {
  return `/v1/model-versions?reference=${encodeURIComponent(reference)}`
}

export function modelVersionPath(name: string, version: number): string {
  return `${modelPath(name)}/versions/${version}`
}

export function modelLineagePath(name: string, version: number): string {
  return `${modelVersionPath(name, version)}/lineage`
}

export function modelAliasPath(name: string, alias: string): string {
  return `${modelPath(name)}/aliases/${encodeURIComponent(alias)}`
}

export function pipelinePath(name: string): string {
  return `/v1/pipelines/${encodeURIComponent(name)}`
}

export function pipelineVersionPath(name: string, version: number): string {
  return `${pipelinePath(name)}/versions/${version}`
}

export function configsPath(pipeline: string): string {
  return `${pipelinePath(pipeline)}/explain-configs`
}

export function configPath(pipeline: string, name: string): string {
  return `${configsPath(pipeline)}/${encodeURIComponent(name)}`
}

export function explanationsPath(pipeline: string): string {
  return `${pipelinePath(pipeline)}/explanations`
}

export function explanationPath(pipeline: string, id: string): string {
  return `${explanationsPath(pipeline)}/${encodeURIComponent(id)}`
}

export function logsPath(pipeline: string): string {
  return `${pipelinePath(pipeline)}/logs`
}

/** `''`, or `?…`. */
export function queryText(query: URLSearchParams): string {
  return query.size === 0 ? '' : `?${query.toString()}`
}
