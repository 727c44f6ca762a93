/** Addresses of explanations. */
export function explanationsPath(pipeline: string, id?: string): string {
  const path = `/v1/pipelines/${encodeURIComponent(pipeline)}/explanations`
  return id === undefined ? path : `${path}/${encodeURIComponent(id)}`
}

export function explainConfigsPath(pipeline: string, name?: string): string {
  const path = `/v1/pipelines/${encodeURIComponent(pipeline)}/explain-configs`
  return name === undefined ? path : `${path}/${encodeURIComponent(name)}`
}
